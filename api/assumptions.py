"""The assumptions a plan rests on, in the words of the meeting; the rest as technical settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from allocator.duty_remarks import WEEKDAYS
from api import wording
from api.titles import as_title


@dataclass(frozen=True)
class Assumption:
    """One line of the assumptions; ``technical`` lines are for those who check the solve."""

    name: str
    value: str
    technical: bool


def _share(value: object) -> str:
    return wording.percent(float(value), 0) if isinstance(value, int | float) else str(value)


def _seconds(value: object) -> str:
    return wording.duration(float(value)) if isinstance(value, int | float) else str(value)


def _times_mean(value: object) -> str:
    return f"{value} times the mean"


def _events(value: object) -> str:
    """Say each event: its days, what it is assumed to add, and what it takes."""
    return "; ".join(_event(one) for one in value) if isinstance(value, list) else str(value)


def _event(event: Mapping[str, object]) -> str:
    first, last = _day(event["first_day"]), _day(event["last_day"])
    words = f"{event['name']} ({first}{'' if first == last else f' to {last}'}"
    share, calls = event["extra_share"], event["extra_calls"]
    if isinstance(share, int | float) and share:
        words += f", {share:.0%} more demand there assumed"
    if isinstance(calls, int | float) and calls:
        words += f", {calls:g} more incidents a day assumed"
    units = event["units"]
    if isinstance(units, list) and units:
        words += f", takes {', '.join(units)}"
    return words + (f", takes {event['n_units']} units)" if event["n_units"] else ")")


def _day(iso: object) -> str:
    return wording.british_date(date.fromisoformat(str(iso)))


def _days_on_duty(value: object) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return "; ".join(
        f"{unit_id} {', '.join(WEEKDAYS[day] for day in days)}" for unit_id, days in value.items()
    )


def _robustness(value: object) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    limit = value["worst_tenth_bound"]
    proven = f" (at most {limit:.1%} possible)" if isinstance(limit, int | float) else ""
    return (
        f"{value['mean']:.1%} on average over {value['n_draws']:,} draws of demand, "
        f"{value['worst_tenth']:.1%} in the worst tenth{proven}"
    )


#: Settings a chair asks about: what to call them and how to word the value.
_KNOWN: Mapping[str, tuple[str, Callable[[object], str]]] = {
    "fleet_label": ("Fleet", str),
    "service_standard_s": ("Service standard, from call to arrival", _seconds),
    "turnout_s": ("Turn-out, from call to moving", _seconds),
    "travel_time_source": ("Travel time", str),
    "busy_fraction": ("Share of time a unit is busy", _share),
    "demand_mix": ("Patrol time that follows demand, the rest spread evenly", _share),
    "travel_noise": ("Spread of travel times", _share),
    "workload_floor": ("Least demand of an area", _times_mean),
    "workload_cap": ("Most demand of an area", _times_mean),
    "max_boroughs": ("Most boroughs of an area", str),
    "coverage_floor": ("Least coverage of every borough", _share),
    "events": ("Events", _events),
    "on_duty": ("On duty only on some days", _days_on_duty),
    "robustness": ("Coverage if demand differs", _robustness),
    "max_changes": ("Most units that may change", str),
    "previous_plan_id": ("Changes counted from plan", str),
}
#: Settings for those who check the solve; one that is not here goes by its own name.
_TECHNICAL: Mapping[str, str] = {
    "blue_light_factor": "Factor on travel times under blue lights",
    "borough_blocks": "Boroughs kept together",
    "candidate_areas": "Areas weighed",
    "gap_tolerance": "Gap at which the search may stop",
    "negligible_reach": "Share reached that counts as none",
    "robust": "Demand planned for",
    "travel_time_band": "Time of day of the travel times",
    "travel_time_sha256": "Travel times (SHA-256)",
    "workload_bounds_relaxed": "Bounds of demand had to be widened",
}


def assumptions(
    settings: Mapping[str, object], borough_names: Mapping[str, str]
) -> tuple[Assumption, ...]:
    """Return plan settings as lines of name and value, the meeting's own first.

    Parameters
    ----------
    settings
        The plan's settings, plain values.
    borough_names
        Name of each borough by code, for locks and the like.
    """
    lines = [
        Assumption(title, worded(settings[name]), technical=False)
        for name, (title, worded) in _KNOWN.items()
        if _told(settings.get(name))
    ]
    for name, value in settings.items():
        if name in _KNOWN or not _told(value):
            continue
        title = _TECHNICAL.get(name, as_title(name))
        if isinstance(value, Mapping):
            lines += [
                Assumption(f"{title}, {key}", _words(inner, borough_names), technical=False)
                for key, inner in value.items()
            ]
        else:
            lines.append(Assumption(title, _words(value, borough_names), technical=True))
    return tuple(lines)


def _told(value: object) -> bool:
    return value is not None and value not in ("", [], (), {})


def _words(value: object, borough_names: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(borough_names.get(str(one), str(one)) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)

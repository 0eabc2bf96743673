"""The assumptions a plan rests on, in the words of the meeting; the rest as technical settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from api import wording


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
    "max_changes": ("Most units that may change", str),
    "previous_plan_id": ("Changes counted from plan", str),
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
        title = name.replace("_", " ").capitalize()
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

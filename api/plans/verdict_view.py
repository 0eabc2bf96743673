"""The verdict on a plan in the words of the meeting: one sentence each, and one table."""

from __future__ import annotations

from dataclasses import dataclass

from allocator.simulation.assumptions import RULE_WORDS
from allocator.simulation.intervals import Estimate
from allocator.simulation.report import SimulationReport
from allocator.verdict import Finding, RivalVerdict, Verdict
from api.wording import count, duration, percent, points

PROPOSED = "Proposed plan"
#: More calls than this without a vehicle at the end of the week: the queue never clears.
OVERLOADED = 0.01
FINDING_WORDS: dict[Finding, str] = {
    "better": "the plan is better",
    "no clear difference": "no clear difference",
    "worse": "reaches more in time",
}
COLUMNS = (
    "Placement",
    "Reached in time",
    "Plan's lead, points",
    "Half within",
    "Nine in ten within",
    "Worst borough",
    "Not patrolled",
    "Finding",
)


@dataclass(frozen=True)
class VerdictRow:
    """One placement in the table, every cell worded."""

    placement: str
    in_time: str
    lead: str
    half_within: str
    nine_in_ten_within: str
    worst: str
    unpatrolled: str
    finding: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells in the order of :data:`COLUMNS`."""
        return (
            self.placement,
            self.in_time,
            self.lead,
            self.half_within,
            self.nine_in_ten_within,
            self.worst,
            self.unpatrolled,
            self.finding,
        )


@dataclass(frozen=True)
class VerdictView:
    """What a page, a map or a paper shows of a verdict.

    Attributes
    ----------
    headline
        The result in one sentence.
    sentences
        What else a chair should know, one sentence each.
    rows
        The table, the proposed plan first; empty when nothing was simulated.
    basis
        The assumptions in one sentence.
    """

    headline: str
    sentences: tuple[str, ...]
    rows: tuple[VerdictRow, ...]
    basis: str


def verdict_view(verdict: Verdict) -> VerdictView:
    """Word a verdict."""
    judged = verdict.proposed
    if judged is None:
        return VerdictView(f"Not simulated: {verdict.not_judged}", (), (), "")
    return VerdictView(
        headline=headline(judged),
        sentences=(
            *spread(judged),
            *(_rival_sentence(rival) for rival in verdict.rivals),
            *_floor_sentence(verdict),
        ),
        rows=(_proposed_row(judged), *(_rival_row(rival) for rival in verdict.rivals)),
        basis=basis(judged),
    )


def headline(judged: SimulationReport) -> str:
    """Say how many calls were reached in time, in how many simulated weeks."""
    low, high = judged.share_by_week
    weeks = f"{count(judged.weeks)} simulated week{'s' if judged.weeks > 1 else ''}"
    return (
        f"In {weeks} of about {judged.calls_per_week:.0f} calls, the first vehicle arrived "
        f"within {duration(judged.service_standard_s)} at {percent(judged.share_within.value)} "
        f"of calls{_interval(judged.share_within)}; in 95 weeks of 100, between "
        f"{percent(low, 0)} and {percent(high, 0)}."
    )


def spread(judged: SimulationReport) -> tuple[str, ...]:
    """Say how long calls waited, how busy the vehicles were, and who was served worst."""
    worst = judged.worst_borough
    share = worst.share_within.value if worst.share_within else 0.0
    lines = [
        f"Vehicles were on calls for {percent(judged.fleet_utilisation.value, 0)} of their time "
        f"on the road; {percent(judged.own_area_share.value, 0)} of calls were answered by a "
        f"vehicle in its own area, and {small_percent(judged.queued_share.value)} had to wait "
        "because every vehicle was busy.",
        f"Worst served: {worst.name}, {percent(share, 0)} in time.",
    ]
    if judged.median_response_s and judged.p90_response_s:
        lines.insert(
            0,
            f"Half of the calls were reached within {duration(judged.median_response_s.value)}, "
            f"nine in ten within {duration(judged.p90_response_s.value)}.",
        )
    if judged.unserved_share.value > 0:
        text = (
            f"{small_percent(judged.unserved_share.value)} of calls were still without a vehicle "
            "when their week ended."
        )
        if judged.unserved_share.value > OVERLOADED:
            growth = judged.unserved_share.value * judged.calls_per_week / judged.hours_in_week
            text += (
                f" The fleet is overloaded: the queue grows by about {growth:.1f} calls an hour."
            )
        lines.append(text)
    return tuple(lines)


def basis(judged: SimulationReport) -> str:
    """Say what the simulated weeks assume."""
    one = judged.assumptions
    events = f"Announced events included: {', '.join(judged.events)}. " if judged.events else ""
    shifts = (
        f"handovers of {duration(one.handover_s)} at each of {len(one.shift_starts_h)} shift "
        "changes a day"
        if one.handover_s and one.shift_starts_h
        else "no handovers"
    )
    return (
        f"Assumed, not estimated from records: {one.calls_per_week:g} calls a week, placed by the "
        f"assessment; {duration(one.service_time_s)} at a call on average ({one.service_shape}); "
        f"a second vehicle at {percent(one.two_unit_share, 0)} of calls; drive times vary by a "
        f"factor of about {1 + one.travel_noise:.2f}; {shifts}. Sent: "
        f"{RULE_WORDS[one.rule]}. {events}A comparison of placements, not a forecast of any week."
    )


def small_percent(share: float) -> str:
    """Return a share as a percentage; what no reader can use is only said to be small."""
    if share == 0:
        return "none"
    return "under 0.1%" if share < 0.001 else percent(share)


def _interval(estimate: Estimate) -> str:
    if estimate.lower_95 is None or estimate.upper_95 is None:
        return ""
    low, high = percent(estimate.lower_95), percent(estimate.upper_95)
    return f" (95% interval {low} to {high})"


def _lead(gain: Estimate) -> str:
    text = _signed(gain.value)
    if gain.lower_95 is None or gain.upper_95 is None:
        return text
    return f"{text} ({_signed(gain.lower_95)} to {_signed(gain.upper_95)})"


def _signed(share: float) -> str:
    value = points(share)
    return value if value.startswith("-") or float(value) == 0 else f"+{value}"


def _rival_sentence(rival: RivalVerdict) -> str:
    gain = rival.advantage
    if rival.finding == "no clear difference":
        text = f"{rival.label}: no clear difference to the plan on the same calls"
    else:
        more = "more" if rival.finding == "better" else "fewer"
        limits = sorted(abs(points_of(one)) for one in (gain.lower_95, gain.upper_95) if one)
        text = (
            f"{rival.label}: on the same calls the plan reaches "
            f"{abs(points_of(gain.value)):.1f} {more} in 100 in time "
            f"({limits[0]:.1f} to {limits[-1]:.1f})"
        )
    if rival.name == "unconstrained" and rival.finding == "worse":
        return f"{text}: what these rules cost."
    if not rival.unpatrolled:
        return f"{text}."
    worst = rival.worst_borough
    share = worst.share_within.value if worst.share_within else 0.0
    joint = "but" if rival.finding == "worse" else "and"
    return (
        f"{text}, {joint} that placement leaves {len(rival.unpatrolled)} boroughs without a patrol "
        f"({worst.name}: {percent(share, 0)} in time)."
    )


def points_of(share: float) -> float:
    """Return a difference of shares in percentage points."""
    return 100.0 * share


def _floor_sentence(verdict: Verdict) -> tuple[str, ...]:
    if verdict.floor is None:
        return ()
    if not verdict.below_floor:
        return (f"Every borough is at or above the plan's floor of {percent(verdict.floor, 0)}.",)
    names = ", ".join(verdict.below_floor)
    return (f"Below the plan's floor of {percent(verdict.floor, 0)}: {names}.",)


def _proposed_row(judged: SimulationReport) -> VerdictRow:
    worst = judged.worst_borough
    return VerdictRow(
        placement=PROPOSED,
        in_time=percent(judged.share_within.value),
        lead="",
        half_within=_time(judged.median_response_s.value if judged.median_response_s else None),
        nine_in_ten_within=_time(judged.p90_response_s.value if judged.p90_response_s else None),
        worst=f"{worst.name} {percent(worst.share_within.value if worst.share_within else 0.0, 0)}",
        unpatrolled=_boroughs(0),
        finding="",
    )


def _rival_row(rival: RivalVerdict) -> VerdictRow:
    worst = rival.worst_borough
    return VerdictRow(
        placement=rival.label,
        in_time=percent(rival.share_within.value),
        lead=_lead(rival.advantage),
        half_within=_time(rival.median_response_s),
        nine_in_ten_within=_time(rival.p90_response_s),
        worst=f"{worst.name} {percent(worst.share_within.value if worst.share_within else 0.0, 0)}",
        unpatrolled=_boroughs(len(rival.unpatrolled)),
        finding=FINDING_WORDS[rival.finding],
    )


def _time(seconds: float | None) -> str:
    return duration(seconds) if seconds is not None else "never"


def _boroughs(number: int) -> str:
    if number == 0:
        return "none"
    return f"{number} borough{'s' if number > 1 else ''}"

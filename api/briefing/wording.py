"""What the first page says, in sentences a chair can read aloud."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from allocator.plan import PatrolPlan, UnitPlacement
from api.briefing.figures import (
    listed,
    minutes,
    ordinal,
    rate,
    small_percent,
)
from api.wording import british_date, count, percent
from hotspots.assessment import AreaScore, RiskAssessment

#: What each status means, with the two figures that prove it.
STATUS_SENTENCES = {
    "optimal": (
        "The calculation is complete: it is proven that no plan under the same rules can reach "
        "more than {bound}, so {gained} of this result could still be gained."
    ),
    "feasible": (
        "The plan keeps every rule but is not proven to be the best: no plan under the same "
        "rules can reach more than {bound}, so {gained} of this result could still be gained."
    ),
    "timed_out": (
        "The time limit ended the calculation early: the plan keeps every rule, and no plan can "
        "reach more than {bound}, so {gained} of this result could still be gained. "
        "A longer calculation may find a better plan."
    ),
}
STATUS_WORDS = {
    "optimal": "Optimal within the gap",
    "feasible": "Sound, gap not closed",
    "timed_out": "Ended by the time limit",
}


def proposal(plan: PatrolPlan) -> str:
    """Return what is proposed, in one sentence."""
    vehicles = len(plan.units)
    word = "vehicle" if vehicles == 1 else "vehicles"
    support = sum(bool(unit.support) for unit in plan.units)
    more = f" {support} also support a neighbouring area." if support else ""
    return (
        f"{vehicles} armed response {word}, each with a default patrol area for the week; "
        f"every one of the {len(plan.boroughs)} patrolled boroughs is in exactly one area.{more}"
    )


def expected_share(plan: PatrolPlan) -> str:
    """Return what the objective means: an expected share under the model, not a forecast."""
    standard = plan.settings.get("service_standard_s")
    within = (
        f"within the service standard of {minutes(standard)}"
        if isinstance(standard, int | float)
        else "within the service standard"
    )
    return (
        f"Under the assumptions listed in this paper, {percent(plan.objective, 2)} of the demand "
        f"expected by the assessment is reached {within}. This is a calculated share for "
        "comparing plans, not a promise about next week."
    )


def proof(plan: PatrolPlan) -> str:
    """Return how good the plan is proven to be."""
    gap = small_percent(plan.gap)
    return STATUS_SENTENCES[plan.status].format(
        bound=percent(min(plan.bound, 1.0), 2),
        gained=gap if gap.startswith("less") else f"at most {gap}",
    )


def weakest_boroughs(plan: PatrolPlan) -> str:
    """Return where the plan reaches least."""
    lowest = sorted(plan.boroughs, key=lambda place: (place.coverage, place.code))[:3]
    names = [f"{place.name} ({percent(place.coverage)})" for place in lowest]
    return f"Least well reached: {listed(names)}."


def demand(assessment: RiskAssessment, cells: pd.DataFrame) -> str:
    """Return how much demand there is and how concentrated."""
    total = sum(area.expected_per_week for area in assessment.boroughs)
    text = (
        f"About {total:.0f} reported firearms incidents a week are expected in the "
        f"{len(assessment.boroughs)} boroughs."
    )
    share = half_of_demand_share(cells)
    if share is None:
        return text
    return f"{text} Half of them fall in {percent(share, 0)} of the area."


def half_of_demand_share(cells: pd.DataFrame) -> float | None:
    """Return the smallest share of cells that holds half of the expected incidents.

    ``None`` where no cell expects anything.
    """
    expected = np.sort(cells["expected_per_week"].to_numpy(dtype=np.float64))[::-1]
    if not expected.size or expected.sum() <= 0:
        return None
    needed = int(np.searchsorted(np.cumsum(expected), expected.sum() / 2)) + 1
    return needed / len(expected)


def uncertainty(assessment: RiskAssessment) -> list[str]:
    """Return what the data cannot tell, most important first."""
    boroughs = sorted(assessment.boroughs, key=_by_rank)
    if not boroughs:
        return []
    top = min(5, len(boroughs))
    could = sum(area.rank_lower_90 <= top for area in boroughs)
    first = boroughs[0]
    lines = [
        f"{_first_place(first)} {could} of {len(boroughs)} boroughs could be among the first "
        f"{top} (90% intervals)."
    ]
    sure = sum(ward.probability_top_decile >= 0.9 for ward in assessment.wards)
    lines.append(
        f"{count(sure) if sure else 'None'} of {count(len(assessment.wards))} wards "
        f"{'is' if sure < 2 else 'are'} in the highest tenth with a probability of 90% or more. "
        "A ward's place in the list is a hint where to look, not a finding."
    )
    unknown = sum(ward.coverage == "unknown" for ward in assessment.wards)
    if unknown:
        lines.append(
            f"{count(unknown)} wards are covered by no feed: their figures come from the wider "
            "pattern, not from their own records, and their intervals are wide."
        )
    return lines


def changes(plan: PatrolPlan, previous: PatrolPlan | None) -> list[str]:
    """Return what differs from the previous plan, one line a unit; boroughs by name."""
    if previous is None:
        return ["No earlier plan was given to compare with."]
    names = {place.code: place.name for place in (*previous.boroughs, *plan.boroughs)}
    before = {unit.unit_id: unit for unit in previous.units}
    after = {unit.unit_id: unit for unit in plan.units}
    lines = [
        f"{name}: {_change(before.get(name), after.get(name), names)}."
        for name in sorted({*before, *after})
        if _boroughs(before.get(name)) != _boroughs(after.get(name))
    ]
    same = f"Compared with the plan for {previous.week}"
    if not lines:
        return [f"{same}: no patrol area changes."]
    word = "unit changes" if len(lines) == 1 else "units change"
    return [f"{same}: {len(lines)} of {len(after)} {word}.", *lines]


def basis(assessment: RiskAssessment) -> str:
    """Return what the paper rests on and from when."""
    used = sum(line.used for line in assessment.evidence)
    sources = sum(line.used > 0 for line in assessment.evidence)
    return (
        f"Evidence known before {british_date(assessment.as_of)}: {count(used)} records and "
        f"counts used from {sources} source{'' if sources == 1 else 's'}. Only "
        "reported events are scored; what police activity discovers is shown and never scored."
    )


def _by_rank(area: AreaScore) -> tuple[int, str]:
    return (area.rank, area.code)


def _first_place(area: AreaScore) -> str:
    if area.rank_upper_90 == 1:
        return f"{area.name} stands first with little doubt, but the order below is not exact:"
    return (
        f"The order of the boroughs is not exact: {area.name} stands first and could be as low as "
        f"{ordinal(area.rank_upper_90)};"
    )


def _boroughs(unit: UnitPlacement | None) -> frozenset[str] | None:
    return None if unit is None else frozenset(unit.boroughs)


def _change(
    before: UnitPlacement | None, after: UnitPlacement | None, names: dict[str, str]
) -> str:
    if after is None:
        return "no longer in the fleet"
    now = listed(_named(after.boroughs, names))
    if before is None:
        return f"new in the fleet, now {now}"
    return f"was {listed(_named(before.boroughs, names))}, now {now}"


def _named(codes: Sequence[str], names: dict[str, str]) -> list[str]:
    return [names.get(code, code) for code in codes]


def interval(area: AreaScore, digits: int) -> str:
    """Return the 90 % interval of an area's weekly rate, ``1.2 to 3.4``."""
    return f"{rate(area.lower_90, digits)} to {rate(area.upper_90, digits)}"


def rank_interval(area: AreaScore) -> str:
    """Return the 90 % interval of an area's rank, ``3 to 9``, or the one rank."""
    if area.rank_lower_90 == area.rank_upper_90:
        return str(area.rank_lower_90)
    return f"{area.rank_lower_90} to {area.rank_upper_90}"

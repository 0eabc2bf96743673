"""Check refined wards by plain sets and loops, sharing nothing with the search that made them."""

from __future__ import annotations

from allocator.errors import PlanVerificationError
from allocator.plan import PatrolPlan
from hotspots.assessment import RiskAssessment


def check_refined_wards(plan: PatrolPlan, assessment: RiskAssessment) -> None:
    """Check that the wards are dealt out once, each unit's hang together, and the record is true.

    A unit's wards need not hang together more than those of its boroughs did.

    Raises
    ------
    PlanVerificationError
        Naming the first rule the wards break.
    """
    place = {ward.code: ward.borough_code for ward in assessment.places}
    home = {code: unit.unit_id for unit in plan.units for code in unit.boroughs}
    owner: dict[str, str] = {}
    for unit in plan.units:
        for code in unit.wards:
            if code in owner:
                raise _defect(f"ward {code} is given to {owner[code]} and {unit.unit_id}")
            owner[code] = unit.unit_id
    if owner.keys() != place.keys():
        odd = sorted(owner.keys() ^ place.keys())
        raise _defect(f"the wards {odd} are not given to exactly one unit")
    record = plan.settings.get("ward_refinement")
    moved = record.get("moved") if isinstance(record, dict) else None
    lent = {
        code: [home[place[code]], unit_id]
        for code, unit_id in owner.items()
        if home[place[code]] != unit_id
    }
    if moved != lent:
        raise _defect(f"the record of moved wards is {moved}, the wards say {lent}")
    _check_parts(plan, assessment)


def _check_parts(plan: PatrolPlan, assessment: RiskAssessment) -> None:
    roads: dict[str, set[str]] = {}
    for link in assessment.ward_links:
        roads.setdefault(link.code_a, set()).add(link.code_b)
        roads.setdefault(link.code_b, set()).add(link.code_a)
    for unit in plan.units:
        whole = {ward.code for ward in assessment.places if ward.borough_code in unit.boroughs}
        if _parts(set(unit.wards), roads) > max(1, _parts(whole, roads)):
            raise _defect(f"the wards of {unit.unit_id} do not hang together")


def _parts(wards: set[str], roads: dict[str, set[str]]) -> int:
    left, parts = set(wards), 0
    while left:
        waiting = [left.pop()]
        parts += 1
        while waiting:
            near = roads.get(waiting.pop(), set()) & left
            left -= near
            waiting.extend(near)
    return parts


def _defect(problem: str) -> PlanVerificationError:
    return PlanVerificationError(
        f"the plan failed its independent check: {problem}",
        remedy="do not use it, and report this as a defect with the request",
    )

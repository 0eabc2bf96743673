"""Random requests on small worlds: a plan that keeps every rule, or a refusal that is right."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.errors import LockRefusedError, PlanInfeasibleError
from allocator.plan import Fleet, PatrolPlan, Unit, document, from_document
from allocator.settings import PlanSettings
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import FREE, all_plans, borough_code, connected, make_world

LOOSE = replace(FREE, gap_tolerance=1e-3)


@dataclass(frozen=True)
class Request:
    world: RiskAssessment
    fleet: Fleet
    locks: dict[str, tuple[str, ...]]


@st.composite
def requests(draw: st.DrawFn, *, smallest: int, largest: int, most_units: int) -> Request:
    n_boroughs = draw(st.integers(smallest, largest))
    codes = [borough_code(number) for number in range(n_boroughs)]
    n_units = draw(st.integers(1, min(most_units, n_boroughs)))
    units = []
    for number in range(n_units):
        eligible = draw(st.just([]) | st.lists(st.sampled_from(codes), min_size=1, unique=True))
        days = draw(st.just(list(range(7))) | st.lists(st.integers(0, 6), min_size=1, unique=True))
        units.append(Unit(f"U{number}", "X", tuple(sorted(eligible)), tuple(sorted(days))))
    locked = draw(st.lists(st.sampled_from(units), max_size=2, unique=True))
    locks = {
        unit.unit_id: tuple(
            draw(st.lists(st.sampled_from(unit.eligible_boroughs or tuple(codes)), min_size=1,
                          max_size=2, unique=True))
        )
        for unit in locked
    }  # fmt: skip
    world = make_world(draw(st.integers(0, 10_000)), n_boroughs=n_boroughs)
    return Request(world, Fleet(tuple(units), 540, 60), locks)


def assert_keeps_the_rules(plan: PatrolPlan, request: Request) -> None:
    roads = {frozenset((link.code_a, link.code_b)) for link in request.world.borough_links}
    eligible = {unit.unit_id: unit.eligible_boroughs for unit in request.fleet.units}
    placed = [code for unit in plan.units for code in unit.boroughs]
    assert sorted(placed) == [borough.code for borough in request.world.boroughs]
    for unit in plan.units:
        assert connected(frozenset(unit.boroughs), roads)
        assert not eligible[unit.unit_id] or set(unit.boroughs) <= set(eligible[unit.unit_id])
        assert set(request.locks.get(unit.unit_id, ())) <= set(unit.boroughs)
        assert unit.marginal_coverage >= -1e-9
        if unit.runner_up is not None:
            assert connected(frozenset(unit.runner_up.boroughs), roads)
            assert set(unit.runner_up.boroughs) <= set(eligible[unit.unit_id] or placed)
    assert 0 <= plan.objective <= plan.bound <= 1
    assert plan.status == "optimal"


@settings(max_examples=120, deadline=None)
@given(requests(smallest=3, largest=6, most_units=3))
def test_a_plan_exists_exactly_when_some_partition_keeps_the_rules(request: Request) -> None:
    possible = next(all_plans(request.world, request.fleet, request.locks), None)
    try:
        plan = plan_week(request.world, request.fleet, locks=request.locks, settings=LOOSE)
    except (PlanInfeasibleError, LockRefusedError) as refusal:
        assert possible is None, str(refusal)
        assert "Remedy: " in str(refusal)
    else:
        assert possible is not None
        assert_keeps_the_rules(plan, request)


@settings(max_examples=15, deadline=None)
@given(requests(smallest=8, largest=12, most_units=6), st.integers(0, 6))
def test_larger_worlds_with_a_previous_plan(request: Request, max_changes: int) -> None:
    rules = PlanSettings(gap_tolerance=1e-3)
    try:
        plan = plan_week(request.world, request.fleet, locks=request.locks, settings=rules)
    except (PlanInfeasibleError, LockRefusedError) as refusal:
        assert "Remedy: " in str(refusal)
        return
    assert_keeps_the_rules(plan, request)
    assert from_document(json.loads(json.dumps(document(plan)))) == plan
    moved = replace(request.world, wards=tuple(
        replace(ward, expected_per_week=rate.expected_per_week)
        for ward, rate in zip(request.world.wards, request.world.wards[::-1], strict=True)
    ))  # fmt: skip
    again = plan_week(
        moved,
        request.fleet,
        locks=request.locks,
        previous=plan,
        max_changes=max_changes,
        settings=rules,
    )
    assert_keeps_the_rules(again, replace(request, world=moved))
    before = {unit.unit_id: unit.boroughs for unit in plan.units}
    assert sum(unit.boroughs != before[unit.unit_id] for unit in again.units) <= max_changes


@settings(max_examples=25, deadline=None)
@given(requests(smallest=4, largest=9, most_units=4))
def test_the_same_request_gives_the_same_bytes(request: Request) -> None:
    answers = set()
    for _ in range(2):
        try:
            plan = plan_week(request.world, request.fleet, locks=request.locks)
            answers.add(json.dumps(document(plan)))
        except (PlanInfeasibleError, LockRefusedError) as refusal:
            answers.add(str(refusal))
    assert len(answers) == 1


@settings(max_examples=25, deadline=None)
@given(requests(smallest=4, largest=7, most_units=3), st.floats(1.05, 2.0))
def test_more_time_never_covers_less(request: Request, factor: float) -> None:
    slower = replace(request.fleet, service_standard_s=int(540 * factor))
    try:
        first = plan_week(request.world, request.fleet, locks=request.locks, settings=FREE)
    except (PlanInfeasibleError, LockRefusedError):
        return
    second = plan_week(request.world, slower, locks=request.locks, settings=FREE)
    assert second.objective >= first.objective - 1e-7

"""Re-dealing up to four touching areas, against complete enumeration of small worlds."""

from __future__ import annotations

import numpy as np
import pytest

from allocator.coverage import expected_coverage
from allocator.patrol_areas import mask_of
from allocator.plan import Fleet, Unit
from allocator.plan_problem import PlanProblem, build_problem
from allocator.plan_world import build_world, unit_classes
from allocator.solver.local_search import improved
from allocator.solver.redeal import redealt, touching_groups
from allocator.travel_time import embedded_travel_time
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import (
    FREE,
    SlowCoverage,
    all_plans,
    borough_code,
    connected,
    make_world,
)

NARROW = tuple(borough_code(number) for number in range(4))
FLEET = Fleet((Unit("A", "X"), Unit("B", "X", NARROW), Unit("C", "X", on_duty=(0, 1))), 540, 60)


def problem_of(world: RiskAssessment, previous: dict[str, int], limit: int | None) -> PlanProblem:
    built = build_world(world, FLEET, embedded_travel_time(world), FREE)
    classes = unit_classes(built, FLEET, {})
    return build_problem(built, classes, FREE, previous=previous, max_changes=limit)


def columns_of(problem: PlanProblem, areas: dict[str, frozenset[str]]) -> np.ndarray:
    columns = []
    for unit_id, area in areas.items():
        mask = mask_of(problem.world.borough_codes, sorted(area))
        columns += [
            number
            for number, (other, group) in enumerate(
                zip(problem.masks, problem.class_of.tolist(), strict=True)
            )
            if other == mask and problem.classes[group].units[0].unit_id == unit_id
        ]
    return np.array(sorted(columns), dtype=np.intp)


@pytest.mark.parametrize("seed", range(6))
def test_three_units_are_dealt_out_as_well_as_any_partition(seed: int) -> None:
    world = make_world(seed, n_boroughs=7)
    problem = problem_of(world, {}, None)
    plans = list(all_plans(world, FLEET, {}))
    slow = SlowCoverage(world, FLEET, FREE)
    best = max(slow.of(plan) for plan in plans)
    for start in (plans[0], plans[len(plans) // 2], plans[-1]):
        columns, objective = improved(problem, columns_of(problem, start))
        assert objective == pytest.approx(best, abs=1e-9)
        assert problem.members[:, columns].sum(axis=1).tolist() == [1.0] * 7
        assert redealt(problem, columns, objective, 0.0) is None


@pytest.mark.parametrize("limit", [1, 2])
def test_it_keeps_the_limit_on_changes(limit: int) -> None:
    world = make_world(2, n_boroughs=7)
    plans = list(all_plans(world, FLEET, {}))
    codes = problem_of(world, {}, None).world.borough_codes
    before = plans[0]
    masks = {unit_id: mask_of(codes, sorted(area)) for unit_id, area in before.items()}
    problem = problem_of(world, masks, limit)
    slow = SlowCoverage(world, FLEET, FREE)
    best = max(
        slow.of(plan)
        for plan in plans
        if sum(plan[unit_id] != area for unit_id, area in before.items()) <= limit
    )
    columns, objective = improved(problem, columns_of(problem, before))
    assert int(problem.kept[columns].sum()) >= 3 - limit
    assert objective == pytest.approx(best, abs=1e-9)


def test_groups_are_all_the_connected_ones() -> None:
    world = make_world(4, n_boroughs=8)
    problem = problem_of(world, {}, None)
    singles = [problem.masks.index(1 << number) for number in range(8)]
    roads = {frozenset((link.code_a, link.code_b)) for link in world.borough_links}
    groups = {tuple(sorted(group)) for group in touching_groups(problem, singles, 3)}
    expected = {
        (a, b, c)
        for a in range(8)
        for b in range(a + 1, 8)
        for c in range(b + 1, 8)
        if connected(frozenset(borough_code(number) for number in (a, b, c)), roads)
    }
    assert groups == expected


def test_a_placement_no_deal_betters_is_left_alone() -> None:
    problem = problem_of(make_world(1, n_boroughs=6), {}, None)
    chosen = columns_of(problem, next(all_plans(make_world(1, n_boroughs=6), FLEET, {})))
    total = problem.exposure[:, chosen].sum(axis=1)
    reached = expected_coverage(problem.demand, total)
    assert redealt(problem, chosen, reached + 1.0, 0.0) is None

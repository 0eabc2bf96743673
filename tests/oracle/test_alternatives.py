"""Near-optimal alternatives against complete enumeration: good, and as different as can be."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from allocator.alternatives import alternatives
from allocator.errors import PlanningRefusedError
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.weekly_plan import plan_week
from tests.oracle.plan_worlds import FREE, SlowCoverage, all_plans, borough_code, make_world

Areas = dict[str, frozenset[str]]
NARROW = tuple(borough_code(number) for number in range(5))
FLEET = Fleet((Unit("A", "X"), Unit("B", "X"), Unit("C", "X", NARROW)), 540, 60)


def moved(first: Areas, second: Areas) -> int:
    """Boroughs that change hands when A and B may trade names, by trying both."""
    renamed = [first, {"A": first["B"], "B": first["A"], "C": first["C"]}]
    return min(sum(len(second[unit] - one[unit]) for unit in "ABC") for one in renamed)


def areas_of(plan: PatrolPlan) -> Areas:
    return {unit.unit_id: frozenset(unit.boroughs) for unit in plan.units}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tolerance", [0.01, 0.05])
def test_the_first_is_as_far_away_as_any_plan_this_good(seed: int, tolerance: float) -> None:
    world = make_world(seed, n_boroughs=7)
    slow = SlowCoverage(world, FLEET, FREE)
    plan = plan_week(world, FLEET, settings=FREE)
    every = list(all_plans(world, FLEET, {}))
    values = [slow.of(one) for one in every]
    floor = plan.bound / (1 + tolerance)
    good = [one for one, value in zip(every, values, strict=True) if value >= floor - 1e-9]
    furthest = max(moved(areas_of(plan), one) for one in good)
    found = alternatives(plan, world, FLEET, count=3, tolerance=tolerance, settings=FREE)
    if furthest == 0:
        assert found == ()
        return
    assert found[0].distance_at_most >= found[0].least_distance
    assert moved(areas_of(plan), areas_of(found[0].plan)) == found[0].boroughs_moved
    assert found[0].least_distance <= found[0].boroughs_moved <= furthest
    for one in found:
        assert slow.of(areas_of(one.plan)) == pytest.approx(one.plan.objective, abs=1e-8)
        assert one.plan.objective >= floor - 1e-8
        assert one.objective_loss == pytest.approx(plan.objective - one.plan.objective)
        assert one.plan.bound >= plan.objective - 1e-9
    for a, b in itertools.combinations([plan, *(one.plan for one in found)], 2):
        assert moved(areas_of(a), areas_of(b)) >= min(one.least_distance for one in found) >= 1


def apart(first: Areas, second: Areas) -> int:
    """The distance of the model: boroughs not shared with the likest area of the class."""
    alike = {"A": "AB", "B": "AB", "C": "C"}
    together = sum(max(len(second[u] & first[v]) for v in alike[u]) for u in "ABC")
    return sum(map(len, first.values())) - together


@pytest.mark.parametrize("seed", range(8))
def test_no_plan_this_good_is_further_apart(seed: int) -> None:
    world = make_world(seed, n_boroughs=6)
    slow = SlowCoverage(world, FLEET, FREE)
    plan = plan_week(world, FLEET, settings=FREE)
    good = [one for one in all_plans(world, FLEET, {}) if slow.of(one) >= plan.bound / 1.05]
    found = alternatives(plan, world, FLEET, count=2, tolerance=0.05, settings=FREE)
    before = [areas_of(plan)]
    for number in range(2):
        furthest = max(min(apart(other, one) for other in before) for one in good)
        if furthest == 0:
            assert len(found) == number
            return
        assert found[number].least_distance == found[number].distance_at_most == furthest
        before.append(areas_of(found[number].plan))


def test_the_rules_of_the_plan_bind_its_alternatives() -> None:
    world = make_world(2, n_boroughs=7)
    locks = {"B": (borough_code(6),)}
    excludes = {"A": (borough_code(0),)}
    plan = plan_week(world, FLEET, locks=locks, excludes=excludes, settings=FREE)
    found = alternatives(plan, world, FLEET, count=4, tolerance=0.1, settings=FREE)
    assert found
    for one in found:
        assert borough_code(6) in areas_of(one.plan)["B"]
        assert borough_code(0) not in areas_of(one.plan)["A"]
        assert one.units_changed >= 1
    again = alternatives(plan, world, FLEET, count=4, tolerance=0.1, settings=FREE)
    assert again == found


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"count": 0}, "0 alternatives"),
        ({"count": 9}, "ask for 1 to 8"),
        ({"tolerance": 0.0}, "tolerance on coverage is 0"),
        ({"tolerance": float("nan")}, "tolerance on coverage is nan"),
    ],
)
def test_out_of_bounds(asked: dict[str, float], words: str) -> None:
    world = make_world(2, n_boroughs=5)
    plan = plan_week(world, FLEET)
    with pytest.raises(PlanningRefusedError, match=words):
        alternatives(plan, world, FLEET, **asked)  # type: ignore[arg-type] # one keyword at a time
    fewer = replace(FLEET, units=FLEET.units[:2])
    with pytest.raises(PlanningRefusedError, match=r"same units \(C\)"):
        alternatives(plan, world, fewer)

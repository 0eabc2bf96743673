"""The mended plan: fewest changes that keep the coverage, against complete enumeration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allocator.errors import LockRefusedError, PlanInfeasibleError, PlanningRefusedError
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.plan_differences import differences
from allocator.replan import (
    ReplanRequest,
    price_of_stability,
    replan,
    sentences,
)
from allocator.settings import PlanSettings
from allocator.weekly_plan import plan_week
from tests.oracle.plan_worlds import FREE, SlowCoverage, all_plans, borough_code, make_world

FLEET = Fleet(tuple(Unit(name, "X") for name in "ABCD"), 540, 60)
WORLD = make_world(3, n_boroughs=7)


@pytest.fixture(scope="module")
def plan() -> PatrolPlan:
    return plan_week(WORLD, FLEET, settings=FREE)


def areas(plan: PatrolPlan) -> dict[str, frozenset[str]]:
    return {unit.unit_id: frozenset(unit.boroughs) for unit in plan.units}


@pytest.mark.parametrize("tolerance", [0.0, 0.01, 0.05, 0.3])
@pytest.mark.parametrize("lost", ["A", "C"])
def test_losing_a_unit_changes_as_few_as_enumeration_says(
    plan: PatrolPlan, lost: str, tolerance: float
) -> None:
    smaller = replace(FLEET, units=tuple(u for u in FLEET.units if u.unit_id != lost))
    coverage = SlowCoverage(WORLD, smaller, FREE)
    before = areas(plan)
    every = [(coverage.of(one), one) for one in all_plans(WORLD, smaller, {})]
    best = max(value for value, _ in every)

    def changed(one: dict[str, frozenset[str]]) -> int:
        return sum(one[unit_id] != before[unit_id] for unit_id in one)

    enough = [(value, one) for value, one in every if value >= (1 - tolerance) * best - 1e-7]
    fewest = min(changed(one) for _, one in enough)
    top = max(value for value, one in enough if changed(one) == fewest)
    result = replan(
        WORLD, FLEET, ReplanRequest(plan, lost=(lost,), coverage_tolerance=tolerance), settings=FREE
    )
    assert changed(areas(result.plan)) == fewest
    assert result.plan.objective == pytest.approx(top, abs=3e-7)
    assert result.from_scratch.objective == pytest.approx(best, abs=3e-7)
    assert result.changes[0].unit_id == lost
    assert result.changes[0].after == ()


def test_nothing_happened_nothing_changes(plan: PatrolPlan) -> None:
    result = replan(WORLD, FLEET, ReplanRequest(plan), settings=FREE)
    assert result.changes == ()
    assert areas(result.plan) == areas(plan)


def test_what_has_started_or_is_locked_stays(plan: PatrolPlan) -> None:
    locked = plan_week(WORLD, FLEET, locks={"B": (borough_code(5),)}, settings=FREE)
    result = replan(
        WORLD,
        FLEET,
        ReplanRequest(locked, lost=("A",), started=("C",), coverage_tolerance=0.0),
        settings=FREE,
    )
    assert areas(result.plan)["C"] >= areas(locked)["C"]
    assert borough_code(5) in areas(result.plan)["B"]


def test_the_curve_is_what_enumeration_says(plan: PatrolPlan) -> None:
    smaller = replace(FLEET, units=FLEET.units[1:])
    coverage = SlowCoverage(WORLD, smaller, FREE)
    before = areas(plan)
    every = [
        (sum(one[unit] != before[unit] for unit in one), coverage.of(one))
        for one in all_plans(WORLD, smaller, {})
    ]
    curve = price_of_stability(
        WORLD, FLEET, ReplanRequest(plan, lost=("A",)), limits=(3, 0, 1, 2), settings=FREE
    )
    assert [point.max_changes for point in curve] == [0, 1, 2, 3]
    assert curve[0].status == "infeasible"
    assert curve[0].objective is None
    for point in curve[1:]:
        best = max(value for count, value in every if count <= point.max_changes)
        assert point.objective == pytest.approx(best, abs=3e-7)
        assert point.changed is not None and point.changed <= point.max_changes


@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_on_changes_comes_before_coverage(plan: PatrolPlan, limit: int) -> None:
    smaller = replace(FLEET, units=FLEET.units[1:])
    coverage = SlowCoverage(WORLD, smaller, FREE)
    before = areas(plan)
    within = [
        coverage.of(one)
        for one in all_plans(WORLD, smaller, {})
        if sum(one[unit] != before[unit] for unit in one) <= limit
    ]
    request = ReplanRequest(plan, lost=("A",), coverage_tolerance=0.0, max_changes=limit)
    result = replan(WORLD, FLEET, request, settings=FREE)
    assert sum(areas(result.plan)[unit] != before[unit] for unit in areas(result.plan)) <= limit
    assert result.plan.objective == pytest.approx(max(within), abs=3e-7)
    with pytest.raises(PlanInfeasibleError, match="at most 0 changed units"):
        replan(WORLD, FLEET, replace(request, max_changes=0), settings=FREE)
    with pytest.raises(PlanningRefusedError, match="at most -1 changes"):
        replan(WORLD, FLEET, replace(request, max_changes=-1), settings=FREE)


class Impatient:
    """A follower that asks for the end at once."""

    def __init__(self) -> None:
        self.heard: list[float] = []

    def __call__(self, step: str, share: float) -> None:
        """Take in a step."""

    def measured(self, objective: float, bound: float) -> None:
        self.heard.append(objective)

    def stop_asked(self) -> bool:
        return True


def test_whoever_asks_for_the_end_gets_the_best_so_far(plan: PatrolPlan) -> None:
    impatient = Impatient()
    request = ReplanRequest(plan, lost=("A",), coverage_tolerance=0.3)
    result = replan(WORLD, FLEET, request, settings=FREE, progress=impatient)
    assert result.plan == result.from_scratch
    assert impatient.heard
    assert price_of_stability(WORLD, FLEET, request, settings=FREE, progress=impatient) == ()


def test_a_heavier_load_may_be_asked_for_to_change_less() -> None:
    usual = PlanSettings(gap_tolerance=1e-6)
    wide = make_world(16, n_boroughs=8)
    before = plan_week(wide, FLEET, settings=usual)
    lost = max(before.units, key=lambda unit: len(unit.boroughs)).unit_id
    request = ReplanRequest(before, lost=(lost,), coverage_tolerance=0.02)
    strict = replan(wide, FLEET, request, settings=usual)
    eased = replan(wide, FLEET, replace(request, workload_cap=3.0), settings=usual)
    assert len(eased.changes) < len(strict.changes)
    assert eased.plan.objective >= 0.98 * eased.from_scratch.objective
    rates = {borough.code: borough.expected_per_week for borough in wide.boroughs}
    share = sum(rates.values()) / 3
    for unit, (unit_id, load) in zip(eased.plan.units, eased.loads, strict=True):
        assert unit.unit_id == unit_id
        assert load == pytest.approx(sum(rates[code] for code in unit.boroughs) / share)
    heavy = [
        f"{change.unit_id} then carries {dict(eased.loads)[change.unit_id]:.1f} times an equal "
        "share of demand."
        for change in eased.changes
        if change.after and dict(eased.loads)[change.unit_id] > 1.5
    ]
    assert [line for line in sentences(eased) if "then carries" in line] == heavy


def test_the_differences_read_as_sentences(plan: PatrolPlan) -> None:
    result = replan(WORLD, FLEET, ReplanRequest(plan, lost=("A",)), settings=FREE)
    lines = sentences(result)
    assert lines[0].startswith("A is lost: its area (Borough")
    assert any("takes over Borough" in line for line in lines[1:])
    assert "from scratch" in lines[-1]
    assert len(lines) == len(result.changes) + 1
    back = {c.unit_id: (c.after, c.before) for c in differences(result.plan, plan)}
    assert back == {c.unit_id: (c.before, c.after) for c in result.changes}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"lost": ("Z",)}, "'Z' is named as lost"),
        ({"started": ("Z",)}, "'Z' is named as started"),
        ({"lost": ("A",), "started": ("A",)}, "as lost and as started"),
        ({"lost": ("A",), "locks": {"A": (borough_code(0),)}}, "'A', which is not in the fleet"),
    ],
)
def test_requests_that_contradict(
    plan: PatrolPlan, request_: dict[str, object], words: str
) -> None:
    asked = ReplanRequest(plan, **request_)  # type: ignore[arg-type] # one keyword at a time
    with pytest.raises(LockRefusedError, match=words):
        replan(WORLD, FLEET, asked)


@pytest.mark.parametrize("tolerance", [-0.1, 1.1, float("nan")])
def test_a_tolerance_is_a_share(plan: PatrolPlan, tolerance: float) -> None:
    with pytest.raises(PlanningRefusedError, match="tolerance"):
        replan(WORLD, FLEET, ReplanRequest(plan, coverage_tolerance=tolerance))

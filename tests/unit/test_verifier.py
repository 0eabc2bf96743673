"""The verifier catches every way a plan can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from allocator.errors import PlanVerificationError
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.travel_time import embedded_travel_time
from allocator.verifier import verify_plan
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import FREE, borough_code, make_world

FLEET = Fleet((Unit("A", "X"), Unit("B", "X"), Unit("C", "Y")), 540, 60)


@pytest.fixture(scope="module")
def world() -> RiskAssessment:
    return make_world(11, n_boroughs=6)


@pytest.fixture(scope="module")
def plan(world: RiskAssessment) -> PatrolPlan:
    return plan_week(world, FLEET, settings=FREE)


def check(plan: PatrolPlan, world: RiskAssessment, **request: object) -> None:
    values: dict[str, object] = {
        "fleet": FLEET,
        "locks": {},
        "previous": None,
        "max_changes": None,
        "settings": FREE,
        "travel": embedded_travel_time(world),
    }
    verify_plan(plan, world, **{**values, **request})  # type: ignore[arg-type] # by keyword


def first_unit(plan: PatrolPlan, **changes: object) -> PatrolPlan:
    head, *rest = plan.units
    return replace(plan, units=(replace(head, **changes), *rest))  # type: ignore[arg-type] # test


def swap_areas(plan: PatrolPlan) -> PatrolPlan:
    a, b, *rest = plan.units
    swapped = (replace(a, boroughs=b.boroughs), replace(b, boroughs=a.boroughs), *rest)
    return replace(plan, units=swapped)


def test_an_honest_plan_passes(plan: PatrolPlan, world: RiskAssessment) -> None:
    check(plan, world)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda p: replace(p, units=p.units[1:]), "the fleet is"),
        (lambda p: first_unit(p, provenance="Z"), "the fleet is"),
        (lambda p: first_unit(p, boroughs=()), "sorted set"),
        (lambda p: first_unit(p, boroughs=p.units[1].boroughs), "is given to"),
        (lambda p: first_unit(p, boroughs=(*p.units[0].boroughs, "E09000999")), "cover"),
        (swap_areas, "table of boroughs"),
        (lambda p: first_unit(p, wards=p.units[0].wards[1:]), "wards of A"),
        (lambda p: replace(p, objective=p.objective + 1e-5), "objective"),
        (lambda p: replace(p, bound=p.objective - 1e-5), "bound"),
        (lambda p: replace(p, gap=p.gap + 1e-5), "gap"),
        (lambda p: first_unit(p, marginal_coverage=0.0), "marginal_coverage of A"),
        (
            lambda p: replace(p, boroughs=(replace(p.boroughs[0], coverage=0.0), *p.boroughs[1:])),
            "coverage of",
        ),
    ],
)
def test_a_spoilt_plan_fails(
    plan: PatrolPlan,
    world: RiskAssessment,
    spoil: Callable[[PatrolPlan], PatrolPlan],
    words: str,
) -> None:
    with pytest.raises(PlanVerificationError, match=words):
        check(spoil(plan), world)


def test_an_unconnected_area_fails(plan: PatrolPlan, world: RiskAssessment) -> None:
    wide = next(unit for unit in plan.units if len(unit.boroughs) > 1)
    inside = set(wide.boroughs)
    links = tuple(link for link in world.borough_links if not {link.code_a, link.code_b} <= inside)
    with pytest.raises(PlanVerificationError, match="not connected"):
        check(plan, replace(world, borough_links=links))


def test_rules_of_the_request_are_checked(plan: PatrolPlan, world: RiskAssessment) -> None:
    a = plan.units[0]
    elsewhere = next(b.code for b in plan.boroughs if b.unit_id != "A")
    narrow = replace(
        FLEET, units=(replace(FLEET.units[0], eligible_boroughs=(elsewhere,)), *FLEET.units[1:])
    )
    with pytest.raises(PlanVerificationError, match="may not patrol"):
        check(plan, world, fleet=narrow)
    with pytest.raises(PlanVerificationError, match="lock of A"):
        check(plan, world, locks={"A": (elsewhere,)})
    before = first_unit(plan, boroughs=(borough_code(99),))
    check(plan, world, previous=before, max_changes=1)
    with pytest.raises(PlanVerificationError, match="at most 0 may"):
        check(plan, world, previous=before, max_changes=0)
    assert a.boroughs

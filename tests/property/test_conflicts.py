"""Impossible requests: the rules named are at fault, all are needed, dropping them helps."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from allocator import conflicts
from allocator.conflicts import ConflictError, Rule
from allocator.errors import LockRefusedError, PlanInfeasibleError
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.settings import PlanSettings
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import borough_code, make_world
from tests.property.test_weekly_plan import Request, assert_keeps_the_rules

RULES = PlanSettings(gap_tolerance=0.02)
#: ARV_CONFLICT_WORLDS=84 asks a thousand requests (about seven minutes of processor time).
WORLDS = int(os.environ.get("ARV_CONFLICT_WORLDS", "6"))
REQUESTS_OF_WORLD = 12


def planned(request: Request) -> PatrolPlan:
    """The plan of a request; `plan_week` has verified it independently."""
    return plan_week(request.world, request.fleet, locks=request.locks, settings=RULES)


def without(request: Request, rules: tuple[Rule, ...]) -> Request:
    freed = {rule.unit_id for rule in rules if rule.kind == "eligible"}
    dropped = {(rule.unit_id, rule.codes[0]) for rule in rules if rule.kind == "lock"}
    units = tuple(
        replace(unit, eligible_boroughs=()) if unit.unit_id in freed else unit
        for unit in request.fleet.units
    )
    locks = {
        unit_id: tuple(code for code in codes if (unit_id, code) not in dropped)
        for unit_id, codes in request.locks.items()
    }
    kept = {unit_id: codes for unit_id, codes in locks.items() if codes}
    return Request(request.world, replace(request.fleet, units=units), kept)


def random_request(random: np.random.Generator, world: RiskAssessment) -> Request:
    """A fleet with narrow eligibility and a few locks: about half of these are impossible."""
    codes = [borough.code for borough in world.boroughs]
    units = []
    for number in range(int(random.integers(2, 6))):
        size = int(random.integers(1, 4 if number % 2 else len(codes)))
        few = tuple(sorted(random.choice(codes, size, replace=False).tolist()))
        units.append(Unit(f"U{number}", "X", few if random.random() < 0.7 else ()))
    free, locks = set(codes), {}
    for unit in units:
        options = sorted(free & set(unit.eligible_boroughs or codes))
        if options and random.random() < 0.4:
            locks[unit.unit_id] = (str(random.choice(options)),)
            free -= set(locks[unit.unit_id])
    return Request(world, Fleet(tuple(units), 540, 60), locks)


@pytest.mark.parametrize("seed", range(WORLDS))
def test_a_plan_that_keeps_the_rules_or_the_rules_to_drop(seed: int) -> None:
    random = np.random.default_rng(seed)
    world = make_world(seed, n_boroughs=int(random.integers(8, 13)))
    refused = 0
    for number in range(REQUESTS_OF_WORLD):
        request = random_request(random, world)
        try:
            plan = planned(request)
        except LockRefusedError as refusal:
            assert "Remedy: " in str(refusal)
        except ConflictError as refusal:
            refused += 1
            assert refusal.minimal
            assert "Remedy: the least to give up" in str(refusal)
            relaxed = without(request, refusal.relaxation)
            assert_keeps_the_rules(planned(relaxed), relaxed)
            if number % 5 == 0:
                assert_is_a_smallest_conflict(request, refusal)
        else:
            assert_keeps_the_rules(plan, request)
    assert refused > 0


def assert_is_a_smallest_conflict(request: Request, refusal: ConflictError) -> None:
    """Alone these rules are impossible; without any one of them they are not."""
    everything = rules_of(request)
    assert set(refusal.conflict) <= set(everything)
    others = tuple(rule for rule in everything if rule not in refusal.conflict)
    with pytest.raises((PlanInfeasibleError, LockRefusedError)):
        planned(without(request, others))
    for one in refusal.conflict:
        planned(without(request, (*others, one)))


def rules_of(request: Request) -> tuple[Rule, ...]:
    names = {borough.code: borough.name for borough in request.world.boroughs}
    eligible = [
        Rule("eligible", unit.unit_id, unit.eligible_boroughs, f"{unit.unit_id} may patrol only "
             + _or([names[code] for code in unit.eligible_boroughs]))
        for unit in request.fleet.units if unit.eligible_boroughs
    ]  # fmt: skip
    locks = [
        Rule("lock", unit_id, (code,), f"{unit_id} is locked to {names[code]}")
        for unit_id, codes in request.locks.items() for code in codes
    ]  # fmt: skip
    return (*eligible, *locks)


def _or(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def chain(n_boroughs: int) -> RiskAssessment:
    """A row of boroughs, each joined to the next alone."""
    world = make_world(1, n_boroughs=n_boroughs)
    pairs = set(pairwise(borough_code(number) for number in range(n_boroughs)))
    links = tuple(link for link in world.borough_links if (link.code_a, link.code_b) in pairs)
    return replace(world, borough_links=links)


def test_it_speaks_the_planners_words() -> None:
    fleet = Fleet(
        (
            Unit("ARV-04", "CO19"),
            Unit("ARV-09", "CO19"),
            Unit("SO18-2", "SO18", (borough_code(0), borough_code(1))),
        ),
        540,
        60,
    )
    locks = {"ARV-04": (borough_code(0),), "ARV-09": (borough_code(1),)}
    with pytest.raises(ConflictError) as refusal:
        plan_week(chain(6), fleet, locks=locks)
    assert str(refusal.value) == (
        "SO18-2 may only patrol Borough 0 or Borough 1, but both are locked to ARV-04 and "
        "ARV-09. Remedy: the least to give up: drop the lock (ARV-04 is locked to Borough 0)."
    )
    assert [rule.kind for rule in refusal.value.conflict] == ["lock", "lock", "eligible"]


def test_the_limit_on_changes_can_be_at_fault() -> None:
    world = chain(6)
    fleet = Fleet((Unit("A", "X"), Unit("B", "X"), Unit("C", "X")), 540, 60)
    first = plan_week(world, fleet)
    lock = {
        "A": tuple(code for unit in first.units if unit.unit_id == "B" for code in unit.boroughs)
    }
    with pytest.raises(ConflictError) as refusal:
        plan_week(world, fleet, previous=first, max_changes=1, locks=lock)
    assert [rule.kind for rule in refusal.value.relaxation] == ["changes"]
    assert "allow more changes" in str(refusal.value)


@pytest.mark.parametrize("answered", [1, 2, 3, 5])
def test_when_the_time_is_over_it_says_so_and_stays_right(
    answered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock runs out after some questions: what is said then is still true."""
    world = make_world(3, n_boroughs=9)
    codes = [borough.code for borough in world.boroughs]
    units = (Unit("A", "X", tuple(codes[:2])), Unit("B", "X", tuple(codes[:2])),
             Unit("C", "X", tuple(codes[:3])), Unit("D", "X"))  # fmt: skip
    request = Request(world, Fleet(units, 540, 60), {"C": (codes[0],), "D": (codes[1],)})
    asked = 0
    in_time = conflicts.is_possible

    def until_the_time_is_over(rules: conflicts.AskedRules, *, deadline: float) -> bool | None:
        nonlocal asked
        asked += 1
        return in_time(rules, deadline=deadline if asked <= answered else 0.0)

    monkeypatch.setattr(conflicts, "is_possible", until_the_time_is_over)
    with pytest.raises(ConflictError) as refusal:
        planned(request)
    monkeypatch.undo()
    assert refusal.value.minimal == ("time was over" not in str(refusal.value))
    assert not refusal.value.minimal
    relaxed = without(request, refusal.value.relaxation)
    assert_keeps_the_rules(planned(relaxed), relaxed)
    others = tuple(rule for rule in rules_of(request) if rule not in refusal.value.conflict)
    with pytest.raises((PlanInfeasibleError, LockRefusedError)):
        planned(without(request, others))


def test_what_no_rule_causes_is_refused_as_before() -> None:
    world = chain(6)
    cut = replace(world, borough_links=world.borough_links[:2])
    with pytest.raises(PlanInfeasibleError, match="parts without a road") as refusal:
        plan_week(cut, Fleet((Unit("A", "X"), Unit("B", "X", (borough_code(0),))), 540, 60))
    assert not isinstance(refusal.value, ConflictError)

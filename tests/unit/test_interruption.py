"""Ctrl-C keeps the best plan found so far, with its gap, and never calls it optimal."""

from __future__ import annotations

import pytest

from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.settings import PlanSettings
from allocator.weekly_plan import plan_week
from tests.oracle.plan_worlds import make_world

WORLD = make_world(5, n_boroughs=12, wards_each=3)
FLEET = Fleet(tuple(Unit(name, "X") for name in "ABCDE"), 540, 60)
EXACT = PlanSettings(gap_tolerance=0.0)


class Impatient:
    """Presses Ctrl-C at a given report of a step."""

    def __init__(self, step: str, at: int) -> None:
        self.step, self.at, self.reports = step, at, 0

    def __call__(self, step: str, share: float) -> None:
        assert 0 <= share <= 1
        if step == self.step:
            self.reports += 1
            if self.reports == self.at:
                raise KeyboardInterrupt


@pytest.fixture(scope="module")
def patient() -> PatrolPlan:
    return plan_week(WORLD, FLEET, settings=EXACT)


@pytest.mark.parametrize("at", [1, 2])
def test_the_best_plan_so_far_is_kept_with_its_gap(patient: PatrolPlan, at: int) -> None:
    impatient = Impatient("Proving the placement", at)
    plan = plan_week(WORLD, FLEET, settings=EXACT, progress=impatient)
    assert impatient.reports == at
    assert plan.status in {"timed_out", "optimal"}
    assert plan.objective <= patient.objective + 1e-9 <= plan.bound + 2e-9
    if at == 1:  # before the first proof
        assert plan.status == "timed_out"
        assert plan.gap > 0


def test_without_a_plan_there_is_nothing_to_keep() -> None:
    with pytest.raises(KeyboardInterrupt):
        plan_week(WORLD, FLEET, progress=Impatient("Preparing the placement", 1))

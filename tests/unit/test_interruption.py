"""Ctrl-C keeps the best answer found so far, with its gap, and never calls it optimal."""

from __future__ import annotations

import numpy as np
import pytest

from allocator.mclp import solve_mclp
from allocator.p_centre import solve_p_centre
from allocator.p_median import solve_p_median
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


class Following:
    """Notes the figures it is told, and has enough after some of them."""

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.figures: list[tuple[float, float]] = []

    def __call__(self, step: str, share: float) -> None:
        assert step
        assert 0 <= share <= 1

    def measured(self, objective: float, bound: float) -> None:
        self.figures.append((objective, bound))

    def stop_asked(self) -> bool:
        return len(self.figures) >= self.enough


def test_a_follower_hears_the_figures_and_can_have_enough(patient: PatrolPlan) -> None:
    to_the_end, soon = Following(1_000), Following(1)
    plan = plan_week(WORLD, FLEET, settings=EXACT, progress=to_the_end)
    assert plan == patient
    objectives, bounds = zip(*to_the_end.figures, strict=True)
    assert list(objectives) == sorted(objectives)
    assert list(bounds) == sorted(bounds, reverse=True)
    assert objectives[-1] == pytest.approx(plan.objective, abs=1e-8)
    assert bounds[-1] == pytest.approx(plan.bound, abs=1e-8)
    early = plan_week(WORLD, FLEET, settings=EXACT, progress=soon)
    assert len(soon.figures) == 1
    assert early.status == "timed_out"
    assert early.objective <= patient.objective + 1e-9


def test_without_a_plan_there_is_nothing_to_keep() -> None:
    with pytest.raises(KeyboardInterrupt):
        plan_week(WORLD, FLEET, progress=Impatient("Preparing the placement", 1))


AT = np.random.default_rng(7).uniform(0, 10_000, (60, 2))
DISTANCE_M = np.hypot(*(AT[:, None] - AT[None]).transpose(2, 0, 1))
DEMAND = np.random.default_rng(8).integers(1, 50, 60)
COVERS = np.random.default_rng(9).random((90, 60)) < 0.12
WEIGHTS = np.random.default_rng(10).integers(1, 50, 90)


class Watcher:
    """Notes what it is told and presses Ctrl-C at a given report."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.told: list[tuple[float, float]] = []

    def __call__(self, objective: float, bound: float) -> None:
        self.told.append((objective, bound))
        if len(self.told) == self.at:
            raise KeyboardInterrupt


def test_mclp_is_watched_and_ended_with_the_best_so_far() -> None:
    best = solve_mclp(COVERS, WEIGHTS, n_units=7, time_limit_s=60)
    all_the_way = Watcher()
    watched = solve_mclp(COVERS, WEIGHTS, n_units=7, time_limit_s=60, watch=all_the_way)
    assert watched == best
    objectives, bounds = zip(*all_the_way.told, strict=True)
    assert list(objectives) == sorted(objectives)
    assert max(objectives) <= best.objective <= min(bounds) + 1e-6
    ended = solve_mclp(COVERS, WEIGHTS, n_units=7, time_limit_s=60, watch=Watcher(1))
    assert ended.status == "timed_out"
    assert ended.objective <= best.objective <= ended.bound
    assert ended.objective == WEIGHTS[COVERS[:, list(ended.sites)].any(axis=1)].sum()


def test_p_median_is_watched_and_ended_with_the_best_so_far() -> None:
    best = solve_p_median(DISTANCE_M, DEMAND, n_units=6, time_limit_s=60)
    for at in (None, 1, 2):
        watcher = Watcher(at)
        found = solve_p_median(DISTANCE_M, DEMAND, n_units=6, time_limit_s=60, watch=watcher)
        assert found.bound <= best.objective * (1 + 1e-9)
        assert found.objective >= best.objective * (1 - 1e-9)
        for objective, bound in watcher.told:
            assert bound <= best.objective * (1 + 1e-9)
            assert objective >= best.objective * (1 - 1e-9)
        if len(watcher.told) == at:
            served = DISTANCE_M[:, list(found.sites)].min(axis=1) @ DEMAND
            assert found.objective == pytest.approx(served)


def test_p_centre_is_watched_and_ended_with_the_best_so_far() -> None:
    best = solve_p_centre(DISTANCE_M, n_units=5, time_limit_s=60)
    watcher = Watcher(2)
    found = solve_p_centre(DISTANCE_M, n_units=5, time_limit_s=60, watch=watcher)
    assert len(watcher.told) == 2
    assert found.status == "timed_out"
    assert found.bound <= best.objective <= found.objective
    assert found.objective == DISTANCE_M[:, list(found.sites)].min(axis=1).max()

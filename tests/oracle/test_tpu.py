"""Rosters against complete enumeration, and the draw against the uniform distribution."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from allocator.tpu.checks import check_request
from allocator.tpu.conflicts import clash
from allocator.tpu.model import RULES, fixed_rule
from allocator.tpu.problem import build_problem
from allocator.tpu.request import RosterRules, TpuInfeasibleError, TpuRequest
from allocator.tpu.sampling import draw_roster
from allocator.tpu.solve import feasible
from allocator.tpu.tasking import roster_week
from tests.oracle.plan_worlds import make_world
from tests.oracle.tpu_requests import random_request
from tests.oracle.tpu_worlds import (
    TEAMS,
    Choice,
    choices,
    enumerate_best,
    objective,
    small_request,
)


@pytest.mark.parametrize("seed", range(10))
def test_the_roster_is_the_best_of_all(seed: int) -> None:
    assessment = make_world(seed, n_boroughs=4)
    request = small_request(assessment, seed)
    answer = enumerate_best(assessment, request)
    if answer is None:
        with pytest.raises(TpuInfeasibleError, match=r"These clash: .+Remedy"):
            roster_week(assessment, request, seed=seed)
        return
    roster = roster_week(assessment, request, seed=seed, epsilon=0.0)
    assert roster.status == "optimal"
    assert sum(one.outcome == "honoured" for one in roster.requests) == answer.honoured
    assert roster.best_objective == pytest.approx(answer.objective, abs=1e-9)
    assert roster.bound == roster.best_objective == roster.objective


def test_the_draw_is_uniform_over_all_rosters_within_epsilon() -> None:
    assessment = make_world(5, n_boroughs=3)
    rules = RosterRules(
        most_visits=2,
        days_between_visits=0,
        days_off=0,
        most_days_in_a_row=2,
        least_teams_a_day=1,
        repeat_return=0.8,
    )
    request = TpuRequest(assessment.as_of, 3, TEAMS, rules=rules)
    check_request(assessment, request, None)
    problem = build_problem(assessment, request, None)
    worth = {
        choice: objective(assessment, request, choice)
        for choice in choices(assessment, request)
        if sum(code is not None for code in choice) == 4
    }
    floor = 0.85 * max(worth.values())
    pool = {choice for choice, value in worth.items() if value >= floor}
    start = max(worth, key=lambda choice: worth[choice])
    visits = {
        (t, d): problem.codes.index(code)
        for d in range(3)
        for t in range(2)
        if (code := start[d * 2 + t]) is not None
    }
    rng = np.random.default_rng(1)
    seen: Counter[Choice] = Counter()
    n_draws = 12 * len(pool)
    for _ in range(n_draws):
        draw = draw_roster(problem, visits, kept=(), floor=round(floor * 1e6), rng=rng, steps=150)
        visits = draw.visits
        where = {slot: problem.codes[borough] for slot, borough in visits.items()}
        seen[tuple(where.get((t, d)) for d in range(3) for t in range(2))] += 1
    assert 100 < len(pool) < len(worth)
    assert set(seen) == pool
    expected = n_draws / len(pool)
    chi_square = sum((seen[choice] - expected) ** 2 / expected for choice in pool)
    freedom = len(pool) - 1
    assert chi_square < freedom + 5 * (2 * freedom) ** 0.5  # five standard deviations


def test_more_epsilon_is_dearer_and_less_predictable() -> None:
    assessment = make_world(3, n_boroughs=12)
    request = TpuRequest(assessment.as_of, 7, TEAMS)
    rosters = [roster_week(assessment, request, seed=4, epsilon=e) for e in (0.0, 0.05, 0.3)]
    entropies = [roster.unpredictability.entropy_bits for roster in rosters]
    assert entropies == sorted(entropies)
    assert entropies[0] < entropies[2]
    assert rosters[0].unpredictability.price == 0
    for roster in rosters:
        assert roster.objective >= roster.unpredictability.floor
    others = [roster_week(assessment, request, seed=seed) for seed in range(3)]
    assert len({one.roster_id for one in others}) == 3


def test_every_rule_of_a_clash_is_needed_and_they_suffice() -> None:
    assessment, found = make_world(2, n_boroughs=8), 0
    for seed in range(30):
        request, published = random_request(assessment, np.random.default_rng(seed))
        check_request(assessment, request, published)
        problem = build_problem(assessment, request, published)
        rules = {*RULES, *map(fixed_rule, problem.fixed)}
        names = set(clash(problem, goal=None, beside=(), time_limit_s=20))
        if not names:
            continue
        found += 1

        def possible(kept: set[str], rules: set[str] = rules, problem: Any = problem) -> bool:
            without = frozenset(rules - kept)
            return feasible(problem, without=without, must=(), time_limit_s=20)

        assert not possible(names)
        assert all(possible(names - {name}) for name in names)
    assert found >= 4

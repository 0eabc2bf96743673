"""The roster of the Trojan Proactive Unit: the public door of its tasking.

Roster the unit's teams over the coming days: borough, staffing and tactic, with requests
answered as far as duty allows, then as much expected risk visited as possible, proven best; and
drawn at random among the rosters nearly as good, so that nobody can plan around a pattern.
"""

from __future__ import annotations

import math

import numpy as np

from allocator.tpu.answers import answered_rules, answering_slots, outcomes, prices
from allocator.tpu.assembly import Drawn, assemble
from allocator.tpu.checks import check_request
from allocator.tpu.conflicts import refuse_infeasible
from allocator.tpu.problem import RosterProblem, build_problem
from allocator.tpu.request import TpuRefusedError, TpuRequest
from allocator.tpu.roster import TpuRoster
from allocator.tpu.sampling import draw_roster
from allocator.tpu.solve import Best, solve_best, solve_posts, solve_start
from allocator.tpu.verifier import verify_roster
from hotspots.assessment import RiskAssessment

EPSILON = 0.01
MAX_EPSILON = 0.5
MAX_SEED = 2**63
#: Random weights of the days of duty, from 1.
WEIGHTS = 1_000


def roster_week(
    assessment: RiskAssessment,
    request: TpuRequest,
    *,
    seed: int,
    epsilon: float = EPSILON,
    published: TpuRoster | None = None,
    time_limit_s: float = 20.0,
) -> TpuRoster:
    """Roster the Trojan Proactive Unit.

    Parameters
    ----------
    assessment
        The risk assessment; only its borough and ward scores count.
    request
        Days, teams, ranks, rules, requests, absences and overrides.
    seed
        Of the draw, 0 or more; it is written into the roster.
    epsilon
        Share of the best objective that may be given up for unpredictability, 0 to 0.5. With 0
        the draw is among the rosters that are exactly best.
    published
        The roster in force. Its tasks inside the lead stay; what it says of earlier days counts
        for rest and repeat visits.
    time_limit_s
        Seconds for each solve.

    Returns
    -------
    TpuRoster
        Verified by code that shares nothing with the model.

    Raises
    ------
    TpuRefusedError
        Something in the request cannot be used.
    TpuInfeasibleError
        No roster keeps all rules; those that clash are named.
    PlanTimedOutError
        The time limit ended a solve before any roster was found.
    PlanVerificationError
        The roster failed its independent check: a defect.
    """
    _check_draw(seed, epsilon, time_limit_s)
    check_request(assessment, request, published)
    problem = build_problem(assessment, request, published)
    best = solve_best(problem, time_limit_s=time_limit_s)
    if best is None:
        raise refuse_infeasible(problem, time_limit_s)
    drawn = _drawn(problem, best, seed, epsilon, time_limit_s)
    answers = outcomes(problem, best, drawn.roster, time_limit_s=time_limit_s)
    roster = assemble(assessment, problem, drawn, answers, published)
    verify_roster(roster, assessment, request, published)
    return roster


def _check_draw(seed: int, epsilon: float, time_limit_s: float) -> None:
    if not 0 <= seed < MAX_SEED:
        raise TpuRefusedError(f"the seed is {seed}", remedy="give a whole number from 0 to 2^63-1")
    if not 0 <= epsilon <= MAX_EPSILON:
        raise TpuRefusedError(
            f"epsilon is {epsilon:g}",
            remedy=f"give a share from 0 to {MAX_EPSILON:g}, for example {EPSILON:g}",
        )
    if not time_limit_s > 0:
        raise TpuRefusedError(
            f"the time limit is {time_limit_s:g} s", remedy="allow more than 0 s, for example 20"
        )


def _drawn(
    problem: RosterProblem, best: Best, seed: int, epsilon: float, time_limit_s: float
) -> Drawn:
    """Draw a roster above the floor, then say who goes with whom."""
    rng = np.random.default_rng(seed)
    floor = math.ceil(best.points * (1 - epsilon) - 1e-9)
    must = answered_rules(best.roster)
    numbers = rng.integers(1, WEIGHTS, size=len(problem.slots)).tolist()
    weights = dict(zip(problem.slots, numbers, strict=True))
    start = solve_start(problem, best, floor, weights, must=must)
    kept = {*answering_slots(problem, start).values(), *problem.fixed}
    draw = draw_roster(problem, start.visits, kept=kept, floor=floor, rng=rng)
    roster = solve_posts(problem, start, draw.visits, must=must)
    cost = prices(problem, best, time_limit_s=time_limit_s)
    return Drawn(best, roster, draw, cost, floor, seed, epsilon)

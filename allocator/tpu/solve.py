"""Solve the roster in stages with CP-SAT: answer requests, then risk, then a random start.

One worker and a fixed seed of the solver: the same problem gives the same roster.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from allocator.errors import PlanTimedOutError
from allocator.tpu.model import RosterModel, build_model
from allocator.tpu.problem import Post, RosterProblem, Slot

#: Deterministic seconds for a random start: any roster above the floor will do.
START_EFFORT = 0.1
#: Weight of the inspector's company beside that of a floating sergeant.
INSPECTOR_FIRST = 100


@dataclass(frozen=True)
class Roster:
    """A solution in positions: the borough of every slot on duty, and who goes with whom."""

    visits: Mapping[Slot, int]
    posts: Mapping[tuple[Post, int], int]  # (post, day) -> team
    honoured: frozenset[int]
    staffed: Mapping[int, int]  # request -> team


@dataclass(frozen=True)
class Best:
    """The best roster found and what was proven about it.

    Attributes
    ----------
    roster
        The solution.
    answered
        Value of the first stage, which no later stage gives up.
    points, bound
        Worth of the roster in millionths, and the proven upper limit of it.
    proven
        Whether both stages were solved to the end.
    """

    roster: Roster
    answered: int
    points: int
    bound: int
    proven: bool


def solve_best(
    problem: RosterProblem, *, time_limit_s: float, must: Iterable[str] = ()
) -> Best | None:
    """Return the best roster, or None when no roster keeps the rules.

    Raises
    ------
    PlanTimedOutError
        The time limit ended the search before any roster was found.
    """
    deadline = time.monotonic() + time_limit_s
    model = build_model(problem, must=must)
    answered, proven = 0, True
    if problem.request.requests:
        model.cp.maximize(model.answered)
        solver = _solve(model, deadline - time.monotonic())
        if solver is None:
            return None
        answered = round(solver.objective_value)
        proven = round(solver.best_objective_bound) == answered
        model.cp.add(model.answered >= answered)
        _hint(model, solver)
    model.cp.maximize(model.worth)
    solver = _solve(model, deadline - time.monotonic())
    if solver is None:
        return None
    points = round(solver.objective_value)
    bound = round(solver.best_objective_bound)
    roster = _read(model, solver)
    return Best(roster, answered, points, bound, proven and bound == points)


def solve_worth(problem: RosterProblem, *, must: Iterable[str], time_limit_s: float) -> int:
    """Return the greatest worth in millionths of a roster with these answers.

    Raises
    ------
    PlanTimedOutError
        The time limit ended the search before any roster was found.
    """
    model = build_model(problem, must=must)
    model.cp.maximize(model.worth)
    solver = _solve(model, time_limit_s)
    return 0 if solver is None else round(solver.objective_value)


def solve_start(
    problem: RosterProblem,
    best: Best,
    floor: int,
    weights: Mapping[Slot, int],
    *,
    must: Iterable[str],
) -> Roster:
    """Return a roster worth at least ``floor`` whose days of duty are drawn by weights.

    Parameters
    ----------
    problem, best
        The problem and its best roster: as many shifts are worked.
    floor
        Least worth in millionths.
    weights
        Random weight of each slot, positive.
    must
        Names of the requests and proposals that the best roster answers.
    """
    model = build_model(problem, must=must)
    model.cp.add(model.worth >= floor)
    model.cp.add(sum(model.duty.values()) >= len(best.roster.visits))
    model.cp.maximize(sum(weights[slot] * on for slot, on in model.duty.items()))
    _hint_roster(model, best.roster)
    solver = _solver(effort=START_EFFORT)
    status = solver.solve(model.cp)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return best.roster
    return _read(model, solver)


def solve_posts(
    problem: RosterProblem, start: Roster, visits: Mapping[Slot, int], *, must: Iterable[str]
) -> Roster:
    """Say who goes with whom once the visits are drawn: the inspector where it counts most.

    The inspector goes with as many shifts as duty allows, those of higher risk first; then the
    floating sergeants. ``start`` is a roster with the same days of duty and the same answers.
    """
    model = build_model(problem, must=must)
    for t, d in problem.slots:
        where = visits.get((t, d))
        if where is None:
            model.cp.add(model.duty[t, d] == 0)
        else:
            model.cp.add(model.visit[t, d, where] == 1)
    _hint_roster(model, replace(start, visits=visits))
    model.cp.maximize(
        sum(
            _company(problem, post, visits.get((t, d))) * on
            for (post, t, d), on in model.at.items()
        )
    )
    solver = _solver(effort=START_EFFORT)
    status = solver.solve(model.cp)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise PlanTimedOutError(
            "no officers could be put to the drawn visits within the time limit",
            remedy="report this as a defect with the request",
        )
    return _read(model, solver)


def feasible(
    problem: RosterProblem, *, without: frozenset[str], must: Iterable[str], time_limit_s: float
) -> bool:
    """Return whether some roster keeps every rule but those left out.

    Raises
    ------
    PlanTimedOutError
        The time limit ended the search undecided.
    """
    model = build_model(problem, without=without, must=must, valued=False)
    return _solve(model, time_limit_s) is not None


def _company(problem: RosterProblem, post: Post, borough: int | None) -> int:
    if borough is None:
        return 0
    if post.rank == "inspector":
        return INSPECTOR_FIRST * 100 + round(100 * problem.shares[borough])
    return INSPECTOR_FIRST // 2


def _solver(*, limit_s: float | None = None, effort: float | None = None) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.random_seed = 0
    if limit_s is not None:
        solver.parameters.max_time_in_seconds = limit_s
    if effort is not None:
        solver.parameters.max_deterministic_time = effort
    return solver


def _solve(model: RosterModel, limit_s: float) -> cp_model.CpSolver | None:
    solver = _solver(limit_s=max(limit_s, 0.001))
    status = solver.solve(model.cp)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return solver
    if status == cp_model.INFEASIBLE:
        return None
    raise PlanTimedOutError(
        "the time limit ended the search before any roster was found",
        remedy="allow more seconds with --time-limit-s",
    )


def _hint(model: RosterModel, solver: cp_model.CpSolver) -> None:
    for variable in (*model.visit.values(), *model.at.values()):
        model.cp.add_hint(variable, solver.value(variable))


def _hint_roster(model: RosterModel, roster: Roster) -> None:
    for (t, d, b), variable in model.visit.items():
        model.cp.add_hint(variable, int(roster.visits.get((t, d)) == b))
    for (post, t, d), variable in model.at.items():
        model.cp.add_hint(variable, int(roster.posts.get((post, d)) == t))


def _read(model: RosterModel, solver: cp_model.CpSolver) -> Roster:
    return Roster(
        visits={(t, d): b for (t, d, b), on in model.visit.items() if solver.boolean_value(on)},
        posts={(p, d): t for (p, t, d), on in model.at.items() if solver.boolean_value(on)},
        honoured=frozenset(r for r, met in model.honour.items() if solver.boolean_value(met)),
        staffed={r: t for (r, t), on in model.staffed.items() if solver.boolean_value(on)},
    )

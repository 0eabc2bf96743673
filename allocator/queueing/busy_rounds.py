"""Busy fractions that the plan itself causes, in rounds: solve, work out the queue, solve again.

A unit in a heavy area is out on calls more often, and its neighbours with it. After a solve the
units' busy fractions come from Larson's approximation of the hypercube queue, overflow to other
areas included. Within an area they follow demand, so every borough gets an intensity, and any
other area the busy fraction of its boroughs' intensities added up. The next round solves roughly
with the mean of the intensities so far (successive averages, so that rounds do not swing).

Of the plans found, the one that covers most *under the busy fractions it causes itself* is taken,
and one last solve proves how much better any plan could be if those intensities stayed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from allocator.errors import PlanInfeasibleError
from allocator.patrol_areas import members_of
from allocator.plan import Fleet, PatrolPlan
from allocator.plan_problem import PlanProblem
from allocator.plan_world import World
from allocator.queueing.fleet_queue import CallLoad, solve_fleet_queue
from allocator.robustness import Robustness
from allocator.solver.outer_approximation import Solution
from allocator.travel_time import TravelTime
from allocator.week_days import Floats

MAX_ROUNDS = 4  # solves in all, the proven last one included
ROUGH_GAP = 0.01  # of the rounds before the last
PROOF_GAP = 0.003  # of the last: a tighter one would cost time and change no plan


#: ``build(world)``: the same request in a world with other intensities.
Build = Callable[[World], PlanProblem]
#: ``solve(problem, gap, start)``: solve to a gap, from the columns of a plan.
Solve = Callable[[PlanProblem, float, NDArray[np.intp]], Solution]


@dataclass(frozen=True)
class Settled:
    """What the rounds ended with: the model of the last round and its plan.

    Attributes
    ----------
    problem, solution
        Objective, bound and gap are of this model. Where busy fractions were worked out, the
        plan's are exactly those it causes.
    rounds
        Solves, the first with one busy fraction for all included.
    robustness
        Coverage over the posterior draws, once it was weighed.
    """

    problem: PlanProblem
    solution: Solution
    rounds: int
    robustness: Robustness | None = None


@dataclass(frozen=True)
class _Consistent:
    """A plan in the model of the busy fractions it causes."""

    problem: PlanProblem
    columns: NDArray[np.intp]
    objective: float
    shortfall: float


def call_load(fleet: Fleet) -> CallLoad | None:
    """Return the fleet's assumed load, or nothing when it does not say how many calls there are.

    Raises
    ------
    PlanningRefusedError
        A figure is out of bounds.
    """
    if fleet.calls_per_week is None:
        return None
    if fleet.service_time_s is None:
        return CallLoad(fleet.calls_per_week)
    return CallLoad(fleet.calls_per_week, fleet.service_time_s)


def settled(
    problem: PlanProblem,
    columns: NDArray[np.intp],
    *,
    fleet: Fleet,
    travel: TravelTime,
    build: Build,
    solve: Solve,
    gap: float,
) -> Settled:
    """Bring plan and busy fractions into agreement, in at most :data:`MAX_ROUNDS` solves.

    Parameters
    ----------
    problem, columns
        The first round, with one busy fraction for all, and its plan.
    fleet, travel
        Load and turn-out time, and drive times, of the queue.
    build, solve
        Make and solve the model of a round.
    gap
        Up to which a plan counts as proven best; the last round is solved to
        :data:`PROOF_GAP` where that is wider.

    Raises
    ------
    OverloadRefusedError
        The units on duty cannot complete the calls.
    PlanInfeasibleError
        No plan found keeps the coverage floor under the busy fractions it causes.
    """
    mean = np.zeros(len(problem.world.borough_codes))
    seen: list[_Consistent] = []
    for number in range(1, MAX_ROUNDS):
        own = _consistent(problem, columns, fleet, travel, build)
        if any(np.array_equal(own.columns, one.columns) for one in seen):
            break
        seen.append(own)
        if number == MAX_ROUNDS - 1:
            break
        mean = mean + (_required(own.problem.world) - mean) / number
        problem = build(replace(problem.world, busy_intensity=mean))
        columns = solve(problem, ROUGH_GAP, columns).columns
    best = max(seen, key=lambda one: (-one.shortfall, one.objective))
    if best.shortfall > 0.0:
        raise PlanInfeasibleError(
            "no plan found keeps the coverage floor under the busy fractions it causes itself",
            remedy="ask for a lower floor, or leave calls_per_week out of the fleet file",
        )
    return _proven(best, solve, gap, rounds=len(seen) + 1)


def _proven(best: _Consistent, solve: Solve, gap: float, *, rounds: int) -> Settled:
    """Prove how much better any plan could be under the plan's own intensities."""
    found = solve(best.problem, max(gap, PROOF_GAP), best.columns)
    bound = max(found.bound, best.objective)
    solution = replace(
        found,
        columns=best.columns,
        objective=best.objective,
        bound=bound,
        proven=bound - best.objective <= gap * best.objective,
    )
    return Settled(best.problem, solution, rounds)


def as_caused(
    problem: PlanProblem,
    columns: NDArray[np.intp],
    *,
    fleet: Fleet,
    travel: TravelTime,
    build: Build,
) -> PlanProblem:
    """Return the model of a plan under the busy fractions that the plan causes itself.

    Parameters
    ----------
    problem, columns, fleet, travel, build
        As for :func:`settled`.

    Raises
    ------
    OverloadRefusedError
        The units on duty cannot complete the calls.
    """
    return _consistent(problem, columns, fleet, travel, build).problem


def _consistent(
    problem: PlanProblem,
    columns: NDArray[np.intp],
    fleet: Fleet,
    travel: TravelTime,
    build: Build,
) -> _Consistent:
    busy = busy_of_plan(problem, columns, fleet, travel)
    own = build(replace(problem.world, busy_intensity=_intensity(problem, columns, busy)))
    exposure = own.exposure[:, columns].sum(axis=1)
    return _Consistent(own, columns, own.covered(exposure), own.shortfall(exposure))


def _required(world: World) -> Floats:
    """Return the intensities of a world that has them."""
    if world.busy_intensity is None:
        raise ValueError("a consistent plan has intensities")
    return world.busy_intensity


def busy_of_plan(
    problem: PlanProblem,
    columns: NDArray[np.intp],
    fleet: Fleet,
    travel: TravelTime,
) -> Floats:
    """Return the busy fraction that a plan causes each chosen column's unit, (n_units,).

    Units with no day on the road for their area cause no busy time and get 0.
    """
    world = problem.world
    patrol = np.zeros((len(columns), len(world.weights)))
    duty = np.zeros((len(columns), sum(len(kind.days) for kind in world.kinds)), dtype=np.bool_)
    for row, column in enumerate(columns.tolist()):
        unit_class = problem.classes[int(problem.class_of[column])]
        ground = members_of(problem.masks[column] | unit_class.support)
        inside = np.isin(world.borough_of_ward, ground)
        patrol[row, inside] = world.weights[inside] / world.weights[inside].sum()
        for kind, available in zip(world.kinds, unit_class.available, strict=True):
            duty[row, list(kind.days)] = available > 0.0
    on_road = duty.any(axis=1)
    queue = solve_fleet_queue(
        patrol[on_road] @ travel.seconds,
        world.demand,
        duty[on_road][:, duty.any(axis=0)],
        call_load(fleet) or CallLoad(),
        turnout_s=fleet.turnout_s,
        exact=False,
    )
    busy = np.zeros(len(columns))
    busy[on_road] = queue.busy_fraction
    return busy


def as_planned(world: World, plan: PatrolPlan) -> World:
    """Return the world with the busy intensities that a plan was made with, if it records any."""
    recorded = plan.settings.get("busy_fractions")
    if not isinstance(recorded, Mapping) or not recorded:
        return world
    intensity = np.zeros(len(world.borough_codes))
    position = {code: number for number, code in enumerate(world.borough_codes)}
    for unit in plan.units:
        members = [position[code] for code in unit.boroughs if code in position]
        busy = recorded.get(unit.unit_id, 0.0)
        intensity[members] = _spread(world, members, float(busy))
    return replace(world, busy_intensity=intensity)


def _intensity(problem: PlanProblem, columns: NDArray[np.intp], busy: Floats) -> Floats:
    intensity = np.zeros(len(problem.world.borough_codes))
    for column, fraction in zip(columns.tolist(), busy.tolist(), strict=True):
        members = list(members_of(problem.masks[column]))
        intensity[members] = _spread(problem.world, members, fraction)
    return intensity


def _spread(world: World, members: list[int], busy: float) -> Floats:
    """Share a unit's busy fraction among the boroughs of its area, by demand."""
    demand = world.borough_demand[members]
    if demand.sum() <= 0:
        demand = np.ones(len(members))
    return np.asarray(busy * demand / demand.sum(), dtype=np.float64)

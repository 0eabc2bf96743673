"""Why each unit is where it is: what it adds, the next best area, and a sentence for the chair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator.patrol_areas import members_of
from allocator.plan import RunnerUp
from allocator.plan_problem import PlanProblem
from allocator.solver.local_search import Step, steps

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Placed:
    """A unit and the column it was given."""

    unit_id: str
    provenance: str
    column: int


def marginal_coverage(problem: PlanProblem, columns: NDArray[np.intp]) -> dict[int, float]:
    """Objective lost if the unit of each column leaves and the others stay, exactly."""
    total = problem.exposure[:, columns].sum(axis=1)
    full = problem.covered(total)
    return {
        column: full
        - problem.covered(
            problem.exposure[:, [other for other in columns.tolist() if other != column]].sum(
                axis=1
            )
        )
        for column in columns.tolist()
    }


def runners_up(
    problem: PlanProblem, columns: NDArray[np.intp], objective: float
) -> dict[int, RunnerUp | None]:
    """Find the best other area of each column's unit, one step away, and its loss.

    The steps are those of :func:`allocator.solver.local_search.steps`: every one keeps all rules of
    the plan, and its loss is the exact coverage of the whole plan before less after. Null
    where no step changes the unit's area.
    """
    best: dict[int, tuple[float, int]] = {}
    for step in steps(problem, columns):
        if step.shortfall > 0.0:
            continue
        for old, new in _changed_areas(problem, step):
            if old not in best or step.objective > best[old][0]:
                best[old] = (step.objective, new)
    codes = problem.world.borough_codes
    return {
        column: RunnerUp(
            tuple(codes[member] for member in members_of(best[column][1])),
            objective - best[column][0],
        )
        if column in best
        else None
        for column in columns.tolist()
    }


def _changed_areas(problem: PlanProblem, step: Step) -> list[tuple[int, int]]:
    """(old column, new area) for both units of a step; two units trading areas is no other plan."""
    old = [problem.masks[column] for column in step.out]
    new = [problem.masks[column] for column in step.into]
    if sorted(old) == sorted(new):
        return []
    return list(zip(step.out, new, strict=True))


def borough_coverage(problem: PlanProblem, columns: NDArray[np.intp]) -> Floats:
    """Return the expected share of each borough's demand reached in time, (n_boroughs,).

    A borough without demand counts its wards by patrol time.
    """
    return problem.borough_coverage(problem.exposure[:, columns].sum(axis=1))


def assigned_units(
    problem: PlanProblem, columns: NDArray[np.intp], previous: Mapping[str, int]
) -> tuple[Placed, ...]:
    """Give the columns of each class to its units: the same area as before, then overlap.

    Units whose previous area was chosen keep it; then the pairs that share the most boroughs
    with the unit's previous area are matched; the rest go in order of unit and borough code.
    """
    placed: list[Placed] = []
    for position, unit_class in enumerate(problem.classes):
        open_columns = [c for c in columns.tolist() if problem.class_of[c] == position]
        open_units = list(unit_class.units)
        pairs = sorted(
            (-_likeness(previous.get(unit.unit_id, 0), problem.masks[column]), unit.unit_id, order)
            for unit in open_units
            for order, column in enumerate(sorted(open_columns, key=lambda c: _order(problem, c)))
        )
        ordered = sorted(open_columns, key=lambda c: _order(problem, c))
        by_id = {unit.unit_id: unit for unit in open_units}
        taken: set[int] = set()
        for _, unit_id, order in pairs:
            if unit_id in by_id and order not in taken:
                unit = by_id.pop(unit_id)
                taken.add(order)
                placed.append(Placed(unit.unit_id, unit.provenance, ordered[order]))
    return tuple(sorted(placed, key=lambda one: one.unit_id))


def _order(problem: PlanProblem, column: int) -> tuple[int, ...]:
    return members_of(problem.masks[column])


def _likeness(before: int, now: int) -> float:
    """Share of boroughs in common; 2 when the area is the same."""
    if before == now:
        return 2.0
    return (before & now).bit_count() / (before | now).bit_count()


def reason(
    problem: PlanProblem,
    placed: Placed,
    *,
    coverage: Floats,
    marginal: float,
    locked: tuple[str, ...],
    kept: bool,
    standard_s: int,
    supported: tuple[str, ...] = (),
    remarks: tuple[str, ...] = (),
) -> str:
    """Return one sentence a chair can read out.

    Parameters
    ----------
    coverage
        float (n_boroughs,) of the whole plan.
    marginal
        Objective lost without the unit.
    locked
        Names of boroughs the request locked the unit to.
    kept
        Whether the area is that of the previous plan.
    standard_s
        Service standard in seconds.
    supported
        Names of boroughs the unit deliberately overlaps.
    remarks
        What else the chair should know, such as days off duty.
    """
    world = problem.world
    members = list(members_of(problem.masks[placed.column]))
    demand = world.borough_demand[members]
    share = float(demand.sum())
    reached = float(demand @ coverage[members] / share) if share > 0 else 0.0
    names = listed([world.borough_names[member] for member in members])
    alone = len(members) == 1
    most = "" if alone else f", {world.borough_names[members[int(demand.argmax())]]} the most"
    text = (
        f"{names} {'expects' if alone else 'expect'} {share:.1%} of reported firearms incidents"
        f"{most}; {reached:.0%} of this demand can be reached within "
        f"{minutes(standard_s)}, and without this unit London as a whole would lose "
        f"{100 * marginal:.1f} percentage points of coverage"
    )
    notes = [f"locked to {listed(list(locked))} by the request"] if locked else []
    notes += _eligibility(problem, placed)
    if supported:
        notes.append(f"also supports {listed(list(supported))}")
    notes += remarks
    if kept:
        notes.append("same area as in the previous plan")
    return f"{text} ({'; '.join(notes)})." if notes else f"{text}."


def _eligibility(problem: PlanProblem, placed: Placed) -> list[str]:
    n_allowed = problem.classes[int(problem.class_of[placed.column])].allowed.bit_count()
    n_boroughs = len(problem.world.borough_codes)
    if n_allowed == n_boroughs:
        return []
    return [f"{placed.provenance} may patrol only {n_allowed} of {n_boroughs} boroughs with it"]


def listed(names: list[str]) -> str:
    """Join names the way a sentence does: A, B and C."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def minutes(seconds: int) -> str:
    """Say a time in minutes, with seconds only where there are some."""
    whole, rest = divmod(seconds, 60)
    return f"{whole} min" if not rest else f"{whole} min {rest} s"

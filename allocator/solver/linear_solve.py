"""Solve a linear model with MathOpt and answer in arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt.python import mathopt

from allocator.solver.linear_model import LinearModel, math_opt_proto

Floats = NDArray[np.float64]
# HiGHS proves models of this size faster than GSCIP; on larger ones it overruns a time limit.
MAX_COLUMNS_OF_HIGHS = 1_000


@dataclass(frozen=True)
class Answer:
    """One solve.

    Attributes
    ----------
    values
        float (n_variables,), or nothing when no solution was found.
    bound
        Proven upper limit of the objective; infinite when nothing was proven.
    reduced_costs
        float (n_variables,), of a relaxed model only.
    infeasible
        Whether the model was proven to have no solution.
    """

    values: Floats | None
    bound: float
    reduced_costs: Floats | None
    infeasible: bool


def solve_linear(model: LinearModel, *, relaxed: bool, gap: float, limit_s: float) -> Answer:
    """Solve with MathOpt: GLOP for relaxations, HiGHS or GSCIP for integer models."""
    if limit_s <= 0:
        return Answer(None, math.inf, None, infeasible=False)
    opt_model = mathopt.Model.from_model_proto(math_opt_proto(model, relaxed=relaxed))
    small = len(model.objective) <= MAX_COLUMNS_OF_HIGHS
    exact = mathopt.SolverType.HIGHS if small else mathopt.SolverType.GSCIP
    solver = mathopt.SolverType.GLOP if relaxed else exact
    parameters = mathopt.SolveParameters(
        time_limit=timedelta(seconds=limit_s), relative_gap_tolerance=None if relaxed else gap
    )
    result = mathopt.solve(opt_model, solver, params=parameters)
    reason = result.termination.reason
    if reason in (
        mathopt.TerminationReason.INFEASIBLE,
        mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED,
    ):
        return Answer(None, math.inf, None, infeasible=True)
    size = len(model.objective)
    values = (
        _by_id(result.variable_values(), size) if result.has_primal_feasible_solution() else None
    )
    if not relaxed:
        return Answer(values, result.best_objective_bound(), None, infeasible=False)
    if reason != mathopt.TerminationReason.OPTIMAL or values is None:
        return Answer(None, math.inf, None, infeasible=False)
    return Answer(values, result.objective_value(), _by_id(result.reduced_costs(), size), False)


def _by_id(values: dict[mathopt.Variable, float], size: int) -> Floats:
    array = np.zeros(size)
    for variable, value in values.items():
        array[variable.id] = value
    return array

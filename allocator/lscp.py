"""The location set covering problem (Toregas et al. 1971): the fewest sites that reach all.

    minimise    sum_j x_j
    subject to  sum_j a_ij x_j >= 1   for every demand point i
                x_j in {0, 1}

with a_ij = 1 where site j covers point i (the boundary counts as covered) and x_j = 1 where a
unit stands. Points that are covered whenever another is, and sites that reach no more than
another does, are left out first; HiGHS (through MathOpt) solves the rest.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray
from ortools.math_opt.python import mathopt
from scipy.sparse import csr_matrix

from allocator.location_inputs import (
    LocationRefusedError,
    checked_covers,
    checked_keep,
    checked_time_limit,
)
from allocator.mclp import CoverageSolution, undominated
from allocator.site_selection import Status
from allocator.solver.linear_model import LinearModel, math_opt_proto

NAMED = 5  # uncoverable points named in a refusal


@dataclass(frozen=True)
class _Cover:
    """A cover, the proven least number of sites, and whether the two agree."""

    sites: tuple[int, ...]
    bound: int


def solve_lscp(
    covers: ArrayLike, *, time_limit_s: float, keep: Sequence[int] = ()
) -> CoverageSolution:
    """Cover every demand point with as few sites as possible.

    Parameters
    ----------
    covers
        bool (n_demand, n_sites): whether a unit at the site covers the point.
    time_limit_s
        Seconds; the smallest cover found is returned as ``timed_out`` when they are over.
    keep
        Sites that must be used, for example stations that exist.

    Returns
    -------
    CoverageSolution
        ``objective`` and ``bound`` count sites; ``bound`` is a proven least number.

    Raises
    ------
    LocationRefusedError
        ``covers`` is malformed, some point is covered by no site (named), or ``keep`` or the
        time limit is impossible.
    """
    checked_time_limit(time_limit_s)
    table = checked_covers(covers)
    kept = checked_keep(table.shape[1], keep)
    _check_coverable(table)
    cover = least_cover(table, keep=kept, time_limit_s=time_limit_s)
    proven = len(cover.sites) == cover.bound
    status: Status = "optimal" if proven else "timed_out"
    return CoverageSolution(status, len(cover.sites), cover.bound, cover.sites)


def least_cover(
    table: NDArray[np.bool_], *, keep: Sequence[int] = (), time_limit_s: float
) -> _Cover:
    """Return the smallest cover found and the proven least number of sites.

    Parameters
    ----------
    table
        bool (n_demand, n_sites) with a true value in every row.
    keep
        Sites in every cover.
    time_limit_s
        Seconds from now.
    """
    deadline = time.monotonic() + time_limit_s
    kept = list(keep)
    rest = np.unique(table[~table[:, kept].any(axis=1)], axis=0)
    if not len(rest):
        return _Cover(tuple(kept), len(kept))
    sites = undominated(rest, ())
    rows = _hardest(rest[:, sites])
    greedy = _greedy(rows)
    found, bound = _solve(rows, greedy, deadline - time.monotonic())
    chosen = tuple(sorted([*kept, *sites[list(found)].tolist()]))
    return _Cover(chosen, len(kept) + bound)


def _check_coverable(table: NDArray[np.bool_]) -> None:
    alone = np.flatnonzero(~table.any(axis=1)).tolist()
    if not alone:
        return
    shown = ", ".join(str(point) for point in alone[:NAMED])
    more = f" and {len(alone) - NAMED} more" if len(alone) > NAMED else ""
    raise LocationRefusedError(
        f"no site covers demand point {shown}{more}, so no number of units covers everything",
        remedy="raise the service standard, add sites, or leave these points out",
    )


def _hardest(rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Leave out every point that is covered whenever some other point is; ties to the first."""
    easier = undominated(~rows.T, ())
    return rows[easier]


def _greedy(rows: NDArray[np.bool_]) -> tuple[int, ...]:
    """Take the site that covers most of what is left, then drop what is not needed."""
    left = np.ones(len(rows), dtype=np.bool_)
    chosen: list[int] = []
    while left.any():
        chosen.append(int(rows[left].sum(axis=0).argmax()))
        left &= ~rows[:, chosen[-1]]
    for site in list(chosen):
        others = [other for other in chosen if other != site]
        if others and rows[:, others].any(axis=1).all():
            chosen = others
    return tuple(sorted(chosen))


def _solve(
    rows: NDArray[np.bool_], greedy: tuple[int, ...], limit_s: float
) -> tuple[tuple[int, ...], int]:
    """Return the best cover and the proven least number of sites."""
    if limit_s <= 0:
        return greedy, 1
    n_rows, n_sites = rows.shape
    model = LinearModel(
        matrix=csr_matrix(rows.astype(np.float64)),
        row_lower=np.ones(n_rows),
        row_upper=np.full(n_rows, np.inf),
        lower=np.zeros(n_sites),
        upper=np.ones(n_sites),
        objective=np.full(n_sites, -1.0),
        integer=np.ones(n_sites, dtype=np.bool_),
        row_names=tuple(f"point_{number}" for number in range(n_rows)),
        names=tuple(f"site_{number}" for number in range(n_sites)),
    )
    result = mathopt.solve(
        mathopt.Model.from_model_proto(math_opt_proto(model)),
        mathopt.SolverType.HIGHS,
        params=mathopt.SolveParameters(time_limit=timedelta(seconds=limit_s)),
    )
    best = greedy
    if result.has_primal_feasible_solution():
        values = result.variable_values()
        chosen = tuple(sorted(variable.id for variable, x in values.items() if x > 0.5))
        best = min(best, chosen, key=len)
    bound = -result.best_objective_bound()
    least = int(np.ceil(bound - 1e-6)) if np.isfinite(bound) else 1
    return best, min(max(1, least), len(best))

"""The maximal covering location problem (Church and ReVelle 1974), solved to a proof.

    maximise    sum_i d_i y_i
    subject to  y_i <= sum_j a_ij x_j   for every demand point i
                sum_j x_j = p
                x_j in {0, 1}, 0 <= y_i <= 1

with d_i the demand of point i, a_ij = 1 where site j covers it (the boundary counts as
covered), x_j = 1 where a unit stands and p units. Relaxing the covering rows with multipliers
0 <= u_i <= d_i leaves

    sum_i (d_i - u_i) + the p highest of sum_i a_ij u_i

(Galvao and ReVelle 1996), which :mod:`allocator.site_selection` closes; what it has not closed
after some nodes goes to HiGHS, without the sites that no better choice can use. Points covered
by the same sites are one point, and a site is left out where another covers all it covers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray
from ortools.math_opt.python import mathopt
from scipy.sparse import csr_matrix, hstack, identity, vstack

from allocator.location_inputs import checked_covers, checked_demand, checked_search
from allocator.site_selection import Choice, Floats, Sites, Status, Watch, choose
from allocator.solver.linear_model import LinearModel, math_opt_proto

MAX_NODES = 100  # of the search by Lagrangian bounds
WHOLE = 1e-6  # coverage is whole, up to the solver's rounding
MAX_COMPARED = 6_000  # comparing columns in pairs takes their number squared
SPARSE_BELOW = 0.1  # share of ones under which sparse products are faster


@dataclass(frozen=True)
class CoverageSolution:
    """Where the units stand and how much they cover.

    Attributes
    ----------
    status
        ``optimal``: proven; ``timed_out``: the best found when the time was over.
    objective, bound
        Demand covered (for a set cover: sites used), and the proven limit of it.
    sites
        Chosen sites, ascending.
    """

    status: Status
    objective: int
    bound: int
    sites: tuple[int, ...]

    @property
    def gap(self) -> float:
        """Relative distance of bound and objective, 0 when both are 0."""
        if self.objective == self.bound:
            return 0.0
        return abs(self.bound - self.objective) / self.objective if self.objective else float("inf")


def solve_mclp(
    covers: ArrayLike,
    demand: ArrayLike,
    *,
    n_units: int,
    time_limit_s: float,
    keep: Sequence[int] = (),
    watch: Watch | None = None,
) -> CoverageSolution:
    """Place units so that as much demand as possible lies within reach of one.

    Parameters
    ----------
    covers
        bool (n_demand, n_sites): whether a unit at the site covers the point.
    demand
        int64 (n_demand,), >= 0.
    n_units
        Units to place, each at a site of its own: 1 to n_sites.
    time_limit_s
        Seconds; the best placement found is returned as ``timed_out`` when they are over.
    keep
        Sites that must be used, for example stations that exist.
    watch
        Told covered demand and bound while the search goes on. Ctrl-C, or the watch raising
        ``KeyboardInterrupt``, ends it as the time limit would; a solver that is at work then
        ends first.

    Returns
    -------
    CoverageSolution
        With exactly ``n_units`` sites.

    Raises
    ------
    LocationRefusedError
        Shapes disagree, demand is negative, not a number or not whole, ``covers`` holds
        anything but true and false, or ``n_units``, ``keep`` or the time limit is impossible.
    """
    table = checked_covers(covers)
    weights = checked_demand(demand, len(table))
    kept = checked_search(table.shape[1], n_units, keep, time_limit_s)
    rows, merged = merged_rows(table, weights)
    candidates = undominated(rows, kept)
    if len(candidates) <= n_units:  # every site worth having is chosen
        sites = _filled(candidates, table.shape[1], n_units, kept)
        objective = int(weights[table[:, list(sites)].any(axis=1)].sum())
        return CoverageSolution("optimal", objective, objective, sites)
    position = {site: number for number, site in enumerate(candidates.tolist())}
    standing = [position[site] for site in kept]
    choice = _choose(
        rows[:, candidates], merged, n_units, standing, time_limit_s=time_limit_s, watch=watch
    )
    objective = round(choice.value)
    bound = objective if choice.status == "optimal" else math.floor(choice.bound + WHOLE)
    sites = tuple(candidates[choice.sites].tolist())
    return CoverageSolution(choice.status, objective, max(bound, objective), sites)


def _choose(
    rows: NDArray[np.bool_],
    demand: NDArray[np.int64],
    n_units: int,
    keep: Sequence[int],
    *,
    time_limit_s: float,
    watch: Watch | None,
) -> Choice:
    """Search by Lagrangian bounds; leave to HiGHS what they cannot close soon."""
    deadline = time.monotonic() + time_limit_s
    problem = _Covering(rows, demand)
    choice = choose(
        problem, n_units, keep=keep, time_limit_s=time_limit_s, max_nodes=MAX_NODES, watch=watch
    )
    left_s = deadline - time.monotonic()
    if choice.status == "optimal" or left_s <= 0 or choice.interrupted:
        return choice
    model = _model(*merged_rows(rows[:, choice.open_sites], demand), n_units)
    fixed = np.isin(choice.open_sites, list(keep))
    model.lower[: len(fixed)] = fixed
    result = mathopt.solve(
        mathopt.Model.from_model_proto(math_opt_proto(model)),
        mathopt.SolverType.HIGHS,
        params=mathopt.SolveParameters(
            time_limit=timedelta(seconds=left_s), absolute_gap_tolerance=0.5
        ),
    )
    sites = choice.sites
    if result.has_primal_feasible_solution():
        chosen = [v.id for v, x in result.variable_values().items() if x > 0.5]
        found = choice.open_sites[sorted(site for site in chosen if site < len(fixed))]
        sites = max(sites, found, key=problem.value)
    bound = min(choice.bound, max(problem.value(sites), result.best_objective_bound()))
    proven = bound < problem.value(sites) + 1 - WHOLE
    return replace(
        choice,
        sites=sites,
        value=problem.value(sites),
        bound=bound,
        status="optimal" if proven else "timed_out",
    )


def _model(rows: NDArray[np.bool_], demand: NDArray[np.int64], n_units: int) -> LinearModel:
    """Return the textbook model with continuous y: whole x make them whole."""
    n_rows, n_sites = rows.shape
    reach = hstack([csr_matrix(rows.astype(np.float64)), -identity(n_rows)])
    count = csr_matrix(np.concatenate([np.ones(n_sites), np.zeros(n_rows)])[None, :])
    return LinearModel(
        matrix=csr_matrix(vstack([reach, count])),
        row_lower=np.concatenate([np.zeros(n_rows), [float(n_units)]]),
        row_upper=np.concatenate([np.full(n_rows, np.inf), [float(n_units)]]),
        lower=np.zeros(n_sites + n_rows),
        upper=np.ones(n_sites + n_rows),
        objective=np.concatenate([np.zeros(n_sites), demand.astype(np.float64)]),
        integer=np.arange(n_sites + n_rows) < n_sites,
        row_names=(*(f"point_{number}" for number in range(n_rows)), "units"),
        names=(
            *(f"site_{number}" for number in range(n_sites)),
            *(f"covered_{number}" for number in range(n_rows)),
        ),
    )


def merged_rows(
    table: NDArray[np.bool_], demand: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return the points that count, one for every distinct set of sites, and their demand.

    Parameters
    ----------
    table
        bool (n_demand, n_sites).
    demand
        int64 (n_demand,).
    """
    useful = (demand > 0) & table.any(axis=1)
    packed = np.packbits(table[useful], axis=1)
    if not len(packed):
        return table[:0], demand[:0]
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    merged = np.zeros(len(first), dtype=np.int64)
    np.add.at(merged, group, demand[useful])
    return table[useful][first], merged


def undominated(rows: NDArray[np.bool_], kept: Sequence[int]) -> Sites:
    """Columns whose ones are not all in one other column; of equal columns the first.

    Parameters
    ----------
    rows
        bool (n_rows, n_columns). Tables of more than ``MAX_COMPARED`` columns are not
        compared: all their columns are returned.
    kept
        Columns returned in any case.

    Returns
    -------
    ndarray
        int, ascending; at least one.
    """
    n_columns = rows.shape[1]
    if n_columns > MAX_COMPARED:
        return np.arange(n_columns)
    as_float = rows.astype(np.float32)
    shared = as_float.T @ as_float
    size = np.diagonal(shared)
    number = np.arange(n_columns)
    before = (size[None, :] > size[:, None]) | (number[None, :] < number[:, None])
    # [a, b]: all that a covers, b covers
    useless = np.logical_or.reduce((shared >= size[:, None]) & before, axis=1)
    needed = np.isin(number, list(kept))
    return np.flatnonzero(needed | ~useless)


def _filled(candidates: Sites, n_sites: int, n_units: int, kept: Sequence[int]) -> tuple[int, ...]:
    chosen = [*kept, *(site for site in candidates.tolist() if site not in set(kept))]
    spare = [site for site in range(n_sites) if site not in set(chosen)]
    return tuple(sorted([*chosen, *spare][:n_units]))


class _Covering:
    """The Lagrangian of the covering rows, see :class:`allocator.site_selection.SiteProblem`."""

    whole = True

    def __init__(self, rows: NDArray[np.bool_], demand: NDArray[np.int64]) -> None:
        self.n_sites = rows.shape[1]
        self._rows = rows
        self._demand = demand.astype(np.float64)
        self.lowest: Floats = np.zeros(len(demand))
        self.highest: Floats = self._demand
        sparse = rows.size > 0 and rows.mean() < SPARSE_BELOW
        by_site = np.ascontiguousarray(rows.T, dtype=np.float64)
        self._by_site = csr_matrix(by_site) if sparse else by_site

    def start(self) -> Floats:
        """Share each point's demand among the sites that cover it."""
        return np.asarray(self._demand / np.maximum(1, self._rows.sum(axis=1)), dtype=np.float64)

    def scores(self, multipliers: Floats) -> tuple[float, Floats]:
        """Return uncovered worth and the worth each site collects, (n_sites,)."""
        return float(self._demand.sum() - multipliers.sum()), self._collect(multipliers)

    def served(self, multipliers: Floats, sites: Sites) -> Floats:
        """Return how many of the sites cover each point, (n_demand,)."""
        del multipliers
        return np.asarray(self._rows[:, sites].sum(axis=1), dtype=np.float64)

    def value(self, sites: Sites) -> float:
        """Return the demand covered."""
        return float(self._demand[self._rows[:, sites].any(axis=1)].sum())

    def swap_gains(self, sites: Sites) -> Floats:
        """Return the change in covered demand for every swap, (n_sites, p)."""
        own = self._rows[:, sites]
        count = own.sum(axis=1)
        gain = self._collect(np.where(count == 0, self._demand, 0.0))
        alone = np.where((count == 1)[:, None] & own, self._demand[:, None], 0.0)
        back = np.asarray(self._by_site @ alone, dtype=np.float64)
        return np.asarray(gain[:, None] - alone.sum(axis=0)[None, :] + back, dtype=np.float64)

    def restricted(self, sites: Sites) -> _Covering:
        """Return the problem on some of the sites."""
        return _Covering(self._rows[:, sites], self._demand.astype(np.int64))

    def _collect(self, worth: Floats) -> Floats:
        return np.asarray(self._by_site @ worth, dtype=np.float64)

"""The p-median problem (Hakimi 1964; ReVelle and Swain 1970), solved to a proof.

    minimise    sum_ij w_i c_ij z_ij
    subject to  sum_j z_ij = 1          for every demand point i
                z_ij <= x_j
                sum_j x_j = p
                x_j in {0, 1}, z_ij >= 0

with w_i the demand of point i, c_ij its distance to site j, x_j = 1 where a unit stands and
z_ij = 1 where it serves the point. Relaxing the first rows with multipliers u_i leaves

    sum_i u_i - the p highest of sum_i max(0, u_i - w_i c_ij)

as a lower bound (Cornuejols, Fisher and Nemhauser 1977; Beasley 1993), which
:mod:`allocator.site_selection` closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from allocator.location_inputs import checked_costs, checked_search, checked_weights
from allocator.site_selection import Floats, Sites, Status, Watch, choose

EXACT = 2.0**53  # whole numbers up to here are exact
NEAR_SITES = 6  # how many times its share of the sites a point may look at


@dataclass(frozen=True)
class LocationSolution:
    """Where the units stand, whom each serves, and what it costs.

    Attributes
    ----------
    status
        ``optimal``: proven; ``timed_out``: the best found when the time was over.
    objective, bound
        Weighted distance (p-median) or greatest distance (p-centre), and the proven lower
        limit of it.
    sites
        Chosen sites, ascending.
    assigned
        The serving site of every demand point: the nearest chosen one, ties to the first.
    """

    status: Status
    objective: float
    bound: float
    sites: tuple[int, ...]
    assigned: tuple[int, ...]

    @property
    def gap(self) -> float:
        """Relative distance of objective and bound, 0 when both are 0."""
        if self.objective == self.bound:
            return 0.0
        return (self.objective - self.bound) / self.objective


def solve_p_median(
    costs: ArrayLike,
    demand: ArrayLike,
    *,
    n_units: int,
    time_limit_s: float,
    keep: Sequence[int] = (),
    watch: Watch | None = None,
) -> LocationSolution:
    """Place units so that the demand-weighted distance to the nearest is least.

    Parameters
    ----------
    costs
        float (n_demand, n_sites), >= 0: distance in metres or time in seconds.
    demand
        float (n_demand,), >= 0.
    n_units
        Units to place, each at a site of its own: 1 to n_sites.
    time_limit_s
        Seconds; the best placement found is returned as ``timed_out`` when they are over.
    keep
        Sites that must be used, for example stations that exist.
    watch
        Told distance and bound while the search goes on. Ctrl-C, or the watch raising
        ``KeyboardInterrupt``, ends it as the time limit would.

    Returns
    -------
    LocationSolution
        With exactly ``n_units`` sites.

    Raises
    ------
    LocationRefusedError
        Shapes disagree, a distance or demand is negative or not a finite number, or
        ``n_units``, ``keep`` or the time limit is impossible.
    """
    table = checked_costs(costs)
    weights = checked_weights(demand, len(table))
    kept = checked_search(table.shape[1], n_units, keep, time_limit_s)
    used = weights > 0
    problem = _Median(weights[used, None] * table[used], n_units)
    least = None if watch is None else _negated(watch)
    choice = choose(problem, n_units, keep=kept, time_limit_s=time_limit_s, watch=least)
    objective = -choice.value + 0.0
    bound = objective if choice.status == "optimal" else max(0.0, -choice.bound)
    return LocationSolution(
        choice.status, objective, bound, tuple(choice.sites.tolist()), nearest(table, choice.sites)
    )


def _negated(watch: Watch) -> Watch:
    """Tell distances, not the values of a search for the greatest."""

    def told(value: float, bound: float) -> None:
        watch(-value + 0.0, max(0.0, -bound))

    return told


def nearest(costs: Floats, sites: Sites) -> tuple[int, ...]:
    """Return the nearest chosen site of every demand point, ties to the first."""
    return tuple(sites[costs[:, sites].argmin(axis=1)].tolist())


class _Median:
    """The Lagrangian of the assignment, see :class:`allocator.site_selection.SiteProblem`."""

    def __init__(self, costs: Floats, n_units: int) -> None:
        self.n_sites = costs.shape[1]
        self._costs = costs
        self._n_units = n_units
        self._farthest: Floats = costs.max(axis=1, initial=0.0)
        self.whole = bool((costs == np.floor(costs)).all() and self._farthest.sum() < EXACT)
        # A point is served by one of its nearest sites: farther ones need no multiplier.
        near = min(self.n_sites - 1, NEAR_SITES * self.n_sites // n_units)
        self.lowest: Floats = costs.min(axis=1)
        self.highest: Floats = np.partition(costs, near, axis=1)[:, near]
        by_site = costs.T
        sites, points = np.nonzero(by_site < self.highest)
        self._site_of, self._point_of = sites, points
        self._near_costs = by_site[sites, points]

    def start(self) -> Floats:
        """Return the distance to the site that is one of n_sites / p nearest."""
        rank = min(self.n_sites - 1, self.n_sites // self._n_units)
        return np.asarray(np.partition(self._costs, rank, axis=1)[:, rank])

    def scores(self, multipliers: Floats) -> tuple[float, Floats]:
        """Return minus the multipliers' sum and what each site saves, (n_sites,)."""
        saved = np.maximum(multipliers[self._point_of] - self._near_costs, 0.0)
        by_site = np.bincount(self._site_of, weights=saved, minlength=self.n_sites)
        return -float(multipliers.sum()), by_site.astype(np.float64, copy=False)

    def served(self, multipliers: Floats, sites: Sites) -> Floats:
        """Return how many of the sites each point gains from, (n_demand,)."""
        return np.asarray((self._costs[:, sites] < multipliers[:, None]).sum(axis=1), dtype=float)

    def value(self, sites: Sites) -> float:
        """Return minus the weighted distance to the nearest of the sites."""
        return -float(self._costs[:, sites].min(axis=1, initial=np.inf).sum())

    def swap_gains(self, sites: Sites) -> Floats:
        """Return the change for every swap (Resende and Werneck 2007), (n_sites, p)."""
        own = self._costs[:, sites]
        order = np.argsort(own, axis=1, kind="stable")
        rows = np.arange(len(own))
        closest = own[rows, order[:, 0]]
        second = own[rows, order[:, 1]] if len(sites) > 1 else self._farthest + 1.0
        gain = np.maximum(closest[:, None] - self._costs, 0.0).sum(axis=0)
        rest = np.minimum(self._costs, second[:, None]) - np.minimum(self._costs, closest[:, None])
        extra = (second - closest)[:, None] - rest
        by_cluster = np.zeros((len(sites), self.n_sites))
        cluster = order[:, 0]
        sequence = np.argsort(cluster, kind="stable")
        present, first = np.unique(cluster[sequence], return_index=True)
        by_cluster[present] = np.add.reduceat(extra[sequence], first, axis=0)
        loss = np.bincount(cluster, weights=second - closest, minlength=len(sites))
        return np.asarray(gain[:, None] - loss[None, :] + by_cluster.T)

    def restricted(self, sites: Sites) -> _Median:
        """Return the problem on some of the sites."""
        return _Median(self._costs[:, sites], self._n_units)

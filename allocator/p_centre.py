"""The p-centre problem (Hakimi 1964): make the farthest demand point as near as possible.

    minimise    r
    subject to  every demand point lies within r of a chosen site; p sites are chosen

Solved as Minieka (1970) does: r is one of the distances of the table, and p sites suffice for
a distance exactly when the least set cover at that distance (:mod:`allocator.lscp`) has at
most p sites; bisection over the sorted distances finds the smallest.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from allocator.location_inputs import checked_costs, checked_search
from allocator.lscp import least_cover
from allocator.p_median import LocationSolution, nearest
from allocator.site_selection import Floats, Status, Watch


def solve_p_centre(
    costs: ArrayLike,
    *,
    n_units: int,
    time_limit_s: float,
    keep: Sequence[int] = (),
    watch: Watch | None = None,
) -> LocationSolution:
    """Place units so that the greatest distance to the nearest one is least.

    Parameters
    ----------
    costs
        float (n_demand, n_sites), >= 0: distance in metres or time in seconds.
    n_units
        Units to place, each at a site of its own: 1 to n_sites.
    time_limit_s
        Seconds; the best placement found is returned as ``timed_out`` when they are over.
    keep
        Sites that must be used, for example stations that exist.
    watch
        Told distance and bound before every step. Ctrl-C, or the watch raising
        ``KeyboardInterrupt``, ends the search as the time limit would.

    Returns
    -------
    LocationSolution
        With exactly ``n_units`` sites; ``objective`` is the greatest distance.

    Raises
    ------
    LocationRefusedError
        A distance is negative or not a finite number, or ``n_units``, ``keep`` or the time
        limit is impossible.
    """
    table = checked_costs(costs)
    kept = checked_search(table.shape[1], n_units, keep, time_limit_s)
    deadline = time.monotonic() + time_limit_s
    best = _farthest_first(table, n_units, kept)
    radius = _radius(table, best)
    least = float(table.min(axis=1).max())  # no choice does better than all sites together
    options = np.unique(table[(table >= least) & (table < radius)])
    low, high = 0, len(options)  # options below low are proven impossible
    try:
        while low < high and time.monotonic() < deadline:
            if watch is not None:
                watch(radius, float(options[low]))
            middle = (low + high) // 2
            left_s = deadline - time.monotonic()
            cover = least_cover(table <= options[middle], keep=kept, time_limit_s=left_s)
            if len(cover.sites) <= n_units:
                best = _filled(cover.sites, table.shape[1], n_units)
                radius = _radius(table, best)
                high = int(np.searchsorted(options, radius))
            elif cover.bound > n_units:
                low = middle + 1
            else:
                break
    except KeyboardInterrupt:
        radius = _radius(table, best)
    bound = radius if low >= high else float(options[low])
    status: Status = "optimal" if low >= high else "timed_out"
    sites = np.array(best, dtype=np.intp)
    return LocationSolution(status, radius, bound, best, nearest(table, sites))


def _radius(costs: Floats, sites: Sequence[int]) -> float:
    return float(costs[:, list(sites)].min(axis=1).max())


def _farthest_first(costs: Floats, n_units: int, kept: Sequence[int]) -> tuple[int, ...]:
    """Open, one at a time, the free site nearest to the point that is worst served so far."""
    chosen = list(kept) or [int(costs.max(axis=0).argmin())]
    while len(chosen) < n_units:
        worst = int(costs[:, chosen].min(axis=1).argmax())
        distances = costs[worst].copy()
        distances[chosen] = np.inf
        chosen.append(int(distances.argmin()))
    return tuple(sorted(chosen))


def _filled(sites: Sequence[int], n_sites: int, n_units: int) -> tuple[int, ...]:
    spare = [site for site in range(n_sites) if site not in set(sites)]
    return tuple(sorted([*sites, *spare][:n_units]))

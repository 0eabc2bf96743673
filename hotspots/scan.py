"""Is something emerging? A prospective space-time scan over the last 1, 7 and 28 days.

Each candidate is a cylinder: a ward, or all wards with centres within a radius of its centre,
over the last days. What is expected in it comes from the data's own margins, ``incidents of
the zone x incidents of the window / all incidents`` (space-time permutation scan, Kulldorff and
others 2005, PLoS Medicine 2:e59): places that are always busy and weeks that are busy everywhere
are no news. The statistic is Kulldorff's likelihood ratio; the null shuffles the days over the
incidents. Every cylinder is compared with the largest statistic of each shuffle, so
that looking at thousands of places at three windows costs nothing (Dwass 1957).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, spatial, special

from hotspots.errors import AssessmentRefusedError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WINDOWS_DAYS = (28, 7, 1)
RADII_M = (0.0, 1_500.0, 3_000.0)
#: Fewer incidents than this say nothing about place and time together.
LEAST_INCIDENTS = 20
#: A cluster needs at least this many incidents: two are a coincidence.
LEAST_IN_CLUSTER = 3
_BATCH = 100


@dataclass(frozen=True)
class Cylinder:
    """A zone and a window with more incidents than expected.

    Attributes
    ----------
    wards
        Indices of the zone's wards, the one in the middle first.
    window_days
        Last days scanned.
    observed, expected
        Incidents in the cylinder, and what the margins lead one to expect.
    p_value
        Against the largest statistic of any cylinder, (M + 1) / (R + 1).
    """

    wards: tuple[int, ...]
    window_days: int
    observed: int
    expected: float
    p_value: float


@dataclass(frozen=True)
class Zones:
    """Candidate places: ``member`` (Z, W) of 0 and 1, and the ward in the middle (Z,)."""

    member: sparse.csr_array
    centre: NDArray[np.intp]


def scan_zones(x_m: Floats, y_m: Floats, *, radii_m: Sequence[float] = RADII_M) -> Zones:
    """Return the circles of whole wards around every ward, each set of wards once.

    Parameters
    ----------
    x_m, y_m
        float64 (W,): ward centres in a projected system.
    radii_m
        A ward belongs when its centre is within the radius; 0 is the ward alone.
    """
    tree = spatial.cKDTree(np.column_stack([x_m, y_m]))
    rows: dict[tuple[int, ...], int] = {}
    for radius in radii_m:
        for centre, near in enumerate(tree.query_ball_point(tree.data, radius)):
            rows.setdefault(tuple(sorted({centre, *near})), centre)
    sizes = [len(row) for row in rows]
    index = np.concatenate([np.array(row, dtype=np.intp) for row in rows])
    start = np.concatenate([[0], np.cumsum(sizes)])
    member = sparse.csr_array((np.ones(len(index)), index, start), shape=(len(rows), len(x_m)))
    return Zones(member, np.array(list(rows.values()), dtype=np.intp))


def scan(
    ward: NDArray[np.intp],
    days_before: NDArray[np.intp],
    zones: Zones,
    *,
    seed: int,
    n_simulations: int = 999,
    highest_p: float = 0.05,
    windows_days: Sequence[int] = WINDOWS_DAYS,
) -> tuple[Cylinder, ...]:
    """Return the emerging clusters, the least likely by chance first, none sharing a ward.

    Parameters
    ----------
    ward, days_before
        int (n_incidents,): the ward of each incident of the study period, and on which day
        it happened, 0 being the last. The study period must be covered throughout, and be
        much longer than the longest window.
    zones
        Candidate places.
    seed, n_simulations
        Of the shuffles.
    highest_p
        Clusters above it are not returned.
    windows_days
        Last days to scan.

    Returns
    -------
    tuple of Cylinder
        Empty when there are fewer than 20 incidents or none is recent.

    Raises
    ------
    AssessmentRefusedError
        A ward that is not there, a negative day, no window, or no simulation.
    """
    windows = tuple(sorted(set(windows_days), reverse=True))
    _refuse_bad_events(ward, days_before, zones, windows, n_simulations)
    n_wards = int(zones.member.shape[1])
    total = np.bincount(ward, minlength=n_wards).astype(np.int64)
    n_all = int(total.sum())
    if n_all < LEAST_INCIDENTS or not (days_before < windows[0]).any():
        return ()
    inside = np.stack(
        [np.bincount(ward[days_before < days], minlength=n_wards) for days in windows]
    )
    share = zones.member @ total / n_all
    expected = share[None, :] * inside.sum(axis=1)[:, None]
    observed = np.asarray(inside @ zones.member.T)
    seen = _statistic(observed, expected, n_all)
    largest = _largest_by_chance(
        ward, inside.sum(axis=1), zones, expected, n_simulations=n_simulations, seed=seed
    )
    reached = n_simulations - np.searchsorted(np.sort(largest), seen - 1e-9)
    p_value = np.asarray((reached + 1.0) / (n_simulations + 1.0), dtype=np.float64)
    return _apart(
        seen, observed, expected, p_value, zones=zones, windows=windows, highest_p=highest_p
    )


def recurrence_in_words(days: float) -> str:
    """Say how rarely chance gives as strong a pattern, for example ``about once in 3 years``."""
    if days < 10.5:
        return "about once a week"
    if days < 60:
        return f"about once in {round(days / 7)} weeks"
    if days < 700:
        return f"about once in {round(days / 30.4)} months"
    return f"about once in {round(days / 365.25)} years"


def _statistic(observed: Floats, expected: Floats, n_all: int) -> Floats:
    """Return the log likelihood ratio, 0 where no more than expected was seen."""
    ratio = np.zeros(observed.shape)
    more = observed > expected
    seen, mean = observed[more], np.broadcast_to(expected, observed.shape)[more]
    ratio[more] = seen * np.log(seen / mean)
    ratio[more] += special.xlogy(n_all - seen, (n_all - seen) / (n_all - mean))
    return ratio


def _largest_by_chance(
    ward: NDArray[np.intp],
    in_window: Ints,
    zones: Zones,
    expected: Floats,
    *,
    n_simulations: int,
    seed: int,
) -> Floats:
    """Return the largest statistic of each shuffle of the days, float64 (n_simulations,).

    Only the incidents that a shuffle moves into the longest window matter; the first of them
    fill the shorter ones.
    """
    random = np.random.default_rng(seed)
    n_wards = int(zones.member.shape[1])
    ordered = np.sort(ward)
    largest = np.empty(n_simulations)
    for start in range(0, n_simulations, _BATCH):
        size = min(_BATCH, n_simulations - start)
        drawn = np.stack(
            [random.choice(ordered, int(in_window[0]), replace=False) for _ in range(size)]
        )
        drawn += np.arange(size)[:, None] * n_wards
        best = np.zeros(size)
        for window, number in enumerate(in_window):
            flat = np.bincount(drawn[:, :number].ravel(), minlength=size * n_wards)
            counts = np.asarray(zones.member @ flat.reshape(size, n_wards).T)
            ratio = _statistic(counts, expected[window][:, None], len(ward))
            best = np.maximum(best, ratio.max(axis=0))
        largest[start : start + size] = best
    return largest


def _apart(
    seen: Floats,
    observed: Floats,
    expected: Floats,
    p_value: Floats,
    *,
    zones: Zones,
    windows: tuple[int, ...],
    highest_p: float,
) -> tuple[Cylinder, ...]:
    """Take the strongest cylinders one by one, leaving out those that share a ward."""
    candidates = np.argwhere((p_value <= highest_p) & (observed >= LEAST_IN_CLUSTER))
    strongest = sorted(candidates.tolist(), key=lambda at: (-seen[at[0], at[1]], at[1], at[0]))
    taken: set[int] = set()
    found = []
    for window, zone in strongest:
        wards = zones.member.indices[zones.member.indptr[zone] : zones.member.indptr[zone + 1]]
        centre = int(zones.centre[zone])
        if taken.isdisjoint(wards.tolist()):
            taken.update(wards.tolist())
            found.append(
                Cylinder(
                    wards=(centre, *(int(one) for one in wards if one != centre)),
                    window_days=windows[window],
                    observed=int(observed[window, zone]),
                    expected=float(expected[window, zone]),
                    p_value=float(p_value[window, zone]),
                )
            )
    return tuple(found)


def _refuse_bad_events(
    ward: NDArray[np.intp],
    days_before: NDArray[np.intp],
    zones: Zones,
    windows: tuple[int, ...],
    n_simulations: int,
) -> None:
    n_wards = int(zones.member.shape[1])
    if ward.shape != days_before.shape or (
        len(ward) and not 0 <= ward.min() <= ward.max() < n_wards
    ):
        raise AssessmentRefusedError(
            f"an incident lies in a ward that is not among the {n_wards}",
            remedy="leave out records outside every ward",
        )
    if len(days_before) and days_before.min() < 0:
        raise AssessmentRefusedError(
            "an incident is after the last day of the scan",
            remedy="leave out what was not known then",
            value=int(days_before.min()),
        )
    if not windows or windows[-1] < 1 or n_simulations < 1:
        raise AssessmentRefusedError(
            "a scan needs windows of at least one day and at least one simulation",
            remedy="use for example 1, 7 and 28 days and 999 simulations",
            value=(windows, n_simulations),
        )

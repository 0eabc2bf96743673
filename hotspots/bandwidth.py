"""Adaptive bandwidths: narrow kernels where events are dense, wide ones where they are rare.

Source: Abramson (1982), "On bandwidth variation in kernel estimates - a square root law",
Annals of Statistics 10; the geometric-mean normalisation follows Silverman (1986), section
5.3. Bandwidths are grouped on a geometric ladder so that each group is one convolution.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hotspots.errors import AssessmentRefusedError

Floats = NDArray[np.float64]

#: Neighbouring rungs of the ladder differ by this factor.
LADDER_STEP = 1.4


def abramson_bandwidths(
    pilot_density: Floats,
    weight: Floats,
    *,
    bandwidth_m: float,
    exponent: float = 0.5,
    bounds_m: tuple[float, float] = (40.0, 3000.0),
) -> Floats:
    """Return a bandwidth for every event from a pilot density at its place.

    Parameters
    ----------
    pilot_density
        float64 (n_events,), > 0, in any unit.
    weight
        float64 (n_events,), >= 0: weights in the geometric mean.
    bandwidth_m
        Bandwidth of an event at the geometric mean of the pilot density.
    exponent
        0 gives every event ``bandwidth_m``; 0.5 is Abramson's square-root law.
    bounds_m
        Least and greatest bandwidth.

    Returns
    -------
    float64 (n_events,)
        ``bandwidth_m * (pilot / geometric mean) ** -exponent``, within the bounds.

    Raises
    ------
    AssessmentRefusedError
        A pilot density that is not positive and finite, or a bandwidth or bounds that are
        not positive.
    """
    if not (np.isfinite(pilot_density) & (pilot_density > 0)).all():
        raise AssessmentRefusedError(
            "a pilot density must be positive at every event",
            remedy="mix some uniform density into the pilot",
        )
    low, high = bounds_m
    if not 0 < low <= high or not bandwidth_m > 0:
        raise AssessmentRefusedError(
            "bandwidths are positive metres, the lower bound not above the upper",
            remedy="use for example 150 with bounds 40 and 3000",
            value=(bandwidth_m, low, high),
        )
    total = weight.sum()
    if not total > 0:
        return np.full(len(pilot_density), float(np.clip(bandwidth_m, low, high)))
    logs = np.log(pilot_density)
    relative = logs - float(np.dot(weight, logs)) / total
    return np.asarray(np.clip(bandwidth_m * np.exp(-exponent * relative), low, high))


def ladder(bandwidth_m: Floats) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Share every bandwidth between the two rungs of a geometric ladder around it.

    Parameters
    ----------
    bandwidth_m
        float64 (n_events,), > 0.

    Returns
    -------
    rungs
        float64 (n_rungs,): bandwidths, ascending, each ``1.4`` times the one before and on
        one ladder for all inputs.
    lower
        int64 (n_events,): the rung at or below each bandwidth.
    upper_share
        float64 (n_events,): the share that the next rung takes, linear in the variance, so
        that the mixed kernel has the variance asked for.
    """
    step = np.log(LADDER_STEP)
    place = np.floor(np.log(bandwidth_m) / step + 1e-9).astype(np.int64)
    first = int(place.min()) if len(place) else 0
    last = int(place.max()) if len(place) else 0
    rungs = np.exp(step * np.arange(first, last + 2))
    lower = place - first
    below, above = rungs[lower] ** 2, rungs[lower + 1] ** 2
    share = np.clip((bandwidth_m**2 - below) / (above - below), 0.0, 1.0)
    return rungs, lower, np.asarray(share, dtype=np.float64)

"""An additive mixture of memories and bandwidths, its weights learned from past windows.

Every component spreads the events of one memory with one kernel; the forecast is their
weighted sum, so each cell stays an exact sum over events. The weights maximise the likelihood
of what happened in past windows under the components as they stood before each of them
(expectation-maximisation), with Dirichlet pseudo-counts that hold them to the prior mix when
events are few. A share is always spread evenly, so that no cell is impossible.

Source: Dempster, Laird and Rubin (1977) for the algorithm; Jordan and Jacobs (1994), "Hierarchical
mixtures of experts", for combining predictors by likelihood. Measured in ``docs/backtest.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Pseudo-counts, in events, that hold the learned weights to the prior mix.
PRIOR_EVENTS = 20.0
_EM_STEPS = 200


@dataclass(frozen=True)
class Component:
    """One memory and one kernel.

    Attributes
    ----------
    prior_weight
        Weight when nothing can be learned; they sum to 1 over the mixture.
    memory_blocks
        Blocks of 28 days that are remembered, each with the same weight.
    half_life_blocks
        When given, blocks lose half their weight over so many blocks.
    bandwidth_m
        Standard deviation of the Gaussian; 0 counts by cell.
    exponent
        0 for one bandwidth, otherwise Abramson's exponent: ``bandwidth_m`` is then that of an
        event at the geometric mean of the pilot density.
    uniform
        Spread evenly over the area instead.
    """

    prior_weight: float
    memory_blocks: int = 130
    half_life_blocks: float | None = None
    bandwidth_m: float = 0.0
    exponent: float = 0.0
    uniform: bool = False


#: The mixture of ``arv forecast``.
MIXTURE: tuple[Component, ...] = (
    Component(0.20),
    Component(0.05, bandwidth_m=75.0),
    Component(0.08, bandwidth_m=150.0),
    Component(0.16, bandwidth_m=400.0),
    Component(0.08, bandwidth_m=1200.0),
    Component(0.02, bandwidth_m=3000.0),
    Component(0.03, half_life_blocks=26.0),
    Component(0.03, half_life_blocks=26.0, bandwidth_m=150.0),
    Component(0.03, half_life_blocks=26.0, bandwidth_m=400.0),
    Component(0.03, half_life_blocks=65.0),
    Component(0.03, half_life_blocks=65.0, bandwidth_m=150.0),
    Component(0.03, half_life_blocks=65.0, bandwidth_m=400.0),
    Component(0.05, bandwidth_m=80.0, exponent=0.5),
    Component(0.05, bandwidth_m=80.0, exponent=1.0),
    Component(0.05, bandwidth_m=150.0, exponent=0.5),
    Component(0.05, bandwidth_m=150.0, exponent=1.0),
    Component(0.02, memory_blocks=39, bandwidth_m=80.0, exponent=1.0),
    Component(0.01, uniform=True),
)

#: (bandwidth, share) of the fixed mix: the baseline to beat and the pilot of adaptive kernels.
FIXED_MIX = ((0.0, 0.5), (400.0, 0.3), (1200.0, 0.2))
#: As above, smoother: the pilot density of Abramson's law.
PILOT_MIX = ((0.0, 0.35), (400.0, 0.51), (1200.0, 0.14))


@dataclass(frozen=True)
class LearnedWeights:
    """Weights of a mixture and what they rest on.

    Attributes
    ----------
    weight
        float64 (n_components,), sums to 1.
    n_events, n_windows
        Past events and windows they were learned from.
    """

    weight: Floats
    n_events: int
    n_windows: int


def learn_weights(
    density: Floats, count: Floats, prior: Floats, *, prior_events: float = PRIOR_EVENTS
) -> Floats:
    """Return the weights that maximise the penalised likelihood of past events.

    Parameters
    ----------
    density
        float64 (n_places, n_components): density of each component at the places of past
        events, as it stood before them.
    count
        float64 (n_places,): events at each place.
    prior
        float64 (n_components,), > 0, sums to 1: the mix that the weights are shrunk to.
    prior_events
        Strength of the shrinkage, in events.

    Returns
    -------
    float64 (n_components,)
        Sums to 1; the prior itself when there is no event.
    """
    weight = prior.copy()
    possible = (density @ prior) > 0
    density, count = density[possible], count[possible]
    if not count.sum() > 0:
        return weight
    for _ in range(_EM_STEPS):
        blame = count / (density @ weight)
        weight = weight * (blame @ density) + prior_events * prior
        weight /= weight.sum()
    return np.asarray(weight, dtype=np.float64)

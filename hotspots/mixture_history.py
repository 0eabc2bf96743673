"""The components of a mixture as they stood on any day, from counts by period and cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from hotspots.bandwidth import abramson_bandwidths, ladder
from hotspots.forecast_counts import TRAINING_BLOCKS, PeriodCounts, block_of, block_start
from hotspots.grid import Grid
from hotspots.mixture import PILOT_MIX, Component, LearnedWeights, learn_weights
from hotspots.mixture_smoother import LatticeSmoother

Floats = NDArray[np.float64]

#: Uniform share of the pilot, so that it is positive everywhere.
PILOT_FLOOR = 0.005
#: Cells times training windows that are worth the time; large lattices learn from fewer.
TRAINING_BUDGET = 2_200_000
LEAST_TRAINING_BLOCKS = 8


class MixtureHistory:
    """Components of a mixture by day, each looking only at what came before that day.

    Parameters
    ----------
    counts
        Counts by period and cell, with an edge on every day that is asked for.
    grid
        The lattice the counts were made on.
    components
        The mixture, its prior weights summing to 1.
    """

    def __init__(self, counts: PeriodCounts, grid: Grid, components: Sequence[Component]) -> None:
        self._counts = counts
        self._components = tuple(components)
        self._smoother = LatticeSmoother(grid)
        area = grid.area_share[grid.inside]
        self.area_share: Floats = np.asarray(area / area.sum())
        self._past: dict[int, tuple[Floats, Floats]] = {}
        wanted = TRAINING_BUDGET // max(grid.inside.size, 1)
        self._training = int(np.clip(wanted, LEAST_TRAINING_BLOCKS, TRAINING_BLOCKS))

    @property
    def prior(self) -> Floats:
        """Return float64 (n_components,): the weights when nothing can be learned."""
        return np.array([one.prior_weight for one in self._components])

    def shares(self, day: date) -> Floats:
        """Return float64 (n_components, n_inside): each component's share of the next events.

        Every row sums to 1. A component whose memory is empty is spread by area.
        """
        memories: dict[tuple[int, float | None], Floats] = {}
        for one in self._components:
            key = (one.memory_blocks, one.half_life_blocks)
            if not one.uniform and key not in memories:
                memories[key] = self.memory(day, one.memory_blocks, one.half_life_blocks)
        longest = memories[max(memories, key=lambda key: (key[0], key[1] is None))]
        pilot = self.mix(longest, PILOT_MIX)
        pilot = (1 - PILOT_FLOOR) * pilot / max(pilot.sum(), 1e-300)
        pilot = pilot / self.area_share + PILOT_FLOOR
        rows = []
        for one in self._components:
            counts = memories.get((one.memory_blocks, one.half_life_blocks))
            if one.uniform or counts is None or not counts.any():
                rows.append(self.area_share)
                continue
            spread = (
                self._adaptive(counts, pilot, one)
                if one.exponent
                else self._smoother.smooth(counts, one.bandwidth_m)
            )
            rows.append(spread / spread.sum())
        return np.array(rows)

    def mix(self, counts: Floats, kernels: Sequence[tuple[float, float]]) -> Floats:
        """Return float64 (n_inside,): counts spread by (bandwidth in metres, share) kernels."""
        total = np.zeros(len(counts))
        for bandwidth_m, share in kernels:
            total += share * self._smoother.smooth(counts, bandwidth_m)
        return total

    def memory(self, day: date, n_blocks: int, half_life_blocks: float | None = None) -> Floats:
        """Return float64 (n_inside,): weighted counts of the blocks before a day.

        The block that ``day`` falls in counts as far as it is over, in full weight, and comes
        on top of ``n_blocks`` whole ones.
        """
        periods = self._counts.periods
        last = periods.index(day)
        starts = np.array([block_of(one) for one in periods.days[:last]])
        age = block_of(day) - starts
        weight = np.where(age <= n_blocks, 1.0, 0.0)
        if half_life_blocks is not None:
            weight = weight * np.exp2(-np.maximum(age - 1, 0) / half_life_blocks)
        return np.asarray(weight @ self._counts.counts[:last], dtype=np.float64)

    def training_blocks(self, day: date) -> range:
        """Return the whole blocks before a day whose outcomes its weights are learned from."""
        now = block_of(day)
        return range(now - self._training, now)

    def learn(self, day: date) -> LearnedWeights:
        """Return the mixture's weights, learned from the whole blocks before a day."""
        past = [self.outcome(block) for block in self.training_blocks(day)]
        used = [one for one in past if len(one[1])]
        if not used:
            return LearnedWeights(self.prior, 0, 0)
        density = np.concatenate([one[0] for one in used])
        count = np.concatenate([one[1] for one in used])
        return LearnedWeights(
            learn_weights(density, count, self.prior), int(count.sum()), len(used)
        )

    def remember(self, outcomes: Mapping[int, tuple[Floats, Floats]]) -> None:
        """Take over outcomes by block that were computed elsewhere from the same counts."""
        self._past.update(outcomes)

    def outcome(self, block: int) -> tuple[Floats, Floats]:
        """Return what happened in a block and what the components said before it.

        Returns
        -------
        density
            float64 (n_places, n_components): over the even density, at each cell with events.
        count
            float64 (n_places,): events there.
        """
        if block not in self._past:
            periods = self._counts.periods
            first = periods.index(block_start(block))
            last = periods.index(block_start(block + 1))
            happened = self._counts.between(first, last)
            before = self._counts.counts[:first].sum()
            places = np.flatnonzero(happened) if before else np.zeros(0, dtype=np.int64)
            if len(places):
                shares = self.shares(block_start(block))[:, places]
                density = (shares / self.area_share[places]).T
            else:
                density = np.zeros((0, len(self._components)))
            self._past[block] = (density, happened[places])
        return self._past[block]

    def _adaptive(self, counts: Floats, pilot: Floats, one: Component) -> Floats:
        places = np.flatnonzero(counts)
        bandwidth_m = abramson_bandwidths(
            pilot[places], counts[places], bandwidth_m=one.bandwidth_m, exponent=one.exponent
        )
        rungs, lower, upper_share = ladder(bandwidth_m)
        by_rung = np.zeros((len(rungs), len(counts)))
        by_rung[lower, places] = counts[places] * (1.0 - upper_share)
        by_rung[lower + 1, places] += counts[places] * upper_share
        total = np.zeros(len(counts))
        for rung_m, part in zip(rungs, by_rung, strict=True):
            if part.any():
                total += self._smoother.smooth(part, float(rung_m))
        return total

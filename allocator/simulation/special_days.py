"""Announced events in a simulated week: more calls on some days, fewer vehicles for the rest."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator.simulation.calls import block_random
from allocator.simulation.errors import SimulationRefusedError

Floats = NDArray[np.float64]

DAYS_IN_WEEK = 7
_TAKEN = 2  # what this stream of random numbers is for


@dataclass(frozen=True)
class SpecialDays:
    """What events change, weekday by weekday from Monday.

    Attributes
    ----------
    names
        The events, for people.
    extra_calls
        float (7, n_wards): calls expected beyond the usual ones.
    committed
        Names of the units that each day's events take whole.
    taken
        How many more units each day's events take; which ones is drawn for every week.
    """

    names: tuple[str, ...]
    extra_calls: Floats
    committed: tuple[frozenset[str], ...]
    taken: tuple[int, ...]

    def __post_init__(self) -> None:
        calls = self.extra_calls
        if calls.ndim != 2 or len(calls) != DAYS_IN_WEEK or not (calls >= 0).all():
            raise SimulationRefusedError(
                f"the extra calls have shape {calls.shape} or a negative entry",
                remedy="give 7 days of expected calls for every ward, 0 or more",
            )
        if not np.isfinite(calls).all() or min(self.taken) < 0:
            raise SimulationRefusedError(
                "the extra calls are not finite, or fewer than 0 units are taken",
                remedy="give finite numbers of calls, and 0 or more units",
            )

    def off(
        self,
        unit_ids: Sequence[str],
        weekdays: Sequence[Sequence[int]],
        *,
        n_weeks: int,
        seed: int,
        block: int,
    ) -> NDArray[np.bool_]:
        """Return which units the events keep from their areas on which days.

        The draw of a unit on a day depends on its name alone, so that two plans lose the same
        units in the same week.

        Returns
        -------
        ndarray
            bool (n_weeks, n_units, 7).
        """
        off = np.zeros((n_weeks, len(unit_ids), DAYS_IN_WEEK), dtype=np.bool_)
        lots = np.stack(
            [
                block_random(seed, block, _TAKEN, zlib.crc32(unit_id.encode())).random(
                    (n_weeks, DAYS_IN_WEEK)
                )
                for unit_id in unit_ids
            ],
            axis=1,
        )
        for day in range(DAYS_IN_WEEK):
            named = np.array([unit_id in self.committed[day] for unit_id in unit_ids])
            pool = ~named & np.array([day in days for days in weekdays])
            drawn = np.where(pool, lots[:, :, day], np.inf)
            place = drawn.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
            off[:, :, day] = named | (pool & (place < self.taken[day]))
        return off

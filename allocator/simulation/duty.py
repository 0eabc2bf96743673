"""When a unit is on the road: weekdays on duty, less the handovers at shift changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator.simulation.week_clock import USUAL_WEEK, WeekClock

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DutyTable:
    """The week cut at every moment at which some unit comes on or goes off.

    Attributes
    ----------
    starts_s
        float (n_spans,): start of each span after Monday 00:00, the first 0.
    next_on_s
        float (n_units, n_spans), or (n_weeks, n_units, n_spans) where weeks differ: earliest
        moment at or after the span's start at which the unit is on the road, 0 where it is on
        in this span, infinity where it never is.
    on_s
        float (n_units,), or (n_weeks, n_units) where weeks differ: seconds on the road in a week.
    clock
        The hours of the week.
    """

    starts_s: Floats
    next_on_s: Floats
    on_s: Floats
    clock: WeekClock = USUAL_WEEK

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.on_s.shape[-1])

    def earliest(self, moment_s: Floats, weeks: slice | NDArray[np.intp]) -> Floats:
        """Return the earliest moments at or after those given at which the units are on.

        Parameters
        ----------
        moment_s
            (n_weeks, n_units) seconds after Monday 00:00; later weeks repeat the first.
        weeks
            Which weeks of the table these are.
        """
        if len(self.starts_s) == 1 and not self.next_on_s.any():
            return moment_s
        into_s = np.mod(moment_s, self.clock.length_s)
        span = np.searchsorted(self.starts_s, into_s, side="right") - 1
        if self.next_on_s.ndim == 2:
            wait_until_s = self.next_on_s[np.arange(self.n_units), span]
        else:
            table = self.next_on_s[weeks]
            wait_until_s = np.take_along_axis(table, span[:, :, None], axis=2)[:, :, 0]
        return np.asarray(moment_s + np.maximum(wait_until_s - into_s, 0.0), dtype=np.float64)


def duty_table(
    weekdays: Sequence[Sequence[int]],
    shift_starts_h: Sequence[float],
    handover_s: float,
    clock: WeekClock = USUAL_WEEK,
) -> DutyTable:
    """Work out when every unit is on the road.

    Parameters
    ----------
    weekdays
        Days on duty of each unit (0 = Monday), from midnight to midnight.
    shift_starts_h, handover_s
        See :class:`allocator.simulation.assumptions.SimulationAssumptions`.
    clock
        The hours of the week: days and shifts are local.
    """
    off = [
        _off_spans(days, n, shift_starts_h, handover_s, clock) for n, days in enumerate(weekdays)
    ]
    edges = {0.0, *(edge for spans in off for span in spans for edge in span)}
    starts_s = np.array(sorted(edge for edge in edges if edge < clock.length_s))
    on = np.array(
        [[not any(a <= start < b for a, b in spans) for start in starts_s] for spans in off],
        dtype=np.bool_,
    ).reshape(len(off), len(starts_s))
    return _table(on, starts_s, clock)


def with_days_off(table: DutyTable, off: NDArray[np.bool_]) -> DutyTable:
    """Return a table in which units are also off the road on whole days, week by week.

    Parameters
    ----------
    table
        The same for every week.
    off
        bool (n_weeks, n_units, 7).
    """
    edges_s = table.clock.day_edges_s
    starts_s = np.union1d(table.starts_s, edges_s[:-1])
    span = np.searchsorted(table.starts_s, starts_s, side="right") - 1
    on = (table.next_on_s == 0)[:, span]
    day = np.searchsorted(edges_s, starts_s, side="right") - 1
    return _table(on[None] & ~off[:, :, day], starts_s, table.clock)


def always_on(n_units: int) -> DutyTable:
    """Return the table of units that are on the road at all times."""
    return DutyTable(np.zeros(1), np.zeros((n_units, 1)), np.full(n_units, USUAL_WEEK.length_s))


def _off_spans(
    days: Sequence[int],
    position: int,
    shift_starts_h: Sequence[float],
    handover_s: float,
    clock: WeekClock,
) -> list[tuple[float, float]]:
    """Half-open spans of the week in which a unit is off the road."""
    edges_s, week_s = clock.day_edges_s.tolist(), clock.length_s
    spans = [(edges_s[day], edges_s[day + 1]) for day in range(7) if day not in days]
    if handover_s > 0:
        late_s = (position % 2) * handover_s
        for day in range(7):
            for start_h in shift_starts_h:
                start_s = (clock.moment_s(day, start_h) + late_s) % week_s
                end_s = start_s + handover_s
                spans.append((start_s, min(end_s, week_s)))
                if end_s > week_s:
                    spans.append((0.0, end_s - week_s))
    return spans


def _table(on: NDArray[np.bool_], starts_s: Floats, clock: WeekClock) -> DutyTable:
    """Return the table of bool (..., n_units, n_spans): on the road or not."""
    lengths_s = np.diff(np.append(starts_s, clock.length_s))
    next_s = np.zeros(on.shape)
    first = starts_s[on.argmax(axis=-1)] + clock.length_s
    coming_s = np.where(on.any(axis=-1), first, np.inf)
    for span in range(len(starts_s) - 1, -1, -1):
        here = on[..., span]
        next_s[..., span] = np.where(here, 0.0, coming_s)
        coming_s = np.where(here, starts_s[span], coming_s)
    return DutyTable(starts_s, next_s, np.asarray(on @ lengths_s, dtype=np.float64), clock)

"""Everything a forecast needs to know of an event log: counts by period and cell.

The calendar is cut into blocks of 28 local days (counted from 1970-01-01), and once more at
every as-of day. Counts by period and cell are all the forecast uses, so a log of any size can
be reduced to them piece by piece: counts add exactly, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hotspots.errors import AssessmentRefusedError
from hotspots.grid import CellLocator

Floats = NDArray[np.float64]

#: Length of a block of the calendar, in local days.
BLOCK_DAYS = 28
#: The longest memory, in blocks: ten years.
MEMORY_BLOCKS = 130
#: Blocks before an as-of day whose outcomes the forecast learns from: four years.
TRAINING_BLOCKS = 52
_EPOCH = date(1970, 1, 1)


def block_of(day: date) -> int:
    """Return the number of the 28-day block that holds a local day."""
    return (day - _EPOCH).days // BLOCK_DAYS


def block_start(block: int) -> date:
    """Return the first local day of a block."""
    return _EPOCH + timedelta(days=block * BLOCK_DAYS)


def local_midnight(day: date, timezone: str) -> np.datetime64:
    """Return 00:00 of a local day as datetime64[us] in UTC.

    Raises
    ------
    AssessmentRefusedError
        The time zone is unknown.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise AssessmentRefusedError(
            "unknown time zone", remedy="use an IANA name such as Europe/London", value=timezone
        ) from fault
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return np.datetime64(local.astimezone(UTC).replace(tzinfo=None), "us")


def length_days(first: date, last: date, timezone: str) -> float:
    """Return the time between two local midnights in days of 24 hours."""
    span = local_midnight(last, timezone) - local_midnight(first, timezone)
    return float(span / np.timedelta64(1, "D"))


@dataclass(frozen=True)
class Periods:
    """The calendar cut into blocks, and at further days.

    Attributes
    ----------
    days
        Sorted local days; period ``i`` runs from 00:00 of ``days[i]`` to 00:00 of
        ``days[i + 1]``.
    edges_utc
        datetime64[us] (n_periods + 1,): the same instants in UTC.
    timezone
        IANA name of the local time zone.
    """

    days: tuple[date, ...]
    edges_utc: NDArray[np.datetime64]
    timezone: str

    def index(self, day: date) -> int:
        """Return the number of the period that starts on ``day``, which must be an edge."""
        return self.days.index(day)


def periods(
    as_of: Sequence[date], timezone: str, *, extra: Sequence[date] = (), training: bool = True
) -> Periods:
    """Cut the calendar for forecasts on the as-of days.

    Parameters
    ----------
    as_of
        The days on which forecasts start, at least one.
    timezone
        IANA name.
    extra
        Further days to cut at, for example the ends of the horizons.
    training
        Reach back far enough to learn weights, not only to forecast with given ones.
    """
    first, last = min(as_of), max((*as_of, *extra))
    reach = MEMORY_BLOCKS + (TRAINING_BLOCKS if training else 0)
    blocks = {block_start(b) for b in range(block_of(first) - reach, block_of(last) + 1)}
    days = tuple(sorted({d for d in blocks if d <= last} | set(as_of) | set(extra)))
    edges = np.array([local_midnight(day, timezone) for day in days], dtype="datetime64[us]")
    return Periods(days, edges, timezone)


@dataclass(frozen=True)
class PeriodCounts:
    """Counts of events by period and inside cell.

    Attributes
    ----------
    periods
        The calendar.
    counts
        int64 sparse (n_periods, n_inside).
    n_outside
        Events within the periods but outside the polygon.
    """

    periods: Periods
    counts: sparse.csr_array
    n_outside: int

    @classmethod
    def empty(cls, calendar: Periods, locator: CellLocator) -> PeriodCounts:
        """Return the counts of no event at all."""
        shape = (len(calendar.days) - 1, int(locator.grid.inside.sum()))
        return cls(calendar, sparse.csr_array(shape, dtype=np.int64), 0)

    def between(self, first: int, last: int) -> Floats:
        """Return float64 (n_inside,): counts in the periods ``first`` to ``last - 1``."""
        return np.asarray(self.counts[first:last].sum(axis=0), dtype=np.float64).ravel()

    def __add__(self, other: PeriodCounts) -> PeriodCounts:
        """Add the counts of another part of the same log."""
        total = sparse.csr_array(self.counts + other.counts)
        return PeriodCounts(self.periods, total, self.n_outside + other.n_outside)


def count_events(
    x_m: Floats,
    y_m: Floats,
    occurred_at_utc: NDArray[np.datetime64],
    locator: CellLocator,
    calendar: Periods,
) -> PeriodCounts:
    """Count events by period and cell; later and earlier ones are not looked at.

    Parameters
    ----------
    x_m, y_m
        float64 (n_events,), finite, in the locator's system.
    occurred_at_utc
        datetime64 (n_events,), UTC.
    locator
        Places events on the inside cells.
    calendar
        The periods.
    """
    edges = calendar.edges_utc.astype(np.int64)
    stamps = occurred_at_utc.astype("datetime64[us]").astype(np.int64)
    period = np.searchsorted(edges, stamps, side="right") - 1
    used = (period >= 0) & (period < len(edges) - 1)
    cell = locator.locate(x_m[used], y_m[used])
    period = period[used][cell >= 0]
    n_cells = int(locator.grid.inside.sum())
    keys, number = _tally(period * n_cells + cell[cell >= 0], (len(edges) - 1) * n_cells)
    rows, columns = np.divmod(keys, n_cells)
    counts = sparse.csr_array(
        (number.astype(np.int64), (rows, columns)), shape=(len(edges) - 1, n_cells)
    )
    return PeriodCounts(calendar, counts, int((cell < 0).sum()))


def _tally(keys: NDArray[np.int64], n_keys: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct keys, ascending, and how often each occurs."""
    if len(keys) * 4 < n_keys:
        return np.unique(keys, return_counts=True)
    number = np.bincount(keys, minlength=n_keys)
    found = np.flatnonzero(number)
    return found, number[found]

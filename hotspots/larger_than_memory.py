"""Counting and backtesting on Dask: threads of this machine, or an existing cluster.

Every piece of the log becomes counts by period and cell, which add exactly in any order, so
the result does not depend on the scheduler. Import this module only when it is used: Dask
takes a moment to load, and its cluster library is loaded only for a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import dask

from hotspots.errors import FeedRefusedError
from hotspots.evaluation_backtest import Mapper
from hotspots.forecast_counts import PeriodCounts, Periods, count_events
from hotspots.grid import CellLocator
from hotspots.larger_than_memory_parts import LogFormat, LogPart, list_parts, read_part

THREADS = "threads"
#: How long a scheduler may take to answer.
CONNECT_TIMEOUT_S = 10.0
#: Partial counts that are added at once.
FAN_IN = 8


def count_log(
    path: Path, how: LogFormat, locator: CellLocator, calendar: Periods, *, scheduler: str = THREADS
) -> PeriodCounts:
    """Count a log of any size by period and cell, piece by piece.

    Parameters
    ----------
    path
        A file, or a folder of partitioned Parquet or CSV files.
    how
        How to read the pieces.
    locator, calendar
        As for :func:`hotspots.forecast_counts.count_events`.
    scheduler
        ``threads``, or the ``tcp://…`` address of a Dask scheduler whose workers see the same
        files.

    Raises
    ------
    FeedRefusedError
        A piece cannot be read, or there is no such scheduler.
    """
    shared = dask.delayed((how, locator, calendar), pure=True, traverse=False)
    count = dask.delayed(_count_part)
    parts = [count(shared, part) for part in list_parts(path)]
    while len(parts) > 1:
        groups = [parts[n : n + FAN_IN] for n in range(0, len(parts), FAN_IN)]
        parts = [dask.delayed(_add)(group) for group in groups]
    with _scheduler(scheduler) as compute:
        total: PeriodCounts = compute(parts)[0]
    return total


def dask_map(scheduler: str = THREADS) -> Mapper:
    """Return a mapper that runs on Dask, for :func:`hotspots.evaluation_backtest.backtest`."""

    def run(function: Callable[[Any, Any], Any], shared: Any, items: Sequence[Any]) -> list[Any]:
        one = dask.delayed(function)
        common = dask.delayed(shared, pure=True, traverse=False)
        with _scheduler(scheduler) as compute:
            return compute([one(common, item) for item in items])

    return run


@contextmanager
def _scheduler(address: str) -> Iterator[Callable[[list[Any]], list[Any]]]:
    """Yield a function that computes delayed values, in order."""
    if address == THREADS:
        yield lambda work: list(dask.compute(*work, scheduler="threads"))
        return
    try:
        client = import_module("distributed").Client(
            address, timeout=CONNECT_TIMEOUT_S, set_as_default=False
        )
    except (OSError, ValueError) as fault:
        raise FeedRefusedError(
            f"no Dask scheduler answers at {address!r}",
            remedy="start one with `dask scheduler`, or use --scheduler threads",
        ) from fault
    try:
        yield lambda work: list(client.gather(client.compute(work)))
    finally:
        client.close()


def _count_part(shared: tuple[LogFormat, CellLocator, Periods], part: LogPart) -> PeriodCounts:
    how, locator, calendar = shared
    total: PeriodCounts | None = None
    for x_m, y_m, at in read_part(part, how):
        counted = count_events(x_m, y_m, at, locator, calendar)
        total = counted if total is None else total + counted
    return PeriodCounts.empty(calendar, locator) if total is None else total


def _add(counts: Sequence[PeriodCounts]) -> PeriodCounts:
    total = counts[0]
    for one in counts[1:]:
        total = total + one
    return total

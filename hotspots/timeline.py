"""Days and areas on which each source speaks: coverage as day-by-area tables.

A day is a Europe/London calendar day. Day 0 of a timeline is its first day; its last day is
the eve of the as-of day. Nothing outside a source's coverage is read as zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.incidents import Coverage

DAYS_A_WEEK = 7.0
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Timeline:
    """The days that evidence may come from: ``n_days`` days from ``first_day``."""

    first_day: date
    as_of: date

    @property
    def n_days(self) -> int:
        """Return the number of days before the as-of day."""
        return (self.as_of - self.first_day).days

    def position(self, day: date) -> int:
        """Return the index of a day, which may lie outside the timeline."""
        return (day - self.first_day).days

    def positions(self, days: pd.Series) -> NDArray[np.intp]:
        """Return the index of each local day, -1 outside the timeline."""
        offset = (days - pd.Timestamp(self.first_day)).dt.days.to_numpy(dtype=np.float64)
        inside = (offset >= 0) & (offset < self.n_days)
        return np.where(inside, offset, -1).astype(np.intp)

    def spans(self, start: pd.Series, end: pd.Series) -> Floats:
        """Return the start and end of each local time range in days of the timeline, (n, 2)."""
        origin = pd.Timestamp(self.first_day)
        days = [(one - origin).dt.total_seconds().to_numpy() / 86400.0 for one in (start, end)]
        return np.asarray(np.column_stack(days), dtype=np.float64)

    def decay(self, half_life_days: float) -> Floats:
        """Return 2^(-age / half-life) at the middle of each day, (n_days,)."""
        age = self.n_days - np.arange(self.n_days) - 0.5
        return np.asarray(np.exp2(-age / half_life_days), dtype=np.float64)

    def month_slice(self, month: date) -> slice:
        """Return the days of a calendar month; empty when any of it is off the timeline."""
        start, end = self.position(month), self.position(next_month(month))
        return slice(start, end) if start >= 0 and end <= self.n_days else slice(0, 0)


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def day_cover(coverage: Coverage, timeline: Timeline) -> Bools:
    """Return bool (n_days,): the days a coverage speaks about."""
    days = np.zeros(timeline.n_days, dtype=bool)
    first = max(timeline.position(coverage.first_day), 0)
    last = min(timeline.position(coverage.last_day) + 1, timeline.n_days)
    days[first : max(last, first)] = True
    for month in coverage.months_missing:
        start = max(timeline.position(month), 0)
        end = max(timeline.position(next_month(month)), 0)
        days[start:end] = False
    return days


def whole_months(days: Bools, timeline: Timeline) -> Bools:
    """Keep only the days of calendar months that are covered whole: a month count needs all."""
    kept = np.zeros_like(days)
    month = timeline.first_day.replace(day=1)
    while month < timeline.as_of:
        part = timeline.month_slice(month)
        kept[part] = bool(days[part].all()) if part.stop > part.start else False
        month = next_month(month)
    return kept


def union_cover(parts: Iterable[tuple[Bools, Bools]], shape: tuple[int, int]) -> Bools:
    """Return bool (n_days, n_areas): covered by any of the (days, areas) pairs."""
    cover = np.zeros(shape, dtype=bool)
    for days, areas in parts:
        cover[np.ix_(days, areas)] = True
    return cover


def spread_decay(age_start_days: Floats, age_end_days: Floats, half_life_days: Floats) -> Floats:
    """Return the mean of 2^(-age / half-life) over each uncertain time range, exactly.

    An event that happened somewhere between two ages is spread evenly over them (the aoristic
    method; Ratcliffe 2000, "Aoristic analysis", IJGIS 14). Arguments and result are (n,).
    """
    width = (age_start_days - age_end_days) / half_life_days * np.log(2.0)
    newest = np.exp2(-age_end_days / half_life_days)
    mean = np.divide(-np.expm1(-width), width, out=np.ones_like(width), where=width > 1e-9)
    return np.asarray(newest * mean, dtype=np.float64)


def covered_decay(spans: Floats, areas: NDArray[np.intp], cover: Bools, per_day: Floats) -> Floats:
    """Return float64 (n,): each range's mean of ``per_day`` over the days covered in its area.

    ``spans`` (n, 2) are in days of the timeline, ``areas`` (n,) columns of ``cover``. A range
    half outside the coverage keeps half: the rest is unknown, not zero.
    """
    first = np.clip(np.floor(spans[:, 0]), 0, len(per_day) - 1).astype(np.intp)
    last = np.clip(np.floor(spans[:, 1]), 0, len(per_day) - 1).astype(np.intp)
    mean = np.where(cover[first, areas], per_day[first], 0.0)
    several = np.flatnonzero(last > first)
    if len(several):
        weighed = per_day[:, None] * cover
        whole = np.vstack([np.zeros((1, cover.shape[1])), np.cumsum(weighed, axis=0)])
        area = areas[several]

        def until(at: Floats, day: NDArray[np.intp]) -> Floats:
            return np.asarray(whole[day, area] + (at - day) * weighed[day, area])

        start = np.maximum(spans[several, 0], 0.0)
        end = np.minimum(spans[several, 1], float(len(per_day)))
        total = until(end, last[several]) - until(start, first[several])
        mean[several] = np.maximum(total, 0.0) / (spans[several, 1] - spans[several, 0])
    return mean


def month_counts(
    months: pd.Series, areas: NDArray[np.intp], values: Floats, n_areas: int
) -> dict[date, Floats]:
    """Sum counts by month and area: float64 (n_areas,) for each month."""
    table: dict[date, Floats] = {}
    firsts, number = np.unique(months.to_numpy(dtype="datetime64[D]"), return_inverse=True)
    for position, month in enumerate(firsts.tolist()):
        inside = (number == position) & (areas >= 0)
        sums = np.bincount(areas[inside], weights=values[inside], minlength=n_areas)
        table[month] = sums.astype(np.float64)
    return table


def spread_months(
    counts: dict[date, Floats], cover: Bools, per_day: Floats, timeline: Timeline
) -> dict[date, Floats]:
    """Return float64 (n_areas,) by month: its counts spread evenly over its days and weighed.

    ``cover`` (n_days, n_areas) are the days on which these counts speak and ``per_day``
    (n_days,) what a count of that day weighs; a month that is half taken by another stream
    brings half its count.
    """
    spread: dict[date, Floats] = {}
    for month, values in counts.items():
        part = timeline.month_slice(month)
        if part.stop > part.start:
            share = (per_day[part, None] * cover[part]).sum(axis=0)
            spread[month] = values * share / (part.stop - part.start)
    return spread


def sum_months(spread: dict[date, Floats], n_areas: int) -> Floats:
    """Return float64 (n_areas,): the sum over all months, in their order."""
    total = np.zeros(n_areas)
    for values in spread.values():
        total += values
    return total

"""Situational views: what was counted in the last 24 hours, 7 days, 28 days and years.

Beside the scores, never instead of them: on sparse shootings a long memory predicts better
than recent counts. A window counts reported incidents once, by the middle of their time
range. Published counts speak where the window is whole months that they cover; records where
their feeds cover every day of the window; everything else is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from hotspots.counter import Counter
from hotspots.places import PolicedPlaces
from hotspots.situation import AreaView, SituationalView

_FINANCIAL_YEAR_STARTS = (4, 1)


def situational_views(as_of: date) -> tuple[SituationalView, ...]:
    """Return the windows before an as-of day, each with the one it is set beside.

    The last 24 hours are the calendar day before; short windows are set beside the days just
    before them, the year and the financial year to date beside the same days a year earlier.
    """
    start = date(as_of.year, *_FINANCIAL_YEAR_STARTS)
    if start >= as_of:
        start = start.replace(year=as_of.year - 1)
    views = [
        _view(name, as_of - timedelta(days=days), as_of, as_of - timedelta(days=2 * days))
        for name, days in (("last_24_h", 1), ("last_7_days", 7), ("last_28_days", 28))
    ]
    before = _year_before(as_of)
    views.append(_view("year", before, as_of, _year_before(before)))
    views.append(
        SituationalView(
            "financial_year_to_date",
            start,
            as_of - timedelta(days=1),
            _year_before(start),
            before - timedelta(days=1),
        )
    )
    return tuple(views)


def first_day(views: Sequence[SituationalView]) -> date:
    """Return the first day that any of the windows, or the one beside it, needs."""
    return min(one.earlier_first_day for one in views)


def _view(name: str, first: date, end: date, earlier: date) -> SituationalView:
    day = timedelta(days=1)
    return SituationalView(name, first, end - day, earlier, first - day)


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def area_views(
    views: Sequence[SituationalView], places: PolicedPlaces, counters: Mapping[str, Counter]
) -> tuple[AreaView, ...]:
    """Count every window in every ward and borough.

    Parameters
    ----------
    views, places
        The windows, and the policed areas.
    counters
        By target, ``demand`` or ``harm``: what was counted since :func:`first_day`.
    """
    found = []
    for target, counter in counters.items():
        now = [counter.window(one.first_day, one.last_day) for one in views]
        before = [counter.window(one.earlier_first_day, one.earlier_last_day) for one in views]
        for position, code in enumerate((*places.ward_codes, *places.borough_codes)):
            found.append(
                AreaView(
                    code=code,
                    target=target,
                    counts=tuple(_number(one[position]) for one in now),
                    earlier_counts=tuple(_number(one[position]) for one in before),
                )
            )
    return tuple(found)


def _number(value: float) -> int | None:
    return None if np.isnan(value) else round(value)

"""Situational views: what was counted in the last 24 hours, 7 days, 28 days and years.

Beside the scores, never instead of them: on sparse shootings a long memory predicts better
than recent counts. A window counts reported incidents once, by the middle of their time
range. Published counts speak where the window is whole months that they cover; records where
their feeds cover every day of the window; everything else is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.incidents import FeedReading
from hotspots.places import NOWHERE, PolicedPlaces
from hotspots.situation import AreaView, SituationalView
from hotspots.sources import DISCOVERED_CATEGORIES, EvidencePolicy
from hotspots.timeline import Bools, Floats, Timeline, day_cover, next_month, union_cover
from hotspots.weighing import WeighedEvidence

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


def _view(name: str, first: date, end: date, earlier: date) -> SituationalView:
    day = timedelta(days=1)
    return SituationalView(name, first, end - day, earlier, first - day)


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def area_views(
    views: Sequence[SituationalView],
    readings: Sequence[FeedReading],
    evidence: WeighedEvidence,
    places: PolicedPlaces,
    *,
    as_of: date,
    policies: Sequence[tuple[str, EvidencePolicy]],
) -> tuple[AreaView, ...]:
    """Count every window in every ward and borough.

    Parameters
    ----------
    views
        The windows.
    readings, evidence, places
        The feeds, the weighed evidence (which says what stands and what is merged), and the
        policed areas.
    as_of
        The as-of day.
    policies
        Each target, ``demand`` or ``harm``, with the policy that says what it counts.
    """
    first = min(one.earlier_first_day for one in views)
    timeline = Timeline(first, as_of)
    found = []
    for target, policy in policies:
        counter = _counter(readings, evidence, places, timeline, policy)
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


@dataclass(frozen=True)
class _Counter:
    """Day-by-area records, month-by-area published counts, and where each is known.

    ``by_day`` and ``day_known`` are (n_days, W), ``borough_only`` (n_days, B): records of a
    borough and no ward. ``months`` holds counts (W + B,), NaN where not published.
    """

    places: PolicedPlaces
    timeline: Timeline
    by_day: Floats
    borough_only: Floats
    day_known: Bools
    months: dict[date, Floats]

    def window(self, first: date, last: date) -> Floats:
        """Return counts (W + B,) of the days of a window, NaN where unknown."""
        rows = slice(self.timeline.position(first), self.timeline.position(last) + 1)
        known = self.day_known[rows].all(axis=0)
        wards = np.where(known, self.by_day[rows].sum(axis=0), np.nan)
        published = self._published(first, last)
        n_wards = len(wards)
        wards = np.where(np.isnan(published[:n_wards]), wards, published[:n_wards])
        boroughs = np.bincount(self.places.borough_of_ward, wards, len(self.places.borough_codes))
        boroughs = boroughs + self.borough_only[rows].sum(axis=0)
        return np.concatenate(
            [wards, np.where(np.isnan(published[n_wards:]), boroughs, published[n_wards:])]
        )

    def _published(self, first: date, last: date) -> Floats:
        n_areas = len(self.places.ward_codes) + len(self.places.borough_codes)
        total, month = np.zeros(n_areas), first
        if first.day != 1 or (last + timedelta(days=1)).day != 1:
            return np.full(n_areas, np.nan)
        while month <= last:
            total = total + self.months.get(month, np.nan)
            month = next_month(month)
        return total


def _counter(
    readings: Sequence[FeedReading],
    evidence: WeighedEvidence,
    places: PolicedPlaces,
    timeline: Timeline,
    policy: EvidencePolicy,
) -> _Counter:
    shape = (timeline.n_days, len(places.ward_codes))
    records = evidence.records
    names = records.records["source"] + "\n" + records.records["category"]
    counted = names.isin(_counting(policy)).to_numpy(dtype=bool)
    counted = counted & np.isin(records.use, ["used", "counted", "outside"])
    day = timeline.positions(records.records["local_day"])
    in_ward = counted & (day >= 0) & (records.ward != NOWHERE)
    wide = counted & (day >= 0) & (records.ward == NOWHERE) & (records.borough != NOWHERE)
    keys = [key for key in policy.with_role("incident") if key not in evidence.stale]
    cover = union_cover(
        [
            (day_cover(one.coverage, timeline), places.covered_wards(one.coverage.areas))
            for one in readings
            if one.records["source"].isin(keys).any()
        ],
        shape,
    )
    return _Counter(
        places=places,
        timeline=timeline,
        by_day=_table(day[in_ward], records.ward[in_ward], shape),
        borough_only=_table(
            day[wide], records.borough[wide], (shape[0], len(places.borough_codes))
        ),
        day_known=cover,
        months=_months(readings, places, timeline, policy),
    )


def _table(day: NDArray[np.intp], area: NDArray[np.intp], shape: tuple[int, int]) -> Floats:
    flat = np.bincount(day * shape[1] + area, minlength=shape[0] * shape[1])
    return flat.reshape(shape).astype(np.float64)


def _counting(policy: EvidencePolicy) -> set[str]:
    """Return source and category, a line break between, of all that counts as an incident."""
    return {
        f"{key}\n{category}"
        for key in policy.with_role("incident")
        for category, weight in policy.of(key).categories.items()
        if weight > 0 and category not in DISCOVERED_CATEGORIES
    }


def _months(
    readings: Sequence[FeedReading],
    places: PolicedPlaces,
    timeline: Timeline,
    policy: EvidencePolicy,
) -> dict[date, Floats]:
    """Return published counts (W + B,) by month, NaN where no feed covers the area."""
    counting, n_wards = _counting(policy), len(places.ward_codes)
    n_areas = n_wards + len(places.borough_codes)
    months: dict[date, Floats] = {}
    for reading in readings:
        rows = reading.counts
        names = rows["source"] + "\n" + rows["category"]
        rows = rows[(names.isin(counting) & (rows["basis"] != "discovered")).to_numpy(dtype=bool)]
        if not len(rows):
            continue
        types = set(rows["area_type"])
        covered = np.zeros(n_areas, dtype=bool)
        if "ward" in types:
            covered[:n_wards] = places.covered_wards(reading.coverage.areas)
        if "borough" in types:
            covered[n_wards:] = places.covered_boroughs(reading.coverage.areas)
        days = day_cover(reading.coverage, timeline)
        ward, borough = places.wards(rows["area_code"]), places.boroughs(rows["area_code"])
        area = np.where(ward >= 0, ward, np.where(borough >= 0, borough + n_wards, NOWHERE))
        month_of = rows["month"].to_numpy(dtype="datetime64[D]")
        number = rows["count"].to_numpy(dtype=np.float64)
        for month in pd.date_range(timeline.first_day, timeline.as_of, freq="MS").date:
            part = timeline.month_slice(month)
            if part.stop > part.start and days[part].all():
                mine = (month_of == np.datetime64(month)) & (area >= 0)
                counts = np.bincount(area[mine], number[mine], n_areas)
                earlier = months.get(month, np.full(n_areas, np.nan))
                months[month] = np.where(covered & np.isnan(earlier), counts, earlier)
    return months

"""What was counted, day by day and month by month, in every area: raw, once, and where known.

Published counts speak for whole months, records for the days their feeds cover; everything
else is unknown, never zero. A record counts in full on the day of the middle of its time range.
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
from hotspots.sources import DISCOVERED_CATEGORIES, EvidencePolicy
from hotspots.timeline import Bools, Floats, Timeline, day_cover, next_month, union_cover
from hotspots.weighing import WeighedEvidence


@dataclass(frozen=True)
class Counter:
    """What one target counted: records by day, published counts by month, and where known.

    ``by_day`` and ``day_known`` are (n_days, W), ``borough_only`` (n_days, B): records of a
    borough and no ward. ``months`` holds counts (W + B,), NaN where not published.
    ``records`` (n_records,) are those counted.
    """

    places: PolicedPlaces
    timeline: Timeline
    by_day: Floats
    borough_only: Floats
    day_known: Bools
    months: dict[date, Floats]
    records: Bools

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

    def whole_months(self) -> tuple[Floats, NDArray[np.intp]]:
        """Return counts (T, V) of past whole months, and the V wards known in all of them.

        Months in which fewer than half as many wards are known as in the best are left out.
        """
        month, rows = next_month(self.timeline.first_day - timedelta(days=1)), []
        while next_month(month) <= self.timeline.as_of:
            rows.append(self.window(month, next_month(month) - timedelta(days=1)))
            month = next_month(month)
        n_wards = len(self.places.ward_codes)
        counts = np.array(rows).reshape(len(rows), -1)[:, :n_wards]
        known = np.isfinite(counts).sum(axis=1)
        counts = counts[(known > 0) & (known >= known.max(initial=0) / 2)]
        wards = np.flatnonzero(np.isfinite(counts).all(axis=0)) if len(counts) else np.arange(0)
        return counts[:, wards], wards


def counter(
    readings: Sequence[FeedReading],
    evidence: WeighedEvidence,
    places: PolicedPlaces,
    timeline: Timeline,
    policy: EvidencePolicy,
) -> Counter:
    """Count what a policy calls an incident.

    Parameters
    ----------
    readings, evidence, places
        The feeds, the weighed evidence (which says what stands and what is merged), and the
        policed areas.
    timeline, policy
        The days to count, and what counts.
    """
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
    return Counter(
        places=places,
        timeline=timeline,
        by_day=_table(day[in_ward], records.ward[in_ward], shape),
        borough_only=_table(
            day[wide], records.borough[wide], (shape[0], len(places.borough_codes))
        ),
        day_known=cover,
        months=_months(readings, places, timeline, policy),
        records=in_ward | wide,
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

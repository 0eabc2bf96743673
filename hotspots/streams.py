"""Count incidents once: which stream of evidence speaks in each area on each day.

Within a role (incidents, or proxies of them) published ward counts speak first, then
records, then published borough counts. Days on which none speaks are unknown: they add
neither incidents nor exposure. Counts and exposure decay alike, so decay changes how much
is known, not the level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.incidents import FeedReading
from hotspots.places import NOWHERE, PolicedPlaces
from hotspots.sources import DISCOVERED_CATEGORIES, UNGRADED, EvidencePolicy
from hotspots.timeline import (
    DAYS_A_WEEK,
    Bools,
    Floats,
    Timeline,
    covered_decay,
    day_cover,
    month_counts,
    spread_months,
    sum_months,
    union_cover,
    whole_months,
)


@dataclass(frozen=True)
class WeighedRecords:
    """The standing records with what each weighs; arrays are (n_records,).

    ``graded`` is category x grades, ``weight`` that times the decay over its time range;
    ``ward``, ``borough`` and ``day`` are indices (-1: none) and ``span`` (n_records, 2) its
    time range in days of the timeline. ``use`` says what became of each record: used, merged
    (another system's record of an incident that is used), discovered, stale, shown, outside
    (its place or time is not covered), or counted (in published totals already).
    ``merged_into`` is the row of that other record, -1: none.
    """

    records: pd.DataFrame
    ward: NDArray[np.intp]
    borough: NDArray[np.intp]
    day: NDArray[np.intp]
    span: Floats
    graded: Floats
    weight: Floats
    use: NDArray[np.str_]
    merged_into: NDArray[np.intp]


@dataclass(frozen=True)
class Pieces:
    """What single records add to ward counts: P pairs of a record and a ward, all (P,)."""

    record: NDArray[np.intp]
    ward: NDArray[np.intp]
    weight: Floats


@dataclass(frozen=True)
class Counted:
    """What the sources of one role counted.

    Attributes
    ----------
    wards, raw, boroughs
        By source: weighed incidents (W,), the unweighed offences or records behind them
        (W,), and weighed incidents of boroughs where only those were counted (B,).
    offences
        By source: published offences used.
    exposure_weeks, borough_exposure_weeks
        Decayed weeks counted, (W,) and (B,).
    days, borough_days
        Days counted, (W,) and (B,).
    use, weight
        The records' ``use`` and ``weight`` after this role: a time range that is covered in
        part weighs that part.
    pieces
        The records behind ``wards``.
    ward_months, borough_months
        The published counts behind ``wards`` and ``boroughs``: by source and month, weighed.
    """

    wards: Mapping[str, Floats]
    raw: Mapping[str, Floats]
    boroughs: Mapping[str, Floats]
    offences: Mapping[str, float]
    exposure_weeks: Floats
    borough_exposure_weeks: Floats
    days: Floats
    borough_days: Floats
    use: NDArray[np.str_]
    weight: Floats
    pieces: Pieces
    ward_months: Mapping[str, Mapping[date, Floats]]
    borough_months: Mapping[str, Mapping[date, Floats]]


@dataclass
class _Tally:
    """Sums under construction, private to one call of :func:`count_role`."""

    wards: dict[str, Floats] = field(default_factory=dict)
    raw: dict[str, Floats] = field(default_factory=dict)
    boroughs: dict[str, Floats] = field(default_factory=dict)
    offences: dict[str, float] = field(default_factory=dict)
    pieces: list[Pieces] = field(default_factory=list)
    ward_months: dict[str, dict[date, Floats]] = field(default_factory=dict)
    borough_months: dict[str, dict[date, Floats]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Role:
    keys: Sequence[str]
    readings: Sequence[FeedReading]
    places: PolicedPlaces
    timeline: Timeline
    policy: EvidencePolicy
    per_day: Floats


def count_role(
    keys: Sequence[str],
    readings: Sequence[FeedReading],
    records: WeighedRecords,
    *,
    places: PolicedPlaces,
    timeline: Timeline,
    policy: EvidencePolicy,
) -> Counted:
    """Count everything the sources of one role say.

    Parameters
    ----------
    keys
        The role's sources that are not stale; they share one half-life.
    readings, records, places, timeline, policy
        The feeds, their weighed records, the policed areas, the days and the policy.
    """
    half_life = policy.of(keys[0]).half_life_days if keys else 1.0
    role = _Role(keys, readings, places, timeline, policy, timeline.decay(half_life))
    tally = _Tally()
    claimed = np.zeros((timeline.n_days, len(places.ward_codes)), dtype=bool)
    for key in keys:
        claimed |= _published(role, key, "ward", claimed, tally)
    recorded, use, weight = _recorded(role, records, claimed, tally)
    claimed |= recorded
    alone = _boroughs_alone(role, claimed, tally)
    return Counted(
        wards=tally.wards,
        raw=tally.raw,
        boroughs=tally.boroughs,
        offences=tally.offences,
        exposure_weeks=_weeks(role.per_day, claimed),
        borough_exposure_weeks=_weeks(role.per_day, alone),
        days=claimed.sum(axis=0).astype(np.float64),
        borough_days=alone.sum(axis=0).astype(np.float64),
        use=use,
        weight=weight,
        pieces=Pieces(*(_joined(tally.pieces, name) for name in ("record", "ward", "weight"))),
        ward_months=tally.ward_months,
        borough_months=tally.borough_months,
    )


def _joined(pieces: list[Pieces], name: str) -> NDArray[Any]:
    parts = [getattr(one, name) for one in pieces]
    return np.concatenate(parts) if parts else np.zeros(0, float if name == "weight" else np.intp)


def _weeks(per_day: Floats, cover: Bools) -> Floats:
    """Return decayed weeks by area; summed day by day, which any machine does alike."""
    return np.asarray((per_day[:, None] * cover).sum(axis=0) / DAYS_A_WEEK, dtype=np.float64)


def _boroughs_alone(role: _Role, claimed: Bools, tally: _Tally) -> Bools:
    """Use published borough counts on days when no ward of the borough was counted."""
    taken = np.zeros((claimed.shape[0], len(role.places.borough_codes)), dtype=bool)
    for borough in range(taken.shape[1]):
        taken[:, borough] = claimed[:, role.places.borough_of_ward == borough].any(axis=1)
    alone = np.zeros_like(taken)
    for key in role.keys:
        alone |= _published(role, key, "borough", taken | alone, tally)
    return alone


def _published(role: _Role, key: str, area_type: str, claimed: Bools, tally: _Tally) -> Bools:
    """Use one source's published counts where nobody has spoken yet; return where."""
    by_ward = area_type == "ward"
    lookup = role.places.wards if by_ward else role.places.boroughs
    covered = role.places.covered_wards if by_ward else role.places.covered_boroughs
    parts, frames = [], []
    for reading in role.readings:
        rows = _weighing_rows(reading, role, key, area_type)
        if len(rows):
            frames.append(rows)
            days = whole_months(day_cover(reading.coverage, role.timeline), role.timeline)
            parts.append((days, covered(reading.coverage.areas)))
    cover = union_cover(parts, (claimed.shape[0], claimed.shape[1])) & ~claimed
    if not frames:
        return cover
    rows = pd.concat(frames, ignore_index=True)
    rows = rows.drop_duplicates(["category", "area_code", "month"], ignore_index=True)
    area, n_areas = lookup(rows["area_code"]), claimed.shape[1]
    number = rows["count"].to_numpy(dtype=np.float64)
    counts = month_counts(rows["month"], area, number * _row_weights(role, key, rows), n_areas)
    ones = np.ones(role.timeline.n_days)
    raw = month_counts(rows["month"], area, number, n_areas)
    offences = sum_months(spread_months(raw, cover, ones, role.timeline), n_areas)
    spread = spread_months(counts, cover, role.per_day, role.timeline)
    (tally.ward_months if by_ward else tally.borough_months)[key] = spread
    _add(tally.wards if by_ward else tally.boroughs, key, sum_months(spread, n_areas))
    if by_ward:
        _add(tally.raw, key, offences)
    tally.offences[key] = tally.offences.get(key, 0.0) + float(offences.sum())
    return cover


def _row_weights(role: _Role, key: str, rows: pd.DataFrame) -> Floats:
    ungraded = role.policy.source_grades[UNGRADED] * role.policy.information_grades[UNGRADED]
    by_category = rows["category"].map(dict(role.policy.of(key).categories))
    return np.asarray(ungraded * by_category.to_numpy(dtype=np.float64), dtype=np.float64)


def _weighing_rows(reading: FeedReading, role: _Role, key: str, area_type: str) -> pd.DataFrame:
    counts = reading.counts
    if not len(counts):
        return counts
    own = counts["source"].eq(key).to_numpy(dtype=bool)
    if not own.any():
        return counts.iloc[:0]
    weighing = {name for name, weight in role.policy.of(key).categories.items() if weight > 0}
    wanted = (
        (counts["area_type"] == area_type)
        & (counts["basis"] != "discovered")
        & counts["category"].isin(weighing - DISCOVERED_CATEGORIES)
    )
    return counts[own & wanted.to_numpy(dtype=bool)]


def _recorded(
    role: _Role, records: WeighedRecords, claimed: Bools, tally: _Tally
) -> tuple[Bools, NDArray[np.str_], Floats]:
    """Use the records of all the role's sources together where no published count speaks.

    They complement one another, so they share one exposure: the union of their coverage.
    """
    parts = [
        (day_cover(one.coverage, role.timeline), role.places.covered_wards(one.coverage.areas))
        for one in role.readings
        if one.records["source"].isin(role.keys).any()
    ]
    cover = union_cover(parts, (claimed.shape[0], claimed.shape[1])) & ~claimed
    mine = records.records["source"].isin(role.keys).to_numpy(dtype=bool) & (records.use == "used")
    in_ward = np.flatnonzero(mine & (records.ward != NOWHERE))
    weight = np.where(mine, 0.0, records.weight)
    decay = covered_decay(records.span[in_ward], records.ward[in_ward], cover, role.per_day)
    weight[in_ward] = records.graded[in_ward] * decay
    already = np.zeros_like(mine)
    already[in_ward] = claimed[records.day[in_ward], records.ward[in_ward]] & (decay == 0)
    _add_ward_records(records, in_ward[decay > 0], weight, len(role.places.ward_codes), tally)
    only_borough = mine & (records.ward == NOWHERE) & (records.borough != NOWHERE)
    _add_borough_records(role, records, only_borough, cover, weight=weight, tally=tally)
    use = records.use.copy()
    use[mine & (weight <= 0)] = "outside"
    use[already] = "counted"
    weight[already] = records.weight[already]
    return cover, use, weight


def _add_ward_records(
    records: WeighedRecords, rows: NDArray[np.intp], weight: Floats, n_wards: int, tally: _Tally
) -> None:
    codes, sources = pd.factorize(records.records["source"].iloc[rows], sort=True)
    ward, weighed = records.ward[rows], weight[rows]
    for number, key in enumerate(sources):
        own = codes == number
        total = np.bincount(ward[own], weighed[own], n_wards)
        _add(tally.wards, str(key), total.astype(np.float64))
        _add(tally.raw, str(key), np.bincount(ward[own], minlength=n_wards).astype(np.float64))
    tally.pieces.append(Pieces(rows, ward, weighed))


def _add_borough_records(
    role: _Role,
    records: WeighedRecords,
    rows: NDArray[np.bool_],
    cover: Bools,
    *,
    weight: Floats,
    tally: _Tally,
) -> None:
    """Spread records of a known borough and unknown ward evenly over its covered wards.

    Writes what each of them weighs into ``weight``.
    """
    for number in np.flatnonzero(rows):
        source = str(records.records["source"].iloc[number])
        wards = np.flatnonzero(role.places.borough_of_ward == records.borough[number])
        spans = np.repeat(records.span[number][None, :], len(wards), axis=0)
        decay = covered_decay(spans, wards, cover, role.per_day)
        share = np.divide(1.0, (decay > 0).sum(), where=decay > 0, out=np.zeros(len(wards)))
        if share.any():
            one = Pieces(np.full(len(wards), number), wards, records.graded[number] * decay * share)
            tally.pieces.append(one)
            weight[number] = one.weight.sum()
            for table, values in ((tally.wards, one.weight), (tally.raw, share)):
                total = np.zeros(len(role.places.ward_codes))
                total[wards] = values
                _add(table, source, total)


def _add(table: dict[str, Floats], key: str, values: Floats) -> None:
    table[key] = table[key] + values if key in table else values

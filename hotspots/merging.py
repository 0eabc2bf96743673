"""One incident seen by several systems: matched by time, place and category, counted once.

A call, a handover and a crime report often tell of one event. The rule is fixed, documented
and deterministic:

* only reported, standing records match, and only records of different sources: two versions
  of one record, or two records of one system, never do;
* the categories must be able to name one event: any two of a firearms incident, a call to one
  and a handover of one (intelligence and tension reports are about more than an event);
* their time ranges lie within :data:`MAX_GAP_MIN` minutes of one another;
* both have a point and lie within :data:`MAX_DISTANCE_M` metres; or one of them only names
  the ward, or the borough, that the other lies in, and no time range is longer than
  :data:`MAX_RANGE_H` hours. Two recorded incidents match by points only;
* every record joins at most one incident, and an incident at most one record a source; nearer
  in kind of place, then in metres, then in time comes first, and ties go by record id.

The recorded incident stands for all; without one the handover does. Nothing is lost: every
record keeps its row and says which incident it was merged into.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.places import NOWHERE

MAX_GAP_MIN = 45.0
MAX_DISTANCE_M = 250.0
MAX_RANGE_H = 8.0
#: How close to the event a system is: the record of the lowest stands for all.
_INCIDENT, _HANDOVER, _CALL, _OTHER = 0, 1, 2, 3
_KIND = {"handover_firearm": _HANDOVER, "call_firearm": _CALL}
_POINT, _WARD, _BOROUGH = 0, 1, 2
#: A range is looked for among incidents that start at most this long before it.
_LONGEST_MIN = 36 * 60.0

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class _Seen:
    """The records as arrays, (n,); times in minutes."""

    kind: Ints
    source: NDArray[np.str_]
    ward: Ints
    borough: Ints
    x_m: Floats
    y_m: Floats
    start_min: Floats
    end_min: Floats


@dataclass(frozen=True)
class _Pairs:
    """Candidates: the record that would stand, the one that would join it, and how alike."""

    into: Ints
    joins: Ints
    level: Ints
    distance_m: Floats
    gap_min: Floats


def match_incidents(records: pd.DataFrame, located: tuple[Ints, Ints]) -> Ints:
    """Return for each record the row of the record that stands for the same incident.

    Parameters
    ----------
    records
        Standing records (:func:`hotspots.known.known_records`), sorted by source and id.
    located
        int (n,) ward and borough index of each record, -1 where unknown.

    Returns
    -------
    int (n,)
        Row of the standing record, -1 where the record stands for itself. What it points to
        always stands for itself.
    """
    into = np.full(len(records), -1, dtype=np.intp)
    seen = _seen(records, located)
    for phase in ((_INCIDENT, _INCIDENT), (_INCIDENT, _HANDOVER), (_INCIDENT, _CALL),
                  (_HANDOVER, _CALL)):  # fmt: skip
        pairs = _candidates(seen, *phase, into)
        _join(pairs, seen.source, into)
    return into


def _seen(records: pd.DataFrame, located: tuple[Ints, Ints]) -> _Seen:
    category = records["category"]
    kind = category.map(_KIND).astype("float64").fillna(float(_OTHER)).to_numpy(dtype=np.intp)
    kind = np.where(category.str.startswith("firearm_").to_numpy(dtype=bool), _INCIDENT, kind)
    false = (records["information_grade"] == "E").fillna(False).to_numpy(dtype=bool)
    told = (records["basis"] == "reported").to_numpy(dtype=bool) & ~false
    minutes = [
        records[name].to_numpy(dtype="datetime64[s]").astype(np.float64) / 60.0
        for name in ("occurred_from", "end_utc")  # UTC: clocks skip and repeat hours
    ]
    return _Seen(
        kind=np.where(told & (located[1] != NOWHERE), kind, _OTHER).astype(np.intp),
        source=records["source"].to_numpy(dtype=str),
        ward=located[0],
        borough=located[1],
        x_m=records["x_m"].to_numpy(dtype=np.float64),
        y_m=records["y_m"].to_numpy(dtype=np.float64),
        start_min=minutes[0],
        end_min=minutes[1],
    )


def _candidates(seen: _Seen, standing: int, joining: int, into: Ints) -> _Pairs:
    """Return the pairs that the rule allows, best first."""
    free = into < 0
    left = np.flatnonzero((seen.kind == standing) & free)
    right = np.flatnonzero((seen.kind == joining) & free)
    left = left[np.lexsort((seen.start_min[left], seen.borough[left]))]
    # one number orders borough, then time: boroughs lie further apart than any time range
    far = 1e9
    keys = seen.borough[left] * far + seen.start_min[left]
    base = seen.borough[right] * far
    low = np.searchsorted(keys, base + seen.start_min[right] - MAX_GAP_MIN - _LONGEST_MIN)
    high = np.searchsorted(keys, base + seen.end_min[right] + MAX_GAP_MIN, side="right")
    number = np.maximum(high - low, 0)
    joins = np.repeat(right, number)
    offset = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    pairs = _measured(seen, left[np.repeat(low, number) + offset], joins)
    if standing == joining:
        kept = (pairs.into < pairs.joins) & (pairs.level == _POINT)
        pairs = _taken(pairs, np.flatnonzero(kept))
    order = np.lexsort((pairs.joins, pairs.into, pairs.gap_min, pairs.distance_m, pairs.level))
    return _taken(pairs, order)


def _measured(seen: _Seen, into: Ints, joins: Ints) -> _Pairs:
    gap = np.maximum(
        seen.start_min[joins] - seen.end_min[into], seen.start_min[into] - seen.end_min[joins]
    )
    distance = np.hypot(seen.x_m[into] - seen.x_m[joins], seen.y_m[into] - seen.y_m[joins])
    longest = np.maximum(
        seen.end_min[into] - seen.start_min[into], seen.end_min[joins] - seen.start_min[joins]
    )
    both_points = np.isfinite(distance)
    same_ward = (seen.ward[into] == seen.ward[joins]) & (seen.ward[into] != NOWHERE)
    no_ward = (seen.ward[into] == NOWHERE) | (seen.ward[joins] == NOWHERE)
    level = np.where(both_points, _POINT, np.where(same_ward, _WARD, _BOROUGH))
    placed = np.where(
        both_points,
        np.nan_to_num(distance) <= MAX_DISTANCE_M,
        (same_ward | no_ward) & (longest <= MAX_RANGE_H * 60.0),
    )
    allowed = placed & (gap <= MAX_GAP_MIN) & (seen.source[into] != seen.source[joins])
    pairs = _Pairs(into, joins, level, np.nan_to_num(distance), np.maximum(gap, 0.0))
    return _taken(pairs, np.flatnonzero(allowed))


def _taken(pairs: _Pairs, rows: Ints) -> _Pairs:
    return _Pairs(
        pairs.into[rows],
        pairs.joins[rows],
        pairs.level[rows],
        pairs.distance_m[rows],
        pairs.gap_min[rows],
    )


def _join(pairs: _Pairs, source: NDArray[np.str_], into: Ints) -> None:
    """Accept pairs best first into ``into``: one incident a record, one record a source."""
    taken: set[tuple[int, str]] = set()
    stands = set(into[into >= 0].tolist())
    for standing, joining in zip(pairs.into.tolist(), pairs.joins.tolist(), strict=True):
        slot = (standing, str(source[joining]))
        if into[standing] < 0 and into[joining] < 0 and joining not in stands and slot not in taken:
            into[joining] = standing
            stands.add(standing)
            taken.add(slot)

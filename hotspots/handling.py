"""Handling code C: material whose sharing has conditions, and a picture made without it.

A sanitised assessment leaves out every record that carries the code, and every other version
of it: a version without the code would otherwise tell of the one with it, and a withdrawal
under the code must not bring back what it withdrew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.incidents import FeedReading
from hotspots.known import as_of_instant
from hotspots.weighing import WeighedEvidence

CODE = "C"
#: What rests on the pooled model, in which every score informs every other.
POOLED_OUTPUTS = ("wards", "boroughs", "harm_wards", "harm_boroughs", "groups", "draws", "cells")


def without_handling_c(readings: Sequence[FeedReading], *, as_of: date) -> list[FeedReading]:
    """Return the readings without handling code C material, as known on the as-of day.

    Parameters
    ----------
    readings
        Feeds already read; their counts are published and stay.
    as_of
        A code that became known on or after this day changes nothing yet.
    """
    instant = as_of_instant(as_of)
    readings = [_without_refused(one) for one in readings]
    frames = [one.records[["source", "record_id", "corrects", "handling_code", "known_from"]]
              for one in readings if len(one.records)]  # fmt: skip
    if not frames:
        return readings
    rows = pd.concat(frames, ignore_index=True)
    rows = rows[(rows["known_from"] < instant).fillna(False).to_numpy(dtype=bool)]
    closed = _closed(rows)
    return [
        replace(one, records=one.records[~one.records["record_id"].isin(closed)])
        if len(one.records)
        else one
        for one in readings
    ]


def _without_refused(reading: FeedReading) -> FeedReading:
    """Leave out refused rows with the code: how many there were tells of them."""
    kept = tuple(one for one in reading.rejected if one.handling_code != CODE)
    return replace(reading, rejected=kept)


def _closed(rows: pd.DataFrame) -> set[str]:
    """Return the ids of all versions of every record of which one version carries the code."""
    links = rows[rows["corrects"].notna()]
    pairs = list(zip(links["record_id"], links["corrects"], strict=True))
    closed = {str(one) for one in rows.loc[carries_code(rows), "record_id"]}
    size = -1
    while len(closed) != size:
        size = len(closed)
        for version, earlier in pairs:
            if version in closed or earlier in closed:
                closed |= {version, earlier}
    return closed


def carries_code(records: pd.DataFrame) -> NDArray[np.bool_]:
    """Return bool (n,): the records with handling code C; a missing code means P."""
    return np.asarray((records["handling_code"] == CODE).fillna(False), dtype=bool)


@dataclass(frozen=True)
class Conditioned:
    """How many C records weigh in a score, and the wards (W,) that they count in or raise.

    These are the wards that rest on such a record directly; through pooling every score
    depends a little on every record.
    """

    records: int
    wards: NDArray[np.bool_]


def outputs_using(
    evidence: WeighedEvidence, counted: Mapping[str, NDArray[np.bool_]]
) -> tuple[tuple[str, ...], int]:
    """Return the outputs that use handling code C material, and how many records of it.

    Parameters
    ----------
    evidence
        The evidence as it was weighed.
    counted
        By output that rests on single records, bool (n_records,): which ones.
    """
    coded = carries_code(evidence.records.records)
    weighing = _weighing(evidence, coded)
    outputs = POOLED_OUTPUTS if weighing.any() else ()
    used = weighing
    for name, rows in counted.items():
        if (rows & coded).any():
            outputs = (*outputs, name)
            used = used | (rows & coded)
    return outputs, int(used.sum())


def conditioned(evidence: WeighedEvidence) -> Conditioned:
    """Return what of the weighed evidence rests on handling code C material."""
    coded = carries_code(evidence.records.records)
    wards = np.zeros(len(evidence.direct_days), dtype=bool)
    for pieces in (evidence.direct.pieces, evidence.proxy.pieces, evidence.raised):
        wards[pieces.ward[coded[pieces.record] & (pieces.weight > 0)]] = True
    return Conditioned(int(_weighing(evidence, coded).sum()), wards)


def _weighing(evidence: WeighedEvidence, coded: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return bool (n_records,): the coded records that weigh in a score."""
    records = np.zeros(len(coded), dtype=bool)
    for pieces in (evidence.direct.pieces, evidence.proxy.pieces, evidence.raised):
        records[pieces.record[coded[pieces.record] & (pieces.weight > 0)]] = True
    return records

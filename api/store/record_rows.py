"""Accepted records as rows of the store and back, value for value, with a digest a version."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from api.store.bulk import points, times
from hotspots.boundaries.study_area import StudyArea, locate_wards
from hotspots.incidents import COUNT_DTYPES, RECORD_DTYPES, empty_counts, empty_records

TIMES = ("occurred_from", "occurred_to", "known_from")
TEXTS = (
    "record_id", "source", "category", "area_code", "source_grade", "information_grade",
    "handling_code", "basis", "corrects", "correction", "notice",
)  # fmt: skip
#: Columns of the table of incidents, in the order of :func:`incident_rows`.
INCIDENT_COLUMNS = (
    "incident_id", "version_sha256", *TEXTS, *(f"{name}_utc" for name in TIMES), "x_m", "y_m",
    "geom", "ward_code", "borough_code",
)  # fmt: skip
#: Columns of the table of counts, in the order of :func:`count_rows`.
COUNT_COLUMNS = (
    "receipt_id", "position", "source", "category", "area_type", "area_code", "month", "number",
    "basis", "notice",
)  # fmt: skip


def version_digests(records: pd.DataFrame) -> list[str]:
    """Return the SHA-256 of what each record says; file and row are not part of it.

    Parameters
    ----------
    records
        Rows in ``RECORD_DTYPES``.
    """
    columns: list[list[str]] = [_texts(records[name], "") for name in TEXTS]
    for name in TIMES:
        columns.append([one or "" for one in times(_instants(records[name]))])
    for name in ("x_m", "y_m"):
        columns.append([float.hex(one) for one in records[name].tolist()])
    sha = hashlib.sha256
    return [sha("\x1f".join(row).encode()).hexdigest() for row in zip(*columns, strict=True)]


def incident_rows(
    tx: Connection,
    records: pd.DataFrame,
    ids: Sequence[int],
    digests: Sequence[str],
    study_area: StudyArea | None,
) -> list[tuple[Any, ...]]:
    """Return the rows of the table of incidents, see ``INCIDENT_COLUMNS``."""
    x_m, y_m = (records[name].to_numpy(dtype=np.float64) for name in ("x_m", "y_m"))
    columns = [
        ids,
        digests,
        *(_texts(records[name], None) for name in TEXTS),
        *(times(_instants(records[name])) for name in TIMES),
        _numbers(x_m),
        _numbers(y_m),
        points(tx, x_m, y_m),
        *_placed(records, study_area),
    ]
    return list(zip(*columns, strict=True))


def count_rows(receipt_id: str, counts: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return the rows of the table of counts, see ``COUNT_COLUMNS``."""
    months = counts["month"].to_numpy(dtype="datetime64[D]")
    columns = [
        [receipt_id] * len(counts),
        range(len(counts)),
        *(_texts(counts[name], None) for name in ("source", "category", "area_type", "area_code")),
        np.datetime_as_string(months).tolist(),
        counts["count"].tolist(),
        _texts(counts["basis"], None),
        _texts(counts["notice"], None),
    ]
    return list(zip(*columns, strict=True))


def records_from(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> pd.DataFrame:
    """Return stored incidents as records in ``RECORD_DTYPES``, in the order of the rows.

    Parameters
    ----------
    names
        What each value of a row is: names of ``RECORD_DTYPES``; times are UTC texts.
    """
    if not rows:
        return empty_records()
    held = dict(zip(names, zip(*rows, strict=True), strict=True))
    made = {name: _column(held[name], kind) for name, kind in RECORD_DTYPES.items()}
    return pd.DataFrame(made)


def counts_from(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> pd.DataFrame:
    """Return stored counts in ``COUNT_DTYPES``, in the order of the rows."""
    if not rows:
        return empty_counts()
    held = dict(zip(names, zip(*rows, strict=True), strict=True))
    return pd.DataFrame({name: _column(held[name], kind) for name, kind in COUNT_DTYPES.items()})


def _placed(
    records: pd.DataFrame, study_area: StudyArea | None
) -> tuple[list[str | None], list[str | None]]:
    """Return the ward and borough of each record, by its point or else its area code."""
    if study_area is None:
        nowhere: list[str | None] = [None] * len(records)
        return nowhere, nowhere
    x_m, y_m = (records[name].to_numpy(dtype=np.float64) for name in ("x_m", "y_m"))
    of_ward = dict(
        zip(study_area.wards["ward_code"], study_area.wards["borough_code"], strict=True)
    )
    boroughs = set(of_ward.values())
    by_point = locate_wards(study_area, x_m, y_m).tolist()
    stated = _texts(records["area_code"], "")
    wards = [found or (code if code in of_ward else "") for found, code in
             zip(by_point, stated, strict=True)]  # fmt: skip
    held = [of_ward.get(ward, code if code in boroughs else "") for ward, code in
            zip(wards, stated, strict=True)]  # fmt: skip
    return [ward or None for ward in wards], [borough or None for borough in held]


def _column(values: Sequence[Any], kind: str) -> pd.Series:
    if kind == "str":
        return pd.Series(list(values), dtype="str")
    if kind.endswith("UTC]"):
        stamps = np.array(values, dtype="datetime64[us]")
        return pd.Series(pd.DatetimeIndex(stamps).tz_localize("UTC"))
    if kind.startswith("datetime64"):
        return pd.Series(np.array([str(one) for one in values], dtype="datetime64[us]"))
    if kind == "float64":
        return pd.Series([np.nan if one is None else one for one in values], dtype="float64")
    return pd.Series(list(values), dtype=kind)


def _texts(values: pd.Series, missing: str | None) -> list[Any]:
    gone = values.isna().to_numpy(dtype=bool)
    found = values.astype(object).where(~gone, missing)
    return list(found)


def _instants(values: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return values.to_numpy(dtype="datetime64[us]")


def _numbers(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    return [None if math.isnan(one) else one for one in values.tolist()]

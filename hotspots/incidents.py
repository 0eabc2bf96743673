"""The one shape of evidence that every reader produces and every later step consumes.

Two frames and what is known about them. ``records`` holds one row an event or report;
``counts`` one row an area, month and category. Both are validated by the feed reader
that made them; rows it could not accept are in ``rejected`` with a reason each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache

import pandas as pd

#: Columns of ``FeedReading.records`` in order, with their pandas dtypes.
RECORD_DTYPES: dict[str, str] = {
    "record_id": "str",
    "source": "str",  # key of hotspots.sources.REGISTRY
    "category": "str",
    "occurred_from": "datetime64[us, UTC]",
    "occurred_to": "datetime64[us, UTC]",  # equal to occurred_from when the time is exact
    "known_from": "datetime64[us, UTC]",  # when the police first knew of this version
    "x_m": "float64",  # EPSG:27700 easting, NaN when only an area is known
    "y_m": "float64",
    "area_code": "str",  # GSS code (E05 ward or E09 borough), missing when a point is known
    "source_grade": "str",  # 3x5x2: 1-3, missing when the feed is ungraded
    "information_grade": "str",  # A-E, missing when the feed is ungraded
    "handling_code": "str",  # P or C; missing means P
    "basis": "str",  # reported | discovered
    "corrects": "str",  # record_id of the version this row corrects, missing otherwise
    "correction": "str",  # reclassified | withdrawn | moved, missing otherwise
    "notice": "str",  # for example SYNTHETIC; missing for real records
    "file": "str",  # name of the file it came from (no directory)
    "row": "int64",  # data row in that file, from 1
}

#: Columns of ``FeedReading.counts`` in order.
COUNT_DTYPES: dict[str, str] = {
    "source": "str",
    "category": "str",  # for example gun_crime, lethal_barrel_discharge
    "area_type": "str",  # ward | borough
    "area_code": "str",
    "month": "datetime64[us]",  # first day of the month, a Europe/London calendar month
    "count": "int64",
    "basis": "str",
    "notice": "str",
    "file": "str",
}


@dataclass(frozen=True)
class Rejection:
    """One row that was not accepted. ``row`` counts data rows from 1.

    ``expected`` marks rows that a public format cannot place by its nature (no location, a
    not-known area, an offence listed again): normal, counted, and never a reason to refuse
    the file. ``handling_code`` is ``C`` where the row is, or may be, under conditions on its
    handling.
    """

    file: str
    row: int
    column: str
    value: str
    reason: str
    remedy: str
    expected: bool = False
    handling_code: str = ""


@dataclass(frozen=True)
class Coverage:
    """What a feed can speak about. An area or month outside it is unknown, never zero.

    Attributes
    ----------
    areas
        GSS codes (wards or boroughs, as the feed counts) that the feed covers, or ``None``
        when the feed covers the whole study area.
    first_day, last_day
        First and last calendar day (Europe/London) covered, inclusive.
    months_missing
        Months (first days) inside that span which the feed does not cover.
    stated
        True when the publisher states it (a sidecar or the format's own contract), False
        when it was inferred from the records; ``explanation`` says how.
    """

    areas: frozenset[str] | None
    first_day: date
    last_day: date
    months_missing: frozenset[date] = frozenset()
    stated: bool = True
    explanation: str = ""


@dataclass(frozen=True)
class FeedReading:
    """Everything one file gave: accepted evidence, refused rows, and what it covers."""

    file: str
    format: str  # police_uk_street | mps_dashboard_counts | mps_wide_counts | meeting_feed
    sha256: str
    records: pd.DataFrame
    counts: pd.DataFrame
    rejected: tuple[Rejection, ...]
    dropped_columns: tuple[str, ...]
    coverage: Coverage
    warnings: tuple[str, ...] = field(default=())


def empty_records() -> pd.DataFrame:
    """Return a frame of no records with the canonical columns and dtypes."""
    return _no_rows(tuple(RECORD_DTYPES.items())).copy()


def empty_counts() -> pd.DataFrame:
    """Return a frame of no counts with the canonical columns and dtypes."""
    return _no_rows(tuple(COUNT_DTYPES.items())).copy()


@cache
def _no_rows(dtypes: tuple[tuple[str, str], ...]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in dtypes})

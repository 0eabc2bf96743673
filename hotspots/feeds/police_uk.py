"""police.uk street-level crime: the monthly CSV of a force, plain, gzipped or in the archive.

Places are snapped to anonymised street points and times are whole months. The publisher's
``Crime ID`` names a crime reference; the files list one reference several times (several
victims, suspects or outcomes), always at one place in one month. A second row of the same
reference and type is therefore the same event listed again; rows of one reference with
different types are different offences of one event and are all kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.boundaries.study_area import StudyArea
from hotspots.feeds import places, times
from hotspots.feeds.columns import require_columns, settle_columns
from hotspots.feeds.frames import records_frame
from hotspots.feeds.options import ReadOptions
from hotspots.feeds.table import Table
from hotspots.feeds.validation import RowChecks

FORMAT = "police_uk_street"
SOURCE = "police_uk_street"
TIMEZONE = "Europe/London"
REQUIRED = ("Month", "Longitude", "Latitude", "Crime type")
COLUMNS = (
    "Crime ID", "Month", "Reported by", "Falls within", "Longitude", "Latitude", "Location",
    "LSOA code", "LSOA name", "Crime type", "Last outcome category", "Context",
)  # fmt: skip
#: Columns of the format that say nothing the product uses, or are free text.
UNUSED = ("Location", "LSOA name", "Last outcome category", "Context")
#: Crime types in force and past, by their normalised name.
CATEGORIES = (
    "anti_social_behaviour", "bicycle_theft", "burglary", "criminal_damage_and_arson", "drugs",
    "other_crime", "other_theft", "possession_of_weapons", "public_disorder_and_weapons",
    "public_order", "robbery", "shoplifting", "theft_from_the_person", "vehicle_crime",
    "violence_and_sexual_offences", "violent_crime",
)  # fmt: skip
#: Found by police activity rather than reported by the public: shown, never learned from.
DISCOVERED = ("drugs", "possession_of_weapons", "public_disorder_and_weapons")
_MONTH_REMEDY = "write the month as YYYY-MM, for example 2017-06"


def recognises(names: tuple[str, ...]) -> bool:
    """Tell whether a header is one of this format."""
    return "Crime type" in names or {"Falls within", "Month"} <= {*names}


def read(
    table: Table, study_area: StudyArea, options: ReadOptions
) -> tuple[pd.DataFrame, RowChecks, tuple[str, ...], frozenset[str]]:
    """Read one street file.

    Returns
    -------
    records, checks, dropped_columns, forces
        Accepted rows in ``RECORD_DTYPES`` and, last, the ward of each as ``ward_code``; the
        row checks; names of unused columns; the forces whose area the rows fall within.
    """
    require_columns(table.frame.columns, REQUIRED, table.file, "police.uk street file")
    unknown = settle_columns(table.frame.columns, COLUMNS, table.file, options)
    dropped = tuple(n for n in table.frame.columns if n in UNUSED or n in unknown)
    blank = pd.Series([""] * len(table.frame), dtype="str")
    kept = pd.DataFrame({c: table.frame.get(c, blank) for c in COLUMNS})
    checks = RowChecks(replace(table, frame=kept))
    category = _categories(checks)
    first, last = read_months(checks, "Month")
    x_m, y_m, wards = _points(checks, study_area, options)
    record_id = _identities(checks, category)
    discovered = category.isin(DISCOVERED).to_numpy(dtype=bool)
    records = records_frame(
        checks.ok,
        {
            "record_id": record_id, "source": SOURCE, "category": category,
            "occurred_from": first, "occurred_to": last, "known_from": last,
            "x_m": x_m, "y_m": y_m,
            "basis": np.where(discovered, "discovered", "reported").astype(object),
            "file": table.file, "row": table.rows,
        },
    )  # fmt: skip
    records["ward_code"] = wards[checks.ok]
    forces = frozenset(kept["Falls within"][checks.ok].unique()) - {""}
    return records, checks, dropped, forces


def _categories(checks: RowChecks) -> pd.Series:
    codes, texts = pd.factorize(checks.table.frame["Crime type"])
    spelt = pd.Series(texts, dtype="str").str.casefold()
    names = spelt.str.replace(r"[^a-z]+", "_", regex=True).str.strip("_")
    unknown = ~names.isin(list(CATEGORIES)).to_numpy(dtype=bool)
    checks.refuse(
        unknown[codes],
        "Crime type",
        "unknown crime type",
        f"use a crime type of police.uk: {', '.join(CATEGORIES)}",
    )
    return names.iloc[codes].reset_index(drop=True)


def read_months(
    checks: RowChecks, column: str
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Read YYYY-MM months as their first and last instant in UTC, refusing other texts."""
    month, good = month_starts(checks.table.frame[column])
    checks.refuse(~good, column, "this is no month", _MONTH_REMEDY)
    first, last = np.full(len(good), times.NAT), np.full(len(good), times.NAT)
    if good.any():
        first[good] = times.day_start_utc(month[good].astype("datetime64[D]"), TIMEZONE)
        after = (month[good] + np.timedelta64(1, "M")).astype("datetime64[D]")
        last[good] = times.day_start_utc(after, TIMEZONE) - np.timedelta64(1, "us")
    return first, last


def month_starts(texts: pd.Series) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """Return datetime64[M] months (NaT where the text is no YYYY-MM) and which are good."""
    codes, unique = pd.factorize(texts)
    starts, good = _month_starts(pd.Series(unique, dtype="str"))
    return starts[codes], good[codes]


def _month_starts(texts: pd.Series) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    parts = texts.str.extract(r"^(?P<year>[0-9]{4})-?(?P<month>[0-9]{2})$")
    shaped = parts["year"].notna().to_numpy(dtype=bool)
    year = parts["year"].fillna("0").to_numpy(dtype=object).astype(np.int64)
    month = parts["month"].fillna("0").to_numpy(dtype=object).astype(np.int64)
    good = shaped & (month >= 1) & (month <= 12)
    good &= (year >= times.FIRST_YEAR) & (year <= times.LAST_YEAR)
    starts = np.full(len(texts), np.datetime64("NaT", "M"))
    starts[good] = ((year[good] - 1970) * 12 + month[good] - 1).astype("datetime64[M]")
    return starts, good


def _points(
    checks: RowChecks, study_area: StudyArea, options: ReadOptions
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]]:
    """Return x and y in metres and the ward of each row, refusing rows outside the area."""
    frame = checks.table.frame
    blank = (frame["Longitude"].eq("") & frame["Latitude"].eq("")).to_numpy(dtype=bool)
    checks.refuse(
        blank, "Longitude", "no location", "none: the publisher gives no point for this crime",
        expected=True,
    )  # fmt: skip
    pair = ("Longitude", "Latitude")
    lon, lat, _ = places.read_pair(checks, *pair, places.DEGREES_REMEDY)
    tolerance_m = options.outside_tolerance_m
    x_m, y_m = places.degrees_to_grid(checks, lon, lat, pair, study_area, tolerance_m=tolerance_m)
    wards, distance_m = places.wards_and_distance_m(study_area, x_m, y_m)
    outside = np.isfinite(x_m) & (distance_m > tolerance_m)
    elsewhere = outside.copy()
    elsewhere[outside] = _lsoa_elsewhere(frame[outside], study_area)
    reasons, shown = places.outside_reason(distance_m, outside), places.pair_text(lon, lat)
    checks.refuse(
        elsewhere, "Longitude", reasons, "none: the offence lies in another force's area",
        expected=True, shown=shown,
    )  # fmt: skip
    checks.refuse(
        outside, "Longitude", reasons,
        "correct the coordinates or leave the row out: its LSOA is not one of another area",
        shown=shown,
    )  # fmt: skip
    return x_m, y_m, wards


def _lsoa_elsewhere(frame: pd.DataFrame, study_area: StudyArea) -> NDArray[np.bool_]:
    """Tell which rows the publisher itself places on land outside the study area."""
    authority = frame["LSOA name"].str.replace(r"\s+[0-9]{3}[A-Z]$", "", regex=True)
    here = authority.isin(study_area.boroughs["borough_name"].astype(str).tolist())
    placed = frame["LSOA code"].str.fullmatch(r"[EWSN][0-9]{8}") & authority.ne("")
    elsewhere: NDArray[np.bool_] = (placed & ~here).to_numpy(dtype=bool)
    return elsewhere


def _identities(checks: RowChecks, category: pd.Series) -> pd.Series:
    """Return a stable id for each row: reference and type, or a digest where none is given."""
    frame = checks.table.frame
    named = frame["Crime ID"].ne("").to_numpy(dtype=bool)
    identity = frame["Crime ID"] + ":" + category
    again = named & checks.ok
    again[again] = identity[again].duplicated(keep="first").to_numpy(dtype=bool)
    checks.refuse(
        again, "Crime ID",
        "the same crime reference and type is listed again",
        "none: counted once, as one event", expected=True,
    )  # fmt: skip
    at = np.flatnonzero(~named & checks.ok)
    identity.iloc[at] = _anonymous_ids(frame.iloc[at], category.iloc[at])
    return identity


def _anonymous_ids(frame: pd.DataFrame, category: pd.Series) -> list[str]:
    """Digest what does not change between editions of a file, numbering identical rows."""
    keys = category
    for column in ("Month", "Reported by", "Longitude", "Latitude", "LSOA code"):
        keys = keys + "|" + frame[column]
    ordinal = keys.groupby(keys).cumcount().to_numpy()
    texts = [f"{key}|{n}" for key, n in zip(keys, ordinal, strict=True)]
    return [f"anonymous-{hashlib.sha256(text.encode()).hexdigest()[:32]}" for text in texts]

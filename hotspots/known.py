"""Which records stood on a given day: duplicates, corrections and the future.

The as-of instant is 00:00 Europe/London of the as-of day. A record stands when it was known
and had happened before that instant, no other version of it that was known by then
corrects it, and it is not itself a withdrawal. Replaying an old as-of day therefore gives
what could be known on that day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.incidents import FeedReading, empty_records

LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class KnownRecords:
    """The records that stood, and why the others did not.

    Attributes
    ----------
    records
        Canonical record columns and the time range up to the as-of instant: its ages
        ``age_start_days`` and ``age_end_days``, its end ``end_utc``, its ends in naive
        Europe/London time ``local_start`` and ``local_end``, and the day of its middle,
        ``local_day``.
    duplicates, not_yet_known, superseded, withdrawn
        How many rows were set aside for each reason, the first that applies.
    """

    records: pd.DataFrame
    duplicates: int
    not_yet_known: int
    superseded: int
    withdrawn: int


def as_of_instant(as_of: date) -> pd.Timestamp:
    """Return 00:00 Europe/London of a day as a UTC timestamp."""
    local = datetime(as_of.year, as_of.month, as_of.day, tzinfo=LONDON)
    return pd.Timestamp(local.astimezone(UTC))


def known_records(readings: Sequence[FeedReading], *, as_of: date) -> KnownRecords:
    """Gather the records of all readings that stood on the as-of day.

    Parameters
    ----------
    readings
        Feeds already read, in any order; the same record in two of them counts once.
    as_of
        The day whose 00:00 Europe/London ends what may be known.
    """
    frames = [reading.records for reading in readings if len(reading.records)]
    everything = pd.concat(frames, ignore_index=True) if frames else empty_records()
    order = everything.sort_values(
        ["source", "record_id", "known_from", "file", "row"], kind="stable", ignore_index=True
    )
    repeated = order.duplicated(["source", "record_id"]).to_numpy()
    instant = as_of_instant(as_of)
    known = _before(order["known_from"], instant) & _before(order["occurred_from"], instant)
    spoken = known & ~repeated
    corrected = order.loc[spoken & order["corrects"].notna().to_numpy(), "corrects"]
    superseded = spoken & order["record_id"].isin(set(corrected)).to_numpy()
    gone = spoken & ~superseded & (order["correction"] == "withdrawn").fillna(False).to_numpy()
    standing = order.loc[spoken & ~superseded & ~gone].reset_index(drop=True)
    return KnownRecords(
        records=_dated(standing, instant),
        duplicates=int(repeated.sum()),
        not_yet_known=int((~known & ~repeated).sum()),
        superseded=int(superseded.sum()),
        withdrawn=int(gone.sum()),
    )


def _before(times: pd.Series, instant: pd.Timestamp) -> NDArray[np.bool_]:
    return np.asarray((times < instant).fillna(False), dtype=bool)


def _dated(records: pd.DataFrame, instant: pd.Timestamp) -> pd.DataFrame:
    """Add the age and local day of the middle of each record's time range."""
    start = records["occurred_from"]
    end = records["occurred_to"].where(records["occurred_to"] >= start, start)
    end = end.where(end <= instant, instant)
    middle = start + (end - start) / 2
    local = [one.dt.tz_convert(LONDON).dt.tz_localize(None) for one in (start, end, middle)]
    return records.assign(
        age_start_days=(instant - start).dt.total_seconds() / 86400.0,
        age_end_days=(instant - end).dt.total_seconds() / 86400.0,
        end_utc=end,
        local_start=local[0],
        local_end=local[1],
        local_day=local[2].dt.normalize(),
    )

"""Local times of a feed become UTC intervals; what cannot be a time is named.

Accepted: ISO 8601 (``2026-03-29``, ``2026-03-29T14:05``, with seconds, fractions, ``Z`` or an
offset) and British ``29/03/2026 [14:05]``. Without an offset a time is local. A date alone is
the whole local day. A local hour that the clocks skip does not exist; one that they repeat is
the range over both readings.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FIRST_YEAR, LAST_YEAR = 1900, 2100
_TIME = (
    r"(?:[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})"
    r"(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"\s?(?P<offset>Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_ISO = r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})" + _TIME + "$"
_BRITISH = r"^(?P<day>[0-9]{1,2})/(?P<month>[0-9]{1,2})/(?P<year>[0-9]{4})" + _TIME + "$"
_FORMS = "write it as 2026-11-22T14:05 (ISO 8601), 2026-11-22, or 22/11/2026 14:05"
_DAY_US = 86_400_000_000
_MINUTE_US = 60_000_000
NAT = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class Moments:
    """Times read from one column, one element a row.

    Attributes
    ----------
    first, last
        datetime64[us] (n,), UTC, inclusive; equal for an exact time; NaT where blank or bad.
    problem
        object (n,): why the text is no time, ``""`` where it is one or is blank.
    ambiguous
        bool (n,): a local time the clocks repeat, read as a range over both.
    """

    first: NDArray[np.datetime64]
    last: NDArray[np.datetime64]
    problem: NDArray[np.object_]
    ambiguous: NDArray[np.bool_]


REMEDY = _FORMS


def parse_moments(texts: pd.Series, timezone: str) -> Moments:
    """Read one column of times.

    Parameters
    ----------
    texts
        str (n,), ``""`` where missing.
    timezone
        IANA zone of times without an offset.
    """
    unique, codes = np.unique(texts.to_numpy(dtype=object).astype(str), return_inverse=True)
    found = _parse_unique(pd.Series(unique, dtype="str"), timezone)
    return Moments(
        found.first[codes], found.last[codes], found.problem[codes], found.ambiguous[codes]
    )


def _parse_unique(texts: pd.Series, timezone: str) -> Moments:
    parts = texts.str.extract(_ISO)
    british = texts.str.extract(_BRITISH)
    parts = parts.where(parts["year"].notna(), british)
    blank = texts.eq("").to_numpy(dtype=bool)
    shaped = parts["year"].notna().to_numpy(dtype=bool)
    problem = np.full(len(texts), "", dtype=object)
    problem[~shaped & ~blank] = "this is not a date or time that can be read"
    number = {name: _integers(parts[name]) for name in _UNITS}
    _calendar_problems(number, shaped, problem)
    good = shaped & (problem == "")
    local = _local(number, _microseconds(parts["fraction"]), good)
    has_time = parts["hour"].notna().to_numpy(dtype=bool)
    zoned = parts["offset"].notna().to_numpy(dtype=bool)
    shift = _offset_us(parts["offset"], good, problem)
    first, last, ambiguous = _to_utc(local, has_time, zoned, shift, timezone)
    missing = good & (problem == "") & (np.isnat(first) | np.isnat(last))
    problem[missing] = f"the clocks of {timezone} skip this time: it does not exist"
    bad = problem != ""
    first[bad] = NAT
    last[bad] = NAT
    return Moments(first, last, problem, ambiguous & ~bad)


_UNITS = ("year", "month", "day", "hour", "minute", "second")


def _integers(texts: pd.Series) -> NDArray[np.int64]:
    return texts.fillna("0").to_numpy(dtype=object).astype(np.int64)


def _microseconds(texts: pd.Series) -> NDArray[np.int64]:
    return _integers(texts.str.ljust(6, "0").str.slice(0, 6))


def _calendar_problems(
    number: dict[str, NDArray[np.int64]], shaped: NDArray[np.bool_], problem: NDArray[np.object_]
) -> None:
    def note(bad: NDArray[np.bool_], text: str) -> None:
        problem[bad & shaped & (problem == "")] = text

    note(
        (number["year"] < FIRST_YEAR) | (number["year"] > LAST_YEAR),
        f"the year is outside {FIRST_YEAR} to {LAST_YEAR}",
    )
    note((number["month"] < 1) | (number["month"] > 12), "there is no such month")
    note(
        (number["day"] < 1) | (number["day"] > days_in_month(number["year"], number["month"])),
        "there is no such day in that month",
    )
    note(number["hour"] > 23, "there is no such hour")
    note((number["minute"] > 59) | (number["second"] > 59), "there is no such minute or second")


def days_in_month(year: NDArray[np.int64], month: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of days of each month, 31 where the month is not 1 to 12."""
    lengths = np.array([31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    inside = np.where((month >= 1) & (month <= 12), month, 0)
    days: NDArray[np.int64] = lengths[inside] + (leap & (inside == 2))
    return days


def _local(
    number: dict[str, NDArray[np.int64]], fraction_us: NDArray[np.int64], good: NDArray[np.bool_]
) -> NDArray[np.datetime64]:
    local = np.full(len(good), NAT)
    months = (number["year"][good] - 1970) * 12 + number["month"][good] - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    micros = (days + number["day"][good] - 1) * _DAY_US + fraction_us[good]
    seconds = number["hour"][good] * 3600 + number["minute"][good] * 60 + number["second"][good]
    local[good] = (micros + seconds * 1_000_000).astype("datetime64[us]")
    return local


def _offset_us(
    texts: pd.Series, good: NDArray[np.bool_], problem: NDArray[np.object_]
) -> NDArray[np.int64]:
    digits = texts.fillna("").str.replace(":", "").str.upper().str.replace("Z", "+0000")
    digits = digits.where(digits.str.len() != 3, digits + "00").replace("", "+0000")
    plain = digits.to_numpy(dtype=object).astype(str)
    sign = np.where(np.char.startswith(plain, "-"), -1, 1)
    values = np.array([int(text[1:]) for text in plain], dtype=np.int64)
    hours, minutes = values // 100, values % 100
    wild = good & ((hours > 14) | (minutes > 59)) & (problem == "")
    problem[wild] = "the offset from UTC is not between -14:00 and +14:00"
    shift: NDArray[np.int64] = sign * (hours * 60 + minutes) * _MINUTE_US
    return shift


def _to_utc(
    local: NDArray[np.datetime64],
    has_time: NDArray[np.bool_],
    zoned: NDArray[np.bool_],
    shift_us: NDArray[np.int64],
    timezone: str,
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64], NDArray[np.bool_]]:
    first = local_to_utc(local, timezone, later=False)
    last = local_to_utc(local, timezone, later=True)
    ambiguous = has_time & ~zoned & (first != last) & ~np.isnat(first)
    exact = local - shift_us.astype("timedelta64[us]")
    first[zoned], last[zoned] = exact[zoned], exact[zoned]
    day = ~has_time & ~np.isnat(local)
    midnight = local[day].astype("datetime64[D]")
    after = (midnight.astype(np.int64) + 1).astype("datetime64[D]")
    first[day] = day_start_utc(midnight, timezone)
    last[day] = day_start_utc(after, timezone) - np.timedelta64(1, "us")
    return first, last, ambiguous


def local_to_utc(
    local: NDArray[np.datetime64], timezone: str, *, later: bool
) -> NDArray[np.datetime64]:
    """Convert local times to UTC; a repeated hour by its earlier or later reading.

    Times that do not exist become NaT.
    """
    stamps = pd.DatetimeIndex(local.astype("datetime64[us]"))
    zoned = stamps.tz_localize(
        ZoneInfo(timezone), ambiguous=np.full(len(local), not later), nonexistent="NaT"
    )
    utc: NDArray[np.datetime64] = zoned.tz_convert("UTC").tz_localize(None).to_numpy()
    return utc.astype("datetime64[us]")


def day_start_utc(days: NDArray[np.datetime64], timezone: str) -> NDArray[np.datetime64]:
    """Return the first instant of each local day (some zones skip midnight) in UTC."""
    stamps = pd.DatetimeIndex(days.astype("datetime64[us]"))
    zoned = stamps.tz_localize(
        ZoneInfo(timezone), ambiguous=np.full(len(days), True), nonexistent="shift_forward"
    )
    utc: NDArray[np.datetime64] = zoned.tz_convert("UTC").tz_localize(None).to_numpy()
    return utc.astype("datetime64[us]")


def local_days(utc: NDArray[np.datetime64], timezone: str) -> NDArray[np.datetime64]:
    """Return the local calendar day of each UTC time, datetime64[D]."""
    stamps = pd.DatetimeIndex(utc.astype("datetime64[us]")).tz_localize("UTC")
    local = stamps.tz_convert(ZoneInfo(timezone)).tz_localize(None).to_numpy()
    return local.astype("datetime64[D]")

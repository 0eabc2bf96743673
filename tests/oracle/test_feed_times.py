"""Vectorised reading of times against the standard library, one text at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hotspots.feeds.times import parse_moments

ZONES = ("Europe/London", "America/New_York", "Asia/Kathmandu", "America/Sao_Paulo", "UTC")


def slow_interval(moment: datetime, zone: str) -> tuple[datetime, datetime] | None:
    """Return both UTC readings of a naive local time, ``None`` when it does not exist."""
    readings = [moment.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    exists = [r.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) == moment for r in readings]
    return (min(readings), max(readings)) if all(exists) else None


@settings(max_examples=400, deadline=None)
@given(
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2037, 12, 31)),
    st.sampled_from(ZONES),
    st.sampled_from(["%Y-%m-%dT%H:%M:%S.%f", "%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M"]),
)
@example(datetime(2026, 3, 29, 1, 30), "Europe/London", "%Y-%m-%d %H:%M")
@example(datetime(2026, 10, 25, 1, 30), "Europe/London", "%Y-%m-%d %H:%M")
@example(datetime(2017, 11, 5, 1, 59), "America/New_York", "%d/%m/%Y %H:%M:%S")
def test_local_times(moment: datetime, zone: str, form: str) -> None:
    text = moment.strftime(form)
    read = parse_moments(pd.Series([text], dtype="str"), zone)
    expected = slow_interval(datetime.strptime(text, form), zone)
    if expected is None:
        assert "does not exist" in read.problem[0]
        assert np.isnat(read.first[0])
        return
    got = [stamp[0].item().replace(tzinfo=UTC) for stamp in (read.first, read.last)]
    assert got == list(expected)
    assert read.ambiguous[0] == (expected[0] != expected[1])


@settings(max_examples=200, deadline=None)
@given(
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2037, 12, 31)),
    st.integers(-14 * 60, 14 * 60),
)
def test_offsets(moment: datetime, minutes: int) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    read = parse_moments(pd.Series([zoned.isoformat()], dtype="str"), "Europe/London")
    assert read.first[0].item().replace(tzinfo=UTC) == zoned.astimezone(UTC)
    assert read.first[0] == read.last[0]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 20_000), st.sampled_from(ZONES[:3]))
def test_a_date_is_its_whole_local_day(days: int, zone: str) -> None:
    day = datetime(1990, 1, 1) + timedelta(days=days)
    read = parse_moments(pd.Series([day.strftime("%Y-%m-%d")], dtype="str"), zone)
    first, last = (s[0].item().replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
                   for s in (read.first, read.last))  # fmt: skip
    assert first.replace(tzinfo=None) == day
    assert last.replace(tzinfo=None) == day + timedelta(days=1, microseconds=-1)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 9999), st.integers(0, 99), st.integers(0, 99))
def test_the_calendar(year: int, month: int, day: int) -> None:
    text = f"{year:04d}-{month:02d}-{day:02d}"
    read = parse_moments(pd.Series([text], dtype="str"), "UTC")
    try:
        real = datetime(year, month, day) if 1900 <= year <= 2100 else None
    except ValueError:
        real = None
    assert (read.problem[0] == "") == (real is not None)

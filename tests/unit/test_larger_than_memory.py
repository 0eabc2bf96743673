"""Logs in pieces: the same counts whatever the pieces, the format or the scheduler."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import LocalCluster
from pyproj import Transformer
from shapely.geometry import Polygon

from hotspots import larger_than_memory, larger_than_memory_parts
from hotspots.errors import FeedRefusedError
from hotspots.evaluation_backtest import backtest, backtest_days, backtest_periods
from hotspots.feeds.event_log import read_event_log
from hotspots.forecast import forecast_counts
from hotspots.forecast_counts import PeriodCounts, count_events, periods
from hotspots.grid import cell_locator, clip_grid
from hotspots.larger_than_memory import count_log, dask_map
from hotspots.larger_than_memory_parts import LogFormat

CITY = Polygon([(521_000, 171_000), (529_000, 171_500), (528_000, 177_000), (522_000, 176_000)])
GRID = clip_grid(CITY, cell_size_m=500)
LOCATOR = cell_locator(GRID, CITY)
ZONE = "Europe/London"
AS_OF = date(2025, 7, 1)
CALENDAR = periods([AS_OF], ZONE)
HOW = LogFormat(27700, ZONE, ("occurred_at",))


def log(n: int = 4_000) -> pd.DataFrame:
    """Random events of four years, some outside, none in an hour the clocks skip or repeat."""
    random = np.random.default_rng(7)
    minutes = random.integers(0, 4 * 365 * 24 * 60, n).astype("timedelta64[m]")
    at = pd.DatetimeIndex(np.datetime64("2021-07-01", "m") + minutes)
    return pd.DataFrame(
        {
            "x": random.normal(525_000, 1_500, n).round(2),
            "y": random.normal(174_000, 1_300, n).round(2),
            "occurred_at": at.where(at.hour > 2, at + pd.Timedelta(hours=3)),
        }
    )


def direct(frame: pd.DataFrame) -> PeriodCounts:
    at = frame["occurred_at"].dt.tz_localize(ZONE).dt.tz_convert("UTC").dt.tz_localize(None)
    return count_events(
        frame["x"].to_numpy(), frame["y"].to_numpy(), at.to_numpy(), LOCATOR, CALENDAR
    )


def same(found: PeriodCounts, expected: PeriodCounts) -> bool:
    return (found.counts != expected.counts).nnz == 0 and found.n_outside == expected.n_outside


def partitioned(folder: Path, frame: pd.DataFrame) -> Path:
    for n in range(5):
        year = folder / f"year={n}"
        year.mkdir(parents=True)
        part = pa.Table.from_pandas(frame.iloc[n::5], preserve_index=False)
        pq.write_table(part, year / "part.parquet", row_group_size=150)
    (folder / "_SUCCESS").write_text("")
    return folder


def test_every_format_and_cut_gives_the_counts_of_the_whole(tmp_path, monkeypatch) -> None:
    frame = log()
    expected = direct(frame)
    monkeypatch.setattr(larger_than_memory_parts, "CSV_PIECE_BYTES", 5_000)
    monkeypatch.setattr(larger_than_memory_parts, "BATCH_ROWS", 64)
    assert same(count_log(partitioned(tmp_path / "p", frame), HOW, LOCATOR, CALENDAR), expected)
    for line_end in ("\n", "\r\n"):
        frame.to_csv(tmp_path / "log.csv", index=False, lineterminator=line_end)
        assert same(count_log(tmp_path / "log.csv", HOW, LOCATOR, CALENDAR), expected)
    packed = gzip.compress((tmp_path / "log.csv").read_bytes())
    (tmp_path / "log.csv.gz").write_bytes(packed)
    assert same(count_log(tmp_path / "log.csv.gz", HOW, LOCATOR, CALENDAR), expected)
    utc = frame.assign(occurred_at=frame["occurred_at"].dt.tz_localize(ZONE))
    utc.to_parquet(tmp_path / "zoned.parquet")
    assert same(count_log(tmp_path / "zoned.parquet", HOW, LOCATOR, CALENDAR), expected)


@pytest.mark.parametrize("size", [7, 64, 1_000])
def test_a_cut_at_any_byte_loses_and_doubles_nothing(tmp_path, monkeypatch, size) -> None:
    frame = log(12)
    frame.to_csv(tmp_path / "log.csv", index=False)
    (tmp_path / "cut.csv").write_bytes((tmp_path / "log.csv").read_bytes().rstrip(b"\n"))
    monkeypatch.setattr(larger_than_memory_parts, "CSV_PIECE_BYTES", size)
    for name in ("log.csv", "cut.csv"):
        assert same(count_log(tmp_path / name, HOW, LOCATOR, CALENDAR), direct(frame))


def test_pieces_are_read_like_a_whole_file(tmp_path) -> None:
    """Degrees, a day and a clock column, days without an hour, a repeated hour."""
    frame = log(300)
    to_degrees = Transformer.from_crs(27700, 4326, always_xy=True)
    frame["longitude"], frame["latitude"] = to_degrees.transform(frame.pop("x"), frame.pop("y"))
    frame["day"] = frame["occurred_at"].dt.strftime("%Y-%m-%d")
    frame["clock"] = frame.pop("occurred_at").dt.strftime("%H:%M")
    frame.loc[:5, "clock"] = ""
    frame.loc[6, ["day", "clock"]] = ["2024-10-27", "01:30"]
    frame.loc[7, "clock"] = "7:05"
    frame.to_csv(tmp_path / "log.csv", index=False)
    columns = ("day", "clock")
    whole = read_event_log(tmp_path / "log.csv", crs_epsg=27700, time_columns=columns)
    pieces = larger_than_memory_parts.list_parts(tmp_path / "log.csv")
    how = LogFormat(27700, ZONE, columns)
    (x_m, y_m, at), *rest = larger_than_memory_parts.read_part(pieces[0], how)
    assert not rest
    np.testing.assert_allclose(x_m, whole.x_m, atol=1e-6)
    np.testing.assert_allclose(y_m, whole.y_m, atol=1e-6)
    np.testing.assert_array_equal(at, whole.occurred_at)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Start a real scheduler with two worker processes on this machine."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as local:
        yield local.scheduler_address


def test_two_workers_give_the_same_forecast_and_backtest(tmp_path, cluster) -> None:
    frame = log()
    folder = partitioned(tmp_path / "p", frame)
    remote = count_log(folder, HOW, LOCATOR, CALENDAR, scheduler=cluster)
    assert same(remote, direct(frame))
    alone = forecast_counts(direct(frame), GRID, AS_OF, 28).expected
    np.testing.assert_allclose(
        forecast_counts(remote, GRID, AS_OF, 28).expected, alone, rtol=0, atol=1e-9
    )
    days = backtest_days(date(2025, 5, 1), AS_OF, 28)
    calendar = backtest_periods(days, 28, ZONE)
    counts = count_log(folder, HOW, LOCATOR, calendar, scheduler=cluster)
    here = backtest(counts, GRID, days, 28)
    for mapper in (dask_map(cluster), dask_map()):
        for one, other in zip(backtest(counts, GRID, days, 28, mapper=mapper), here, strict=True):
            assert one.expected == pytest.approx(other.expected, abs=1e-9)
            for name, score in one.scores.items():
                assert score.log_sum == pytest.approx(other.scores[name].log_sum, abs=1e-9)
                np.testing.assert_allclose(score.hits, other.scores[name].hits, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n", "no column 'occurred_at'"),
        ("x,occurred_at\n1,2024-01-01\n", "no column 'longitude'"),
        ("x,y,occurred_at\n525000,174000,2024-01-01T10:00\n,174000,2024-01-01T10:00\n", "row 2"),
        ("x,y,occurred_at\n525000,174000,31/02/2024\n", "no time"),
        ("longitude,latitude,occurred_at\n525000,174000,2024-01-01T10:00\n", "no longitude"),
        ("x,y,occurred_at\n525000,174000\n", "cannot be read"),
    ],
)
def test_pieces_that_cannot_be_used_are_refused(tmp_path, text, message) -> None:
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(FeedRefusedError, match=message):
        count_log(tmp_path / "log.csv", HOW, LOCATOR, CALENDAR)


def test_no_log_and_no_scheduler_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(larger_than_memory, "CONNECT_TIMEOUT_S", 1.0)
    with pytest.raises(FeedRefusedError, match=r"no \.parquet"):
        count_log(tmp_path, HOW, LOCATOR, CALENDAR)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(FeedRefusedError, match="no Parquet"):
        count_log(tmp_path, HOW, LOCATOR, CALENDAR)
    log(10).to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(FeedRefusedError, match="no Dask scheduler"):
        count_log(tmp_path / "log.csv", HOW, LOCATOR, CALENDAR, scheduler="tcp://127.0.0.1:1")

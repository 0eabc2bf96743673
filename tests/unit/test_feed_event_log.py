"""Event logs and boundaries of any city."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from hotspots.errors import (
    BoundaryRefusedError,
    CoordinateSystemRefusedError,
    FeedRefusedError,
)
from hotspots.feeds.event_log import read_boundary, read_event_log
from hotspots.feeds.options import ReadOptions
from tests.unit.feed_files import write_lines

NEW_YORK = "America/New_York"


def test_the_new_york_log(shared_data: Path) -> None:
    folder = shared_data / "benchmarks"
    path = folder / "nyc_shootings_2006_2017.parquet"
    log = read_event_log(
        path, crs_epsg=32618, timezone=NEW_YORK, time_columns=("occur_date", "occur_time")
    )
    raw = pd.read_parquet(path)
    assert len(log.x_m) == len(raw) == len(log.occurred_at)
    local = pd.to_datetime(
        raw["occur_date"].astype(str).str[:10] + " " + raw["occur_time"].astype(str)
    )
    back = pd.DatetimeIndex(log.occurred_at).tz_localize("UTC").tz_convert(NEW_YORK)
    assert (back.tz_localize(None) == pd.DatetimeIndex(local)).all()
    boundary = read_boundary(folder / "nyc_precincts.gpkg", crs_epsg=32618)
    assert boundary.area / 1e6 == pytest.approx(783, abs=3)
    assert shapely.contains_xy(boundary, log.x_m, log.y_m).mean() > 0.99


def test_metres_win_over_degrees_and_offsets_are_converted(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "log.csv",
        "x,y,longitude,latitude,occurred_at,suspect_name",
        "530000,180000,-3,55,2026-06-01T12:00,J Smith",
        ",,-0.1276,51.5072,2026-06-01T12:00+02:00,J Smith",
        "530000,180000,,,2026-06-01,J Smith",
    )
    log = read_event_log(path, crs_epsg=27700)
    np.testing.assert_allclose(log.x_m[[0, 2]], 530000)
    assert (log.x_m[1], log.y_m[1]) == (
        pytest.approx(530034, abs=60),
        pytest.approx(180381, abs=60),
    )
    expected = ["2026-06-01T11:00", "2026-06-01T10:00", "2026-06-01T10:59:59.999999"]
    assert log.occurred_at.tolist() == np.array(expected, dtype="datetime64[us]").tolist()
    assert "1 events without an hour" in log.warnings[0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (",,,,2026-06-01", "no place"),
        ("1,,,,2026-06-01", "together"),
        ("1,nan,,,2026-06-01", "finite"),
        (",,200,51,2026-06-01", "no longitude"),
        ("1,2,,,", "no time"),
        ("1,2,,,31/02/2026", "no such day"),
    ],
)
def test_bad_events_are_named(tmp_path: Path, line: str, words: str) -> None:
    header = "x,y,longitude,latitude,occurred_at"
    path = write_lines(tmp_path / "log.csv", header, "1,2,,,2026-06-01T10:00", line)
    with pytest.raises(FeedRefusedError, match=f"row 2.*{words}"):
        read_event_log(path, crs_epsg=27700)
    log = read_event_log(path, crs_epsg=27700, options=ReadOptions(on_rejected="report"))
    assert len(log.x_m) == len(log.rejected) == 1


@pytest.mark.parametrize(
    ("epsg", "words"),
    [(4326, "not projected"), (2263, "foot"), (999999, "no known"), (4979, "not projected")],
)
def test_systems_not_in_metres_are_refused(tmp_path: Path, epsg: int, words: str) -> None:
    path = write_lines(tmp_path / "log.csv", "x,y,occurred_at", "1,2,2026-06-01")
    with pytest.raises(CoordinateSystemRefusedError, match=words):
        read_event_log(path, crs_epsg=epsg)


def test_columns_zones_and_suffixes_are_checked(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.csv", "x,y,occurred_at", "1,2,2026-06-01")
    with pytest.raises(FeedRefusedError, match="required column when is missing"):
        read_event_log(path, crs_epsg=27700, time_columns=("when",))
    with pytest.raises(FeedRefusedError, match="3 time columns"):
        read_event_log(path, crs_epsg=27700, time_columns=("x", "y", "occurred_at"))
    for zone in ("Europe/Londres", "../etc/passwd", ""):
        with pytest.raises(FeedRefusedError, match="time zone"):
            read_event_log(path, crs_epsg=27700, timezone=zone)
    bare = write_lines(tmp_path / "bare.csv", "x,occurred_at", "1,2026-06-01")
    with pytest.raises(FeedRefusedError, match="required column y is missing"):
        read_event_log(bare, crs_epsg=27700)
    with pytest.raises(FeedRefusedError, match="CSV or Parquet"):
        (tmp_path / "log.json").write_text("{}")
        read_event_log(tmp_path / "log.json", crs_epsg=27700)


def _geojson(path: Path, *shapes: dict[str, object] | None) -> Path:
    features = [{"type": "Feature", "properties": {}, "geometry": s} for s in shapes]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_a_boundary_is_the_union_of_its_polygons(tmp_path: Path) -> None:
    west = shapely.geometry.mapping(shapely.box(-0.2, 51.4, -0.1, 51.5))
    east = shapely.geometry.mapping(shapely.box(-0.1, 51.4, 0.0, 51.5))
    both = read_boundary(_geojson(tmp_path / "b.geojson", west, east), crs_epsg=27700)
    assert both.geom_type == "Polygon"
    assert both.area / 1e6 == pytest.approx(13.9 * 11.1, rel=0.02)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"type": "Point", "coordinates": [0, 51]}, "no polygon"),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
            "no valid polygon",
        ),
        (
            {"type": "Polygon", "coordinates": [[[0, 95], [1, 95], [1, 96], [0, 95]]]},
            "cannot be expressed",
        ),
        (None, "no polygon|no layer"),
    ],
)
def test_boundaries_that_are_none(
    tmp_path: Path, shape: dict[str, object] | None, words: str
) -> None:
    with pytest.raises(BoundaryRefusedError, match=words):
        read_boundary(_geojson(tmp_path / "b.geojson", shape), crs_epsg=32630)
    with pytest.raises(BoundaryRefusedError, match="cannot be opened"):
        read_boundary(tmp_path / "none.gpkg", crs_epsg=32630)
    (tmp_path / "text.gpkg").write_text("not a file")
    with pytest.raises(BoundaryRefusedError, match="not a geometry file"):
        read_boundary(tmp_path / "text.gpkg", crs_epsg=32630)

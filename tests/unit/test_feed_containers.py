"""Files as they come: encodings, delimiters, archives, spatial files, typed columns, limits."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from hotspots.boundaries.study_area import StudyArea, load_bundled
from hotspots.errors import FeedRefusedError, InputRefusedError
from hotspots.feeds.reader import ReadOptions, read_feed
from tests.unit.feed_files import MEETING_HEADER, meeting_file, meeting_line, write_lines

REPORT = ReadOptions(on_rejected="report")


@pytest.fixture(scope="module")
def area() -> StudyArea:
    return load_bundled()


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "record_id": ["A", "B"],
            "source": "daris_320",
            "category": "call_firearm",
            "basis": "reported",
            "occurred_at": pd.to_datetime(["2026-06-01T12:00", "2026-11-20T21:15"]),
        }
    )


def test_excel_bom_crlf_and_quoted_newlines_are_read(tmp_path: Path, area: StudyArea) -> None:
    path = tmp_path / "week.csv"
    quoted = meeting_line("A").replace("reported_shooting", '"reported_shooting"')
    body = "\r\n".join([MEETING_HEADER + ",shift", quoted + ',"one\ntwo"', meeting_line("B") + ","])
    path.write_bytes(b"\xef\xbb\xbf" + body.encode() + b"\r\n\r\n")
    reading = read_feed(path, area)
    assert reading.records["record_id"].tolist() == ["A", "B"]
    assert reading.records["row"].tolist() == [1, 2]
    assert "1 blank lines skipped" in reading.warnings[0]


def test_rows_after_a_ragged_row_keep_their_numbers(tmp_path: Path, area: StudyArea) -> None:
    lines = [meeting_line("A"), "B,too,short", meeting_line("C"), meeting_line("D", basis="x")]
    reading = read_feed(meeting_file(tmp_path, *lines), area, options=REPORT)
    assert reading.records["row"].tolist() == [1, 3]
    assert [r.row for r in reading.rejected] == [2, 4]
    assert "3 fields" in reading.rejected[0].reason


def test_windows_1252_is_read_with_a_warning(tmp_path: Path, area: StudyArea) -> None:
    path = meeting_file(tmp_path, meeting_line("A"))
    path.write_bytes(path.read_bytes().replace(b"SYNTHETIC", b"SYNTHETIC,\xa3\x80").replace(
        b"correction,notice", b"correction,notice,cost"))  # fmt: skip
    reading = read_feed(path, area)
    assert "Windows-1252" in reading.warnings[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n", "one column|no line"),
        (MEETING_HEADER.replace(",", ";").encode() + b"\n", "semicolon"),
        (MEETING_HEADER.replace(",", "\t").encode() + b"\n", "tab"),
        (b"just one line of prose\n", "one column"),
        (MEETING_HEADER.encode() + b"\nA\x00B\n", "NUL"),
        (MEETING_HEADER.encode("utf-16"), "UTF-16"),
        (MEETING_HEADER.encode() + b"\n\x81\x8d\xff\n", "neither UTF-8 nor Windows-1252"),
        (b"record_id,source,record_id\n1,2,3\n", "given twice"),
        (b"a,b\n1,2\n", "no known feed"),
        (b"PK\x03\x04 a workbook", "content is zip"),
        (b"%PDF-1.7", "content is a PDF"),
    ],
)
def test_files_that_are_no_feed(
    tmp_path: Path, area: StudyArea, content: bytes, words: str
) -> None:
    path = tmp_path / "week.csv"
    path.write_bytes(content)
    with pytest.raises(FeedRefusedError, match=words):
        read_feed(path, area)


@pytest.mark.parametrize("name", ["week.xlsx", "week", "week.txt", ".csv.bak"])
def test_unknown_suffixes(tmp_path: Path, area: StudyArea, name: str) -> None:
    path = tmp_path / name
    path.write_text("x")
    with pytest.raises(FeedRefusedError, match="suffix"):
        read_feed(path, area)


def test_missing_files_folders_and_pipes(tmp_path: Path, area: StudyArea) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for name, words in (
        ("none.csv", "cannot be opened"),
        ("folder.csv", "cannot be opened|no regular file"),
        ("pipe.csv", "no regular file"),
    ):
        with pytest.raises(FeedRefusedError, match=words):
            read_feed(tmp_path / name, area)


def test_a_file_that_grows_while_read_is_refused(
    tmp_path: Path, area: StudyArea, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = meeting_file(tmp_path, meeting_line("A"))
    true_fstat = os.fstat
    calls = []

    def fstat_then_append(descriptor: int) -> os.stat_result:
        found = true_fstat(descriptor)
        if not calls:
            with path.open("ab") as stream:
                stream.write(b"more\n")
        calls.append(descriptor)
        return found

    monkeypatch.setattr(os, "fstat", fstat_then_append)
    with pytest.raises(FeedRefusedError, match="changed while"):
        read_feed(path, area)


def test_decompression_bombs_are_refused(tmp_path: Path, area: StudyArea) -> None:
    zeros = b"0" * (40 * 2**20)
    packed = tmp_path / "week.csv.gz"
    packed.write_bytes(gzip.compress(zeros, mtime=0))
    with pytest.raises(FeedRefusedError, match="times its packed size"):
        read_feed(packed, area)
    archive = tmp_path / "2017-06.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("2017-06/2017-06-metropolitan-street.csv", zeros)
    with pytest.raises(FeedRefusedError, match="times its packed size"):
        read_feed(archive, area)


def test_limits_on_size_rows_columns_and_members(tmp_path: Path, area: StudyArea) -> None:
    path = meeting_file(tmp_path, meeting_line("A"), meeting_line("B"))
    for limit, words in (
        (ReadOptions(max_file_bytes=10), "bytes, above the limit"),
        (ReadOptions(max_rows=1), "2 rows, above the limit"),
        (ReadOptions(max_columns=3), "19 columns, above the limit"),
    ):
        with pytest.raises(FeedRefusedError, match=words):
            read_feed(path, area, options=limit)
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for i in range(3):
            target.writestr(f"{i}-street.csv", "x")
    with pytest.raises(FeedRefusedError, match="3 files, above the limit"):
        read_feed(archive, area, options=ReadOptions(max_archive_members=2))


@pytest.mark.parametrize(
    "bad",
    [{"on_rejected": "ignore"}, {"max_rows": 0}, {"outside_tolerance_m": float("nan")}],
)
def test_options_that_make_no_sense_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InputRefusedError, match="Remedy"):
        ReadOptions(**bad)  # type: ignore[arg-type]  # wrong on purpose


def test_damaged_archives_are_refused(tmp_path: Path, area: StudyArea) -> None:
    good = io.BytesIO()
    with zipfile.ZipFile(good, "w") as target:
        target.writestr("2017-06-metropolitan-street.csv", "a,b\n" * 50)
        target.writestr("readme.txt", "x")
    cut = tmp_path / "cut.zip"
    cut.write_bytes(good.getvalue()[:-30])
    short = tmp_path / "short.csv.gz"
    short.write_bytes(gzip.compress(b"a,b\n" * 500)[:-8])
    for path in (cut, short):
        with pytest.raises(FeedRefusedError, match=r"damaged|cannot be unpacked"):
            read_feed(path, area)


def test_parquet_types_become_the_same_records_as_text(
    tmp_path: Path, area: StudyArea, frame: pd.DataFrame
) -> None:
    typed = frame.assign(easting=530034, northing=180381.0, source_grade=[1, 2])
    typed["occurred_at"] = typed["occurred_at"].dt.tz_localize("Europe/London")
    typed["source"] = typed["source"].astype("category")
    typed.to_parquet(tmp_path / "typed.parquet")
    frame.assign(easting="530034", northing="180381", source_grade=["1", "2"]).to_csv(
        tmp_path / "text.csv", index=False
    )
    one = read_feed(tmp_path / "typed.parquet", area).records
    two = read_feed(tmp_path / "text.csv", area).records
    assert one.drop(columns="file").equals(two.drop(columns="file"))


def test_parquet_lists_and_bytes_are_no_values(
    tmp_path: Path, area: StudyArea, frame: pd.DataFrame
) -> None:
    table = pa.Table.from_pandas(frame.assign(easting=530034, northing=180381))
    extra = table.append_column("shifts", pa.array([[1], [2]]))
    pq.write_table(extra, tmp_path / "list.parquet")
    assert read_feed(tmp_path / "list.parquet", area).dropped_columns == ("shifts",)
    position = table.schema.get_field_index("basis")
    worse = table.set_column(position, "basis", pa.array([["reported"], ["reported"]]))
    pq.write_table(worse, tmp_path / "worse.parquet")
    with pytest.raises(FeedRefusedError, match="lists, structures or bytes"):
        read_feed(tmp_path / "worse.parquet", area)


def test_parquet_texts_that_are_no_utf8_are_refused(
    tmp_path: Path, area: StudyArea, frame: pd.DataFrame
) -> None:
    table = pa.Table.from_pandas(frame.drop(columns="occurred_at").assign(area_code="E09000012"))
    broken = pa.array([b"\xff\xfe", b"2026-01-01"], pa.binary()).view(pa.string())
    pq.write_table(table.append_column("occurred_at", broken), tmp_path / "week.parquet")
    with pytest.raises(FeedRefusedError, match="cannot be read"):
        read_feed(tmp_path / "week.parquet", area)


@pytest.mark.parametrize("epsg", [27700, 4326, 3857])
def test_geopackage_points_in_any_system(
    tmp_path: Path, area: StudyArea, frame: pd.DataFrame, epsg: int
) -> None:
    points = gpd.GeoDataFrame(
        frame, geometry=gpd.points_from_xy([530034, 531000], [180381, 181000]), crs=27700
    )
    points.to_crs(epsg).to_file(tmp_path / "week.gpkg")
    records = read_feed(tmp_path / "week.gpkg", area).records
    np.testing.assert_allclose(records["x_m"], [530034, 531000], atol=0.01)
    np.testing.assert_allclose(records["y_m"], [180381, 181000], atol=0.01)
    assert records["occurred_from"].iloc[0] == pd.Timestamp("2026-06-01T11:00Z")


def test_geopackage_without_system_or_with_two_layers(
    tmp_path: Path, area: StudyArea, frame: pd.DataFrame
) -> None:
    points = gpd.GeoDataFrame(frame, geometry=[shapely.Point(530034, 180381)] * 2)
    with pytest.warns(UserWarning, match="crs"):
        points.to_file(tmp_path / "bare.gpkg")
    with pytest.raises(FeedRefusedError, match="coordinate reference system"):
        read_feed(tmp_path / "bare.gpkg", area)
    points = points.set_crs(27700)
    points.to_file(tmp_path / "two.gpkg", layer="one")
    points.to_file(tmp_path / "two.gpkg", layer="two")
    with pytest.raises(FeedRefusedError, match="2 layers"):
        read_feed(tmp_path / "two.gpkg", area)


def _feature(record_id: str, geometry: object, **more: object) -> dict[str, object]:
    properties = {
        "record_id": record_id, "source": "crimint", "category": "intelligence_firearm",
        "basis": "reported", "occurred_at": "2026-11-20",
    }  # fmt: skip
    return {"type": "Feature", "properties": {**properties, **more}, "geometry": geometry}


def test_geojson_points_areas_and_other_shapes(tmp_path: Path, area: StudyArea) -> None:
    square = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [0, 0]]]}
    features = [
        _feature("A", {"type": "Point", "coordinates": [-0.12, 51.5]}),
        _feature("B", None, area_code="E09000012"),
        _feature("C", square),
        _feature("D", None),
        _feature("E", {"type": "Point", "coordinates": [51.5, -0.12]}),
        _feature("F", {"type": "Point", "coordinates": ["x", 1]}),
        _feature("G", {"type": "Point", "coordinates": [-0.12, 51.5]}, basis={"deep": [1]}),
        "not a feature",
    ]
    path = tmp_path / "week.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    reading = read_feed(path, area, options=REPORT)
    assert reading.records["record_id"].tolist() == ["A", "B"]
    assert reading.records["area_code"].fillna("").tolist() == ["", "E09000012"]
    reasons = {r.row: r.reason for r in reading.rejected}
    assert "not a point" in reasons[3]
    assert "no place" in reasons[4]
    assert "swapped" in reasons[5]
    assert "no finite coordinates" in reasons[6]
    assert "unknown basis" in reasons[7]
    assert "blank" in reasons[8]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"type": "FeatureCollection", "features": []}', "no feature"),
        ("[1, 2]", "not a GeoJSON FeatureCollection"),
        ("{'a'}", "cannot be parsed"),
        ('{"features": [{}], "crs": {"properties": {"name": "EPSG:0"}}}', "not understood"),
        ('{"features": [{}], "crs": 3}', "names no coordinate"),
    ],
)
def test_geojson_that_is_none(tmp_path: Path, area: StudyArea, text: str, words: str) -> None:
    path = tmp_path / "week.geojson"
    path.write_text(text)
    with pytest.raises(FeedRefusedError, match=words):
        read_feed(path, area)


def test_an_old_style_crs_member_is_honoured(tmp_path: Path, area: StudyArea) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::27700"}}
    features = [_feature("A", {"type": "Point", "coordinates": [530034, 180381]})]
    path = tmp_path / "week.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    assert read_feed(path, area).records["x_m"].tolist() == [530034.0]


def test_the_hash_is_that_of_the_file(tmp_path: Path, area: StudyArea) -> None:
    path = write_lines(tmp_path / "week.csv", MEETING_HEADER, meeting_line("A"))
    first = read_feed(path, area)
    assert len(first.sha256) == 64
    assert read_feed(path, area).records.equals(first.records)
    write_lines(path, MEETING_HEADER, meeting_line("B"))
    assert read_feed(path, area).sha256 != first.sha256

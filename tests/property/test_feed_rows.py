"""What holds for every feed: no row is lost, nothing but a refusal is raised."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspots.boundaries.study_area import StudyArea, load_bundled
from hotspots.errors import FeedRefusedError, InputRefusedError
from hotspots.feeds.coverage import covered_groups
from hotspots.feeds.event_log import read_event_log
from hotspots.feeds.reader import ReadOptions, read_feed
from tests.unit.feed_files import MEETING_HEADER, STREET_HEADER, meeting_line, street_line

REPORT = ReadOptions(on_rejected="report", drop_personal_columns=True)
LONDON = load_bundled()
ODD = st.sampled_from(
    ["", "nan", "inf", "-1", "1e999", "31/02/2026", "2026-03-29T01:30", "A", "reported",
     "E09000012", "51.5", "-0.12", "530034", "180381", "=1+1", "é", "٣", "²",
     "2026-11-20", "withdrawn", "'"]
)  # fmt: skip


def _read(name: str, content: bytes, options: ReadOptions = REPORT) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return read_feed(path, LONDON, options=options)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(MEETING_HEADER.split(",")), ODD, max_size=4),
                min_size=1, max_size=12))  # fmt: skip
def test_meeting_rows_are_accepted_or_rejected_once(changes: list[dict[str, str]]) -> None:
    lines = [meeting_line(**{"record_id": f"R{i}", **change}) for i, change in enumerate(changes)]
    content = "\n".join([MEETING_HEADER, meeting_line("SOUND"), *lines])
    try:
        reading = _read("week.csv", content.encode())
    except FeedRefusedError as refused:
        assert "no row is usable" in str(refused)
        return
    rows = [*reading.records["row"], *(r.row for r in reading.rejected)]
    assert sorted(rows) == list(range(1, len(lines) + 2))
    records = reading.records
    assert (records["occurred_from"] <= records["occurred_to"]).all()
    assert records["record_id"].is_unique
    assert (records["x_m"].notna() ^ records["area_code"].notna()).all()
    assert not (records["basis"].eq("reported") & records["source"].eq("blunt_2")).any()
    named = records["corrects"].dropna()
    assert named.isin(records["record_id"]).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(
    ["Crime ID", "Month", "Longitude", "Latitude", "Crime type", "LSOA name"]), ODD, max_size=3),
    min_size=1, max_size=12))  # fmt: skip
def test_street_rows_are_accepted_or_rejected_once(changes: list[dict[str, str]]) -> None:
    lines = [street_line("same"), *(street_line("same", **c) for c in changes)]
    reading = _read("2017-06-x-street.csv", "\n".join([STREET_HEADER, *lines]).encode())
    rows = [*reading.records["row"], *(r.row for r in reading.rejected)]
    assert sorted(rows) == list(range(1, len(lines) + 1))
    assert np.isfinite(reading.records[["x_m", "y_m"]].to_numpy()).all()


def _seed_files() -> list[tuple[str, bytes]]:
    meeting = "\n".join([MEETING_HEADER, *(meeting_line(f"R{i}") for i in range(5))]).encode()
    street = "\n".join([STREET_HEADER, *(street_line(f"c{i}") for i in range(5))]).encode()
    long = (
        b"month,area_type,area_code,series,measure,count\n"
        b"2023-07,ward,E05014053,gun_crime,offences,2\n"
    )
    wide = b"MajorText,MinorText,LookUp_BoroughName,202306\nROBBERY,ROBBERY,Hackney,3\n"
    feature = {
        "type": "Feature",
        "properties": dict(zip(["record_id", "source", "category", "basis", "occurred_at"],
                               ["A", "crimint", "intelligence_firearm", "reported", "2026-01-01"],
                               strict=True)),
        "geometry": {"type": "Point", "coordinates": [-0.12, 51.5]},
    }  # fmt: skip
    collection = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    frame = pd.DataFrame({k: [v] for k, v in feature["properties"].items()})  # type: ignore[union-attr]  # a mapping
    parquet = frame.assign(area_code="E09000012").to_parquet()
    return [
        ("a.csv", meeting), ("b.csv", street), ("c.csv", long), ("d.csv", wide),
        ("e.geojson", collection), ("f.parquet", parquet),
        ("g.csv.gz", gzip.compress(street, mtime=0)),
    ]  # fmt: skip


SEEDS = _seed_files()


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(
            st.integers(0, 10_000), st.integers(0, 12), st.binary(max_size=6) | ODD.map(str.encode)
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["refuse", "report"]),
)
def test_a_damaged_file_is_read_or_refused_in_one_line(
    seed: tuple[str, bytes], cuts: list[tuple[int, int, bytes]], mode: str
) -> None:
    name, content = seed
    for at, length, patch in cuts:
        place = at % (len(content) + 1)
        content = content[:place] + patch + content[place + length :]
    try:
        _read(name, content, ReadOptions(on_rejected=mode))  # type: ignore[arg-type]  # of two words
    except InputRefusedError as refused:
        assert "\n" not in str(refused)
        assert "Remedy" in str(refused)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_no_event_log_or_a_refusal(tail: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        path.write_bytes(b"x,y,occurred_at\n1,2,2026-01-01T10:00\n" + tail)
        try:
            log = read_event_log(path, crs_epsg=27700, options=REPORT)
        except InputRefusedError:
            return
        assert len(log.x_m) == len(log.y_m) == len(log.occurred_at) >= 1


@pytest.mark.parametrize("mean", [5.0, 40.0, 600.0])
@pytest.mark.parametrize("shape", [2.0, 6.0])
def test_quiet_boroughs_are_not_condemned_and_empty_ones_are_found(
    mean: float, shape: float
) -> None:
    rng = np.random.default_rng(7)
    condemned, missed, trials = 0, 0, 400
    for _ in range(trials):
        rates = rng.gamma(shape, mean / shape, 32)
        n = rng.poisson(rates).astype(float)
        condemned += int((~covered_groups(n, np.ones(32))[0]).sum())
        n[:7] = rng.poisson(0.01 * mean, 7)
        covered, telling = covered_groups(n, np.ones(32))
        missed += int(telling and covered[:7].any())
    assert condemned <= 0.02 * trials
    if shape == 6.0 and mean == 600.0:
        assert missed <= 0.05 * trials


def test_the_study_area_is_not_altered() -> None:
    before: StudyArea = load_bundled()
    _read("a.csv", SEEDS[0][1])
    assert LONDON.wards.equals(before.wards)
    assert LONDON.boroughs.equals(before.boroughs)

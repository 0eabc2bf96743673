"""The meeting's own format: what is accepted, what is refused and what the refusal says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hotspots.boundaries.study_area import StudyArea, load_bundled
from hotspots.errors import FeedRefusedError
from hotspots.feeds.reader import ReadOptions, read_feed, read_feeds
from hotspots.incidents import RECORD_DTYPES
from tests.unit.feed_files import MEETING_HEADER, meeting_file, meeting_line, write_lines

REPORT = ReadOptions(on_rejected="report")


@pytest.fixture(scope="module")
def area() -> StudyArea:
    return load_bundled()


def test_an_accepted_row_carries_every_field(tmp_path: Path, area: StudyArea) -> None:
    line = meeting_line(
        "CR-1", source="crimint", category="intelligence_firearm", known_at="2026-11-21T09:00",
        source_grade="1", information_grade="B", handling_code="C",
    )  # fmt: skip
    reading = read_feed(meeting_file(tmp_path, line), area)
    assert dict(reading.records.dtypes.astype(str)) == RECORD_DTYPES
    record = reading.records.iloc[0]
    assert record["occurred_from"] == pd.Timestamp("2026-11-20T21:15Z")
    assert record["occurred_to"] == record["occurred_from"]
    assert record["known_from"] == pd.Timestamp("2026-11-21T09:00Z")
    assert (record["x_m"], record["y_m"]) == (530034.0, 180381.0)
    grades = [record[c] for c in ("source_grade", "information_grade", "handling_code")]
    assert grades == ["1", "B", "C"]
    assert record[["area_code", "corrects", "correction"]].isna().all()
    assert (record["notice"], record["file"], record["row"]) == ("SYNTHETIC", "week.csv", 1)
    assert reading.format == "meeting_feed"
    assert reading.rejected == ()


def test_legacy_grades_map_to_the_weaker_new_grade(tmp_path: Path, area: StudyArea) -> None:
    lines = [
        meeting_line(f"CR-{i}", source_grade=s, information_grade=i, handling_code=h)
        for s, i, h in zip("ABCDE", "12345", "12345", strict=True)
    ]
    records = read_feed(meeting_file(tmp_path, *lines), area).records
    assert "".join(records["source_grade"]) == "11232"
    assert "".join(records["information_grade"]) == "AABDE"
    assert "".join(records["handling_code"]) == "PCCCC"


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2026-06-01T12:00", "2026-06-01T11:00:00Z", "2026-06-01T11:00:00Z"),
        ("2026-06-01 12:00:30.5", "2026-06-01T11:00:30.5Z", "2026-06-01T11:00:30.5Z"),
        ("2026-06-01T12:00Z", "2026-06-01T12:00Z", "2026-06-01T12:00Z"),
        ("2026-06-01T12:00+05:30", "2026-06-01T06:30Z", "2026-06-01T06:30Z"),
        ("1/6/2026 12:00", "2026-06-01T11:00Z", "2026-06-01T11:00Z"),
        ("2026-06-01", "2026-05-31T23:00Z", "2026-06-01T22:59:59.999999Z"),
        ("29/03/2026", "2026-03-29T00:00Z", "2026-03-29T22:59:59.999999Z"),
        ("2026-10-25T01:30", "2026-10-25T00:30Z", "2026-10-25T01:30Z"),
        ("2026-10-25T01:30+01:00", "2026-10-25T00:30Z", "2026-10-25T00:30Z"),
    ],
)
def test_times_become_utc_intervals(
    tmp_path: Path, area: StudyArea, written: str, first: str, last: str
) -> None:
    reading = read_feed(meeting_file(tmp_path, meeting_line("A", occurred_at=written)), area)
    record = reading.records.iloc[0]
    assert record["occurred_from"] == pd.Timestamp(first)
    assert record["occurred_to"] == pd.Timestamp(last)
    assert record["known_from"] == pd.Timestamp(last)
    assert bool(reading.warnings) == (written == "2026-10-25T01:30")


BAD_ROWS = [
    ({"record_id": ""}, "record_id", "blank"),
    ({"record_id": "a man in a hat"}, "record_id", "no record id"),
    ({"source": "trafalgar"}, "source", "unknown source"),
    ({"category": "stabbing"}, "category", "unknown category"),
    ({"basis": "guessed"}, "basis", "unknown basis"),
    ({"basis": "reported", "source": "blunt_2"}, "basis", "discovered"),
    ({"category": "possession_firearm"}, "basis", "discovered"),
    ({"source_grade": "4"}, "source_grade", "unknown source_grade"),
    ({"information_grade": "F"}, "information_grade", "unknown information_grade"),
    ({"handling_code": "Q"}, "handling_code", "unknown handling_code"),
    ({"notice": "seen by P.C. Smith; ring him"}, "notice", "no short marking"),
    ({"occurred_at": "31/02/2026"}, "occurred_at", "no such day"),
    ({"occurred_at": "2026-13-01"}, "occurred_at", "no such month"),
    ({"occurred_at": "2026-01-01T24:00"}, "occurred_at", "no such hour"),
    ({"occurred_at": "2026-03-29T01:30"}, "occurred_at", "does not exist"),
    ({"occurred_at": "last Tuesday"}, "occurred_at", "not a date"),
    ({"occurred_at": "1066-10-14"}, "occurred_at", "outside 1900 to 2100"),
    ({"occurred_at": "2026-01-01T10:00+15:00"}, "occurred_at", "offset"),
    ({"occurred_at": ""}, "occurred_at", "no time"),
    ({"occurred_from": "2026-11-20"}, "occurred_at", "a time and a range"),
    ({"occurred_at": "", "occurred_from": "2026-11-20"}, "occurred_to", "blank"),
    (
        {"occurred_at": "", "occurred_from": "2026-11-20", "occurred_to": "2026-11-19"},
        "occurred_from",
        "after occurred_to",
    ),
    ({"known_at": "2026-11-19"}, "known_at", "before it occurred"),
    ({"easting": "180381", "northing": "530034"}, "easting", "swapped"),
    ({"easting": "-0.12", "northing": "51.5"}, "easting", "degrees"),
    ({"easting": "0", "northing": "0"}, "easting", "km outside"),
    ({"easting": "640000", "northing": "170000"}, "easting", "in the sea"),
    ({"easting": "nan"}, "easting", "not a finite number"),
    ({"easting": "1e999"}, "easting", "not a finite number"),
    ({"easting": "530,034".replace(",", " ")}, "easting", "not a finite number"),
    ({"northing": ""}, "northing", "together"),
    (
        {"easting": "", "northing": "", "longitude": "51.5", "latitude": "-0.12"},
        "longitude",
        "swapped",
    ),
    (
        {"easting": "", "northing": "", "longitude": "181", "latitude": "51.5"},
        "longitude",
        "no longitude",
    ),
    ({"longitude": "-0.3", "latitude": "51.6"}, "longitude", "two places"),
    ({"area_code": "E09000099"}, "area_code", "no ward or borough"),
    ({"easting": "", "northing": ""}, "area_code", "no place"),
    ({"correction": "withdrawn"}, "corrects", "without the record"),
    ({"corrects": "A"}, "correction", "without saying how"),
    ({"corrects": "A", "correction": "moved"}, "known_at", "became known"),
    ({"corrects": "A", "correction": "lost", "known_at": "2026-11-21"}, "correction", "unknown"),
    (
        {"corrects": "Z", "correction": "moved", "known_at": "2026-11-21"},
        "corrects",
        "not in the feed",
    ),
    (
        {"corrects": "B", "correction": "moved", "known_at": "2026-11-21"},
        "corrects",
        "circle",
    ),
]


@pytest.mark.parametrize(("values", "column", "words"), BAD_ROWS)
def test_a_bad_row_is_named_in_both_modes(
    tmp_path: Path, area: StudyArea, values: dict[str, str], column: str, words: str
) -> None:
    path = meeting_file(tmp_path, meeting_line("A"), meeting_line(**{"record_id": "B", **values}))
    reading = read_feed(path, area, options=REPORT)
    assert reading.records["record_id"].tolist() == ["A"]
    (rejection,) = reading.rejected
    assert (rejection.row, rejection.column, rejection.expected) == (2, column, False)
    assert words in rejection.reason
    assert rejection.remedy
    with pytest.raises(FeedRefusedError) as refused:
        read_feed(path, area)
    assert refused.value.row == 2
    assert refused.value.column == column
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_repeated_id_names_the_first_row(tmp_path: Path, area: StudyArea) -> None:
    path = meeting_file(tmp_path, meeting_line("A"), meeting_line("B"), meeting_line("A"))
    reading = read_feed(path, area, options=REPORT)
    assert [r.row for r in reading.rejected] == [3]
    assert "row 1" in reading.rejected[0].reason


def test_the_refusal_counts_the_other_bad_rows(tmp_path: Path, area: StudyArea) -> None:
    lines = [meeting_line("A"), *(meeting_line(f"B{i}", basis="x") for i in range(3))]
    with pytest.raises(FeedRefusedError, match="2 other rows refused too"):
        read_feed(meeting_file(tmp_path, *lines), area)


def test_a_file_of_bad_rows_is_refused_even_when_reporting(tmp_path: Path, area: StudyArea) -> None:
    with pytest.raises(FeedRefusedError, match="no row is usable"):
        read_feed(meeting_file(tmp_path, meeting_line("A", basis="x")), area, options=REPORT)


def test_a_chain_of_corrections_is_kept_and_breaks_with_its_base(
    tmp_path: Path, area: StudyArea
) -> None:
    second = meeting_line(
        "A-2", corrects="A", correction="reclassified", known_at="2026-11-21T10:00"
    )
    third = meeting_line("A-3", corrects="A-2", correction="withdrawn", known_at="2026-11-22")
    sound = read_feed(meeting_file(tmp_path, third, second, meeting_line("A")), area)
    assert sound.records["corrects"].fillna("").tolist() == ["A-2", "A", ""]
    broken = meeting_file(tmp_path, meeting_line("X"), second, third)
    reading = read_feed(broken, area, options=REPORT)
    assert reading.records["record_id"].tolist() == ["X"]
    assert [r.row for r in reading.rejected] == [2, 3]


def test_a_correction_known_before_its_record_is_refused(tmp_path: Path, area: StudyArea) -> None:
    base = meeting_line("A", known_at="2026-11-25")
    early = meeting_line("A-2", corrects="A", correction="moved", known_at="2026-11-21")
    with pytest.raises(FeedRefusedError, match="known before the record it corrects"):
        read_feed(meeting_file(tmp_path, base, early), area)


def test_corrections_may_lie_in_another_file_read_together(tmp_path: Path, area: StudyArea) -> None:
    fix = meeting_line("A-2", corrects="A", correction="moved", known_at="2026-11-21")
    one = meeting_file(tmp_path, fix, name="a_fixes.csv")
    two = meeting_file(tmp_path, meeting_line("A"), name="b_base.csv")
    readings = read_feeds([one, two], area)
    assert [len(r.records) for r in readings] == [1, 1]
    with pytest.raises(FeedRefusedError, match=r"a_fixes\.csv, row 1"):
        read_feed(one, area)


def test_an_id_used_in_two_files_is_refused_in_the_later(tmp_path: Path, area: StudyArea) -> None:
    one = meeting_file(tmp_path, meeting_line("A"), name="a.csv")
    two = meeting_file(tmp_path, meeting_line("B"), meeting_line("A"), name="b.csv")
    first, second = read_feeds([one, two], area, options=REPORT)
    assert first.rejected == ()
    assert [(r.row, "a.csv" in r.reason) for r in second.rejected] == [(2, True)]


@pytest.mark.parametrize("column", ["record_id", "source", "category", "basis"])
def test_a_missing_column_is_named_with_those_found(
    tmp_path: Path, area: StudyArea, column: str
) -> None:
    header = MEETING_HEADER.replace(column, "other_thing", 1)
    path = write_lines(tmp_path / "week.csv", header, meeting_line("A"))
    with pytest.raises(FeedRefusedError, match=f"required column {column} is missing.*handling"):
        read_feed(path, area)


@pytest.mark.parametrize(
    "column",
    ["Suspect Name", "dob", "DateOfBirth", "VRM", "MO notes", "narrative", "victimEthnicity",
     "phone_no", "nominal_id", "Address", "free text"],
)  # fmt: skip
def test_personal_columns_refuse_unless_dropped(
    tmp_path: Path, area: StudyArea, column: str
) -> None:
    lines = (f"{MEETING_HEADER},{column}", meeting_line("A") + ",J Smith 07700 900000")
    path = write_lines(tmp_path / "week.csv", *lines)
    with pytest.raises(FeedRefusedError, match="personal data") as refused:
        read_feed(path, area)
    assert "Smith" not in str(refused.value)
    reading = read_feed(path, area, options=ReadOptions(drop_personal_columns=True))
    assert reading.dropped_columns == (column,)
    assert "Smith" not in reading.records.to_csv()


def test_harmless_unknown_columns_are_named_and_dropped(tmp_path: Path, area: StudyArea) -> None:
    path = write_lines(
        tmp_path / "week.csv", f"{MEETING_HEADER},ward_name,shift", meeting_line("A") + ",Abbey,3"
    )
    assert read_feed(path, area).dropped_columns == ("ward_name", "shift")


def test_without_a_sidecar_the_feed_covers_everything_it_spans(
    tmp_path: Path, area: StudyArea
) -> None:
    lines = [meeting_line("A", occurred_at="2026-11-01"), meeting_line("B")]
    coverage = read_feed(meeting_file(tmp_path, *lines), area).coverage
    assert coverage.areas is None
    assert (str(coverage.first_day), str(coverage.last_day)) == ("2026-11-01", "2026-11-20")


def test_a_sidecar_states_areas_and_shared_days(tmp_path: Path, area: StudyArea) -> None:
    write_lines(
        tmp_path / "week.coverage.csv",
        "area_code,first_day,last_day",
        "E09000022,2026-01-01,2026-11-30",
        "E09000033,2026-02-01,2026-11-22",
    )
    reading = read_feed(meeting_file(tmp_path, meeting_line("A")), area)
    wards = area.wards.set_index("ward_code")["borough_code"]
    expected = set(wards[wards.isin(["E09000022", "E09000033"])].index)
    assert reading.coverage.areas == expected | {"E09000022", "E09000033"}
    assert str(reading.coverage.first_day) == "2026-02-01"
    assert str(reading.coverage.last_day) == "2026-11-22"
    assert len(reading.warnings) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("E09000099,2026-01-01,2026-11-30", "no ward or borough"),
        ("E09000022,2026-11-30,2026-01-01", "after last_day"),
        ("E09000022,2026-01-32,2026-11-30", "no calendar day"),
        (",2026-01-01,2026-11-30", "area code is blank"),
    ],
)
def test_a_malformed_sidecar_refuses_the_feed(
    tmp_path: Path, area: StudyArea, line: str, words: str
) -> None:
    write_lines(tmp_path / "week.coverage.csv", "area_code,first_day,last_day", line)
    with pytest.raises(FeedRefusedError, match=words):
        read_feed(meeting_file(tmp_path, meeting_line("A")), area)


def test_points_within_the_tolerance_are_kept(tmp_path: Path, area: StudyArea) -> None:
    # The westernmost point of the study area, and points 200 m and 300 m west of it.
    bounds = area.wards.geometry.bounds
    west = area.wards.geometry.iloc[int(np.argmin(bounds["minx"]))]
    x, y = min(
        west.exterior.coords if west.geom_type == "Polygon" else west.convex_hull.exterior.coords
    )
    lines = [meeting_line(str(d), easting=f"{x - d:.1f}", northing=f"{y:.1f}") for d in (200, 300)]
    reading = read_feed(meeting_file(tmp_path, *lines), area, options=REPORT)
    assert reading.records["record_id"].tolist() == ["200"]


def test_refused_rows_carry_the_code_they_have_or_may_have(tmp_path: Path, area: StudyArea) -> None:
    open_ = {"source_grade": "1", "information_grade": "A", "handling_code": "P"}
    bad = {"category": "nonsense"}
    lines = [
        meeting_line("A", **open_),
        meeting_line("B", **open_ | bad),
        meeting_line("C", **bad, source_grade="1", information_grade="A", handling_code="c"),
        meeting_line("D", **bad),
        meeting_line("E", handling_code="Q"),
        meeting_line("F", **open_ | bad | {"handling_code": "1"}),
        "G,cut off",
    ]
    reading = read_feed(meeting_file(tmp_path, *lines), area, options=REPORT)
    found = {one.row: one.handling_code for one in reading.rejected}
    assert found == {2: "", 3: "C", 4: "C", 5: "C", 6: "", 7: "C"}


def test_a_feed_without_the_column_carries_no_codes(tmp_path: Path, area: StudyArea) -> None:
    names = [name for name in MEETING_HEADER.split(",") if name != "handling_code"]
    at = MEETING_HEADER.split(",").index("handling_code")
    rows = [meeting_line("A"), meeting_line("B", category="nonsense")]
    cut = [",".join(v for n, v in enumerate(row.split(",")) if n != at) for row in rows]
    path = write_lines(tmp_path / "plain.csv", ",".join(names), *cut)
    reading = read_feed(path, area, options=REPORT)
    assert [one.handling_code for one in reading.rejected] == [""]


def test_rows_refused_for_their_corrections_keep_their_code(
    tmp_path: Path, area: StudyArea
) -> None:
    graded = {"source_grade": "1", "information_grade": "A"}
    lines = [
        meeting_line("A"),
        meeting_line("B", corrects="gone", correction="withdrawn", handling_code="C", **graded),
        meeting_line("D", corrects="gone", correction="withdrawn", handling_code="P", **graded),
    ]
    reading = read_feed(meeting_file(tmp_path, *lines), area, options=REPORT)
    assert {one.row: one.handling_code for one in reading.rejected} == {2: "C", 3: ""}

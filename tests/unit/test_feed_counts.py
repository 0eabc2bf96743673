"""Published monthly counts: long, plain and wide layouts, unplaced areas, repeated rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from hotspots.boundaries.study_area import StudyArea, load_bundled
from hotspots.errors import FeedRefusedError
from hotspots.feeds.reader import ReadOptions, read_feed
from hotspots.incidents import COUNT_DTYPES
from tests.unit.feed_files import write_lines

REPORT = ReadOptions(on_rejected="report")
LONG = "month,area_type,area_code,area_name,borough_name,series,measure,count"
ABBEY = "2023-07,ward,E05014053,Abbey,Barking and Dagenham,gun_crime,offences,2"


@pytest.fixture(scope="module")
def area() -> StudyArea:
    return load_bundled()


def test_the_long_layout(tmp_path: Path, area: StudyArea) -> None:
    path = write_lines(
        tmp_path / "dashboard.csv",
        LONG,
        ABBEY,
        "2023-06,borough,E09000012,Hackney,Hackney,lethal_barrel_discharge,offences,1",
        "2023-07,ward,E05014053,Abbey,Barking and Dagenham,gun_crime,positive_outcomes,1",
    )
    reading = read_feed(path, area)
    assert dict(reading.counts.dtypes.astype(str)) == COUNT_DTYPES
    assert reading.counts["category"].tolist() == ["gun_crime", "lethal_barrel_discharge"]
    assert reading.counts["area_type"].tolist() == ["ward", "borough"]
    assert reading.counts["count"].tolist() == [2, 1]
    assert reading.counts["month"].iloc[0] == pd.Timestamp("2023-07-01")
    assert set(reading.counts["basis"]) == {"reported"}
    assert "1 rows of the measure positive_outcomes dropped" in reading.warnings[0]
    assert str(reading.coverage.first_day) == "2023-06-01"
    assert str(reading.coverage.last_day) == "2023-07-31"


@pytest.mark.parametrize("code", ["", "N/K", "SO18", "E05000026"])
def test_unplaced_areas_never_refuse_but_are_named(
    tmp_path: Path, area: StudyArea, code: str
) -> None:
    path = write_lines(
        tmp_path / "d.csv", LONG, ABBEY, f"2023-07,ward,{code},x,,gun_crime,offences,5"
    )
    reading = read_feed(path, area)
    assert [(r.row, r.value, r.expected) for r in reading.rejected] == [(2, code, True)]
    assert (code or "(blank)") in reading.warnings[-1]
    assert reading.counts["count"].sum() == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2023-07,ward,E05014053,x,y,knife_crime,offences,-1", "negative"),
        ("2023-07,ward,E05014053,x,y,knife_crime,offences,1.5", "whole number"),
        ("2023-07,ward,E05014053,x,y,knife_crime,offences,", "blank"),
        ("2023-07,ward,E05014053,x,y,knife_crime,offences,inf", "finite"),
        ("2023-07,ward,E05014053,x,y,knife_crime,offences,1e12", "implausibly large"),
        ("2023-13,ward,E05014053,x,y,knife_crime,offences,1", "no month"),
        ("2023-07,parish,E05014053,x,y,knife_crime,offences,1", "unknown area type"),
        ("2023-07,ward,E09000012,x,y,knife_crime,offences,1", "not one of the study area"),
        ("2023-07,ward,Abbey,x,y,knife_crime,offences,1", "no such ward"),
        ("2023-07,ward,E05014053,x,y,knife_crime,arrests,1", "unknown measure"),
        ("2023-07,ward,E05014053,x,y,,offences,1", "category is blank"),
        (ABBEY, "an earlier row counts the same"),
    ],
)
def test_malformed_rows(tmp_path: Path, area: StudyArea, line: str, words: str) -> None:
    path = write_lines(tmp_path / "d.csv", LONG, ABBEY, line)
    reading = read_feed(path, area, options=REPORT)
    assert [(r.row, words in r.reason) for r in reading.rejected] == [(2, True)]
    if not reading.rejected[0].expected:
        with pytest.raises(FeedRefusedError, match="row 2"):
            read_feed(path, area)


def test_a_ward_counted_by_two_commands_is_added_up(tmp_path: Path, area: StudyArea) -> None:
    other = "2023-07,ward,E05014053,Abbey,,gun_crime,offences,3"
    reading = read_feed(write_lines(tmp_path / "d.csv", LONG, ABBEY, other), area)
    assert reading.counts["count"].tolist() == [5]
    assert "E05014053" in reading.warnings[0]


def test_majors_found_by_police_activity_are_discovered(tmp_path: Path, area: StudyArea) -> None:
    path = write_lines(
        tmp_path / "wards.csv",
        "ward_code,major,minor,month,count",
        "E05014053,POSSESSION OF WEAPONS,Other Firearm Offences,2023-07,1",
        "E05014053,DRUG OFFENCES,TRAFFICKING OF DRUGS,2023-07,1",
        "E05014053,ROBBERY,ROBBERY OF PERSONAL PROPERTY,2023-07,1",
    )
    counts = read_feed(path, area).counts
    assert counts["basis"].tolist() == ["discovered", "discovered", "reported"]
    assert counts["category"].iloc[0] == "other_firearm_offences"


def test_boroughs_are_known_by_name(tmp_path: Path, area: StudyArea) -> None:
    path = write_lines(
        tmp_path / "boroughs.csv",
        "borough_name,major,minor,month,count",
        "Kensington & Chelsea,ROBBERY,ROBBERY OF PERSONAL PROPERTY,2023-07,4",
        "Aviation Security,ROBBERY,ROBBERY OF PERSONAL PROPERTY,2023-07,1",
    )
    reading = read_feed(path, area)
    assert reading.counts["area_code"].tolist() == ["E09000020"]
    assert [r.expected for r in reading.rejected] == [True]
    typo = path.read_text().replace("Kensington & Chelsea", "Kensingtown")
    path.write_text(typo)
    with pytest.raises(FeedRefusedError, match="no such ward or borough"):
        read_feed(path, area)


def test_the_wide_layouts(tmp_path: Path, area: StudyArea) -> None:
    wards = write_lines(
        tmp_path / "wide.csv",
        "MajorText,MinorText,WardName,WardCode,LookUp_BoroughName,202306,202307",
        "ROBBERY,ROBBERY OF PERSONAL PROPERTY,Abbey,E05014053,Barking and Dagenham,3,0",
        "ROBBERY,ROBBERY OF PERSONAL PROPERTY,Alibon,E05014054,Barking and Dagenham,1,x",
    )
    reading = read_feed(wards, area, options=REPORT)
    assert reading.format == "mps_wide_counts"
    assert reading.counts["count"].tolist() == [3, 1, 0]
    assert [(r.row, r.value) for r in reading.rejected] == [(2, "x")]
    boroughs = write_lines(
        tmp_path / "wide2.csv",
        "MajorText,MinorText,LookUp_BoroughName,202306,202308",
        "ROBBERY,ROBBERY OF PERSONAL PROPERTY,Hackney,3,4",
    )
    reading = read_feed(boroughs, area)
    assert reading.counts["area_code"].tolist() == ["E09000012", "E09000012"]
    assert {str(m) for m in reading.coverage.months_missing} == {"2023-07-01"}


def test_a_layout_without_its_columns_is_refused(tmp_path: Path, area: StudyArea) -> None:
    path = write_lines(tmp_path / "d.csv", LONG.replace("measure", "kind"), ABBEY)
    with pytest.raises(FeedRefusedError, match="required column measure is missing"):
        read_feed(path, area)
    wide = write_lines(
        tmp_path / "w.csv", "MajorText,MinorText,LookUp_BoroughName,total", "A,B,Hackney,1"
    )
    with pytest.raises(FeedRefusedError, match="201004"):
        read_feed(wide, area)

"""police.uk street files: categories, months, places, repeated references, the archive."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from hotspots.boundaries.study_area import StudyArea, load_bundled
from hotspots.errors import FeedRefusedError
from hotspots.feeds.reader import ReadOptions, read_feed, read_feeds
from tests.unit.feed_files import STREET_HEADER, street_file, street_line

REPORT = ReadOptions(on_rejected="report")


@pytest.fixture(scope="module")
def area() -> StudyArea:
    return load_bundled()


def test_a_row_becomes_a_record_of_the_whole_month(tmp_path: Path, area: StudyArea) -> None:
    reading = read_feed(street_file(tmp_path, street_line("ab12")), area)
    record = reading.records.iloc[0]
    assert record["record_id"] == "ab12:robbery"
    assert (record["source"], record["category"]) == ("police_uk_street", "robbery")
    assert record["occurred_from"] == pd.Timestamp("2017-05-31T23:00Z")
    assert record["occurred_to"] == pd.Timestamp("2017-06-30T22:59:59.999999Z")
    assert record["known_from"] == record["occurred_to"]
    assert reading.dropped_columns == (
        "Location", "LSOA name", "Last outcome category", "Context",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("crime_type", "category", "basis"),
    [
        ("Violence and sexual offences", "violence_and_sexual_offences", "reported"),
        ("Possession of weapons", "possession_of_weapons", "discovered"),
        ("Drugs", "drugs", "discovered"),
        ("Public disorder and weapons", "public_disorder_and_weapons", "discovered"),
        ("Anti-social behaviour", "anti_social_behaviour", "reported"),
        ("Theft from the person", "theft_from_the_person", "reported"),
    ],
)
def test_crime_types_keep_their_names_and_discovered_ones_say_so(
    tmp_path: Path, area: StudyArea, crime_type: str, category: str, basis: str
) -> None:
    path = street_file(tmp_path, street_line("a", Crime_type=crime_type))
    record = read_feed(path, area).records.iloc[0]
    assert (record["category"], record["basis"]) == (category, basis)


def test_one_reference_is_counted_once_for_each_type(tmp_path: Path, area: StudyArea) -> None:
    path = street_file(
        tmp_path,
        street_line("a"),
        street_line("a", Last_outcome_category="Under investigation"),
        street_line("a", Crime_type="Violence and sexual offences"),
    )
    reading = read_feed(path, area)
    assert reading.records["category"].tolist() == ["robbery", "violence_and_sexual_offences"]
    assert [(r.row, r.expected) for r in reading.rejected] == [(2, True)]


def test_rows_without_reference_get_stable_ids(tmp_path: Path, area: StudyArea) -> None:
    rows = [street_line(), street_line(), street_line(Longitude="-0.13")]
    ids = read_feed(street_file(tmp_path, *rows), area).records["record_id"]
    assert ids.is_unique
    other_order = [street_line("zz"), rows[2], rows[0], rows[1]]
    again = read_feed(street_file(tmp_path, *other_order), area).records["record_id"]
    assert set(ids) == set(again) - {"zz:robbery"}


@pytest.mark.parametrize(
    ("values", "column", "outcome"),
    [
        ({"Longitude": "", "Latitude": ""}, "Longitude", ("no location", True)),
        ({"Longitude": ""}, "Longitude", ("together", False)),
        ({"Longitude": "51.50", "Latitude": "-0.12"}, "Longitude", ("swapped", False)),
        ({"Longitude": "1.9", "Latitude": "51.4"}, "Longitude", ("in the sea", False)),
        (
            {"Longitude": "-1.9", "Latitude": "52.48", "LSOA_name": "Birmingham 001A"},
            "Longitude",
            ("outside the study area", True),
        ),
        ({"Longitude": "0", "Latitude": "0"}, "Longitude", ("outside Great Britain", False)),
        ({"Longitude": "NaN"}, "Longitude", ("not a finite number", False)),
        ({"Month": "2017-13"}, "Month", ("no month", False)),
        ({"Crime_type": "Piracy"}, "Crime type", ("unknown crime type", False)),
    ],
)
def test_refused_rows_are_expected_only_where_the_publisher_cannot_know(
    tmp_path: Path,
    area: StudyArea,
    values: dict[str, str],
    column: str,
    outcome: tuple[str, bool],
) -> None:
    words, expected = outcome
    path = street_file(tmp_path, street_line("a"), street_line("b", **values))
    (rejection,) = read_feed(path, area, options=REPORT).rejected
    assert (rejection.row, rejection.column, rejection.expected) == (2, column, expected)
    assert words in rejection.reason
    if expected:
        assert len(read_feed(path, area).records) == 1
    else:
        with pytest.raises(FeedRefusedError, match="row 2"):
            read_feed(path, area)


def test_gzip_and_archive_hold_the_same_records(tmp_path: Path, area: StudyArea) -> None:
    plain = street_file(tmp_path, street_line("a"), street_line("b"))
    packed = tmp_path / "2017-06-metropolitan-street.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    archive = tmp_path / "2017-06.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.write(plain, "2017-06/2017-06-metropolitan-street.csv")
        july = street_file(tmp_path, street_line("c", Month="2017-08"), name="x.csv")
        target.write(july, "2017-08/2017-08-metropolitan-street.csv")
        target.writestr("2017-06/2017-06-metropolitan-outcomes.csv", "a,b\n1,2\n")
    one = read_feed(plain, area)
    two = read_feed(packed, area)
    three = read_feed(archive, area)
    assert one.records.drop(columns="file").equals(two.records.drop(columns="file"))
    assert three.records["record_id"].tolist() == ["a:robbery", "b:robbery", "c:robbery"]
    assert three.records["row"].tolist() == [1, 2, 1]
    assert {str(m) for m in three.coverage.months_missing} == {"2017-07-01"}
    assert "1 files that are no street files" in three.warnings[0]


def test_the_same_month_given_twice_counts_once(tmp_path: Path, area: StudyArea) -> None:
    one = street_file(tmp_path, street_line("a"), street_line("b"))
    two = street_file(tmp_path, street_line("b"), street_line("c"), name="copy.csv")
    readings = read_feeds([one, two], area)
    assert [len(r.records) for r in readings] == [2, 1]


def test_a_small_file_is_too_little_to_call_a_borough_uncovered(
    tmp_path: Path, area: StudyArea
) -> None:
    reading = read_feed(street_file(tmp_path, street_line("a")), area)
    policed = area.wards.loc[area.wards["policed"], "ward_code"]
    assert reading.coverage.areas is not None
    assert set(policed) <= reading.coverage.areas
    assert not reading.coverage.stated


def test_the_city_is_covered_only_by_its_own_force(tmp_path: Path, area: StudyArea) -> None:
    force = "City of London Police"
    path = street_file(tmp_path, street_line("a", Falls_within=force, Reported_by=force))
    areas = read_feed(path, area).coverage.areas
    assert areas is not None
    assert "E09000001" in areas


def test_a_header_without_rows_is_refused(tmp_path: Path, area: StudyArea) -> None:
    path = tmp_path / "2017-06-metropolitan-street.csv"
    path.write_text(STREET_HEADER + "\n")
    with pytest.raises(FeedRefusedError, match="no data row"):
        read_feed(path, area)

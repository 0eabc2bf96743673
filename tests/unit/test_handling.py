"""Handling code C: said where it was used, and left out of a sanitised version."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from hotspots.assessment import document, from_document
from hotspots.incidents import FeedReading
from hotspots.pipeline import AssessedWeek, assess_week
from hotspots.sources import load_default_policy
from tests.unit.small_town import (
    AS_OF,
    borough,
    month_count,
    reading,
    record,
    scattered,
    town,
    ward,
)

NUMBERS = [40, 2, 3, 1, 0, 4, 2, 5, 3, 1, 0, 2, 1, 3, 0, 2, 1, 2]
LATE = pd.Timestamp("2025-12-20 09:00", tz="UTC")


def assess(*readings: FeedReading, sanitised: bool = False) -> AssessedWeek:
    return assess_week(
        readings,
        town(),
        as_of=AS_OF,
        policy=load_default_policy(),
        include_handling_c=not sanitised,
    )


def intelligence(number: int, place: int | str, **changes: object) -> dict[str, object]:
    values = {"source": "crimint", "category": "intelligence_firearm", "occurred_from": LATE}
    return record(number, place, **(values | changes))


def scores(week: AssessedWeek) -> list[float]:
    return [one.expected_per_week for one in week.assessment.wards]


@pytest.fixture(scope="module")
def plain() -> AssessedWeek:
    return assess(reading(scattered(NUMBERS)))


def test_the_assessment_says_which_outputs_rest_on_c_material(plain: AssessedWeek) -> None:
    coded = reading([intelligence(900, 7, handling_code="C")], file="c.csv")
    week = assess(reading(scattered(NUMBERS)), coded)
    said = week.assessment
    assert (said.handling_code, said.handling_c_records) == ("C", 1)
    assert {"wards", "boroughs", "draws", "cells"} <= set(said.handling_c_outputs)
    assert [one.code for one in said.wards if one.handling_code == "C"] == [ward(7)]
    assert [one.code for one in said.boroughs if one.handling_code == "C"] == [borough(0)]
    assert any("1 records with handling code C" in line for line in said.data_gaps)
    assert document(from_document(document(said), said.draws)) == document(said)
    assert (plain.assessment.handling_code, plain.assessment.handling_c_outputs) == ("", ())
    free = assess(reading(scattered(NUMBERS)), reading([intelligence(900, 7)], file="c.csv"))
    assert free.assessment.handling_code == ""
    assert scores(free) == scores(week)


def test_c_material_of_no_weight_does_not_mark_the_picture() -> None:
    found = record(900, 7, source="blunt_2", category="weapon_recovered", basis="discovered")
    week = assess(reading([*scattered(NUMBERS), found | {"handling_code": "C"}]))
    assert week.assessment.handling_code == ""


def test_a_sanitised_picture_is_the_one_without_c_material(plain: AssessedWeek) -> None:
    coded = [
        intelligence(900, 7, handling_code="C"),
        record(901, 3, handling_code="C"),
        intelligence(902, 8, known_from=LATE),
        intelligence(
            903, 8, known_from=LATE, corrects="R902", correction="reclassified", handling_code="C"
        ),
    ]
    week = assess(reading(scattered(NUMBERS)), reading(coded, file="c.csv"), sanitised=True)
    assert week.assessment.wards == plain.assessment.wards
    assert week.assessment.draws.tobytes() == plain.assessment.draws.tobytes()
    pd.testing.assert_frame_equal(week.cells, plain.cells)
    assert week.assessment.sanitised
    assert any(line.startswith("Sanitised") for line in week.assessment.data_gaps)
    line = [one for one in week.assessment.evidence if one.source == "crimint"]
    assert not any(one.accepted for one in line)
    with_it = assess(reading(scattered(NUMBERS)), reading(coded, file="c.csv"))
    assert not np.allclose(scores(with_it), scores(plain))


def test_a_withdrawal_under_the_code_does_not_bring_the_record_back(plain: AssessedWeek) -> None:
    gone = record(901, 3, occurred_from=LATE)
    withdrawal = gone | {
        "record_id": "R999",
        "corrects": "R901",
        "correction": "withdrawn",
        "handling_code": "C",
    }
    week = assess(reading([*scattered(NUMBERS), gone, withdrawal]), sanitised=True)
    np.testing.assert_allclose(scores(week), scores(plain), rtol=1e-12)


def crowd(place: int, **changes: object) -> list[dict[str, object]]:
    """Return a crowd of shootings on one spot: a hot spot, and an emerging cluster of late."""
    days = pd.date_range("2025-12-10", periods=12, freq="D", tz="UTC")
    return [record(950 + k, place, occurred_from=at, **changes) for k, at in enumerate(days)]


def test_patterns_and_views_are_named_when_they_used_c_material(plain: AssessedWeek) -> None:
    reports = reading([intelligence(900, 7, handling_code="C")], file="c.csv")
    told = assess(reading(scattered(NUMBERS)), reports).assessment
    looked_in = {"clusters", "neighbourhoods", "emerging", "area_views"}
    assert not looked_in & set(told.handling_c_outputs)
    coded = reading(crowd(5, handling_code="C"), file="c.csv")
    week = assess(reading(scattered(NUMBERS)), coded)
    assert looked_in < set(week.assessment.handling_c_outputs)
    assert week.assessment.handling_c_records == 12
    assert any(ward(5) in one.ward_codes for one in week.assessment.clusters)
    assert any(ward(5) in one.ward_codes for one in week.assessment.emerging)
    bare = assess(reading(scattered(NUMBERS)), coded, sanitised=True).assessment
    for name in ("clusters", "neighbourhoods", "emerging", "area_views", "harm_wards", "groups"):
        assert getattr(bare, name) == getattr(plain.assessment, name)
    assert (bare.handling_code, bare.handling_c_outputs, bare.handling_c_records) == ("", (), 0)


def test_what_was_left_out_is_the_first_gap_and_conditions_the_last() -> None:
    half = [borough(0)]
    partly = reading(scattered([*NUMBERS[:9], *[0] * 9]), areas=half)
    coded = reading(crowd(5, handling_code="C"), file="c.csv", areas=half)
    bare = assess(partly, coded, sanitised=True).assessment.data_gaps
    assert bare[0].startswith("Sanitised")
    assert bare[1].startswith("No feed covers")
    whole = assess(partly, coded).assessment.data_gaps
    assert whole[0].startswith("No feed covers")
    assert whole[-1].startswith("12 records with handling code C")


def test_c_material_that_weighs_in_no_score_marks_the_patterns_and_views_it_is_in() -> None:
    old = date(2025, 3, 1), date(2025, 3, 31)
    stray = record(901, 12, occurred_from=pd.Timestamp("2025-12-05", tz="UTC"), handling_code="C")
    feed = reading([stray], file="c.csv", first_day=old[0], last_day=old[1])
    counts = [
        month_count(ward(i), f"{month:%Y-%m-%d}", 1 + i % 2)
        for i in range(18)
        for month in pd.date_range("2024-01-01", "2025-12-01", freq="MS")
    ]
    said = assess(reading(counts=counts), feed).assessment
    assert said.handling_c_outputs == ("area_views", "clusters")
    assert said.handling_c_records == 1
    assert {one.handling_code for one in said.wards} == {""}

"""Harm beside demand, roll-ups, and the situational views, on a town of known numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from api.files.tables import csv_text, group_table, view_table
from hotspots.assessment import AreaView, document, from_document
from hotspots.errors import AssessmentRefusedError
from hotspots.groupings import basic_command_units, group_scores, parse_grouping
from hotspots.period_variation import (
    START_BOROUGH,
    START_LONDON,
    START_WARD,
    PeriodVariation,
    variation_of,
    week_ahead,
)
from hotspots.pipeline import AssessedWeek, assess_week
from hotspots.sources import default_policy_text, load_default_policy, parse_policy
from hotspots.views import situational_views
from tests.unit.small_town import (
    AS_OF,
    borough,
    month_count,
    reading,
    record,
    scattered,
    town,
    ward,
)  # fmt: skip

NUMBERS = [40, 2, 3, 1, 0, 4, 2, 5, 3, 1, 0, 2, 1, 3, 0, 2, 1, 2]
POLICY = load_default_policy()
LOOKUP = "area_code,group_code,group_name\n"


def assess(*readings: object, as_of: date = AS_OF) -> AssessedWeek:
    return assess_week(readings, town(), as_of=as_of, policy=POLICY)  # type: ignore[arg-type]  # readings


def with_discharges() -> list[dict[str, object]]:
    """Return the town's threats, and twelve discharges in ward 10 only."""
    days = pd.date_range("2025-01-05", periods=12, freq="28D", tz="UTC")
    shots = [
        record(
            800 + k, 10, source="reported_shooting", category="firearm_discharged", occurred_from=at
        )
        for k, at in enumerate(days)
    ]
    return [*scattered(NUMBERS), *shots]


@pytest.fixture(scope="module")
def week() -> AssessedWeek:
    return assess(reading(with_discharges()))


def test_harm_counts_only_discharges_and_injuries(week: AssessedWeek) -> None:
    said = week.assessment
    assert [one.code for one in said.harm_wards] == [one.code for one in said.wards]
    assert next(one.code for one in said.wards if one.rank == 1) == ward(0)
    assert next(one.code for one in said.harm_wards if one.rank == 1) == ward(10)
    assert said.harm_wards[0].expected_per_week < 0.1 * said.wards[0].expected_per_week
    total = sum(one.expected_per_week for one in said.harm_boroughs)
    assert total == pytest.approx(12 / (731 / 7), rel=0.35)
    assert all(one.reasons and "discharges" in " ".join(one.reasons) for one in said.harm_wards)
    for one in (*said.harm_wards, *said.harm_boroughs):
        assert sum(p.expected_per_week for p in one.contributions) == pytest.approx(
            one.expected_per_week, abs=1e-9
        )


def test_the_two_targets_travel_in_the_document(week: AssessedWeek) -> None:
    said = week.assessment
    assert document(from_document(document(said), said.draws)) == document(said)
    without = parse_policy(default_policy_text().split("[harm.")[0])
    alone = assess_week([reading(with_discharges())], town(), as_of=AS_OF, policy=without)
    assert alone.assessment.harm_wards == ()
    assert "harm_wards" not in document(alone.assessment)
    assert alone.assessment.wards == said.wards  # what is harm changes no demand


def test_no_harm_is_scored_where_no_feed_counts_it() -> None:
    counts = [
        month_count(ward(i), f"{month:%Y-%m-%d}", i % 3)
        for i in range(18)
        for month in pd.date_range("2024-01-01", "2025-12-01", freq="MS")
    ]
    assert assess(reading(counts=counts)).assessment.harm_wards == ()
    shots = [row | {"category": "lethal_barrel_discharge", "count": 1} for row in counts[:48]]
    scored = assess(reading(counts=[*counts, *shots])).assessment
    assert {one.code for one in scored.harm_wards if one.rank <= 2} == {ward(0), ward(1)}


def test_the_probability_of_the_top_k_is_counted_from_the_long_run(week: AssessedWeek) -> None:
    said = week.assessment
    order = np.argsort(np.argsort(-week.demand.posterior.draws, axis=1, kind="stable"), axis=1)
    for k_number, k in enumerate(said.top_k):
        exact = (order < k).mean(axis=0)
        published = [one.probability_top_k[k_number] for one in said.wards]
        np.testing.assert_allclose(published, exact, atol=1e-9)
    assert said.wards[0].probability_top_k == tuple(sorted(said.wards[0].probability_top_k))


def test_intervals_are_of_the_week_ahead_and_wider_than_those_of_the_long_run(
    week: AssessedWeek,
) -> None:
    said, known = week.assessment, week.demand
    swung = week_ahead(
        known.posterior.draws, week.known.places.borough_of_ward, known.variation, seed=(0, 2)
    )
    np.testing.assert_array_equal(said.draws, swung)
    months, wards = known.counter.whole_months()
    assert months.shape == (24, 18)
    assert list(wards) == list(range(18))
    records = week.known.known.records
    days = records["local_day"].to_numpy(dtype="datetime64[D]")
    in_first = records[days < np.datetime64("2024-02-01")]
    assert months[0].sum() == (in_first["basis"] == "reported").sum()
    for target, scores in ((week.demand, said.wards), (week.harm, said.harm_wards)):
        assert target is not None
        exact = np.quantile(target.draws, [0.05, 0.95], axis=0)
        published = np.array([(one.lower_90, one.upper_90) for one in scores]).T
        np.testing.assert_allclose(published, exact, rtol=1e-6, atol=1e-11)
        long_run = np.quantile(target.posterior.draws, [0.05, 0.95], axis=0)
        wider = (published[1] - published[0]) / (long_run[1] - long_run[0])
        top = int(np.argmax([one.expected_per_week for one in scores]))
        assert wider[top] > 1.2
        np.testing.assert_allclose(
            target.draws.mean(axis=0), target.posterior.draws.mean(axis=0), rtol=0.05
        )


def test_months_that_nobody_covers_are_no_months_of_zero() -> None:
    counts = [
        month_count(ward(i), f"{month:%Y-%m-%d}", 1 + (i + month.month) % 3)
        for i in range(18)
        for month in pd.date_range("2025-01-01", "2025-12-01", freq="MS")
    ]
    found = assess(reading(counts=counts)).demand
    months, _ = found.counter.whole_months()
    assert months.shape == (24, 18)  # the feed says that it covers two years
    assert months[:12].sum() == 0
    assert months[12].tolist() == [1 + (i + 1) % 3 for i in range(18)]
    nothing = replace(found.counter, months={}, day_known=np.ones_like(found.counter.day_known))
    assert nothing.whole_months()[0].sum() == 0
    unknown = replace(found.counter, months={}, day_known=np.zeros_like(nothing.day_known))
    assert unknown.whole_months()[0].shape == (0, 0)
    assert variation_of(unknown) == PeriodVariation(START_LONDON, START_BOROUGH, START_WARD)


def test_groups_are_sums_of_draws(week: AssessedWeek) -> None:
    said = week.assessment
    text = LOOKUP + "".join(f"{ward(i)},g{i % 2},Group {i % 2}\n" for i in range(16))
    groups = group_scores(
        parse_grouping(text, name="halves"),
        target="demand",
        wards=said.wards,
        rates=week.demand.posterior.draws,
        draws=said.draws,
    )
    assert [one.code for one in groups] == ["g0", "g1"]
    mine = said.draws[:, 0:16:2].sum(axis=1, dtype=float)
    assert groups[0].expected_per_week == pytest.approx(
        sum(said.wards[i].expected_per_week for i in range(0, 16, 2)), abs=1e-9
    )
    assert groups[0].lower_90 == pytest.approx(np.quantile(mine, 0.05), rel=1e-6)
    assert groups[0].members == tuple(ward(i) for i in range(0, 16, 2))
    assert {one.target for one in said.groups} == {"demand", "harm"}
    table = group_table(said)
    assert list(table["rank"])[:2] == [1, 2]


def test_the_bundled_units_are_twelve_and_name_the_32_boroughs(week: AssessedWeek) -> None:
    units = basic_command_units()
    assert len({code for code, _ in units.group_of.values()}) == 12
    assert set(units.group_of) == {f"E090000{n:02d}" for n in range(2, 34)}
    assert week.assessment.groups[0].grouping == "basic_command_unit"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("area_code,group_code\nE09000002,a\n", "lacks a column"),
        (LOOKUP, "no row"),
        (LOOKUP + "E09000002,a,A\nE09000002,b,B\n", "row 2.*listed twice"),
        (LOOKUP + "E09000002,a,A\nE09000003,a,B\n", "two names"),
        (LOOKUP + "E09000002,a,A\nE05000003,b,B\n", "mixed"),
        (LOOKUP + "E09000002,,A\n", "empty cell"),
    ],
)
def test_a_bad_lookup_is_refused(text: str, message: str) -> None:
    with pytest.raises(AssessmentRefusedError, match=message):
        parse_grouping(text, name="mine")


def test_windows_are_calendar_days_before_the_as_of_day() -> None:
    views = {one.name: one for one in situational_views(date(2026, 11, 23))}
    assert list(views) == [
        "last_24_h", "last_7_days", "last_28_days", "year", "financial_year_to_date",
    ]  # fmt: skip
    day, week, year = views["last_24_h"], views["last_7_days"], views["year"]
    assert (day.first_day, day.last_day) == (date(2026, 11, 22), date(2026, 11, 22))
    assert (week.earlier_first_day, week.earlier_last_day) == (
        date(2026, 11, 9),
        date(2026, 11, 15),
    )
    assert (year.first_day, year.earlier_last_day) == (date(2025, 11, 23), date(2025, 11, 22))
    to_date = views["financial_year_to_date"]
    assert (to_date.first_day, to_date.last_day) == (date(2026, 4, 1), date(2026, 11, 22))
    assert (to_date.earlier_first_day, to_date.earlier_last_day) == (
        date(2025, 4, 1),
        date(2025, 11, 22),
    )
    first = {one.name: one for one in situational_views(date(2026, 4, 1))}["financial_year_to_date"]
    assert (first.first_day, first.last_day) == (date(2025, 4, 1), date(2026, 3, 31))
    leap = {one.name: one for one in situational_views(date(2024, 2, 29))}["year"]
    assert leap.first_day == date(2023, 2, 28)


def counted(week: AssessedWeek, code: str, target: str = "demand") -> AreaView:
    both = week.assessment.area_views
    return next(one for one in both if (one.code, one.target) == (code, target))


def test_views_count_each_incident_once_and_unknown_is_not_zero() -> None:
    late = pd.Timestamp("2025-12-31 20:00", tz="UTC")
    rows = [
        *with_discharges(),
        record(900, 4, occurred_from=late, source="reported_shooting",
               category="firearm_discharged"),
        record(901, 4, occurred_from=late, source="daris_320", category="call_firearm"),
        record(902, 4, occurred_from=late, source="blunt_2", category="weapon_recovered",
               basis="discovered"),
        record(903, borough(0), occurred_from=late),
    ]  # fmt: skip
    week = assess(reading(rows))
    assert counted(week, ward(4)).counts[:3] == (1, 1, 1)
    assert counted(week, ward(4), "harm").counts[:3] == (1, 1, 1)
    assert counted(week, borough(0)).counts[0] == 2
    assert counted(week, borough(0), "harm").counts[0] == 1
    assert counted(week, ward(5)).counts[0] == 0
    in_2025 = [r for r in scattered(NUMBERS)[:40] if str(r["occurred_from"]).startswith("2025")]
    assert counted(week, ward(0)).counts[3] == len(in_2025)
    assert counted(week, ward(0)).earlier_counts[3] == 40 - len(in_2025)
    table = view_table(week.assessment)
    assert len(table) == 2 * 20
    assert "last_24_h_earlier" in csv_text(table).splitlines()[0]
    part = assess(reading(scattered(NUMBERS[:9]), areas=frozenset({borough(0)})))
    assert counted(part, ward(12)).counts == (None,) * 5
    assert counted(part, borough(1)).counts == (None,) * 5


def test_published_months_speak_only_for_whole_months() -> None:
    counts = [
        month_count(ward(i), f"{month:%Y-%m-%d}", 2)
        for i in range(18)
        for month in pd.date_range("2024-01-01", "2025-12-01", freq="MS")
    ]
    week = assess(reading(counts=counts))
    assert counted(week, ward(3)).counts == (None, None, None, 24, 18)
    assert counted(week, borough(0)).counts == (None, None, None, 216, 162)
    middle = assess(reading(counts=counts), as_of=date(2025, 12, 15))
    assert counted(middle, ward(3)).counts == (None,) * 5

"""A score down to single events: exact sums by source, period, kernel and event."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from hotspots.area_account import EventContribution, by_source, explain_area
from hotspots.assessment import AreaScore
from hotspots.counted_here import KINDS, PUBLISHED, counted_here
from hotspots.errors import AssessmentRefusedError
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
LATE = pd.Timestamp("2025-12-31 12:00", tz="UTC")
MONTHS = pd.date_range("2024-01-01", "2025-12-01", freq="MS").strftime("%Y-%m-%d")


def proxies() -> list[dict[str, object]]:
    changes = {"source": "mps_recorded_crime_counts", "category": "violence_with_injury"}
    return [month_count(ward(i), month, 3 + i, **changes) for i in range(18) for month in MONTHS]


def everything() -> AssessedWeek:
    rows = [
        *scattered(NUMBERS),
        record(900, 4, occurred_from=LATE, source="reported_shooting",
               category="firearm_discharged_injury"),
        record(901, 4, occurred_from=LATE, source="daris_320", category="call_firearm"),
        record(902, 4, occurred_from=LATE - pd.Timedelta(days=5), source="crimint",
               category="intelligence_firearm", source_grade="2", information_grade="B"),
        record(903, borough(0), occurred_from=LATE - pd.Timedelta(days=20)),
        record(904, borough(0), occurred_from=LATE, source="gang_tension",
               category="gang_tension"),
    ]  # fmt: skip
    feeds = [reading(rows), reading(counts=proxies(), file="crime.csv")]
    return assess_week(feeds, town(), as_of=AS_OF, policy=load_default_policy())


@pytest.fixture(scope="module")
def week() -> AssessedWeek:
    return everything()


def score(week: AssessedWeek, code: str, target: str) -> AreaScore:
    said = week.assessment
    demand, harm = (*said.wards, *said.boroughs), (*said.harm_wards, *said.harm_boroughs)
    return next(one for one in (harm if target == "harm" else demand) if one.code == code)


CODES = [ward(0), ward(4), ward(14), borough(0), borough(1)]


@pytest.mark.parametrize("target", ["demand", "harm"])
@pytest.mark.parametrize("code", CODES)
def test_every_account_sums_to_the_score_and_to_its_sources(
    week: AssessedWeek, code: str, target: str
) -> None:
    parts = explain_area(week, code, target=target)
    published = score(week, code, target)
    total = math.fsum(one.expected_per_week for one in parts)
    assert total == pytest.approx(published.expected_per_week, abs=1e-9)
    sums = by_source(parts, published)
    assert sums == pytest.approx(
        {one.source: one.expected_per_week for one in published.contributions}, abs=1e-9
    )
    assert all(one.expected_per_week > 0 for one in parts)
    sizes = [one.expected_per_week for one in parts]
    assert sizes == sorted(sizes, reverse=True)


def find(parts: tuple[EventContribution, ...], event: str) -> EventContribution:
    return next(one for one in parts if one.event == event)


def test_events_are_named_with_their_provenance_kernel_and_period(week: AssessedWeek) -> None:
    parts = explain_area(week, ward(4))
    shooting = find(parts, "R900")
    assert shooting.also_seen_as == ("daris_320 R901",)
    assert (shooting.kernel, shooting.period) == ("counted here", "last 24 hours")
    assert not any(one.event == "R901" for one in parts)
    assert find(parts, "R902").kernel == "raises the prior"
    assert find(parts, "R902").period == "last 7 days"
    assert find(parts, "R904").source == "gang_tension"
    assert find(parts, "R903").period == "last 28 days"
    month = next(one for one in parts if one.event == "2025-11")
    assert (month.source, month.kernel) == ("mps_recorded_crime_counts", "shapes the prior")
    assert sum(one.source == "pooled_prior" for one in parts) == 1
    assert not any(one.event == "R900" for one in explain_area(week, ward(5)))


def test_an_event_of_the_borough_is_whole_in_the_borough(week: AssessedWeek) -> None:
    shares = [
        one.expected_per_week
        for i in range(9)
        for one in explain_area(week, ward(i))
        if one.event == "R903"
    ]
    assert len(shares) == 9
    whole = find(explain_area(week, borough(0)), "R903").expected_per_week
    assert whole == pytest.approx(sum(shares), abs=1e-12)


def test_borough_totals_are_accounted_by_month() -> None:
    counts = [month_count(borough(i), month, 9 - 6 * i) for i in range(2) for month in MONTHS]
    feed = reading(counts=counts)
    week = assess_week([feed], town(), as_of=AS_OF, policy=load_default_policy())
    parts = explain_area(week, ward(3))
    by_source(parts, score(week, ward(3), "demand"))
    kernels = {one.kernel for one in parts}
    assert kernels == {"counted in the borough", "similar wards"}
    assert sum(one.kernel == "counted in the borough" for one in parts) == len(MONTHS)


def test_what_is_not_scored_is_refused(week: AssessedWeek) -> None:
    with pytest.raises(AssessmentRefusedError, match="not scored"):
        explain_area(week, ward(18))
    with pytest.raises(AssessmentRefusedError, match="target"):
        explain_area(week, ward(1), target="knives")
    with pytest.raises(AssessmentRefusedError, match="do not sum"):
        by_source(explain_area(week, ward(1)), score(week, ward(2), "demand"))


def test_what_a_reason_says_was_counted_here_is_the_account_by_kind_and_age(
    week: AssessedWeek,
) -> None:
    here = counted_here(week.demand.evidence, week.demand.posterior, AS_OF)
    records = week.known.known.records
    kind_of = dict(zip(records["record_id"], records["category"], strict=True))
    for code in CODES[:3]:
        parts = explain_area(week, code)
        counted = [one for one in parts if one.kernel == "counted here"]
        area = int(code[3:])
        for row, kind in enumerate(here.kinds):
            mine = math.fsum(
                one.expected_per_week
                for one in counted
                if KINDS.get(kind_of.get(one.event, ""), PUBLISHED) == kind
            )
            assert here.by_kind[row, area] == pytest.approx(mine, abs=1e-12)
        late = {"last 24 hours", "last 7 days", "last 28 days"}
        for row, periods in enumerate((late, {"last year"}, {"earlier"})):
            mine = math.fsum(one.expected_per_week for one in counted if one.period in periods)
            assert here.by_age[row, area] == pytest.approx(mine, abs=1e-12)
        published = score(week, code, "demand")
        share = math.fsum(one.expected_per_week for one in counted) / published.expected_per_week
        lines = [one for one in published.reasons if one.startswith("Counted here")]
        assert len(lines) == (share >= 0.01)
        for line in lines:
            assert line.startswith(f"Counted here: {share:.0%} of the score. By kind: ")
    told = " ".join(score(week, ward(4), "demand").reasons)
    assert "discharges with injury" in told
    assert "the last 28 days" in told


def test_published_months_are_a_kind_of_their_own() -> None:
    counts = [month_count(ward(i), month, 1 + i) for i in range(18) for month in MONTHS]
    said = assess_week(
        [reading(counts=counts)], town(), as_of=AS_OF, policy=load_default_policy()
    ).assessment
    (line,) = [one for one in said.wards[17].reasons if one.startswith("Counted here")]
    assert "published monthly counts" in line
    assert "firearm" not in line

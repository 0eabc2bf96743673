"""The weeks of 167 and 169 hours of 2026 over HTTP, from the feed to the simulated weeks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.client.errors import RefusedError
from api.client.records import Plan
from api.client.service import ServiceClient
from api.files.sample_data import sample_feeds, sample_fleet
from tests.api.service_world import TOKEN, service
from tests.api.wire_world import on_the_wire

HEAD = (
    "record_id,source,category,basis,occurred_at,occurred_from,occurred_to,known_at,"
    "easting,northing\n"
)
SOURCES = ("reported_shooting", "recorded_gun_crime")
#: Local times of the two days on which the clocks change, and what they are in UTC.
TOLD = {
    "SPRING-0": ("2026-03-29T00:30", "2026-03-29T00:30:00Z", "2026-03-29T00:30:00Z"),
    "SPRING-1": ("2026-03-29T02:30", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z"),
    "SPRING-2": ("2026-03-29T23:50", "2026-03-29T22:50:00Z", "2026-03-29T22:50:00Z"),
    "AUTUMN-0": ("2026-10-25T00:10", "2026-10-24T23:10:00Z", "2026-10-24T23:10:00Z"),
    "AUTUMN-1": ("2026-10-25T01:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
    "AUTUMN-2": ("2026-10-25T01:30+00:00", "2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z"),
    "AUTUMN-3": ("2026-10-25T23:50", "2026-10-25T23:50:00Z", "2026-10-25T23:50:00Z"),
}


def row(name: str, when: str, known: str) -> str:
    return f"{name},daris_320,call_firearm,reported,{when},,,{known},533500,185000\n"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceClient]:
    """Yield a client of a service that has taken in the sample and both nights."""
    root = tmp_path_factory.mktemp("clocks")
    (root / "data" / "fleets").mkdir(parents=True)
    (root / "data" / "fleets" / "mine.toml").write_text(sample_fleet().read_text("utf-8"), "utf-8")
    feed = root / "clocks.csv"
    rows = [row(name, when, f"{when[:10]}T23:55") for name, (when, _, _) in TOLD.items()]
    feed.write_text(HEAD + "".join(rows), "utf-8")
    with on_the_wire(service(root / "data")) as url:
        made = ServiceClient(url, token=TOKEN)
        for path in sample_feeds():
            if path.stem in SOURCES:
                made.feeds.upload(path)
        receipt = made.feeds.upload(feed)
        assert receipt.n_records == len(TOLD)
        assert any("clocks repeat" in one for one in receipt.document["warnings"])
        yield made


def found(client: ServiceClient, **query: str) -> dict[str, tuple[str, str]]:
    return {
        one["record_id"]: (one["occurred_from"], one["occurred_to"])
        for one in client.feeds.incidents(sources=("daris_320",), **query)  # type: ignore[arg-type]  # by name
    }


def test_an_hour_that_is_skipped_is_refused_and_names_its_row(
    client: ServiceClient, tmp_path: Path
) -> None:
    feed = tmp_path / "skipped.csv"
    feed.write_text(HEAD + row("R1", "2026-03-29T01:30", "2026-03-29T05:00"), "utf-8")
    with pytest.raises(RefusedError, match="skip") as caught:
        client.feeds.upload(feed)
    assert caught.value.members["row"] == 1


def test_an_hour_that_comes_twice_is_a_range_over_both(client: ServiceClient) -> None:
    told = {name: (start, end) for name, (_, start, end) in TOLD.items()}
    plain = {
        name: tuple(one.replace(".000000", "") for one in ends)
        for name, ends in found(client).items()
    }
    assert plain == told


def test_days_of_23_and_25_hours_hold_what_happened_on_them(client: ServiceClient) -> None:
    for day, season in (("2026-03-29", "SPRING"), ("2026-10-25", "AUTUMN")):
        shown = client.places.features("incidents", datetime=day)
        mine = set(shown.loc[shown["source"] == "daris_320", "record_id"])
        assert mine == {name for name in TOLD if name.startswith(season)}
    assert not [name for name in found(client, known_on="2026-10-25") if name.startswith("AUTUMN")]
    assert set(found(client, known_on="2026-10-26")) == set(TOLD)


@pytest.mark.parametrize(
    ("as_of", "week", "hours"),
    [("2026-03-23", "2026-W13", 167), ("2026-10-19", "2026-W43", 169)],
)
def test_the_week_is_assessed_placed_and_simulated_on_its_hours(
    client: ServiceClient, as_of: str, week: str, hours: int
) -> None:
    made = client.assessments.make(as_of, classification="OFFICIAL")
    assert made.as_of == as_of
    plan: Plan = client.plans.allocate(fleet_id="mine", time_limit_s=30)
    assert (plan.week, plan.marking["x-as-of"]) == (week, as_of)
    proposed = client.plans.verdict(week)["proposed"]
    assert proposed["hours_in_week"] == hours
    assumed = proposed["assumptions"]["calls_per_week"]
    assert proposed["calls_per_week"] == pytest.approx(assumed * hours / 168, rel=0.02)
    assert week in client.plans.map(week)
    assert client.plans.briefing(week).startswith(b"%PDF")

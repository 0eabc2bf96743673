"""The list of incidents agrees with what an assessment knows, and shows nobody too much."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.store import schema
from api.store.errors import RecordRefusedError
from api.store.incident_list import (
    Incident,
    IncidentQuery,
    count_incidents,
    find_incident,
    list_incidents,
)
from api.store.incidents import readings
from api.store.ingest import take_in
from api.store.store import Store
from hotspots.known import known_records
from tests.store.test_ingest import AT, EVIDENCE, FILES, made
from tests.unit import small_town as town

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ALL = IncidentQuery(handling_c=True)


def listed(store: Store, query: IncidentQuery = ALL) -> list[Incident]:
    with store.read() as tx:
        return list_incidents(tx, query)


def ids(store: Store, query: IncidentQuery) -> set[str]:
    return {one.record_id for one in listed(store, query)}


@pytest.fixture
def filled(store: Store) -> Store:
    """Return a store with points in wards, an area alone, and material under handling code C."""
    later = pd.Timestamp("2025-07-01", tz="UTC")
    rows = [
        town.record(1, 0),
        town.record(2, 9, handling_code="C"),
        town.record(3, town.borough(1)),
        town.record(4, 10, corrects="R1", correction="moved", known_from=later),
        town.record(5, 1, occurred_from=pd.Timestamp("2025-08-01", tz="UTC"), source="crimint"),
        town.record(6, town.ward(3)),
    ]
    with store.write() as tx:
        take_in(tx, town.reading(rows), actor="x", now=NOW, study_area=town.town())
    return store


def test_every_incident_knows_its_ward_and_borough(filled: Store) -> None:
    places = {one.record_id: (one.ward_code, one.borough_code) for one in listed(filled)}
    assert places == {
        "R2": (town.ward(9), town.borough(1)),
        "R3": (None, town.borough(1)),
        "R4": (town.ward(10), town.borough(1)),
        "R5": (town.ward(1), town.borough(0)),
        "R6": (town.ward(3), town.borough(0)),
    }


def test_a_list_shows_what_was_asked_for_and_no_more(filled: Store) -> None:
    def of(**changes: object) -> set[str]:
        return ids(filled, IncidentQuery(**changes))

    assert of() == {"R3", "R4", "R5", "R6"}
    assert of(handling_c=True, boroughs=frozenset({town.borough(1)})) == {"R2", "R3", "R4"}
    assert of(boroughs=frozenset({town.borough(1)})) == {"R3", "R4"}
    assert of(boroughs=frozenset()) == set()
    assert of(known_on=date(2025, 6, 15)) == {"R1", "R3", "R6"}
    assert of(sources=frozenset({"crimint"})) == {"R5"}
    x, y = town.centre(10)
    assert of(bbox_m=(x, y, x, y)) == {"R4"}
    assert of(occurred_from=datetime(2025, 7, 1, tzinfo=UTC)) == {"R5"}
    assert of(occurred_before=datetime(2025, 7, 1, tzinfo=UTC)) == {"R3", "R4", "R6"}
    for limit in (0, 10_001):
        with pytest.raises(RecordRefusedError, match="10,000"):
            of(limit=limit)


def test_pages_join_to_the_whole(filled: Store) -> None:
    whole = listed(filled)
    pages: list[Incident] = []
    while page := listed(
        filled,
        IncidentQuery(handling_c=True, limit=2, after=pages[-1].incident_id if pages else 0),
    ):
        pages.extend(page)
    assert pages == whole
    with filled.read() as tx:
        assert count_incidents(tx, ALL) == len(whole)
        for one in whole:
            assert find_incident(tx, one.incident_id, ALL) == one
        secret = next(one for one in whole if one.handling_code == "C")
        assert find_incident(tx, secret.incident_id, IncidentQuery()) is None
        assert find_incident(tx, 404, ALL) is None


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=FILES, day=st.integers(-1, 5))
def test_the_list_is_what_an_assessment_of_the_day_knows(
    store: Store, files: list[list[tuple[int, int, int, int | None]]], day: int
) -> None:
    """Whatever repeats, contradicts, waits for its target or runs in a circle."""
    with store.write() as tx:
        for table in reversed(schema.metadata.sorted_tables):
            if table.name in EVIDENCE:
                tx.execute(table.delete())
        for one in made(files):
            take_in(tx, one, actor="x", now=NOW)
    on = (AT + timedelta(days=day)).date()
    with store.read() as tx:
        known = known_records(readings(tx), as_of=on).records
        found = list_incidents(tx, IncidentQuery(known_on=on, handling_c=True))
    wanted = set(zip(known["record_id"], known["x_m"], known["known_from"], strict=True))
    assert {(one.record_id, one.x_m, one.known_from_utc) for one in found} == wanted
    assert len(found) == len(known)

"""The events a plan records, as the simulated weeks take them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from allocator.event_calendar import Event, EventRefusedError, recorded
from allocator.plan import PatrolPlan
from allocator.simulated_events import special_days
from tests.oracle.plan_worlds import borough_code, make_world

EMPTY = PatrolPlan("p", "2026-W48", "optimal", 0.5, 0.5, 0.0, (), ())  # 23 to 29 November


def plan_with(*events: Event) -> PatrolPlan:
    return replace(EMPTY, settings={"events": recorded(events)})


def test_events_become_calls_and_vehicles_by_weekday() -> None:
    town = make_world(3, n_boroughs=4, wards_each=2)
    rates = np.array([ward.expected_per_week for ward in town.wards])
    there = np.array([place.borough_code == borough_code(1) for place in town.places])
    march = Event("March", date(2026, 11, 21), date(2026, 11, 24), units=("A1",), n_units=2)
    match = Event(
        "Match", date(2026, 11, 28), date(2026, 11, 28), (borough_code(1),), extra_share=3.5,
        n_units=1,
    )  # fmt: skip
    got = special_days(plan_with(march, match), town, 200.0)
    assert got is not None
    assert set(got.names) == {"March", "Match"}
    assert got.taken == (2, 2, 0, 0, 0, 1, 0)
    assert got.committed == (frozenset({"A1"}),) * 2 + (frozenset(),) * 5
    usual = 200.0 * rates[there] / rates.sum() / 7
    np.testing.assert_allclose(got.extra_calls[5, there], 3.5 * usual)
    assert got.extra_calls.sum() == pytest.approx(3.5 * usual.sum())


def test_a_plan_without_events_changes_nothing_and_an_altered_record_is_refused() -> None:
    town = make_world(3, n_boroughs=4, wards_each=2)
    assert special_days(EMPTY, town, 200.0) is None
    with pytest.raises(EventRefusedError, match="cannot be read"):
        special_days(replace(EMPTY, settings={"events": [{"name": "x"}]}), town, 200.0)

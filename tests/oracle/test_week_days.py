"""Duty by weekday and events: the plan against every partition, weighed day by day."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date

import pytest

from allocator.comparison import compare
from allocator.errors import PlanVerificationError
from allocator.event_calendar import Event, EventRefusedError
from allocator.plan import Fleet, PatrolPlan, Unit, document
from allocator.replan import ReplanRequest, replan
from allocator.travel_time import embedded_travel_time
from allocator.verifier import verify_plan
from allocator.weekly_plan import plan_week
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import FREE, SlowCoverage, all_plans, borough_code, make_world

WEEK = "2026-W48"  # Monday 23 to Sunday 29 November 2026
SATURDAY, SUNDAY = date(2026, 11, 28), date(2026, 11, 29)
FULL = Fleet((Unit("A", "X"), Unit("B", "X"), Unit("C", "Y")), 540, 60)
PART = Fleet(
    (Unit("A", "X", on_duty=(0, 1, 2, 3, 4)), Unit("B", "X", on_duty=(3, 4, 5, 6)), Unit("C", "Y")),
    540,
    60,
)


def slow_week(
    world: RiskAssessment,
    fleet: Fleet,
    areas: dict[str, frozenset[str]],
    events: tuple[Event, ...],
    *,
    number: int = 48,
    sunday_h: float = 24.0,
) -> float:
    """Every day by itself, from the definition; a committed number is every possible choice."""
    slow = SlowCoverage(world, fleet, FREE)
    reached = expected = 0.0
    for day in range(7):
        share = (sunday_h if day == 6 else 24.0) / (144.0 + sunday_h)
        rates = [ward.expected_per_week * share for ward in world.wards]
        today = [
            e
            for e in events
            if e.first_day <= date.fromisocalendar(2026, number, day + 1) <= e.last_day
        ]
        demand = list(rates)
        for event in today:
            here = [
                n
                for n, place in enumerate(world.places)
                if place.code in event.wards or place.borough_code in event.boroughs
            ]
            usual = sum(rates[n] for n in here)
            for n in here:
                demand[n] += rates[n] * event.extra_share + event.extra_calls * rates[n] / usual
        gone = {unit_id for event in today for unit_id in event.units}
        out = [u.unit_id for u in fleet.units if day in u.on_duty and u.unit_id not in gone]
        share = 1 - sum(event.n_units for event in today) / max(1, len(out))
        chances = [slow.answered(areas[unit_id]) for unit_id in out]
        for ward, rate in enumerate(demand):
            reached += rate * (1 - math.prod(1 - share * chance[ward] for chance in chances))
            expected += rate
    return reached / expected


EVENTS = {
    "none": (),
    "extra share": (Event("Match", SATURDAY, SATURDAY, (borough_code(1),), extra_share=3.0),),
    "extra calls and units": (
        Event("Carnival", SATURDAY, SUNDAY, (borough_code(5),), extra_calls=0.7, units=("A",)),
        Event("Away", date(2026, 12, 1), date(2026, 12, 2), units=("B",)),
    ),
    "a number of units": (
        Event("Parade", SUNDAY, SUNDAY, wards=("E05002000",), extra_share=5.0, n_units=1),
    ),
}


@pytest.mark.parametrize("fleet", [FULL, PART], ids=["full", "part"])
@pytest.mark.parametrize("name", EVENTS)
def test_the_plan_is_the_best_of_all_partitions(name: str, fleet: Fleet) -> None:
    world = make_world(3, n_boroughs=6)
    plan = plan_week(world, fleet, week=WEEK, events=EVENTS[name], settings=FREE)
    best = max(
        slow_week(world, fleet, areas, EVENTS[name]) for areas in all_plans(world, fleet, {})
    )
    assert plan.status == "optimal"
    assert plan.objective == pytest.approx(best, abs=2e-7)
    compared = compare(plan, world, fleet, settings=FREE)
    assert compared.alternatives[0].objective == pytest.approx(plan.objective, abs=1e-8)
    shown = {borough.code: borough.coverage for borough in plan.boroughs}
    listed = compared.alternatives[0].borough_coverage
    assert list(shown.values()) == pytest.approx(list(listed), abs=1e-8)


@pytest.mark.parametrize(("number", "sunday_h"), [(13, 23.0), (43, 25.0)])
def test_a_sunday_weighs_as_many_hours_as_it_has(number: int, sunday_h: float) -> None:
    world = make_world(3, n_boroughs=6)
    sunday = date.fromisocalendar(2026, number, 7)
    match = Event("Match", sunday, sunday, (borough_code(1),), extra_share=3.0, units=("A",))
    for fleet, events in ((PART, ()), (PART, (match,))):
        plan = plan_week(world, fleet, week=f"2026-W{number}", events=events, settings=FREE)
        best = max(
            slow_week(world, fleet, areas, events, number=number, sunday_h=sunday_h)
            for areas in all_plans(world, fleet, {})
        )
        assert plan.status == "optimal"
        assert plan.objective == pytest.approx(best, abs=2e-7)
    usual = plan_week(world, PART, week=WEEK, settings=FREE)
    changed = plan_week(world, PART, week=f"2026-W{number}", settings=FREE)
    assert changed.objective != pytest.approx(usual.objective, abs=1e-6)


def test_events_outside_the_week_change_nothing() -> None:
    world = make_world(4, n_boroughs=6)
    past = Event("Past", date(2026, 11, 21), date(2026, 11, 22), (borough_code(0),), extra_share=9)
    plan = plan_week(world, FULL, week=WEEK, events=[past])
    assert json.dumps(document(plan)) == json.dumps(document(plan_week(world, FULL, week=WEEK)))


def test_units_on_duty_alike_are_planned_as_before() -> None:
    """All on duty on the same days: days off cost the same share of coverage everywhere."""
    world = make_world(4, n_boroughs=6)
    week = plan_week(world, FULL, settings=FREE)
    units = tuple(replace(unit, on_duty=(0, 1, 2, 3, 4, 5)) for unit in FULL.units)
    six = plan_week(world, replace(FULL, units=units), settings=FREE)
    assert [unit.boroughs for unit in six.units] == [unit.boroughs for unit in week.units]
    assert six.objective == pytest.approx(week.objective * 6 / 7, abs=1e-8)


def test_days_off_and_events_are_said_and_stay_in_force() -> None:
    world = make_world(3, n_boroughs=6)
    events = EVENTS["extra calls and units"]
    plan = plan_week(world, PART, week=WEEK, events=events, settings=FREE)
    reasons = {unit.unit_id: unit.reason for unit in plan.units}
    assert "off duty on Saturday and Sunday, when others cover its area" in reasons["A"]
    assert "committed to Carnival on Saturday and Sunday" in reasons["A"]
    owner = next(b.unit_id for b in plan.boroughs if b.code == borough_code(5))
    assert "Carnival is assumed to add demand here" in reasons[owner]
    assert plan.settings["on_duty"] == {"A": [0, 1, 2, 3, 4], "B": [3, 4, 5, 6]}
    recorded = plan.settings["events"]
    assert isinstance(recorded, list) and [event["name"] for event in recorded] == ["Carnival"]
    mended = replan(world, PART, ReplanRequest(plan, lost=("A",)), settings=FREE).plan
    kept = mended.settings["events"]
    assert isinstance(kept, list) and kept[0]["units"] == []


@pytest.mark.parametrize("spoil", ["an event left out", "a day off left out"])
def test_the_verifier_knows_the_days(spoil: str) -> None:
    world = make_world(3, n_boroughs=6)
    events = EVENTS["extra calls and units"]
    plan = plan_week(world, PART, week=WEEK, events=events, settings=FREE)

    def check(plan: PatrolPlan, fleet: Fleet, events: tuple[Event, ...]) -> None:
        verify_plan(
            plan, world, fleet, embedded_travel_time(world), FREE,
            locks={}, previous=None, max_changes=None, events=events,
        )  # fmt: skip

    check(plan, PART, events)
    with pytest.raises(PlanVerificationError, match="objective"):
        check(plan, FULL if "day" in spoil else PART, () if "event" in spoil else events)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Event("E", SATURDAY, SATURDAY, ("E09000099",), extra_share=1), "borough 'E09000099'"),
        (Event("E", SATURDAY, SATURDAY, wards=("E05999999",), extra_share=1), "ward 'E05999999'"),
        (Event("E", SATURDAY, SATURDAY, units=("Z",)), "unit 'Z', which is not in the fleet"),
        (Event("E", SATURDAY, SATURDAY, n_units=3), "3 more units on weekday 6, when 2 are left"),
    ],
)
def test_events_that_cannot_be(event: Event, words: str) -> None:
    with pytest.raises(EventRefusedError, match=words) as refusal:
        plan_week(make_world(3, n_boroughs=6), PART, week=WEEK, events=[event])
    assert "Remedy: " in str(refusal.value)


def test_a_unit_cannot_be_at_two_events() -> None:
    events = [Event(name, SATURDAY, SATURDAY, units=("C",)) for name in ("E", "F")]
    with pytest.raises(EventRefusedError, match="C is committed twice on weekday 6"):
        plan_week(make_world(3, n_boroughs=6), PART, week=WEEK, events=events)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "no name"),
        ({"last_day": date(2026, 11, 27)}, "before it starts"),
        ({"extra_share": -1.0}, "extra_share -1.0"),
        ({"extra_share": float("nan")}, "extra_share nan"),
        ({"extra_calls": 1e9}, "extra_calls"),
        ({"boroughs": ()}, "extra demand without places"),
        ({"extra_share": 0.0}, "places without extra demand"),
        ({"n_units": -1}, "takes -1 units"),
    ],
)
def test_an_event_that_contradicts_itself(changes: dict[str, object], words: str) -> None:
    good = Event("E", SATURDAY, SATURDAY, (borough_code(0),), extra_share=1.0)
    with pytest.raises(EventRefusedError, match=words):
        replace(good, **changes)  # type: ignore[arg-type] # one keyword at a time

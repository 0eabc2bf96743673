"""The week as the verifier sees it: demand and units day by day, worked out from the request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from allocator.event_calendar import Event
from allocator.plan import Fleet, PatrolPlan
from hotspots.assessment import RiskAssessment

_LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class Day:
    """Expected incidents of every ward on a day, and each unit's chance to be on the road."""

    rates: list[float]
    available: dict[str, float]
    count: int = 1


def days_of(
    plan: PatrolPlan, assessment: RiskAssessment, fleet: Fleet, events: Sequence[Event]
) -> list[Day]:
    """Return the different days of the plan's week, each with how often it comes."""
    days = []
    year, number = plan.week.split("-W")
    for weekday in range(7):
        today = date.fromisocalendar(int(year), int(number), weekday + 1)
        running = [event for event in events if event.first_day <= today <= event.last_day]
        part_of_week = _days_as_long(today)
        rates = [ward.expected_per_week / part_of_week for ward in assessment.wards]
        for event in running:
            inside = [
                ward
                for ward, place in enumerate(assessment.places)
                if place.borough_code in event.boroughs or place.code in event.wards
            ]
            usual = sum(assessment.wards[ward].expected_per_week for ward in inside) / part_of_week
            for ward in inside:
                own = assessment.wards[ward].expected_per_week / part_of_week
                part = own / usual if usual > 0 else 1 / len(inside)
                rates[ward] += event.extra_share * own + event.extra_calls * part
        committed = [unit_id for event in running for unit_id in event.units]
        pool = [
            unit.unit_id
            for unit in fleet.units
            if weekday in unit.on_duty and unit.unit_id not in committed
        ]
        taken = sum(event.n_units for event in running)
        available = {unit.unit_id: 0.0 for unit in fleet.units}
        for unit_id in pool:
            available[unit_id] = 1 - taken / len(pool)
        days.append(Day(rates, available))
    return _counted(days)


def _days_as_long(day: date) -> float:
    """Return how many days as long as this one its week has: 7, unless the clocks change."""
    monday = day - timedelta(days=day.weekday())
    starts = [datetime.combine(monday + timedelta(days=n), time(), _LONDON) for n in range(8)]
    seconds = [start.timestamp() for start in starts]
    own = seconds[day.weekday() + 1] - seconds[day.weekday()]
    return (seconds[7] - seconds[0]) / own


def _counted(week: list[Day]) -> list[Day]:
    different: list[Day] = []
    for day in week:
        for number, known in enumerate(different):
            if (known.rates, known.available) == (day.rates, day.available):
                different[number] = replace(known, count=known.count + 1)
                break
        else:
            different.append(day)
    return different

"""The days of the planned week: demand and units on duty, alike days taken together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator.event_calendar import DAYS_IN_WEEK, Event, availability
from allocator.plan import Fleet
from allocator.simulation.week_clock import USUAL_WEEK, clock_of_week
from hotspots.assessment import RiskAssessment

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DayKind:
    """Days of the week on which the same units are out and demand lies alike.

    Attributes
    ----------
    days
        Weekdays, 0 = Monday, ascending.
    demand
        float (n_wards,): share of the whole week's demand on these days together.
    available
        Chance of each unit, by unit_id, to be on the road for its area on such a day.
    usual
        Share of the whole week's demand that is the usual demand of these days, without events.
    share
        Share of the week's hours that lies on these days.
    """

    days: tuple[int, ...]
    demand: Floats
    available: Mapping[str, float]
    usual: float
    share: float = 1.0


def kinds_of_day(
    assessment: RiskAssessment,
    fleet: Fleet,
    demand: Floats,
    events: Sequence[Event] = (),
    week: str = "",
) -> tuple[DayKind, ...]:
    """Group the seven days by units on duty and demand.

    Parameters
    ----------
    demand
        float (n_wards,): usual share of demand, sums to 1; each hour of the week has as much
        of it, so a day has a seventh, or 23/167 and 25/169 where the clocks change.
    events, week
        What changes that on some days of the planned ISO week.

    Returns
    -------
    tuple of DayKind
        In order of their first day; demand sums to 1 over all of them.
    """
    on_duty = {unit.unit_id: unit.on_duty for unit in fleet.units}
    out = availability(events, week, on_duty)
    extra = extra_demand(assessment, demand, events, week)
    total = 1.0 + float(extra.sum())
    hours = hours_of_days(week)
    groups: dict[tuple[tuple[float, ...], bytes], list[int]] = {}
    for day in range(DAYS_IN_WEEK):
        today = tuple(out[unit_id][day] for unit_id in sorted(out))
        groups.setdefault((today, extra[day].tobytes()), []).append(day)
    kinds = []
    for (today, _), days in groups.items():
        share = sum(hours[day] for day in days) / sum(hours)
        around = (demand * share + extra[days].sum(axis=0)) / total
        available = dict(zip(sorted(out), today, strict=True))
        kinds.append(DayKind(tuple(days), around, available, share / total, share))
    return tuple(kinds)


def hours_of_days(week: str) -> tuple[float, ...]:
    """Return the hours of each day from Monday: 24, or 23 and 25 where the clocks change."""
    return (clock_of_week(week) if week else USUAL_WEEK).hours_of_days


def extra_demand(
    assessment: RiskAssessment, demand: Floats, events: Sequence[Event], week: str
) -> Floats:
    """Return what events add on each weekday, as a share of a usual week's demand.

    Returns
    -------
    ndarray
        float (7, n_wards), >= 0.
    """
    extra, hours = np.zeros((DAYS_IN_WEEK, len(demand))), hours_of_days(week)
    rate = sum(ward.expected_per_week for ward in assessment.wards)
    for event in events:
        there = np.array(
            [
                place.code in event.wards or place.borough_code in event.boroughs
                for place in assessment.places
            ]
        )
        if not there.any():
            continue
        usual = np.where(there, demand, 0.0)
        spread = usual / usual.sum() if usual.sum() > 0 else there / there.sum()
        for day in event.weekdays(week):
            own = event.extra_share * usual / (sum(hours) / hours[day])
            extra[day] += own + event.extra_calls / rate * spread
    return extra

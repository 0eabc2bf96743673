"""Events of the week: what they add to demand on their days, and which units they take.

An event is announced, not learned: its extra demand is an assumption of the planner, labelled
as such in the plan, and it never enters a score of the assessment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

from allocator.errors import PlanningRefusedError

DAYS_IN_WEEK = 7
MAX_EXTRA_SHARE = 100.0
MAX_EXTRA_CALLS = 1_000.0


class EventRefusedError(PlanningRefusedError):
    """An event contradicts itself, the fleet or the assessment."""


@dataclass(frozen=True)
class Event:
    """Something that changes demand or takes units on one or more days.

    Attributes
    ----------
    name
        What people call it.
    first_day, last_day
        Its days, both included.
    boroughs, wards
        Where its extra demand lies: codes of boroughs, or of wards.
    extra_share
        Extra demand a day as a share of what these places usually have on a day: 0.5 is half as
        much again. An assumption.
    extra_calls
        Extra demand a day in expected reported incidents, spread over these places like their
        usual demand. An assumption.
    units
        Units committed to the event on its days, by unit_id: they cover nothing else.
    n_units
        Units taken from the pool when it is not known which: every unit on duty and not named
        is equally likely to be one of them.
    """

    name: str
    first_day: date
    last_day: date
    boroughs: tuple[str, ...] = ()
    wards: tuple[str, ...] = ()
    extra_share: float = 0.0
    extra_calls: float = 0.0
    units: tuple[str, ...] = ()
    n_units: int = 0

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise EventRefusedError("an event has no name", remedy="give every event a name")
        if self.last_day < self.first_day:
            raise self._refusal(
                f"ends on {self.last_day} before it starts on {self.first_day}",
                "give the last day after the first",
            )
        for what, value, most in (
            ("extra_share", self.extra_share, MAX_EXTRA_SHARE),
            ("extra_calls", self.extra_calls, MAX_EXTRA_CALLS),
        ):
            if not (math.isfinite(value) and 0.0 <= value <= most):
                raise self._refusal(f"has {what} {value}", f"give 0 to {most:g}")
        if (self.extra_share > 0 or self.extra_calls > 0) == (not self.boroughs and not self.wards):
            raise self._refusal(
                "names places without extra demand, or extra demand without places",
                "give boroughs or wards together with extra_share or extra_calls",
            )
        if self.n_units < 0:
            raise self._refusal(f"takes {self.n_units} units", "give 0 or more")

    def _refusal(self, problem: str, remedy: str) -> EventRefusedError:
        return EventRefusedError(f"event {self.name!r} {problem}", remedy=remedy)

    def weekdays(self, week: str) -> tuple[int, ...]:
        """Return its weekdays (0 = Monday) within an ISO week such as 2026-W35."""
        monday = monday_of(week)
        return tuple(
            day
            for day in range(DAYS_IN_WEEK)
            if self.first_day <= monday + timedelta(days=day) <= self.last_day
        )


def monday_of(week: str) -> date:
    """Return the first day of an ISO week such as 2026-W35."""
    return date.fromisocalendar(int(week[:4]), int(week[6:]), 1)


def in_week(events: Sequence[Event], week: str) -> tuple[Event, ...]:
    """Return the events with a day in the week, by first day and name."""
    inside = [event for event in events if event.weekdays(week)]
    return tuple(sorted(inside, key=lambda event: (event.first_day, event.last_day, event.name)))


def check_events(
    events: Sequence[Event],
    week: str,
    *,
    borough_codes: Sequence[str],
    ward_codes: Sequence[str],
    on_duty: Mapping[str, tuple[int, ...]],
) -> None:
    """Refuse events that name what is not there or take more units than are on duty.

    Parameters
    ----------
    events
        Those of :func:`in_week`.
    borough_codes, ward_codes
        The patrolled places.
    on_duty
        Weekdays on duty of every unit of the fleet.

    Raises
    ------
    EventRefusedError
        Naming the event, the value and the remedy.
    """
    for event in events:
        for what, given, known in (
            ("borough", event.boroughs, borough_codes),
            ("ward", event.wards, ward_codes),
            ("unit", event.units, tuple(on_duty)),
        ):
            unknown = sorted(set(given) - set(known))
            if unknown:
                raise EventRefusedError(
                    f"event {event.name!r} names {what} {unknown[0]!r}, which is not in the "
                    f"{'fleet' if what == 'unit' else 'assessment'}",
                    remedy=f"use a {what} of it, for example {min(known)}",
                )
    for day in range(DAYS_IN_WEEK):
        today = [event for event in events if day in event.weekdays(week)]
        named = [unit_id for event in today for unit_id in event.units]
        twice = sorted({unit_id for unit_id in named if named.count(unit_id) > 1})
        on_road = {unit_id for unit_id, days in on_duty.items() if day in days} - set(named)
        wanted = sum(event.n_units for event in today)
        names = " and ".join(event.name for event in today)
        if twice:
            raise EventRefusedError(
                f"{twice[0]} is committed twice on weekday {day + 1} ({names})",
                remedy="commit a unit to one event a day",
            )
        if wanted > len(on_road):
            raise EventRefusedError(
                f"{names} take {wanted} more units on weekday {day + 1}, when {len(on_road)} "
                "are left on duty",
                remedy="commit fewer units, or put more on duty that day",
            )


def availability(
    events: Sequence[Event], week: str, on_duty: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[float, ...]]:
    """Return each unit's chance to be on the road for its area, by weekday.

    0 off duty or committed by name; 1 - n/N where n units of the N left are committed by number.
    """
    table = {unit_id: [0.0] * DAYS_IN_WEEK for unit_id in on_duty}
    for day in range(DAYS_IN_WEEK):
        today = [event for event in events if day in event.weekdays(week)]
        named = {unit_id for event in today for unit_id in event.units}
        pool = [
            unit_id for unit_id, days in on_duty.items() if day in days and unit_id not in named
        ]
        taken = sum(event.n_units for event in today)
        for unit_id in pool:
            table[unit_id][day] = 1.0 - taken / len(pool)
    return {unit_id: tuple(shares) for unit_id, shares in table.items()}


def recorded(events: Sequence[Event]) -> list[dict[str, object]]:
    """Return events as the plain values that a plan's settings record."""
    return [
        asdict(event)
        | {
            "first_day": event.first_day.isoformat(),
            "last_day": event.last_day.isoformat(),
            "boroughs": list(event.boroughs),
            "wards": list(event.wards),
            "units": list(event.units),
        }
        for event in events
    ]


def in_force(settings: Mapping[str, object]) -> tuple[Event, ...]:
    """Return the events that a plan was made under, from its settings.

    Raises
    ------
    EventRefusedError
        The record was altered.
    """
    entries = settings.get("events", ())
    try:
        if not isinstance(entries, list | tuple):
            raise TypeError(entries)
        return tuple(_read(entry) for entry in entries)
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise EventRefusedError(
            "the plan's record of events cannot be read", remedy="use the plan.json as written"
        ) from fault


def without_units(events: Sequence[Event], gone: Sequence[str]) -> tuple[Event, ...]:
    """Return the events without units that are no longer in the fleet."""
    lost = set(gone)
    return tuple(
        replace(event, units=tuple(unit for unit in event.units if unit not in lost))
        for event in events
    )


def _read(entry: Mapping[str, Any]) -> Event:
    known = dict(entry)
    for day in ("first_day", "last_day"):
        known[day] = date.fromisoformat(known[day])
    for codes in ("boroughs", "wards", "units"):
        known[codes] = tuple(known[codes])
    return Event(**known)

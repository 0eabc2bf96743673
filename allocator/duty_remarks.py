"""What the chair should know of a unit's week beside its area: days off, and events."""

from __future__ import annotations

from collections.abc import Sequence

from allocator.event_calendar import DAYS_IN_WEEK, Event
from hotspots.assessment import RiskAssessment

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def duty_remarks(
    assessment: RiskAssessment,
    events: Sequence[Event],
    week: str,
    *,
    unit_id: str,
    on_duty: tuple[int, ...],
    boroughs: tuple[str, ...],
) -> tuple[str, ...]:
    """Return remarks on a unit's days off, its events, and events in its area.

    Parameters
    ----------
    events
        Those with a day in the ISO week.
    on_duty, boroughs
        The unit's weekdays (0 = Monday) and area.
    """
    off = [day for day in range(DAYS_IN_WEEK) if day not in on_duty]
    remarks = [f"off duty on {_days(off)}, when others cover its area"] if off else []
    here = {place.code for place in assessment.places if place.borough_code in boroughs}
    for event in events:
        days = event.weekdays(week)
        if unit_id in event.units:
            remarks.append(f"committed to {event.name} on {_days(days)}")
        if set(event.boroughs) & set(boroughs) or set(event.wards) & here:
            remarks.append(f"{event.name} is assumed to add demand here on {_days(days)}")
    return tuple(remarks)


def _days(days: Sequence[int]) -> str:
    names = [WEEKDAYS[day] for day in days]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"

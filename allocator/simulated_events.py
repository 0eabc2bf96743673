"""The announced events of a plan, as the simulator takes them."""

from __future__ import annotations

from allocator.coverage import demand_shares
from allocator.event_calendar import DAYS_IN_WEEK, in_force
from allocator.plan import PatrolPlan
from allocator.simulation.special_days import SpecialDays
from allocator.week_days import extra_demand
from hotspots.assessment import RiskAssessment


def special_days(
    plan: PatrolPlan, assessment: RiskAssessment, calls_per_week: float
) -> SpecialDays | None:
    """Return what the events a plan was made under change in a simulated week.

    Parameters
    ----------
    plan, assessment
        The plan, whose settings record the events, and the assessment it was made from.
    calls_per_week
        Usual calls a week; an event's extra demand is a share of them.

    Returns
    -------
    SpecialDays or None
        Nothing when the plan knows of no event.

    Raises
    ------
    EventRefusedError
        The record of events cannot be read.
    """
    events = in_force(plan.settings)
    if not events:
        return None
    extra = extra_demand(assessment, demand_shares(assessment), events, plan.week)
    today = [
        [event for event in events if day in event.weekdays(plan.week)]
        for day in range(DAYS_IN_WEEK)
    ]
    return SpecialDays(
        names=tuple(event.name for event in events),
        extra_calls=extra * calls_per_week,
        committed=tuple(
            frozenset(unit_id for event in those for unit_id in event.units) for those in today
        ),
        taken=tuple(sum(event.n_units for event in those) for those in today),
    )

"""Read what the head of the week's page says: in force, changed, and awaiting the person."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from api.access import Action, Actor, Resource, decide
from api.pages.brief_view import Awaiting, Brief, brief, steps_awaiting
from api.plans.life import last_approved
from api.plans.record import PlanRecord, State
from api.plans.rows import latest_standing, plans_of_week
from api.routes.stored import StoredPlan
from api.store.schema import actions, plans, tpu_taskings

_OPEN = tuple(str(state) for state in (State.DRAFT, State.PROPOSED, State.APPROVED))
WEEKS_LOOKED_AT = 6


def first_minute(tx: Connection, stored: StoredPlan, week: str, actor: Actor, today: date) -> Brief:
    """Return the first minute of a week.

    Parameters
    ----------
    tx
        A reading transaction.
    stored, week
        The plan shown, and the week it is shown for: a later one than its own after falling back.
    today
        The calendar day in London.
    """
    earlier = _week_before(week)
    awaiting = (
        *steps_awaiting(_open_plans(tx), actor),
        *_taskings(tx, actor, today),
        *_own_actions(tx, actor, today),
    )
    return brief(
        plans_of_week(tx, week),
        [(unit.unit_id, unit.boroughs) for unit in stored.plan.units],
        last_approved(latest_standing(tx, earlier), earlier),
        awaiting=awaiting,
        actor=actor,
        names={one.code: one.name for one in stored.source.assessment.boroughs},
    )


def _open_plans(tx: Connection) -> tuple[PlanRecord, ...]:
    """Return the open plans of the latest weeks that have any, the latest week first."""
    weeks = tx.execute(
        select(plans.c.week)
        .where(plans.c.state.in_(_OPEN))
        .distinct()
        .order_by(plans.c.week.desc())
        .limit(WEEKS_LOOKED_AT)
    ).scalars()
    found = [one for week in weeks.all() for one in plans_of_week(tx, week)]
    return tuple(one for one in found if str(one.state) in _OPEN)


def _taskings(tx: Connection, actor: Actor, today: date) -> tuple[Awaiting, ...]:
    if not decide(actor, Action.AUTHORISE_TASKING, Resource("tasking")).allowed:
        return ()
    waiting = tx.execute(
        select(func.count())
        .select_from(tpu_taskings)
        .where(
            tpu_taskings.c.authority == "proposed",
            tpu_taskings.c.day >= today,
            tpu_taskings.c.cancelled_utc.is_(None),
        )
    ).scalar_one()
    if not waiting:
        return ()
    words = "tactic waits" if waiting == 1 else "tactics wait"
    return (Awaiting(f"{waiting} proposed {words} for authority", "/verano"),)


def _own_actions(tx: Connection, actor: Actor, today: date) -> tuple[Awaiting, ...]:
    due = tx.execute(
        select(func.count())
        .select_from(actions)
        .where(actions.c.state == "open", actions.c.owner == actor.name, actions.c.due_on <= today)
    ).scalar_one()
    if not due:
        return ()
    words = "action of yours is due" if due == 1 else "actions of yours are due"
    return (Awaiting(f"{due} {words}", "/actions-arising"),)


def _week_before(week: str) -> str:
    monday = date.fromisocalendar(int(week[:4]), int(week[-2:]), 1) - timedelta(days=7)
    year, number, _ = monday.isocalendar()
    return f"{year}-W{number:02d}"

"""Actions arising from the meetings: an owner, a day, and how each ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select

from api.store.changes import change_one
from api.store.decisions import Meeting
from api.store.errors import RecordRefusedError, StaleRecordError, UnknownRecordError
from api.store.reasons import check_reason
from api.store.schema import actions, plans

State = Literal["open", "done", "cancelled"]


@dataclass(frozen=True)
class Action:
    """One action arising; ``version`` counts its changes, ``outcome`` says how it ended."""

    action_id: str
    meeting: Meeting
    held_on: date
    task: str
    owner: str
    due_on: date
    recorded: datetime
    recorded_by: str
    decision_id: str = ""
    state: State = "open"
    version: int = 1
    closed: datetime | None = None
    closed_by: str = ""
    outcome: str = ""
    plan_key: str = ""


def add_action(tx: Connection, one: Action) -> None:
    """Store a new, open action.

    Raises
    ------
    RecordRefusedError
        It is due before the meeting was held.
    UnknownRecordError
        There is no plan of its key.
    """
    if one.plan_key and not _plan_known(tx, one.plan_key):
        raise UnknownRecordError(
            "there is no plan of this key in the record",
            remedy="use a key that GET /plans lists, or leave it out",
            value=one.plan_key,
        )
    _check_days(one.held_on, one.due_on)
    tx.execute(
        actions.insert().values(
            action_id=one.action_id,
            decision_id=one.decision_id or None,
            meeting=one.meeting,
            held_on=one.held_on,
            task=one.task,
            owner=one.owner,
            due_on=one.due_on,
            state="open",
            version=1,
            recorded_utc=one.recorded,
            recorded_by=one.recorded_by,
            plan_key=one.plan_key or None,
        )
    )


def close_action(
    tx: Connection,
    action_id: str,
    version: int,
    state: Literal["done", "cancelled"],
    *,
    outcome: str,
    actor: str,
    now: datetime,
) -> Action:
    """End an action with its outcome.

    Parameters
    ----------
    version
        The one that was read; another one means that somebody changed it since.

    Raises
    ------
    UnknownRecordError, StaleRecordError, RecordRefusedError
        No such action; changed since, or ended already; no outcome given.
    """
    check_reason(outcome)
    _open(tx, action_id)
    values = {"state": state, "closed_utc": now, "closed_by": actor, "outcome": outcome}
    change_one(tx, actions, action_id, version, values)
    return find_action(tx, action_id)


def move_action(
    tx: Connection, action_id: str, version: int, *, owner: str, due_on: date
) -> Action:
    """Give an open action another owner or another day.

    Raises
    ------
    UnknownRecordError, StaleRecordError, RecordRefusedError
        No such action; changed since, or ended; due before the meeting was held.
    """
    _check_days(_open(tx, action_id).held_on, due_on)
    change_one(tx, actions, action_id, version, {"owner": owner, "due_on": due_on})
    return find_action(tx, action_id)


def find_action(tx: Connection, action_id: str) -> Action:
    """Return an action.

    Raises
    ------
    UnknownRecordError
        There is none.
    """
    row = tx.execute(select(actions).where(actions.c.action_id == action_id)).first()
    if row is None:
        raise UnknownRecordError(
            "there is no action of this identifier", remedy="use one listed", value=action_id
        )
    return _action(row)


def list_actions(
    tx: Connection,
    *,
    state: State | None = None,
    due_by: date | None = None,
    owner: str = "",
    plan_key: str = "",
    after: tuple[date, str] | None = None,
    limit: int | None = None,
) -> list[Action]:
    """Return actions by the day they are due.

    Parameters
    ----------
    state, due_by, owner, plan_key
        Only those in a state, due on or before a day, of an owner, or arising from a plan.
    after, limit
        The page: at most ``limit`` behind this day and identifier.
    """
    query = select(actions).order_by(actions.c.due_on, actions.c.action_id).limit(limit)
    wanted = {"state": state, "owner": owner, "plan_key": plan_key}
    for name, value in wanted.items():
        if value:
            query = query.where(actions.c[name] == value)
    if due_by is not None:
        query = query.where(actions.c.due_on <= due_by)
    if after is not None:
        day, name = after
        later = (actions.c.due_on == day) & (actions.c.action_id > name)
        query = query.where((actions.c.due_on > day) | later)
    return [_action(row) for row in tx.execute(query)]


def latest_ended(tx: Connection, limit: int) -> list[Action]:
    """Return at most so many actions that are done or cancelled, the latest ended first."""
    ended = select(actions).where(actions.c.state != "open")
    by_end = ended.order_by(actions.c.closed_utc.desc(), actions.c.action_id).limit(limit)
    return [_action(row) for row in tx.execute(by_end)]


def _check_days(held_on: date, due_on: date) -> None:
    if due_on < held_on:
        raise RecordRefusedError(
            f"the action is due on {due_on}, before the meeting on {held_on}",
            remedy="give a day on or after the meeting",
        )


def _plan_known(tx: Connection, key: str) -> bool:
    return tx.execute(select(plans.c.plan_key).where(plans.c.plan_key == key)).first() is not None


def _open(tx: Connection, action_id: str) -> Action:
    """Return an action that has not ended."""
    found = find_action(tx, action_id)
    if found.state != "open":
        ending = f" ({found.outcome})" if found.outcome else ""
        raise StaleRecordError(
            f"the action is {found.state} already{ending}", remedy="add another action"
        )
    return found


def _action(row: Row[Any]) -> Action:
    return Action(
        row.action_id, row.meeting, row.held_on, row.task, row.owner, row.due_on,
        row.recorded_utc, row.recorded_by, row.decision_id or "", row.state, row.version,
        row.closed_utc, row.closed_by or "", row.outcome or "", row.plan_key or "",
    )  # fmt: skip

"""Actions arising from the meetings: an owner, a day, and how each ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, select

from api.store.changes import change_one
from api.store.decisions import Meeting
from api.store.errors import RecordRefusedError, StaleRecordError, UnknownRecordError
from api.store.reasons import check_reason
from api.store.schema import actions

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


def add_action(tx: Connection, one: Action) -> None:
    """Store a new, open action.

    Raises
    ------
    RecordRefusedError
        It is due before the meeting was held.
    """
    if one.due_on < one.held_on:
        raise RecordRefusedError(
            f"the action is due on {one.due_on}, before the meeting on {one.held_on}",
            remedy="give a day on or after the meeting",
        )
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
    found = find_action(tx, action_id)
    if found.state != "open":
        raise StaleRecordError(
            f"the action is {found.state} already ({found.outcome})", remedy="add another action"
        )
    values = {"state": state, "closed_utc": now, "closed_by": actor, "outcome": outcome}
    change_one(tx, actions, action_id, version, values)
    return find_action(tx, action_id)


def move_action(
    tx: Connection, action_id: str, version: int, *, owner: str, due_on: date
) -> Action:
    """Give an open action another owner or another day.

    Raises
    ------
    UnknownRecordError, StaleRecordError
        No such action; changed since, or ended.
    """
    found = find_action(tx, action_id)
    if found.state != "open":
        raise StaleRecordError(f"the action is {found.state}", remedy="add another action")
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
    return Action(
        row.action_id, row.meeting, row.held_on, row.task, row.owner, row.due_on,
        row.recorded_utc, row.recorded_by, row.decision_id or "", row.state, row.version,
        row.closed_utc, row.closed_by or "", row.outcome or "",
    )  # fmt: skip


def list_actions(
    tx: Connection, *, state: State | None = None, due_by: date | None = None
) -> list[Action]:
    """Return actions by the day they are due.

    Parameters
    ----------
    state, due_by
        Only those in a state, or due on or before a day.
    """
    query = select(actions.c.action_id).order_by(actions.c.due_on, actions.c.action_id)
    if state is not None:
        query = query.where(actions.c.state == state)
    if due_by is not None:
        query = query.where(actions.c.due_on <= due_by)
    return [find_action(tx, name) for name in tx.execute(query).scalars().all()]

"""Decisions of the meetings: what, by whom and why. A later one replaces, none is altered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, select

from api.store.errors import StaleRecordError, UnknownRecordError
from api.store.reasons import check_reason
from api.store.schema import decisions

Meeting = Literal["weekly_arv_tasking", "verano", "between_meetings"]


@dataclass(frozen=True)
class Decision:
    """One decision.

    Attributes
    ----------
    held_on, week
        Day of the meeting, and the ISO week it is about, where there is one.
    subject_kind, subject_id
        What it is about, for example ``plan`` and its key.
    decided_by, recorded_by
        Office or name of who decided, and who wrote it down.
    replaces
        The decision it takes the place of, empty for none.
    """

    decision_id: str
    meeting: Meeting
    held_on: date
    subject_kind: str
    subject_id: str
    decision: str
    reason: str
    decided_by: str
    decided: datetime
    recorded_by: str
    week: str = ""
    replaces: str = ""


def record_decision(tx: Connection, one: Decision) -> None:
    """Store a decision.

    Raises
    ------
    RecordRefusedError, UnknownRecordError, StaleRecordError
        Without a reason; replacing a decision that is not there, or replaced already.
    """
    check_reason(one.reason)
    if one.replaces:
        _refuse_unless_standing(tx, one.replaces)
    tx.execute(
        decisions.insert().values(
            decision_id=one.decision_id,
            meeting=one.meeting,
            held_on=one.held_on,
            week=one.week or None,
            subject_kind=one.subject_kind,
            subject_id=one.subject_id,
            decision=one.decision,
            reason=one.reason,
            decided_by=one.decided_by,
            decided_utc=one.decided,
            recorded_by=one.recorded_by,
            replaces=one.replaces or None,
        )
    )


def list_decisions(
    tx: Connection,
    *,
    week: str | None = None,
    subject: tuple[str, str] | None = None,
    standing: bool = False,
) -> list[Decision]:
    """Return decisions, earliest first.

    Parameters
    ----------
    week, subject
        Only those about an ISO week, or about one record (kind, identifier).
    standing
        True leaves out those that a later decision replaced.
    """
    query = select(decisions).order_by(decisions.c.decided_utc, decisions.c.decision_id)
    if week is not None:
        query = query.where(decisions.c.week == week)
    if subject is not None:
        query = query.where(
            decisions.c.subject_kind == subject[0], decisions.c.subject_id == subject[1]
        )
    if standing:
        later = decisions.alias()
        replaced = select(later.c.replaces).where(later.c.replaces.is_not(None))
        query = query.where(decisions.c.decision_id.not_in(replaced))
    return [
        Decision(
            row.decision_id, row.meeting, row.held_on, row.subject_kind, row.subject_id,
            row.decision, row.reason, row.decided_by, row.decided_utc, row.recorded_by,
            row.week or "", row.replaces or "",
        )
        for row in tx.execute(query)
    ]  # fmt: skip


def _refuse_unless_standing(tx: Connection, decision_id: str) -> None:
    known = select(decisions.c.decision_id).where(decisions.c.decision_id == decision_id)
    if tx.execute(known).first() is None:
        raise UnknownRecordError(
            "the decision to replace is not there", remedy="name a decision", value=decision_id
        )
    later = select(decisions.c.decision_id).where(decisions.c.replaces == decision_id)
    row = tx.execute(later).first()
    if row is not None:
        raise StaleRecordError(
            f"decision {decision_id} was replaced by {row.decision_id}",
            remedy=f"replace {row.decision_id}",
        )

"""Taskings of the Trojan Proactive Unit: where, which day, which tactic, on whose authority."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select

from api.store.changes import change_one
from api.store.errors import RecordRefusedError, StaleRecordError, UnknownRecordError
from api.store.reasons import check_reason
from api.store.schema import tpu_rosters, tpu_taskings
from api.store.types import canonical_text, digest

Tactic = Literal["mobile_patrol", "tactic_1", "tactic_2", "tactic_3"]
Authority = Literal["not_required", "proposed", "authorised", "refused"]


@dataclass(frozen=True)
class Tasking:
    """A team tasked to a borough on a day.

    Attributes
    ----------
    authority, authority_reference
        A set-piece tactic is ``proposed`` until a strategic firearms commander's decision,
        named by its reference, authorises or refuses it; until then the team patrols.
    """

    tasking_id: str
    team: str
    day: date
    borough_code: str
    tasked: datetime
    tasked_by: str
    issue: str = ""
    tactic: Tactic = "mobile_patrol"
    roster_id: str = ""
    authority: Authority = "not_required"
    authority_reference: str = ""
    version: int = 1
    cancelled_reason: str = ""


def keep_roster(
    tx: Connection,
    roster_id: str,
    document: dict[str, Any],
    days: tuple[date, date],
    *,
    actor: str,
    now: datetime,
) -> None:
    """Store a roster document once; ``days`` are its first and last."""
    if tx.execute(select(tpu_rosters).where(tpu_rosters.c.roster_id == roster_id)).first():
        return
    tx.execute(
        tpu_rosters.insert().values(
            roster_id=roster_id,
            first_day=days[0],
            last_day=days[1],
            document=document,
            document_sha256=digest(canonical_text(document)),
            created_utc=now,
            created_by=actor,
        )
    )


def add_tasking(tx: Connection, one: Tasking) -> None:
    """Store a tasking; a set-piece tactic is stored as proposed, whatever it says.

    Raises
    ------
    RecordRefusedError
        The team is tasked on that day already.
    """
    clash = select(tpu_taskings.c.tasking_id).where(
        tpu_taskings.c.team == one.team,
        tpu_taskings.c.day == one.day,
        tpu_taskings.c.cancelled_utc.is_(None),
    )
    row = tx.execute(clash).first()
    if row is not None:
        raise RecordRefusedError(
            f"team {one.team} is tasked on {one.day} already ({row.tasking_id})",
            remedy="cancel that tasking first, with the reason",
        )
    tx.execute(
        tpu_taskings.insert().values(
            tasking_id=one.tasking_id,
            roster_id=one.roster_id or None,
            team=one.team,
            day=one.day,
            borough_code=one.borough_code,
            issue=one.issue or None,
            tactic=one.tactic,
            authority="not_required" if one.tactic == "mobile_patrol" else "proposed",
            version=1,
            tasked_utc=one.tasked,
            tasked_by=one.tasked_by,
        )
    )


def decide_authority(
    tx: Connection,
    tasking_id: str,
    version: int,
    authority: Literal["authorised", "refused"],
    *,
    reference: str,
) -> Tasking:
    """Record the commander's decision on a proposed set-piece tactic, by its reference.

    Raises
    ------
    UnknownRecordError, StaleRecordError, RecordRefusedError
        No such tasking; changed since, or decided; no reference given.
    """
    check_reason(reference)
    found = find_tasking(tx, tasking_id)
    if found.authority != "proposed" or found.cancelled_reason:
        raise StaleRecordError(
            f"the tasking is {'cancelled' if found.cancelled_reason else found.authority}",
            remedy="only a proposed tactic is decided",
        )
    values = {"authority": authority, "authority_reference": reference}
    change_one(tx, tpu_taskings, tasking_id, version, values)
    return find_tasking(tx, tasking_id)


def cancel_tasking(
    tx: Connection, tasking_id: str, version: int, *, reason: str, now: datetime
) -> Tasking:
    """Cancel a tasking; it stays in the record.

    Raises
    ------
    UnknownRecordError, StaleRecordError, RecordRefusedError
        No such tasking; changed since; no reason given.
    """
    check_reason(reason)
    find_tasking(tx, tasking_id)
    values = {"cancelled_utc": now, "cancelled_reason": reason}
    change_one(tx, tpu_taskings, tasking_id, version, values)
    return find_tasking(tx, tasking_id)


def find_tasking(tx: Connection, tasking_id: str) -> Tasking:
    """Return a tasking.

    Raises
    ------
    UnknownRecordError
        There is none.
    """
    row = tx.execute(select(tpu_taskings).where(tpu_taskings.c.tasking_id == tasking_id)).first()
    if row is None:
        raise UnknownRecordError(
            "there is no tasking of this identifier", remedy="use one listed", value=tasking_id
        )
    return _tasking(row)


def list_taskings(tx: Connection, *, first_day: date, last_day: date) -> list[Tasking]:
    """Return the taskings of some days that were not cancelled, by day and team."""
    query = (
        select(tpu_taskings)
        .where(
            tpu_taskings.c.day.between(first_day, last_day), tpu_taskings.c.cancelled_utc.is_(None)
        )
        .order_by(tpu_taskings.c.day, tpu_taskings.c.team)
    )
    return [_tasking(row) for row in tx.execute(query)]


def _tasking(row: Row[Any]) -> Tasking:
    return Tasking(
        row.tasking_id, row.team, row.day, row.borough_code, row.tasked_utc, row.tasked_by,
        row.issue or "", row.tactic, row.roster_id or "", row.authority,
        row.authority_reference or "", row.version, row.cancelled_reason or "",
    )  # fmt: skip

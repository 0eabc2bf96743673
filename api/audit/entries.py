"""Entries of the record by who, what and when, and its signed end as the database has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from api.audit.entry import time_text
from api.audit.signing import Head
from api.store.schema import audit, audit_heads


@dataclass(frozen=True)
class EntryQuery:
    """Which entries are asked for; what is empty or ``None`` does not matter.

    Attributes
    ----------
    at_from, at_before
        The span of time, its end excluded.
    before, limit
        The page: at most ``limit`` entries with a position below ``before``.
    """

    actor: str = ""
    action: str = ""
    outcome: str = ""
    object_kind: str = ""
    object_id: str = ""
    at_from: datetime | None = None
    at_before: datetime | None = None
    before: int | None = None
    limit: int = 50


def list_entries(tx: Connection, query: EntryQuery) -> list[Row[Any]]:
    """Return the entries that match, the latest first."""
    wanted = select(audit).order_by(audit.c.position.desc()).limit(query.limit)
    for name in ("actor", "action", "outcome", "object_kind", "object_id"):
        value = getattr(query, name)
        if value:
            wanted = wanted.where(audit.c[name] == value)
    if query.at_from is not None:
        wanted = wanted.where(audit.c.at_utc >= query.at_from)
    if query.at_before is not None:
        wanted = wanted.where(audit.c.at_utc < query.at_before)
    if query.before is not None:
        wanted = wanted.where(audit.c.position < query.before)
    return list(tx.execute(wanted).all())


def find_entry(tx: Connection, position: int) -> Row[Any] | None:
    """Return the entry at a position, ``None`` when there is none."""
    return tx.execute(select(audit).where(audit.c.position == position)).first()


def last_row(tx: Connection) -> Row[Any] | None:
    """Return the last entry, ``None`` when nothing was recorded yet."""
    return tx.execute(select(audit).order_by(audit.c.position.desc()).limit(1)).first()


def signed_end(tx: Connection) -> Head | None:
    """Return the latest signed end of the record, ``None`` when nothing was recorded yet."""
    latest = tx.execute(select(func.max(audit_heads.c.position))).scalar_one()
    return head_at(tx, latest) if latest is not None else None


def head_at(tx: Connection, position: int) -> Head | None:
    """Return the signed end that the database has for a position, ``None`` without one."""
    row = tx.execute(select(audit_heads).where(audit_heads.c.position == position)).first()
    if row is None:
        return None
    signed = time_text(row.signed_utc)
    return Head(row.position, row.row_sha256, signed, row.key_id, bytes(row.signature))

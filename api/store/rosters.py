"""Rosters of the Trojan Proactive Unit as the store keeps them: never altered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_

from api.store.errors import UnknownRecordError
from api.store.schema import tpu_rosters, tpu_taskings

Position = tuple[date, str]


@dataclass(frozen=True)
class KeptRoster:
    """A roster with who made it and when; ``document`` is that of ``tpu_roster.json``."""

    roster_id: str
    first_day: date
    last_day: date
    document: Mapping[str, Any]
    created: datetime
    created_by: str


def find_roster(tx: Connection, roster_id: str) -> KeptRoster:
    """Return a roster.

    Raises
    ------
    UnknownRecordError
        There is none.
    """
    row = tx.execute(select(tpu_rosters).where(tpu_rosters.c.roster_id == roster_id)).first()
    if row is None:
        raise UnknownRecordError(
            "there is no roster of this identifier", remedy="use one listed", value=roster_id
        )
    return _kept(row)


def list_rosters(
    tx: Connection, *, first_day: date, limit: int, before: Position | None = None
) -> list[KeptRoster]:
    """Return rosters that reach a day or later, the latest first day first.

    Parameters
    ----------
    first_day
        Rosters that end before it are left out.
    limit
        Most of them.
    before
        First day and identifier of the last roster of the page before.
    """
    place = tuple_(tpu_rosters.c.first_day, tpu_rosters.c.roster_id)
    query = select(tpu_rosters).where(tpu_rosters.c.last_day >= first_day)
    if before is not None:
        query = query.where(place < tuple_(*before))
    query = query.order_by(tpu_rosters.c.first_day.desc(), tpu_rosters.c.roster_id.desc())
    return [_kept(row) for row in tx.execute(query.limit(limit))]


def roster_in_force(tx: Connection, first_day: date, last_day: date) -> KeptRoster | None:
    """Return the roster made last of those that cover some days and have taskings standing.

    Parameters
    ----------
    first_day, last_day
        The days it must cover.
    """
    tasked = select(tpu_taskings.c.roster_id).where(
        tpu_taskings.c.cancelled_utc.is_(None), tpu_taskings.c.roster_id.is_not(None)
    )
    row = tx.execute(
        select(tpu_rosters)
        .where(
            tpu_rosters.c.first_day <= first_day,
            tpu_rosters.c.last_day >= last_day,
            tpu_rosters.c.roster_id.in_(tasked),
        )
        .order_by(tpu_rosters.c.created_utc.desc(), tpu_rosters.c.roster_id.desc())
        .limit(1)
    ).first()
    return _kept(row) if row is not None else None


def standing_among(tx: Connection, rosters: Sequence[KeptRoster]) -> frozenset[str]:
    """Return the identifiers of those rosters by which somebody is tasked."""
    names = [one.roster_id for one in rosters]
    found = tx.scalars(
        select(tpu_taskings.c.roster_id)
        .where(tpu_taskings.c.cancelled_utc.is_(None), tpu_taskings.c.roster_id.in_(names))
        .distinct()
    )
    return frozenset(name for name in found if name is not None)


def _kept(row: Any) -> KeptRoster:
    return KeptRoster(
        row.roster_id, row.first_day, row.last_day, row.document, row.created_utc, row.created_by
    )

"""Incidents as a list: what stood on a day, where, and for whose eyes, page by page.

The rules are those of an assessment: a record stands when it was known and had happened before
00:00 of the day, no version known by then corrects it, and it is no withdrawal; see
:mod:`hotspots.known` and :func:`api.store.incidents.settled`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Select, exists, func, or_, select

from api.store.errors import RecordRefusedError
from api.store.schema import incidents, receipt_rows, receipts
from hotspots.known import as_of_instant

MOST = 10_000
_END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
_CHUNK = 5_000
#: A file that tells of the version is in use.
_IN_USE = exists().where(
    receipt_rows.c.incident_id == incidents.c.incident_id,
    receipts.c.receipt_id == receipt_rows.c.receipt_id,
    receipts.c.state == "active",
)


@dataclass(frozen=True)
class Incident:
    """One standing version of a record; places in EPSG:27700, times in UTC."""

    incident_id: int
    record_id: str
    source: str
    category: str
    basis: str
    occurred_from_utc: datetime
    occurred_to_utc: datetime
    known_from_utc: datetime
    x_m: float | None
    y_m: float | None
    area_code: str | None
    ward_code: str | None
    borough_code: str | None
    source_grade: str | None
    information_grade: str | None
    handling_code: str | None
    correction: str | None
    notice: str | None


@dataclass(frozen=True)
class IncidentQuery:
    """Which incidents are asked for.

    Attributes
    ----------
    known_on
        The day whose 00:00 Europe/London ends what may be known; ``None`` for all known now.
    handling_c
        True includes material under handling code C; only for those with its scope.
    boroughs
        Only in these boroughs (codes); what has no known borough is in none.
    bbox_m
        Only points inside (x_min, y_min, x_max, y_max), EPSG:27700, edges included.
    occurred_from, occurred_before
        Only what may have happened in this span, its end excluded.
    sources
        Only of these sources.
    after, limit
        The page: at most ``limit`` incidents with an identifier above ``after``.
    """

    known_on: date | None = None
    handling_c: bool = False
    boroughs: frozenset[str] | None = None
    bbox_m: tuple[float, float, float, float] | None = None
    occurred_from: datetime | None = None
    occurred_before: datetime | None = None
    sources: frozenset[str] | None = None
    after: int = 0
    limit: int = 1_000


@dataclass(frozen=True)
class _Change:
    incident_id: int
    record_id: str
    corrects: str
    correction: str
    known: datetime
    occurred: datetime


def list_incidents(tx: Connection, query: IncidentQuery) -> list[Incident]:
    """Return a page of incidents by identifier.

    Raises
    ------
    RecordRefusedError
        The page is larger than 10,000 or smaller than 1.
    """
    if not 1 <= query.limit <= MOST:
        raise RecordRefusedError(
            f"a page holds 1 to {MOST:,} incidents", remedy="ask for less", value=query.limit
        )
    columns = [incidents.c[one.name] for one in fields(Incident)]
    found = _standing(tx, query, columns).where(incidents.c.incident_id > query.after)
    rows = tx.execute(found.order_by(incidents.c.incident_id).limit(query.limit))
    return [Incident(*row) for row in rows]


def count_incidents(tx: Connection, query: IncidentQuery) -> int:
    """Return how many incidents there are on all pages together."""
    inner = _standing(tx, query, [incidents.c.incident_id]).subquery()
    return int(tx.execute(select(func.count()).select_from(inner)).scalar_one())


def find_incident(tx: Connection, incident_id: int, query: IncidentQuery) -> Incident | None:
    """Return one incident if it is among those asked for."""
    columns = [incidents.c[one.name] for one in fields(Incident)]
    found = _standing(tx, query, columns).where(incidents.c.incident_id == incident_id)
    row = tx.execute(found).first()
    return None if row is None else Incident(*row)


def _standing(tx: Connection, query: IncidentQuery, columns: list[Any]) -> Select[Any]:
    instant = _instant(query.known_on)
    hidden = _later_versions(tx)
    hidden |= _gone(tx, instant, hidden)
    found = select(*columns).where(
        _IN_USE,
        incidents.c.known_from_utc < instant,
        incidents.c.occurred_from_utc < instant,
    )
    ordered = sorted(hidden)
    for start in range(0, len(ordered), _CHUNK):
        found = found.where(incidents.c.incident_id.not_in(ordered[start : start + _CHUNK]))
    return _filtered(found, query)


def _filtered(found: Select[Any], query: IncidentQuery) -> Select[Any]:
    if not query.handling_c:
        found = found.where(func.coalesce(incidents.c.handling_code, "P") != "C")
    if query.boroughs is not None:
        found = found.where(incidents.c.borough_code.in_(sorted(query.boroughs)))
    if query.sources is not None:
        found = found.where(incidents.c.source.in_(sorted(query.sources)))
    if query.bbox_m is not None:
        west, south, east, north = query.bbox_m
        found = found.where(
            incidents.c.x_m.between(west, east), incidents.c.y_m.between(south, north)
        )
    if query.occurred_from is not None:
        found = found.where(
            or_(
                incidents.c.occurred_to_utc >= query.occurred_from,
                incidents.c.occurred_from_utc >= query.occurred_from,
            )
        )
    if query.occurred_before is not None:
        found = found.where(incidents.c.occurred_from_utc < query.occurred_before)
    return found


def _later_versions(tx: Connection) -> set[int]:
    """Return the versions whose record id another version, known before them, uses, too."""
    repeated = (
        select(incidents.c.record_id)
        .group_by(incidents.c.record_id)
        .having(func.count() > 1)
        .scalar_subquery()
    )
    place = func.row_number().over(
        partition_by=incidents.c.record_id,
        order_by=(
            incidents.c.known_from_utc,
            receipts.c.file,
            receipts.c.content_sha256,
            receipt_rows.c.position,
        ),
    )
    query = (
        select(incidents.c.incident_id, place)
        .join(receipt_rows, receipt_rows.c.incident_id == incidents.c.incident_id)
        .join(receipts, receipts.c.receipt_id == receipt_rows.c.receipt_id)
        .where(receipts.c.state == "active", incidents.c.record_id.in_(repeated))
    )
    rows = tx.execute(query).all()
    return {row[0] for row in rows} - {row[0] for row in rows if row[1] == 1}


def _gone(tx: Connection, instant: datetime, hidden: set[int]) -> set[int]:
    """Return incidents that do not stand because of corrections: broken, corrected, withdrawn."""
    changes = _changes(tx, hidden)
    targets = _targets(tx, {one.corrects for one in changes.values()} - set(changes), hidden)
    sound: dict[str, bool] = {}
    for name in changes:
        _settle(name, changes, targets, sound)
    gone = {changes[name].incident_id for name, whole in sound.items() if not whole}
    for name, one in changes.items():
        if not sound[name] or one.known >= instant or one.occurred >= instant:
            continue
        aim = changes.get(one.corrects)
        gone.add(aim.incident_id if aim else targets[one.corrects][0])
        if one.correction == "withdrawn":
            gone.add(one.incident_id)
    return gone


def _settle(
    name: str,
    changes: Mapping[str, _Change],
    targets: Mapping[str, tuple[int, datetime]],
    sound: dict[str, bool],
) -> None:
    """Follow a chain of corrections to its base; without one, all of it is broken."""
    path: list[str] = []
    while name in changes and name not in sound and name not in path:
        path.append(name)
        name = changes[name].corrects
    whole = sound.get(name, name in targets) if name not in path else False
    for one in reversed(path):
        aim = changes[one].corrects
        base = changes[aim].known if aim in changes else targets.get(aim, (0, _END_OF_TIME))[1]
        whole = whole and changes[one].known >= base
        sound[one] = whole


def _changes(tx: Connection, hidden: set[int]) -> dict[str, _Change]:
    query = select(
        incidents.c.incident_id,
        incidents.c.record_id,
        incidents.c.corrects,
        incidents.c.correction,
        incidents.c.known_from_utc,
        incidents.c.occurred_from_utc,
    ).where(_IN_USE, incidents.c.corrects.is_not(None))
    found = (_Change(*row) for row in tx.execute(query))
    return {one.record_id: one for one in found if one.incident_id not in hidden}


def _targets(tx: Connection, names: set[str], hidden: set[int]) -> dict[str, tuple[int, datetime]]:
    found: dict[str, tuple[int, datetime]] = {}
    ordered = sorted(names)
    for start in range(0, len(ordered), _CHUNK):
        part = ordered[start : start + _CHUNK]
        query = select(
            incidents.c.record_id, incidents.c.incident_id, incidents.c.known_from_utc
        ).where(_IN_USE, incidents.c.record_id.in_(part))
        for name, number, known in tx.execute(query):
            if number not in hidden:
                found[name] = (number, known)
    return found


def _instant(known_on: date | None) -> datetime:
    return _END_OF_TIME if known_on is None else as_of_instant(known_on).to_pydatetime()

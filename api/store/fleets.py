"""Fleet files in the store: a change is a new version, the earlier ones stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from api.files.fleet_file import parse_fleet
from api.store.errors import UnknownRecordError
from api.store.schema import fleets
from api.store.types import digest


@dataclass(frozen=True)
class KeptFleet:
    """One version of a fleet file; ``toml`` is its text."""

    fleet_id: str
    version: int
    toml: str
    toml_sha256: str
    created: datetime
    created_by: str
    reason: str = ""


def keep_fleet(
    tx: Connection, fleet_id: str, toml: str, *, actor: str, now: datetime, reason: str = ""
) -> KeptFleet:
    """Store a fleet file under the next version; the text in force already changes nothing.

    Parameters
    ----------
    tx
        A transaction of :meth:`api.store.store.Store.write`.
    toml
        Checked as :func:`api.files.fleet_file.parse_fleet` does.

    Raises
    ------
    FleetRefusedError
        The file describes no fleet.
    """
    parse_fleet(toml, fleet_id)
    newest = select(func.max(fleets.c.version)).where(fleets.c.fleet_id == fleet_id)
    last = int(tx.execute(newest).scalar() or 0)
    if last:
        held = read_fleet(tx, fleet_id)
        if held.toml == toml:
            return held
    tx.execute(
        fleets.insert().values(
            fleet_id=fleet_id,
            version=last + 1,
            toml=toml,
            toml_sha256=digest(toml),
            created_utc=now,
            created_by=actor,
            reason=reason or None,
        )
    )
    return read_fleet(tx, fleet_id)


def read_fleet(tx: Connection, fleet_id: str, version: int | None = None) -> KeptFleet:
    """Return a fleet file, the newest version by default.

    Raises
    ------
    UnknownRecordError
        There is none.
    """
    query = select(fleets).where(fleets.c.fleet_id == fleet_id)
    if version is not None:
        query = query.where(fleets.c.version == version)
    row = tx.execute(query.order_by(fleets.c.version.desc()).limit(1)).first()
    if row is None:
        raise UnknownRecordError(
            "there is no fleet of this identifier and version",
            remedy="use one that is listed, or store the fleet first",
            value=fleet_id,
        )
    return _kept(row)


def fleet_versions(tx: Connection, fleet_id: str) -> list[KeptFleet]:
    """Return every version of a fleet, the newest first."""
    query = select(fleets).where(fleets.c.fleet_id == fleet_id)
    return [_kept(row) for row in tx.execute(query.order_by(fleets.c.version.desc()))]


def list_fleets(tx: Connection) -> list[KeptFleet]:
    """Return the newest version of every fleet, by identifier."""
    newest = (
        select(fleets.c.fleet_id, func.max(fleets.c.version).label("version"))
        .group_by(fleets.c.fleet_id)
        .subquery()
    )
    same = (fleets.c.fleet_id == newest.c.fleet_id) & (fleets.c.version == newest.c.version)
    query = select(fleets).join(newest, same).order_by(fleets.c.fleet_id)
    return [_kept(row) for row in tx.execute(query)]


def _kept(row: Row[Any]) -> KeptFleet:
    return KeptFleet(
        row.fleet_id, row.version, row.toml, row.toml_sha256, row.created_utc, row.created_by,
        row.reason or "",
    )  # fmt: skip

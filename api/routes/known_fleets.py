"""The fleets a plan can be asked for: those of the store, and files in ``fleets/``.

The store has an identifier's fleet when it has any version of it; else the file of that name, as
version 0. Storing a fleet under the name of a file therefore replaces the file in use and leaves
it where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from allocator.plan import Fleet
from api.audit.entry import time_text
from api.audit.log import Record
from api.files.fleet_file import WEEKDAYS, parse_fleet
from api.plans.fleet_source import FleetSource
from api.routes.bodies import FleetBody
from api.store.errors import UnknownRecordError
from api.store.fleets import KeptFleet, fleet_versions, list_fleets, read_fleet
from api.store.types import canonical_text, digest
from api.workspace import Workspace

FILE_VERSION = 0


@dataclass(frozen=True)
class KnownFleet:
    """One fleet as it can be used; ``toml`` is the text of its file.

    Attributes
    ----------
    version
        0 for a file in ``fleets/``, which keeps no history.
    """

    fleet_id: str
    version: int
    toml: str
    created: datetime | None = None
    created_by: str = ""
    reason: str = ""

    @property
    def origin(self) -> Literal["store", "file"]:
        """Return where it lies."""
        return "store" if self.version else "file"

    def fleet(self) -> Fleet:
        """Return the fleet of the planner.

        Raises
        ------
        FleetRefusedError
            A file in ``fleets/`` describes no fleet.
        """
        return parse_fleet(self.toml, self.fleet_id)


def find_fleet(
    workspace: Workspace, tx: Connection, fleet_id: str, version: int | None = None
) -> KnownFleet:
    """Return a fleet, the newest version by default.

    Raises
    ------
    UnknownRecordError
        There is none of this identifier and version.
    OSError
        Its file cannot be read.
    """
    path = workspace.fleet(fleet_id)
    if version != FILE_VERSION:
        try:
            return of_store(read_fleet(tx, fleet_id, version))
        except UnknownRecordError:
            if path is None or version is not None:
                raise
    if path is None:
        raise UnknownRecordError(
            "there is no fleet file of this identifier",
            remedy="use one that is listed, or leave the version out",
            value=fleet_id,
        )
    return KnownFleet(fleet_id, FILE_VERSION, path.read_text("utf-8", "replace"))


def all_fleets(workspace: Workspace, record: Record) -> list[KnownFleet]:
    """Return every fleet that can be used, by identifier."""
    with record.store.read() as tx:
        stored = {one.fleet_id: of_store(one) for one in list_fleets(tx)}
        names = sorted({*stored, *workspace.fleets()})
        return [stored.get(name) or find_fleet(workspace, tx, name) for name in names]


def versions_of(record: Record, fleet_id: str) -> list[KnownFleet]:
    """Return the versions of a stored fleet, the newest first.

    Raises
    ------
    UnknownRecordError
        The store has none of this identifier.
    """
    with record.store.read() as tx:
        read_fleet(tx, fleet_id)
        return [of_store(one) for one in fleet_versions(tx, fleet_id)]


def line_document(one: KnownFleet) -> dict[str, Any]:
    """Return what a list says of a fleet."""
    return {
        "fleet_id": one.fleet_id,
        "version": one.version,
        "origin": one.origin,
        "toml_sha256": digest(one.toml),
        "created": time_text(one.created) if one.created else None,
        "created_by": one.created_by,
        "reason": one.reason,
    }


def fleet_document(one: KnownFleet, fleet: Fleet) -> dict[str, Any]:
    """Return a fleet as plain JSON values: what its list says, its text and its vehicles."""
    return {
        **line_document(one),
        "toml": one.toml,
        "label": fleet.label,
        "service_standard_s": fleet.service_standard_s,
        "turnout_s": fleet.turnout_s,
        "calls_per_week": fleet.calls_per_week,
        "service_time_s": fleet.service_time_s,
        "units": [
            {
                "unit_id": unit.unit_id,
                "provenance": unit.provenance,
                "eligible_boroughs": list(unit.eligible_boroughs),
                "on_duty": [WEEKDAYS[day] for day in unit.on_duty],
            }
            for unit in fleet.units
        ],
    }


def source_of(known: KnownFleet) -> FleetSource:
    """Return where a fleet lies, as the plan made from it keeps it."""
    sha256 = digest(known.toml)
    if known.origin == "store":
        return FleetSource("store", sha256, known.fleet_id, known.version)
    return FleetSource("file", sha256, known.fleet_id)


def sent_fleet(body: FleetBody | None) -> FleetSource | None:
    """Return the source of a fleet that was sent, by the digest of what was said of it."""
    if body is None:
        return None
    return FleetSource("request", digest(canonical_text(body.model_dump(mode="json"))))


def of_store(kept: KeptFleet) -> KnownFleet:
    """Return a version of the store as a fleet that can be used."""
    return KnownFleet(
        kept.fleet_id, kept.version, kept.toml, kept.created, kept.created_by, kept.reason
    )

"""Where the fleet of a plan came from: the store, a file, or the request itself.

A plan document says what was placed, not which file described it. What is said here lies beside
the plan's files, goes with its content into the record, and stands in its briefing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from api.files.output import Writer, json_text, text_writer

Origin = Literal["store", "file", "request"]
#: Name of the file in a plan's folder.
FLEET_SOURCE = "fleet_source.json"
#: Said of a plan that was made before its fleet was kept, or outside the service.
UNKNOWN_FLEET = "not recorded"
#: Digits of the SHA-256 that people read.
DIGITS = 12


@dataclass(frozen=True)
class FleetSource:
    """The fleet that a plan was made from.

    Attributes
    ----------
    origin
        ``store`` for a version of the store, ``file`` for a fleet file, ``request`` for a fleet
        that was sent with the request.
    sha256
        Digest of the file's text, or of the fleet as it was sent.
    fleet_id
        Identifier in the store, or name of the file; empty for a fleet that was sent.
    version
        Version of the store; ``None`` elsewhere, where none is kept.
    """

    origin: Origin
    sha256: str
    fleet_id: str = ""
    version: int | None = None

    def in_words(self) -> str:
        """Return it in words that people read."""
        sign = f"SHA-256 {self.sha256[:DIGITS]}…"
        if self.origin == "store":
            return f"stored fleet {self.fleet_id}, version {self.version} ({sign})"
        if self.origin == "file":
            return f"fleet file {self.fleet_id} ({sign})"
        return f"sent with the request, not stored ({sign})"

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def file_source(path: Path, name: str = "") -> FleetSource:
    """Return the source of a fleet that was read from a file.

    Parameters
    ----------
    name
        What the file is called; its own name when left out.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    return FleetSource("file", hashlib.sha256(path.read_bytes()).hexdigest(), name or path.name)


def from_document(body: object) -> FleetSource | None:
    """Return the source that a document tells of, ``None`` when it tells of none."""
    if not isinstance(body, Mapping) or body.get("origin") not in get_args(Origin):
        return None
    version = body.get("version")
    return FleetSource(
        body["origin"],
        str(body.get("sha256", "")),
        str(body.get("fleet_id", "")),
        version if isinstance(version, int) else None,
    )


def writers(source: FleetSource | None) -> dict[str, Writer]:
    """Return the file that lies beside a plan, none when the fleet is not known."""
    return {FLEET_SOURCE: text_writer(json_text(source.document()))} if source else {}


def read_source(folder: Path) -> FleetSource | None:
    """Return what a plan's folder says of its fleet, ``None`` when it says nothing."""
    path = folder / FLEET_SOURCE
    return from_document(json.loads(path.read_text("utf-8"))) if path.is_file() else None


def words_of(source: FleetSource | None) -> str:
    """Return in words where a fleet came from, also that it is not known."""
    return source.in_words() if source is not None else UNKNOWN_FLEET

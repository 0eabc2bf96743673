"""An anchor: the signed end of the record, to be kept where nobody can alter both."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from api.audit.signing import Head
from api.files.output import json_text, text_writer, write_file
from api.refusals import AuditRefusedError

SCHEMA_VERSION = "1"
HEAD_FILE = "audit-head.json"
_MOST_BYTES = 4096
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEYS = {"schema_version", "position", "row_sha256", "signed_utc", "key_id", "signature"}


def anchor_document(head: Head) -> dict[str, Any]:
    """Return an anchor as plain JSON values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "position": head.position,
        "row_sha256": head.row_sha256,
        "signed_utc": head.signed_utc,
        "key_id": head.key_id,
        "signature": base64.b64encode(head.signature).decode("ascii"),
    }


def write_anchor(path: Path, head: Head) -> None:
    """Write an anchor file whole, or not at all."""
    write_file(path, text_writer(json_text(anchor_document(head))))


def read_anchor(path: Path) -> Head:
    """Read an anchor file.

    Raises
    ------
    AuditRefusedError
        When it is not an anchor of this product, or damaged.
    OSError
        When it cannot be read.
    """
    with path.open("rb") as handle:
        content = handle.read(_MOST_BYTES)
    try:
        value = json.loads(content)
        if set(value) != _KEYS or value["schema_version"] != SCHEMA_VERSION:
            raise ValueError("keys")
        position, digest = value["position"], value["row_sha256"]
        if type(position) is not int or position < 0 or not _DIGEST.fullmatch(digest):
            raise ValueError("values")
        signature = base64.b64decode(value["signature"], validate=True)
        return Head(position, digest, str(value["signed_utc"]), str(value["key_id"]), signature)
    except (ValueError, TypeError, AttributeError) as fault:
        raise AuditRefusedError(
            "the file is not an anchor of the audit record, or damaged",
            remedy="use a file written by `arv audit anchor`",
            file=path.name,
        ) from fault

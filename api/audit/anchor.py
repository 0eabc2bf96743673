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
    except (ValueError, RecursionError) as fault:
        raise _no_anchor(path.name) from fault
    return read_head(value, path.name)


def read_head(value: object, name: str) -> Head:
    """Return the signed end that the plain JSON values of an anchor stand for.

    Parameters
    ----------
    value
        What :func:`anchor_document` gave, after any trip through JSON.
    name
        What messages call it.

    Raises
    ------
    AuditRefusedError
        When it is not an anchor of this product, or damaged.
    """
    if not isinstance(value, dict) or set(value) != _KEYS:
        raise _no_anchor(name)
    position, digest, signature = (value[one] for one in ("position", "row_sha256", "signature"))
    texts = [value[one] for one in _KEYS - {"position"}]
    if value["schema_version"] != SCHEMA_VERSION or not all(isinstance(t, str) for t in texts):
        raise _no_anchor(name)
    if type(position) is not int or position < 0 or not _DIGEST.fullmatch(digest):
        raise _no_anchor(name)
    try:
        signed = base64.b64decode(signature, validate=True)
    except ValueError as fault:
        raise _no_anchor(name) from fault
    return Head(position, digest, value["signed_utc"], value["key_id"], signed)


def _no_anchor(name: str) -> AuditRefusedError:
    return AuditRefusedError(
        "the file is not an anchor of the audit record, or damaged",
        remedy="use a file written by `arv audit anchor`",
        file=name,
    )

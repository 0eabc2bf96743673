"""One entry of the audit record, its canonical bytes and its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from api.refusals import AuditRefusedError

Outcome = Literal["done", "denied", "failed"]
#: What section 62 of the Data Protection Act 2018 wants logged of automated processing.
Operation = Literal[
    "collection", "alteration", "consultation", "disclosure", "combination", "erasure"
]

#: Between the fields of a row's canonical text; it is never inside one.
SEPARATOR = "\x1f"
FIELDS = 10
#: What the first row seals.
GENESIS = "0" * 64

MOST_ACTOR, MOST_WORD, MOST_OBJECT, MOST_REASON = 200, 128, 400, 2000


@dataclass(frozen=True)
class Entry:
    """What is to be recorded. See :func:`entry` for the checks.

    Attributes
    ----------
    object_sha256
        Digest of the object as it is after the change, where it has one.
    operation
        The kind of processing, for personal data and other sensitive records.
    detail
        More, as plain JSON values; never narrative and never a person's data.
    """

    actor: str
    action: str
    object_kind: str
    object_id: str
    outcome: Outcome
    reason: str
    object_sha256: str | None = None
    operation: Operation | None = None
    detail: Mapping[str, object] = field(default_factory=dict)

    def full_detail(self) -> dict[str, object]:
        """Return the detail with the operation."""
        return {**self.detail, **({"operation": self.operation} if self.operation else {})}


def entry(
    actor: str,
    action: str,
    object_kind: str,
    object_id: str = "",
    *,
    outcome: Outcome = "done",
    reason: str = "",
    object_sha256: str | None = None,
    operation: Operation | None = None,
    detail: Mapping[str, object] | None = None,
) -> Entry:
    """Return an entry whose texts fit the record: bounded, and without control characters.

    Characters that do not print are written as their code, so that what a stranger sent can be
    recorded without harm.

    Raises
    ------
    AuditRefusedError
        When a text is longer than the record holds, or the actor or the action is empty.
    """
    texts = {
        "actor": (_shown(actor), 1, MOST_ACTOR),
        "action": (_shown(action), 1, MOST_WORD),
        "object kind": (_shown(object_kind), 1, MOST_WORD),
        "object": (_shown(object_id), 0, MOST_OBJECT),
        "reason": (_shown(reason), 0, MOST_REASON),
    }
    for name, (text, least, most) in texts.items():
        if not least <= len(text) <= most:
            raise AuditRefusedError(
                f"the {name} of an audit entry has {len(text):,} characters, "
                f"not {least} to {most:,}",
                remedy=f"give a shorter {name}" if text else f"give the {name}",
            )
    given = [text for text, _, _ in texts.values()]
    return Entry(
        actor=given[0],
        action=given[1],
        object_kind=given[2],
        object_id=given[3],
        outcome=outcome,
        reason=given[4],
        object_sha256=object_sha256,
        operation=operation,
        detail=dict(detail or {}),
    )


def clipped(text: str, most: int = MOST_OBJECT) -> str:
    """Return a stranger's text as an entry can hold it, its end cut off when too long."""
    shown = _shown(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def time_text(moment: datetime) -> str:
    """Return a moment as the record writes it: UTC, microseconds, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def row_digest(fields: tuple[str, ...]) -> str | None:
    """Return the SHA-256 of a row, or ``None`` when its fields cannot be a row's.

    Parameters
    ----------
    fields
        The ten texts of a row in this order: previous digest, time, actor, action, object
        kind, object, digest of the object, outcome, reason, detail. An absent digest or detail
        is empty.
    """
    text = SEPARATOR.join(fields)
    if text.count(SEPARATOR) != FIELDS - 1:
        return None
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _shown(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)

"""Keys of requests that must not be done twice, and the answers they had."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, insert, select, update

from api.audit.log import Record
from api.store.schema import idempotency_keys as keys

KEPT = timedelta(hours=24)
#: A request that was begun so long ago and has no answer was cut off: its key is free again.
CUT_OFF = timedelta(minutes=30)

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Answer:
    """An answer as it is sent."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Asked:
    """One request under a key: who sent it, to where, and the digest of what it says."""

    actor: str
    key: str
    operation: str
    sha256: str


@dataclass(frozen=True)
class Earlier:
    """What is known of an earlier request under the key.

    Attributes
    ----------
    same
        Whether it was the same request.
    answer
        What it was answered; ``None`` while it is being done.
    """

    same: bool
    answer: Answer | None


def begin(record: Record, asked: Asked) -> Earlier | None:
    """Take a key for a request, or return what is known of the earlier one.

    Raises
    ------
    StoreRefusedError
        When the store cannot be written; then the request is not to be done.
    """
    now = record.clock()
    with record.store.write() as tx:
        row = tx.execute(select(keys).where(_is(asked))).first()
        if row is not None and not _free_again(row, now):
            same = row.request_sha256 == asked.sha256 and row.operation == asked.operation
            return Earlier(same, _answer(row.response) if row.status is not None else None)
        tx.execute(delete(keys).where(_is(asked)))
        tx.execute(delete(keys).where(keys.c.expires_utc < now))
        tx.execute(
            insert(keys),
            {
                "actor": asked.actor,
                "key": asked.key,
                "operation": asked.operation,
                "request_sha256": asked.sha256,
                "created_utc": now,
                "expires_utc": now + KEPT,
            },
        )
    return None


def keep(record: Record, asked: Asked, answer: Answer) -> None:
    """Keep the answer of a request for those who send it again."""
    text = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in answer.headers]
    response = {"headers": text, "body": base64.b64encode(answer.body).decode()}
    with record.store.write() as tx:
        tx.execute(
            update(keys).where(_is(asked)).values(status=answer.status, response=response | {
                "status": answer.status
            })
        )  # fmt: skip


def forget(record: Record, asked: Asked) -> None:
    """Free the key of a request that changed nothing."""
    with record.store.write() as tx:
        tx.execute(delete(keys).where(_is(asked), keys.c.status.is_(None)))


def forget_cut_off(record: Record) -> None:
    """Free the keys of requests that a former service did not finish.

    To be called by whoever has just become the owner of the data directory.
    """
    with record.store.write() as tx:
        tx.execute(delete(keys).where(keys.c.status.is_(None)))


def _is(asked: Asked) -> Any:
    return and_(keys.c.actor == asked.actor, keys.c.key == asked.key)


def _free_again(row: Any, now: datetime) -> bool:
    cut_off = row.status is None and row.created_utc + CUT_OFF < now
    return bool(row.expires_utc < now or cut_off)


def _answer(kept: dict[str, Any]) -> Answer:
    headers = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in kept["headers"]]
    return Answer(kept["status"], headers, base64.b64decode(kept["body"]))

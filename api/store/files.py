"""Content kept once by its digest: draws, maps, briefings, tables."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from api.store.errors import CorruptStoreError, UnknownRecordError
from api.store.schema import stored_files
from api.store.types import digest


def keep_file(tx: Connection, content: bytes, media_type: str, *, now: datetime) -> str:
    """Store content, unless it is there, and return its SHA-256."""
    sealed = digest(content)
    there = select(stored_files.c.n_bytes).where(stored_files.c.content_sha256 == sealed)
    if tx.execute(there).first() is None:
        tx.execute(
            stored_files.insert().values(
                content_sha256=sealed,
                media_type=media_type,
                n_bytes=len(content),
                content=content,
                stored_utc=now,
            )
        )
    return sealed


def read_file(tx: Connection, sealed: str) -> bytes:
    """Return stored content, checked against its digest.

    Raises
    ------
    UnknownRecordError, CorruptStoreError
        It is not there, or not what its digest says.
    """
    row = tx.execute(
        select(stored_files.c.content).where(stored_files.c.content_sha256 == sealed)
    ).first()
    if row is None:
        raise UnknownRecordError(
            "no content is stored under this digest", remedy="check the digest", value=sealed
        )
    content = bytes(row.content)
    if digest(content) != sealed:
        raise CorruptStoreError(
            f"the content stored under {sealed[:12]}… was altered",
            remedy="run `arv store check` and restore the last sound backup",
        )
    return content

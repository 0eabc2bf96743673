"""Open the record of a data directory: the store, the signing key, the audit record."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from api.audit.anchor import HEAD_FILE, read_anchor
from api.audit.log import Clock, Record, utc_now
from api.audit.signing import KEY_FILE, Head, Signer, open_signer
from api.refusals import AuditRefusedError
from api.store.database import database_url
from api.store.schema import audit_heads
from api.store.store import Store, open_store


@contextmanager
def open_record(
    data_dir: Path,
    database: str | None = None,
    *,
    create: bool = True,
    clock: Clock = utc_now,
) -> Iterator[Record]:
    """Yield the record of a data directory, made at the first run.

    Parameters
    ----------
    data_dir
        Holds the signing key, the latest head and, without another address, the database.
    database
        Address of the store; see :func:`api.store.database.database_url`.
    create
        False refuses a record that is not there.

    Raises
    ------
    StoreRefusedError
        When the store cannot be used.
    AuditRefusedError
        When the signing key is missing for a record that was signed, or damaged.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = open_store(database_url(database, data_dir), create=create)
    try:
        yield Record(store, _signer(store, data_dir), data_dir, clock)
    finally:
        store.close()


def kept_head(data_dir: Path) -> Head | None:
    """Return the head that is kept beside the database, if there is one.

    Raises
    ------
    AuditRefusedError
        When it is damaged.
    """
    path = data_dir / HEAD_FILE
    if not path.exists():
        return None
    with suppress(FileNotFoundError), path.with_suffix(".lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # whoever keeps a later head does not do so meanwhile
        return read_anchor(path)
    return read_anchor(path)


def _signer(store: Store, data_dir: Path) -> Signer:
    """Return the signing key; a record that was signed never gets another one by itself."""
    with store.read() as tx:
        signed_by = tx.execute(
            audit_heads.select().order_by(audit_heads.c.position.desc()).limit(1)
        ).first()
    missing = not (data_dir / KEY_FILE).exists()
    if signed_by is not None and missing:
        raise AuditRefusedError(
            f"the record is signed with key {signed_by.key_id}, which is not in the data directory",
            remedy="restore it from where the data directory is backed up",
            file=KEY_FILE,
        )
    signer = open_signer(data_dir)
    if signed_by is not None and signed_by.key_id != signer.verifier.key_id:
        raise AuditRefusedError(
            f"the record is signed with key {signed_by.key_id}, the data directory has "
            f"{signer.verifier.key_id}",
            remedy="give the data directory that belongs to this database",
            file=KEY_FILE,
        )
    return signer

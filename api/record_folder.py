"""Open the record of a data directory: the store, the signing key, the audit record."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from api.audit.anchor import HEAD_FILE, read_anchor
from api.audit.entries import signed_end
from api.audit.key_change import recorded_changes
from api.audit.key_files import CHANGES_FILE, kept_way, signer_with, unfinished
from api.audit.log import Clock, Record, utc_now
from api.audit.rotation import finish_rotation
from api.audit.signing import KEY_FILE, Head, Signer, open_signer
from api.refusals import AuditRefusedError
from api.store.database import database_url
from api.store.store import Store, open_store


class EarlierRecordError(AuditRefusedError):
    """The record is from before a change of the signing key, as a restored backup may be."""


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
        When the signing key is missing for a record that was signed, was replaced, or is damaged.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = open_store(database_url(database, data_dir), create=create)
    try:
        record = Record(store, _signer(store, data_dir), data_dir, clock)
        if unfinished(data_dir, record.signer):
            finish_rotation(record)
        yield record
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
        end = signed_end(tx)
    if end is None:
        return open_signer(data_dir)
    signer = signer_with(data_dir, end.key_id)
    if signer is None:
        raise _other_key(store, data_dir, end)
    return signer


def _other_key(store: Store, data_dir: Path, end: Head) -> AuditRefusedError:
    """Return why the record cannot be signed, and what to do."""
    if not (data_dir / KEY_FILE).exists():
        return AuditRefusedError(
            f"the record is signed with key {end.key_id}, which is not in the data directory",
            remedy="restore it from where the data directory is backed up",
            file=KEY_FILE,
        )
    own = open_signer(data_dir).verifier.key_id
    signed = f"the record is signed with key {end.key_id}, the data directory has {own}"
    if way := kept_way(data_dir, end.key_id, own):
        return EarlierRecordError(
            f"{signed}: the record is from before {way[0].changed_utc[:10]}, when the key was "
            "changed",
            remedy="after restoring an older backup run `arv audit rotate-key --again`, which "
            "enters the change anew, or restore a backup made since",
            file=KEY_FILE,
        )
    with store.read() as tx:
        known = {one.old.key_id for _, one in recorded_changes(tx) if one is not None}
    if own in known:
        return AuditRefusedError(
            f"{signed}, which was replaced",
            remedy=f"copy {KEY_FILE} and {CHANGES_FILE} from the data directory where `arv audit "
            "rotate-key` ran",
            file=KEY_FILE,
        )
    return AuditRefusedError(
        signed, remedy="give the data directory that belongs to this database", file=KEY_FILE
    )


@contextmanager
def open_restored(data_dir: Path, database: str | None = None) -> Iterator[Record]:
    """Yield a restored record whose signing key was changed after the backup was made.

    Only :func:`api.audit.rotation.rotate_again` can write to it.

    Raises
    ------
    StoreRefusedError
        When the store cannot be used.
    AuditRefusedError
        When the signing key is missing or damaged.
    """
    store = open_store(database_url(database, data_dir), create=False)
    try:
        yield Record(store, open_signer(data_dir, create=False), data_dir)
    finally:
        store.close()

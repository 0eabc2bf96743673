"""The files of the signing key: the key itself, one about to follow it, and those before it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from api.audit.key_change import KeyChange, read_change
from api.audit.signing import (
    KEY_FILE,
    PUBLIC_FILE,
    Signer,
    make_private_file,
    read_signer,
    write_flushed,
)
from api.files.output import bytes_writer, json_text, text_writer, write_file
from api.refusals import AuditRefusedError

PENDING_FILE = "audit-key.next.pem"
CHANGES_FILE = "audit-key.changes.json"
LOCK_FILE = "audit-key.lock"
_MOST_BYTES = 1_000_000


def old_public_file(key_id: str) -> str:
    """Return the name of the file that keeps the public part of a key that was replaced."""
    return f"audit-key.{key_id}.pub.pem"


@contextmanager
def key_lock(data_dir: Path, *, wait: bool) -> Iterator[None]:
    """Hold the files of the key; who changes them does so alone.

    Raises
    ------
    AuditRefusedError
        When another program holds them and this one is not to wait.
    """
    handle = os.open(data_dir / LOCK_FILE, os.O_CREAT | os.O_RDWR, 0o600)
    with os.fdopen(handle, "rb") as lock:
        _give_to_owner(data_dir / LOCK_FILE, data_dir)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as fault:
            raise AuditRefusedError(
                "the signing key is being changed by another program",
                remedy="wait until that one has ended, then look with `arv audit verify`",
                file=LOCK_FILE,
            ) from fault
        yield


def make_pending(data_dir: Path) -> Signer:
    """Make the key that is to follow, beside the one in force and for the same owner.

    One that is left from an attempt that came to nothing is replaced.

    Raises
    ------
    OSError
        When it cannot be written, or not be given to the owner of the key in force.
    """
    path = data_dir / PENDING_FILE
    signer = make_private_file(path)
    _give_to_owner(path, data_dir)
    _flush_folder(data_dir)
    return signer


def signer_with(data_dir: Path, key_id: str) -> Signer | None:
    """Return the signing key with an identifier, ``None`` when the data directory has it not.

    Between the commit of a change and the replacement of the file it is the one about to follow.
    """
    for name in (KEY_FILE, PENDING_FILE, KEY_FILE):
        try:
            signer = read_signer(data_dir / name)
        except FileNotFoundError:
            continue
        if signer.verifier.key_id == key_id:
            return signer
    return None


def finish_change(data_dir: Path, signer: Signer, changes: Sequence[KeyChange]) -> None:
    """Bring the files to what the record says; done twice, it does nothing.

    The public parts of the keys before and the changes are kept first. Then the key takes the
    place of the one before it, whose private part is gone with that.

    Parameters
    ----------
    signer
        The key in force.
    changes
        The changes of key that the record tells of.
    """
    keep_changes(data_dir, changes)
    pending = data_dir / PENDING_FILE
    if pending.exists() and read_signer(pending).verifier.key_id == signer.verifier.key_id:
        pending.replace(data_dir / KEY_FILE)
        _flush_folder(data_dir)
    public = data_dir / PUBLIC_FILE
    if not public.exists() or public.read_bytes() != signer.verifier.pem:
        write_flushed(public, signer.verifier.pem, 0o644)


def unfinished(data_dir: Path, signer: Signer) -> bool:
    """Return whether a change to the key in force was cut off before its files were in place."""
    public = data_dir / PUBLIC_FILE
    if not public.exists() or public.read_bytes() != signer.verifier.pem:
        return True
    pending = data_dir / PENDING_FILE
    try:
        return read_signer(pending).verifier.key_id == signer.verifier.key_id
    except (FileNotFoundError, AuditRefusedError):  # half of one that was never in force
        return False


def keep_changes(data_dir: Path, changes: Sequence[KeyChange]) -> None:
    """Keep changes of key, and the public keys before them, beside those kept already."""
    kept = kept_changes(data_dir)
    known = {one.new.key_id for one in kept}
    added = [one for one in changes if one.new.key_id not in known]
    for one in added:
        public = data_dir / old_public_file(one.old.key_id)
        write_file(public, bytes_writer(one.old.pem))
    if added:
        plain = [one.plain() for one in (*kept, *added)]
        text = json_text({"schema_version": "1", "changes": plain})
        write_file(data_dir / CHANGES_FILE, text_writer(text))


def kept_changes(data_dir: Path) -> list[KeyChange]:
    """Return the changes of key that the data directory keeps, the first first.

    Raises
    ------
    AuditRefusedError
        When the file is damaged.
    """
    try:
        content = (data_dir / CHANGES_FILE).read_bytes()[:_MOST_BYTES]
    except FileNotFoundError:
        return []
    try:
        listed = [read_change(one) for one in json.loads(content)["changes"]]
    except (ValueError, TypeError, KeyError, RecursionError) as fault:
        raise _damaged() from fault
    changes = [one for one in listed if one is not None and one.genuine]
    if len(changes) != len(listed):
        raise _damaged()
    return changes


def kept_way(data_dir: Path, old_key_id: str, new_key_id: str) -> list[KeyChange]:
    """Return the kept changes that lead from one key to another; none when there is no way."""
    following = {one.old.key_id: one for one in kept_changes(data_dir)}
    way: list[KeyChange] = []
    key_id = old_key_id
    while key_id != new_key_id:
        step = following.pop(key_id, None)
        if step is None:
            return []
        way.append(step)
        key_id = step.new.key_id
    return way


def _give_to_owner(path: Path, data_dir: Path) -> None:
    """Give a file to whoever owns the key in force, so that root changes it for the service."""
    owner, made = (data_dir / KEY_FILE).stat(), path.stat()
    if (owner.st_uid, owner.st_gid) != (made.st_uid, made.st_gid):
        os.chown(path, owner.st_uid, owner.st_gid)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _damaged() -> AuditRefusedError:
    return AuditRefusedError(
        "the kept changes of the signing key are damaged",
        remedy="restore the file from where the signing key is kept apart from the backups, or "
        "move it aside",
        file=CHANGES_FILE,
    )

"""Change the key that signs the record: the old one names the new one, which signs from then on.

The order makes a stop at any point harmless. The new key is on disk before the record names it;
the record names it in one transaction; only then the new key takes the place of the old one.
Whatever was cut off after the commit is finished by the next program that opens the record.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from api.audit.entries import signed_end
from api.audit.entry import time_text
from api.audit.key_change import KeyChange, begun, recorded_changes, sign_change
from api.audit.key_files import finish_change, kept_way, key_lock, make_pending
from api.audit.log import Record, append
from api.audit.signing import Head, Signer
from api.refusals import AuditRefusedError


@dataclass(frozen=True)
class Rotation:
    """What a change of key came to.

    Attributes
    ----------
    changes
        The changes now in the record; several when a restored record gets them again.
    position
        The row that the new key signed first.
    """

    changes: tuple[KeyChange, ...]
    position: int

    @property
    def old_key_id(self) -> str:
        """Return the key that was in force before."""
        return self.changes[0].old.key_id

    @property
    def new_key_id(self) -> str:
        """Return the key in force."""
        return self.changes[-1].new.key_id


def rotate_key(record: Record, *, by: str, reason: str) -> Rotation:
    """Have a new key sign the record from now on; the old private key is destroyed.

    Parameters
    ----------
    record
        As :func:`api.record_folder.open_record` gives it. Services that run go on: each takes
        the new key for its next change.
    by, reason
        Who changes the key, and why, for the record.

    Raises
    ------
    AuditRefusedError
        When no reason is given, nothing was recorded yet, or another program is at it.
    StoreRefusedError
        When the record cannot be written; the old key then stays in force.
    OSError
        When the new key cannot be written.
    """
    _check_reason(reason)
    with key_lock(record.data_dir, wait=False):
        new = make_pending(record.data_dir)
        with record.store.write() as tx:
            _check_signed(tx)
            now, old = record.clock(), record.signer_in_force(tx)
            change = sign_change(old, new.verifier, time_text(now))
            append(tx, [change.entry(by, reason)], now, old)
            head = append(tx, [begun(by, new.verifier, reason)], now, new)
        record.keep_head(head)
        _finish(record, new)
    return Rotation((change,), head.position)


def rotate_again(record: Record, *, by: str, reason: str) -> Rotation:
    """Enter kept changes of key into a record restored from a backup made before them.

    Parameters
    ----------
    record
        The restored store, with the signer of the data directory, which follows the key that
        signed the record's end.
    by, reason
        Who does it, and why, for the record.

    Raises
    ------
    AuditRefusedError
        When no reason is given, the record is signed with that key already, or the data
        directory keeps no changes that lead to it.
    StoreRefusedError
        When the record cannot be written.
    """
    _check_reason(reason)
    with key_lock(record.data_dir, wait=False):
        with record.store.write() as tx:
            now, new = record.clock(), record.signer
            changes = _missing(record, signed_end(tx))
            told = [one.entry(by, reason, again=True) for one in changes]
            head = append(tx, [*told, begun(by, new.verifier, reason)], now, new)
        record.keep_head(head)
        _finish(record, new)
    return Rotation(tuple(changes), head.position)


def finish_rotation(record: Record) -> None:
    """Bring the key's files to what the record says, where a change was cut off."""
    with key_lock(record.data_dir, wait=True):
        _finish(record, record.signer)


def _finish(record: Record, new: Signer) -> None:
    with record.store.read() as tx:
        changes = [change for _, change in recorded_changes(tx) if change is not None]
    finish_change(record.data_dir, new, changes)
    record.signer = new


def _missing(record: Record, end: Head | None) -> list[KeyChange]:
    """Return the changes that lead from the key of the record's end to the one at hand."""
    own = record.signer.verifier.key_id
    if end is None or end.key_id == own:
        raise AuditRefusedError(
            "the record is signed with the key of this data directory: no change is missing",
            remedy="leave out --again to change the key",
        )
    changes = kept_way(record.data_dir, end.key_id, own)
    if not changes:
        raise AuditRefusedError(
            f"the record is signed with key {end.key_id}, and no kept change leads from it to "
            f"{own}",
            remedy="put audit-key.changes.json there from where you keep the key apart from the "
            "backups, or the key that belongs to this record",
        )
    return changes


def _check_signed(tx: Connection) -> None:
    if signed_end(tx) is None:
        raise AuditRefusedError(
            "nothing was recorded yet, so that no key is in force",
            remedy="remove audit-key.pem while no service runs: the next start makes another",
        )


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise AuditRefusedError(
            "changing the signing key needs a reason", remedy="say in a sentence why"
        )

"""Append to the record, in the very transaction of the change it tells of."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select

from api.audit.anchor import HEAD_FILE, anchor_document
from api.audit.entry import GENESIS, Entry, row_digest, time_text
from api.audit.key_files import signer_with
from api.audit.signing import Head, Signer
from api.files.output import json_text
from api.refusals import AuditRefusedError
from api.store.errors import StoreUnavailableError
from api.store.schema import audit, audit_heads
from api.store.store import Store
from api.store.types import canonical_text

Clock = Callable[[], datetime]
log = logging.getLogger("arv.audit")

#: Length of the file that keeps the head, blanks included.
HEAD_BYTES = 1024


class SigningKeyReplacedError(StoreUnavailableError):
    """The record is signed with another key by now, which this data directory has not."""


def utc_now() -> datetime:
    """Return the moment in UTC."""
    return datetime.now(UTC)


@dataclass
class Change:
    """A transaction that will be committed together with what is noted of it.

    Attributes
    ----------
    tx
        The connection to write through.
    now
        The moment of the change, UTC.
    """

    tx: Connection
    now: datetime
    entries: list[Entry] = field(default_factory=list)

    def note(self, one: Entry) -> None:
        """Have an entry appended when the change is committed."""
        self.entries.append(one)


@dataclass(eq=False)
class Record:
    """A store together with its audit record.

    Parameters
    ----------
    store
        Where both lie.
    signer
        Signs the end of the record with every change. When the record says that another key
        follows it, that one takes its place here.
    data_dir
        Where the latest head is kept beside the database.
    clock
        UTC; a clock that moved back is recorded.
    """

    store: Store
    signer: Signer
    data_dir: Path
    clock: Clock = utc_now

    @contextmanager
    def change(self) -> Iterator[Change]:
        """Yield a change; commit it with its entries, or undo all of it.

        Raises
        ------
        AuditRefusedError
            When nothing was noted: nothing is changed without a word in the record.
        StoreRefusedError
            See :meth:`api.store.store.Store.write`.
        """
        with self.store.write() as tx:
            change = Change(tx, self.clock())
            yield change
            if not change.entries:
                raise AuditRefusedError(
                    "a change without an audit entry was undone",
                    remedy="report it: this is a defect of the program",
                )
            end = _end(tx)
            head = _append(tx, end, change.entries, change.now, self._signer_with(end.key_id))
        self.keep_head(head)

    def note(self, *entries: Entry) -> None:
        """Append entries about something that changes no other table, such as a denial."""
        with self.change() as change:
            for one in entries:
                change.note(one)

    def signer_in_force(self, tx: Connection) -> Signer:
        """Return the key that signs the record now; ``arv audit rotate-key`` may have changed it.

        Parameters
        ----------
        tx
            A transaction of :meth:`api.store.store.Store.write`: no other key follows before
            its end.

        Raises
        ------
        SigningKeyReplacedError
            When the data directory has not that key; nothing is written with another one.
        """
        return self._signer_with(_end(tx).key_id)

    def _signer_with(self, key_id: str | None) -> Signer:
        """Return the signing key that goes on after a head, which may be another one by now."""
        if key_id is not None and key_id != self.signer.verifier.key_id:
            signer = signer_with(self.data_dir, key_id)
            if signer is None:
                raise SigningKeyReplacedError(
                    f"the audit record is signed with key {key_id} by now, which this data "
                    "directory does not have",
                    remedy="copy audit-key.pem and audit-key.changes.json from the data "
                    "directory where `arv audit rotate-key` ran",
                )
            self.signer = signer
        return self.signer

    def keep_head(self, head: Head) -> None:
        """Keep the head beside the database; the change itself is already on disk."""
        try:
            keep_head(self.data_dir / HEAD_FILE, head)
        except OSError:
            log.exception("the head of the audit record could not be kept beside the database")


def append(tx: Connection, entries: list[Entry], now: datetime, signer: Signer) -> Head:
    """Append entries to the record within a transaction and sign its new end.

    Parameters
    ----------
    tx
        A transaction of :meth:`api.store.store.Store.write`; writers come one at a time.
    entries
        At least one, in order.
    now
        UTC moment of the change.
    """
    return _append(tx, _end(tx), entries, now, signer)


@dataclass(frozen=True)
class _End:
    """The last row of the record, and the key that signed it, where there is one."""

    position: int = 0
    row_sha256: str = GENESIS
    at_utc: datetime | None = None
    key_id: str | None = None


def _end(tx: Connection) -> _End:
    last = tx.execute(
        select(audit.c.position, audit.c.row_sha256, audit.c.at_utc, audit_heads.c.key_id)
        .outerjoin_from(audit, audit_heads, audit.c.position == audit_heads.c.position)
        .order_by(audit.c.position.desc())
        .limit(1)
    ).first()
    return _End(*last) if last is not None else _End()


def _append(tx: Connection, end: _End, entries: list[Entry], now: datetime, signer: Signer) -> Head:
    position, previous = end.position, end.row_sha256
    behind_s = (end.at_utc - now).total_seconds() if end.at_utc else 0.0
    rows = []
    for one in entries:
        position += 1
        detail = one.full_detail()
        if behind_s > 0:
            detail["clock_moved_back_s"] = round(behind_s, 6)
        row = _row(one, detail, now, previous)
        previous = str(row["row_sha256"])
        rows.append({"position": position, **row})
    tx.execute(insert(audit), rows[0] if len(rows) == 1 else rows)
    head = signer.sign(position, previous, time_text(now))
    tx.execute(
        insert(audit_heads),
        {
            "position": head.position,
            "row_sha256": head.row_sha256,
            "signed_utc": now,
            "key_id": head.key_id,
            "signature": head.signature,
        },
    )
    return head


def keep_head(path: Path, head: Head) -> None:
    """Replace the kept head by a later one; several processes may do so at once.

    The file has one length for ever and is overwritten in place, by one write within one page:
    a rename over it would make some file systems flush it, and the change is on disk already.
    """
    text = json_text(anchor_document(head)).encode("ascii").ljust(HEAD_BYTES)
    with open(path.with_suffix(".lock"), "a+b", opener=_private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _kept_position(path) >= head.position:
            return
        if path.exists() and path.stat().st_size == len(text):
            handle = os.open(path, os.O_WRONLY)
            try:
                os.pwrite(handle, text, 0)
            finally:
                os.close(handle)
            return
        partial = path.with_suffix(".partial")
        with open(partial, "wb", opener=_private) as file:
            file.write(text)
        partial.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _kept_position(path: Path) -> int:
    try:
        kept = json.loads(path.read_bytes())["position"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0
    return kept if isinstance(kept, int) else 0


def _row(one: Entry, detail: dict[str, object], now: datetime, previous: str) -> dict[str, object]:
    text = canonical_text(detail) if detail else ""
    digest = row_digest(
        (
            previous,
            time_text(now),
            one.actor,
            one.action,
            one.object_kind,
            one.object_id,
            one.object_sha256 or "",
            one.outcome,
            one.reason,
            text,
        )
    )
    if digest is None:
        raise AuditRefusedError(
            "an audit entry holds a control character",
            remedy="make entries with api.audit.entry.entry, which writes such characters out",
        )
    return {
        "at_utc": now,
        "actor": one.actor,
        "action": one.action,
        "object_kind": one.object_kind,
        "object_id": one.object_id,
        "object_sha256": one.object_sha256,
        "outcome": one.outcome,
        "reason": one.reason,
        "detail": detail or None,
        "previous_sha256": previous,
        "row_sha256": digest,
    }

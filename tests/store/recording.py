"""A store with its audit record, a clock a test moves, and cheap password hashes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher
from sqlalchemy import select

from api.access import Actor, Role
from api.accounts.passwords import Passwords
from api.audit.log import Record
from api.audit.signing import open_signer
from api.audit.verify import verify
from api.store.schema import audit
from api.store.store import Store

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
#: Parameters for tests alone: the strength of a hash is not what they are about.
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
ADMINISTRATOR = Actor("root", frozenset({Role.ADMINISTRATOR}), "session")


class MovedClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def recording(store: Store, folder: Path) -> Record:
    """Return a store's record with a key of its own."""
    return Record(store, open_signer(folder), folder, MovedClock())


def later(record: Record, **amount: float) -> None:
    """Move the clock of a record on."""
    clock = record.clock
    assert isinstance(clock, MovedClock)
    clock.now += timedelta(**amount)


def trail(record: Record) -> list[tuple[str, str, str, str]]:
    """Return actor, action, outcome and object of every entry after checking the chain."""
    with record.store.read() as tx:
        assert verify(tx, record.signer.verifier).sound
        columns = (audit.c.actor, audit.c.action, audit.c.outcome, audit.c.object_id)
        rows = tx.execute(select(*columns).order_by(audit.c.position)).all()
    return [(row[0], row[1], row[2], row[3]) for row in rows]

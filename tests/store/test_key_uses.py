"""Keys on both databases: when they were last used, and one replaced by the next in one step."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from api.access import Actor, Role
from api.accounts.closing import end_user
from api.accounts.key_uses import KeyUses
from api.accounts.keys import ApiKey, add_key, all_keys, replace_key, required_key, use_of_key
from api.accounts.rights import Rights, checked_rights
from api.accounts.users import add_user, change_rights
from api.audit.log import Record
from api.refusals import (
    AccessDeniedError,
    AccountConflictError,
    AccountRefusedError,
    CredentialRefusedError,
    UnknownAccountError,
)
from api.store.errors import StorageFullError
from api.store.schema import api_keys
from api.store.store import Store
from tests.store.recording import ADMINISTRATOR, CHEAP, START, later, recording, trail

WEEK, DAY = timedelta(days=7), timedelta(days=1)


@pytest.fixture
def record(store: Store, tmp_path: Path) -> Record:
    made = recording(store, tmp_path / "keys")
    rights = checked_rights(["planner"], scopes=["handling-c"])
    add_user(made, "ann", "Ann", rights, by=ADMINISTRATOR, password_hash=CHEAP.hashed("x" * 12))
    return made


def key_of(record: Record, days: int = 30) -> tuple[ApiKey, str]:
    return add_key(record, "ann", "nightly", ["plan.read"], life=timedelta(days=days),
                   by=ADMINISTRATOR, scopes=["handling-c"])  # fmt: skip


def noted(record: Record) -> datetime | None:
    with record.store.read() as tx:
        found: datetime | None = tx.execute(select(api_keys.c.last_used_utc)).scalar_one()
    return found


def noted_soon(record: Record, wanted: datetime) -> bool:
    """Return whether a use is noted within a while."""
    end = time.monotonic() + 30
    while noted(record) != wanted and time.monotonic() < end:
        time.sleep(0.01)
    return noted(record) == wanted


def use(record: Record, secret: str, uses: KeyUses, now: datetime) -> None:
    """Use a key as a request does."""
    with record.store.read() as tx:
        found = use_of_key(tx, secret, now)
    uses.used(record.store, found, now)


def test_a_use_is_noted_at_most_once_in_ten_minutes_by_any_number_of_processes(
    record: Record,
) -> None:
    _, secret = key_of(record)
    processes = [KeyUses() for _ in range(4)]
    with record.store.read() as tx:
        assert all_keys(tx)[0].last_used is None
    for minutes, wanted in ((0, 0), (9, 0), (10, 10), (15, 10), (60, 60)):
        for number, uses in enumerate(processes):
            now = START + timedelta(minutes=minutes, microseconds=number)
            use(record, secret, uses, now)
            assert noted_soon(record, START + timedelta(minutes=wanted)), (minutes, number)
    for uses in processes:
        uses.close()
    assert noted(record) == START + timedelta(minutes=60)
    assert [row[1] for row in trail(record)] == ["users.manage", "keys.manage"]


def test_a_use_that_another_process_noted_just_before_is_not_noted_again(record: Record) -> None:
    _, secret = key_of(record)
    with record.store.read() as tx:
        seen = use_of_key(tx, secret, START)
    first, second = KeyUses(), KeyUses()
    first.used(record.store, seen, START)
    assert noted_soon(record, START)
    second.used(record.store, seen, START + timedelta(minutes=5))  # it read the key before that
    _, behind = key_of(record)
    use(record, behind, second, START)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with record.store.read() as tx:
            found = [one.last_used for one in all_keys(tx)]
        if found[1] is not None:  # the second does one after the other
            break
    assert found == [START, START]
    first.close()
    second.close()


def test_a_use_waits_neither_for_another_writer_nor_for_a_full_disk(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = key_of(record)
    uses, free, held = KeyUses(), threading.Event(), threading.Event()

    def hold() -> None:
        with record.store.write():
            held.set()
            free.wait(60)

    writer = threading.Thread(target=hold)
    writer.start()
    assert held.wait(30)
    start = time.monotonic()
    use(record, secret, uses, START)
    took = time.monotonic() - start
    assert noted(record) is None
    free.set()
    writer.join()
    assert took < 10, "the writer would have kept it waiting for half a minute"
    assert noted_soon(record, START)

    tried = threading.Event()

    def full(_store: Store) -> None:
        tried.set()
        raise StorageFullError("no room", remedy="free space")

    with monkeypatch.context() as disk:
        disk.setattr(Store, "write", full)
        use(record, secret, uses, START + DAY)
        assert tried.wait(30)
    assert noted(record) == START
    use(record, secret, uses, START + DAY + timedelta(minutes=10))
    assert noted_soon(record, START + DAY + timedelta(minutes=10))
    uses.close()


def test_a_key_is_replaced_in_one_step_and_the_old_one_goes_on_for_a_while(record: Record) -> None:
    old, secret = key_of(record)
    later(record, days=20)
    ended, new, fresh = replace_key(
        record, old.key_id, life=timedelta(days=90), overlap=WEEK, by=ADMINISTRATOR
    )
    assert (new.owner, new.label, new.actions, new.scopes) == (
        old.owner, old.label, old.actions, old.scopes
    )  # fmt: skip
    assert new.expires - new.created == timedelta(days=90)
    assert ended.expires == new.created + WEEK
    for days, opens in ((0, (True, True)), (7, (False, True)), (90, (False, False))):
        at = new.created + timedelta(days=days)
        for text, wanted in zip((secret, fresh), opens, strict=True):
            with record.store.read() as tx:
                try:
                    assert use_of_key(tx, text, at).actor.name == "ann"
                except CredentialRefusedError:
                    assert not wanted
                else:
                    assert wanted
    assert [row[3] for row in trail(record)][-2:] == [new.key_id, old.key_id]


def test_a_replaced_key_never_lives_longer_and_ends_at_once_when_told(record: Record) -> None:
    old, _ = key_of(record, days=3)
    ended, new, _ = replace_key(record, old.key_id, life=WEEK, overlap=WEEK, by=ADMINISTRATOR)
    assert ended.expires == old.expires
    at_once, _, _ = replace_key(
        record, new.key_id, life=WEEK, overlap=timedelta(0), by=ADMINISTRATOR
    )
    assert at_once.revoked is not None
    with pytest.raises(AccountConflictError, match="was ended already"):
        replace_key(record, new.key_id, life=WEEK, overlap=DAY, by=ADMINISTRATOR)
    later(record, days=4)
    with pytest.raises(AccountConflictError, match="has expired"):
        replace_key(record, old.key_id, life=WEEK, overlap=DAY, by=ADMINISTRATOR)


def test_what_cannot_be_replaced_stays_as_it_is(record: Record) -> None:
    old, _ = key_of(record)
    for life, overlap in ((timedelta(0), DAY), (timedelta(days=367), DAY),
                          (WEEK, timedelta(days=31)), (WEEK, -DAY)):  # fmt: skip
        with pytest.raises(AccountRefusedError, match="days, not"):
            replace_key(record, old.key_id, life=life, overlap=overlap, by=ADMINISTRATOR)
    with pytest.raises(UnknownAccountError):
        replace_key(record, "k000000000000", life=WEEK, overlap=DAY, by=ADMINISTRATOR)
    planner = Actor("ann", frozenset({Role.PLANNER}), "session")
    with pytest.raises(AccessDeniedError):
        replace_key(record, old.key_id, life=WEEK, overlap=DAY, by=planner)
    narrower = Rights(frozenset({Role.PLANNER}))
    change_rights(record, "ann", narrower, by=ADMINISTRATOR, reason="moved")
    with pytest.raises(AccountRefusedError, match="does not hold the scope"):
        replace_key(record, old.key_id, life=WEEK, overlap=DAY, by=ADMINISTRATOR)
    end_user(record, "ann", by=ADMINISTRATOR, reason="left")
    with pytest.raises(AccountConflictError, match="closed"):
        replace_key(record, old.key_id, life=WEEK, overlap=DAY, by=ADMINISTRATOR)
    with record.store.read() as tx:
        assert [one.key_id for one in all_keys(tx)] == [old.key_id]
        assert required_key(tx, old.key_id) == old

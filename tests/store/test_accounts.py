"""Accounts, keys and sessions on both databases, with every step in the record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from api.access import Action, Actor, Role
from api.accounts.browser import close_session, find_session, open_session
from api.accounts.closing import end_user, reopen_user
from api.accounts.directory import all_users, find_user
from api.accounts.keys import add_key, all_keys, looks_like_key, revoke_key, use_of_key
from api.accounts.oidc import Identity
from api.accounts.rights import Rights, checked_rights
from api.accounts.sign_in import SignIn
from api.accounts.users import add_user, change_rights, link_identity, reset_password
from api.audit.entry import entry
from api.audit.log import Record
from api.refusals import (
    AccessDeniedError,
    AccountConflictError,
    AccountRefusedError,
    CredentialRefusedError,
    UnknownAccountError,
)
from api.sessions import IDLE_S, LIFETIME_S
from api.store.errors import StaleRecordError, StorageFullError
from api.store.schema import api_keys, users
from api.store.store import Store
from tests.store.recording import ADMINISTRATOR, CHEAP, later, recording, trail

PASSWORD = "correct horse battery"
PLANNER = Rights(frozenset({Role.PLANNER}))
HOSTILE = "x'); DROP TABLE users; --"


@pytest.fixture
def record(store: Store, tmp_path: Path) -> Record:
    return recording(store, tmp_path / "keys")


@pytest.fixture
def door(record: Record) -> SignIn:
    return SignIn(record, CHEAP)


def add(record: Record, name: str, rights: Rights = PLANNER, password: str = PASSWORD) -> None:
    add_user(record, name, name.title(), rights, by=ADMINISTRATOR,
             password_hash=CHEAP.hashed(password))  # fmt: skip


def test_the_first_run_makes_one_administrator_whose_password_must_be_changed(
    record: Record, door: SignIn
) -> None:
    once = door.first_run()
    assert once is not None
    assert door.first_run() is None
    user, session = door.with_password("Administrator", once)
    assert user.must_change_password
    assert user.actor("session").must_change_password
    found = find_session(record.store, session, record.clock())
    assert found is not None
    with pytest.raises(CredentialRefusedError):
        door.change_password(user, "not the old one", PASSWORD)
    with pytest.raises(AccountRefusedError, match="characters"):
        door.change_password(user, once, "short")
    with pytest.raises(AccountRefusedError, match="the old one"):
        door.change_password(user, once, once)
    door.change_password(user, once, PASSWORD)
    assert find_session(record.store, session, record.clock()) is None
    with pytest.raises(CredentialRefusedError):
        door.with_password("administrator", once)
    user, _ = door.with_password("administrator", PASSWORD)
    assert not user.must_change_password
    with record.store.read() as tx:
        kept = tx.execute(select(users.c.password_hash)).scalar_one()
    assert kept.startswith("$argon2id$")
    assert once not in kept
    assert ("administrator", "session.open", "denied", "administrator") in trail(record)


def test_a_one_time_password_runs_out(record: Record, door: SignIn) -> None:
    once = door.first_run()
    later(record, days=8)
    with pytest.raises(CredentialRefusedError, match="run out"):
        door.with_password("administrator", once or "")
    reset_password(record, "administrator", CHEAP.hashed("a fresh one-time thing"),
                   by=ADMINISTRATOR)  # fmt: skip
    assert door.with_password("administrator", "a fresh one-time thing")[0].must_change_password


def test_wrong_names_and_passwords_get_the_same_words_and_are_slowed(
    record: Record, door: SignIn
) -> None:
    add(record, "ann")
    words = set()
    for name in ("ann", "nobody-here", "", HOSTILE, "\x00", "x" * 5000):
        with pytest.raises(CredentialRefusedError) as refusal:
            door.with_password(name, "wrong")
        words.add(str(refusal.value))
    assert len(words) == 1
    for _ in range(4):
        with pytest.raises(CredentialRefusedError, match="wrong"):
            door.with_password("ann", "wrong")
    with pytest.raises(CredentialRefusedError, match="too many"):
        door.with_password("ann", PASSWORD)
    later(record, minutes=2)
    assert door.with_password("ann", PASSWORD)[0].name == "ann"
    denied = [one for one in trail(record) if one[2] == "denied"]
    assert len(denied) == 10


@pytest.mark.parametrize(
    "name",
    ["аnn", "ａnn", "an\u200dn", "ann ann", "ann@example.org", "-ann", "ann..b", "a", "x" * 65,
     "system", "anonymous", "αnn", "ann\u202e", "", "ﬁnn", "1ann", HOSTILE],
)  # fmt: skip
def test_names_that_could_deceive_are_refused(record: Record, name: str) -> None:
    with pytest.raises(AccountRefusedError) as refusal:
        add(record, name)
    assert "Remedy:" in str(refusal.value)
    assert trail(record) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [("ann.miller", "ann-miller"), ("modern", "modem"), ("bill", "bi1l"), ("zoe", "zoë"),
     ("josh0", "josho"), ("vvilma", "wilma"), ("Ann", "ANN")],
)  # fmt: skip
def test_two_accounts_never_look_alike(record: Record, first: str, second: str) -> None:
    add(record, first)
    with pytest.raises(AccountRefusedError, match=r"looks like|taken"):
        add(record, second)


def test_only_administrators_keep_accounts_and_never_their_own_rights(record: Record) -> None:
    add(record, "root", Rights(frozenset({Role.ADMINISTRATOR})))
    add(record, "ann")
    planner = Actor("ann", frozenset({Role.PLANNER}), "session")
    steps: list[Callable[[Actor], object]] = [
        lambda by: add_user(record, "bob", "Bob", PLANNER, by=by, password_hash=None),
        lambda by: change_rights(record, "ann", PLANNER, by=by, reason="more"),
        lambda by: end_user(record, "ann", by=by, reason="left"),
        lambda by: reset_password(record, "ann", "hash", by=by),
        lambda by: link_identity(record, "ann", Identity("i", "s"), by=by),
        lambda by: add_key(record, "ann", "k", ["plan.read"], life=timedelta(1), by=by),
    ]
    for step in steps:
        with pytest.raises(AccessDeniedError):
            step(planner)
    for refused in (
        lambda: change_rights(record, "root", PLANNER, by=ADMINISTRATOR, reason="up"),
        lambda: end_user(record, "root", by=ADMINISTRATOR, reason="left"),
    ):
        with pytest.raises(AccountRefusedError, match="own rights"):
            refused()
    operator = Actor("operator", frozenset({Role.ADMINISTRATOR}), "console")
    with pytest.raises(AccountRefusedError, match="last administrator"):
        end_user(record, "root", by=operator, reason="left")


def test_changed_rights_end_the_sessions_and_are_in_the_record(
    record: Record, door: SignIn
) -> None:
    add(record, "ann")
    _, session = door.with_password("ann", PASSWORD)
    wanted = checked_rights(["borough"], ["E09000012"])
    user = change_rights(record, "ann", wanted, by=ADMINISTRATOR, reason="moved to Hackney")
    assert (user.roles, user.boroughs) == ({Role.BOROUGH}, {"E09000012"})
    assert find_session(record.store, session, record.clock()) is None
    assert trail(record)[-1] == ("root", "users.manage", "done", "ann")
    user = end_user(record, "ann", by=ADMINISTRATOR, reason="left the force")
    assert not user.active
    with pytest.raises(CredentialRefusedError, match="wrong"):
        door.with_password("ann", PASSWORD)


def test_a_reopened_account_gets_a_new_password_and_nothing_else_back(
    record: Record, door: SignIn
) -> None:
    add(record, "ann")
    mine = Identity("https://issuer.example", "subject-1")
    link_identity(record, "ann", mine, by=ADMINISTRATOR)
    key, secret = add_key(record, "ann", "", ["plan.read"], life=timedelta(3), by=ADMINISTRATOR)
    with pytest.raises(AccountConflictError, match="is open"):
        reopen_user(record, "ann", "hash", by=ADMINISTRATOR, reason="back")
    end_user(record, "ann", by=ADMINISTRATOR, reason="left the force")
    for refused in (
        lambda: end_user(record, "ann", by=ADMINISTRATOR, reason="left"),
        lambda: change_rights(record, "ann", PLANNER, by=ADMINISTRATOR, reason="more"),
        lambda: reset_password(record, "ann", "hash", by=ADMINISTRATOR),
    ):
        with pytest.raises(AccountConflictError, match="is closed"):
            refused()
    with pytest.raises(AccountRefusedError, match="needs a reason"):
        reopen_user(record, "ann", "hash", by=ADMINISTRATOR, reason=" ")
    user = reopen_user(
        record, "ann", CHEAP.hashed("a fresh one-time thing"), by=ADMINISTRATOR, reason="came back"
    )
    assert (user.active, user.roles, user.must_change_password) == (True, {Role.PLANNER}, True)
    with pytest.raises(CredentialRefusedError, match="wrong"):
        door.with_password("ann", PASSWORD)
    with pytest.raises(CredentialRefusedError, match="no account"):
        door.with_identity(mine)
    with (
        record.store.read() as tx,
        pytest.raises(CredentialRefusedError, match=f"{key.key_id} was ended"),
    ):
        use_of_key(tx, secret, record.clock())
    assert door.with_password("ann", "a fresh one-time thing")[0].name == "ann"


def test_a_change_is_refused_when_somebody_changed_the_account_meanwhile(record: Record) -> None:
    add(record, "ann")
    change_rights(record, "ann", PLANNER, by=ADMINISTRATOR, reason="first", version=1)
    for late in (
        lambda: change_rights(record, "ann", PLANNER, by=ADMINISTRATOR, reason="x", version=1),
        lambda: end_user(record, "ann", by=ADMINISTRATOR, reason="x", version=1),
        lambda: reset_password(record, "ann", "hash", by=ADMINISTRATOR, version=3),
    ):
        with pytest.raises(StaleRecordError, match="at version 2"):
            late()
    assert len(trail(record)) == 2


def test_accounts_and_keys_are_listed_a_page_at_a_time(record: Record) -> None:
    names = ["ann", "bea", "cyd", "dot"]
    for name in reversed(names):
        add(record, name)
        add_key(record, name, name, ["plan.read"], life=timedelta(1), by=ADMINISTRATOR)
    with record.store.read() as tx:
        assert [one.name for one in all_users(tx, after="ann", limit=2)] == ["bea", "cyd"]
        keys = all_keys(tx)
        behind = (keys[0].created, keys[0].key_id)
        assert [one.label for one in keys] == names[::-1]
        assert all_keys(tx, after=behind, limit=2) == keys[1:3]


@pytest.mark.parametrize(
    ("roles", "boroughs", "scopes"),
    [(["boss"], [], []), ([], [], []), (["borough"], [], []), (["planner"], ["E09000012"], []),
     (["borough"], ["Hackney"], []), (["analyst"], [], ["handling-z"]), (["anyone"], [], [])],
)  # fmt: skip
def test_rights_that_do_not_belong_together_are_refused(
    roles: list[str], boroughs: list[str], scopes: list[str]
) -> None:
    with pytest.raises(AccountRefusedError, match="Remedy"):
        checked_rights(roles, boroughs, scopes)


def test_a_session_ends_when_idle_at_the_end_of_its_life_and_when_closed(
    record: Record, door: SignIn
) -> None:
    add(record, "ann")
    _, first = door.with_password("ann", PASSWORD)
    later(record, seconds=IDLE_S - 10)
    assert find_session(record.store, first, record.clock()) is not None
    later(record, seconds=IDLE_S + 10)
    assert find_session(record.store, first, record.clock()) is None
    user, second = door.with_password("ann", PASSWORD)
    for _ in range(int(LIFETIME_S // (IDLE_S / 2)) + 1):
        later(record, seconds=IDLE_S / 2)
        last = find_session(record.store, second, record.clock())
    assert last is None
    _, third = door.with_password("ann", PASSWORD)
    session = find_session(record.store, third, record.clock())
    assert session is not None
    assert session.form_token
    with record.change() as change:
        close_session(change, session)
        change.note(entry("ann", Action.SIGN_OUT, "account", "ann"))
    assert find_session(record.store, third, record.clock()) is None
    assert find_session(record.store, "guess", record.clock()) is None
    with record.change() as change:
        assert open_session(change, user) != open_session(change, user)
        change.note(entry("ann", Action.SIGN_IN, "account", "ann"))


def test_a_page_is_read_while_nothing_can_be_written(
    record: Record, door: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(record, "ann")
    _, session = door.with_password("ann", PASSWORD)
    tried = []

    def full(_store: Store) -> None:
        tried.append(1)
        raise StorageFullError("no room", remedy="free space")

    later(record, seconds=90)
    with monkeypatch.context() as disk:
        disk.setattr(Store, "write", full)
        assert find_session(record.store, session, record.clock()) is not None
    assert tried


def test_a_key_opens_its_actions_until_it_expires_or_is_ended(record: Record) -> None:
    add(record, "ann", checked_rights(["planner", "analyst"], scopes=["handling-c"]))
    key, secret = add_key(record, "ann", "nightly", ["plan.read", "plan.make"],
                          life=timedelta(days=30), by=ADMINISTRATOR)  # fmt: skip
    assert looks_like_key(secret)
    with record.store.read() as tx:
        actor = use_of_key(tx, secret, record.clock()).actor
        kept = tx.execute(select(api_keys)).one()
    assert actor.only == {Action.READ_PLAN, Action.MAKE_PLAN}
    assert (actor.name, actor.proof, actor.scopes) == ("ann", "key", frozenset())
    assert secret not in str(tuple(kept))
    assert key.key_id in secret

    def refusal(of: str) -> str:
        with record.store.read() as tx, pytest.raises(CredentialRefusedError) as fault:
            use_of_key(tx, of, record.clock())
        return str(fault.value)

    for wrong in (secret[:-1], secret + "A", "arvk_", HOSTILE, secret.replace("arvk_k", "arvk_")):
        assert "is not known" in refusal(wrong)
    change_rights(record, "ann", Rights(frozenset({Role.AUDITOR})), by=ADMINISTRATOR, reason="new")
    with record.store.read() as tx:
        assert use_of_key(tx, secret, record.clock()).actor.roles == frozenset()
    _, second = add_key(record, "ann", "", ["audit.read"], life=timedelta(3), by=ADMINISTRATOR)
    later(record, days=31)
    assert "expired on" in refusal(secret)
    revoke_key(record, key.key_id, by=ADMINISTRATOR, reason="no longer used")
    assert "was ended on" in refusal(secret)
    with pytest.raises(AccountConflictError, match="ended already"):
        revoke_key(record, key.key_id, by=ADMINISTRATOR, reason="again")
    with pytest.raises(UnknownAccountError, match="no such key"):
        revoke_key(record, "k000000000000", by=ADMINISTRATOR, reason="again")
    end_user(record, "ann", by=ADMINISTRATOR, reason="left")
    assert "expired" in refusal(second)
    with record.store.read() as tx:
        assert [one.revoked is None for one in all_keys(tx)] == [False, True]


def test_a_key_of_a_closed_account_opens_nothing(record: Record) -> None:
    add(record, "ann")
    _, secret = add_key(record, "ann", "", ["plan.read"], life=timedelta(3), by=ADMINISTRATOR)
    end_user(record, "ann", by=ADMINISTRATOR, reason="left")
    with record.store.read() as tx, pytest.raises(CredentialRefusedError, match="closed"):
        use_of_key(tx, secret, record.clock())


@pytest.mark.parametrize(
    ("actions", "days", "scopes", "owner"),
    [(["plan.approve"], 3, [], "ann"), (["users.manage"], 3, [], "ann"),
     (["keys.manage"], 3, [], "ann"), (["everything"], 3, [], "ann"), ([], 3, [], "ann"),
     (["plan.read"], 0, [], "ann"), (["plan.read"], 400, [], "ann"), (["plan.read"], -1, [], "ann"),
     (["plan.read"], 3, ["handling-c"], "ann"), (["plan.read"], 3, ["x"], "ann"),
     (["plan.read"], 3, [], "nobody-here"), (["plan.read"], 3, [], HOSTILE)],
)  # fmt: skip
def test_keys_that_would_open_too_much_are_refused(
    record: Record, actions: list[str], days: int, scopes: list[str], owner: str
) -> None:
    add(record, "ann")
    with pytest.raises(AccountRefusedError, match="Remedy"):
        add_key(record, owner, "", actions, life=timedelta(days), by=ADMINISTRATOR, scopes=scopes)
    with record.store.read() as tx:
        assert all_keys(tx) == []


def test_an_identity_opens_the_account_it_is_linked_to_and_no_other(
    record: Record, door: SignIn
) -> None:
    add(record, "ann")
    add(record, "bob")
    mine = Identity("https://issuer.example", "subject-1")
    with pytest.raises(CredentialRefusedError, match="no account"):
        door.with_identity(mine)
    link_identity(record, "ann", mine, by=ADMINISTRATOR)
    assert door.with_identity(mine)[0].name == "ann"
    with pytest.raises(AccountRefusedError, match="linked to ann"):
        link_identity(record, "bob", mine, by=ADMINISTRATOR)
    with pytest.raises(CredentialRefusedError):
        door.with_identity(Identity("https://other.example", "subject-1"))
    assert [one[2] for one in trail(record) if one[1] == "session.open"] == [
        "denied", "done", "denied",
    ]  # fmt: skip


def test_sql_in_every_text_field_is_inert(record: Record, door: SignIn) -> None:
    add_user(record, "ann", HOSTILE, PLANNER, by=ADMINISTRATOR,
             password_hash=CHEAP.hashed(HOSTILE + PASSWORD))  # fmt: skip
    assert door.with_password("ann", HOSTILE + PASSWORD)[0].display_name == HOSTILE
    key, _ = add_key(record, "ann", HOSTILE, ["plan.read"], life=timedelta(1), by=ADMINISTRATOR)
    revoke_key(record, key.key_id, by=ADMINISTRATOR, reason=HOSTILE)
    link_identity(record, "ann", Identity(HOSTILE, HOSTILE), by=ADMINISTRATOR)
    assert door.with_identity(Identity(HOSTILE, HOSTILE))[0].name == "ann"
    assert find_session(record.store, HOSTILE, record.clock()) is None
    with record.store.read() as tx:
        assert find_user(tx, HOSTILE) is None
        assert [one.name for one in all_users(tx)] == ["ann"]
        assert tx.execute(select(func.count()).select_from(users)).scalar_one() == 1
        assert tx.execute(text("SELECT count(*) FROM audit")).scalar_one() >= 6
    trail(record)

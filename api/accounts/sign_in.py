"""Signing in with a name and a password, the first run, and replacing a one-time password."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn

from sqlalchemy import Connection, delete, insert, select, update

from api.access import Action, Actor, Role
from api.accounts.browser import open_session
from api.accounts.directory import ONE_TIME_LIFE, User, all_users, find_user, user_by_identity
from api.accounts.names import checked_name
from api.accounts.oidc import Identity
from api.accounts.passwords import Passwords, checked_password, one_time_password
from api.accounts.rights import Rights
from api.accounts.users import add_user, set_own_password
from api.audit.entry import clipped, entry
from api.audit.log import Change, Record
from api.refusals import AccountRefusedError, CredentialRefusedError
from api.store.schema import sign_in_failures, users

FIRST_NAME = "administrator"
#: The first account does the work of one person on one machine. It never approves.
FIRST_RIGHTS = Rights(frozenset({Role.ADMINISTRATOR, Role.ANALYST, Role.PLANNER}))
SYSTEM = Actor("system", frozenset({Role.ADMINISTRATOR}), "console")
#: Wrong passwords in a row before an account's attempts are slowed, and the longest wait.
FREE_ATTEMPTS, LONGEST_WAIT_S = 5, 60.0
_WRONG = "the name or the password is wrong"


@dataclass(frozen=True)
class SignIn:
    """Signs people in against the store."""

    record: Record
    passwords: Passwords = field(default_factory=Passwords)

    def first_run(self) -> str | None:
        """Make the first administrator when there is no account; return the one-time password."""
        with self.record.store.read() as tx:
            if tx.execute(select(users.c.user_id).limit(1)).first() is not None:
                return None
        password = one_time_password()
        add_user(
            self.record,
            FIRST_NAME,
            "First administrator",
            FIRST_RIGHTS,
            by=SYSTEM,
            password_hash=self.passwords.hashed(password),
        )
        return password

    def with_password(self, given_name: str, password: str) -> tuple[User, str]:
        """Return the account and a new session for the right name and password.

        A wrong name and a wrong password take as long and get the same words. After five wrong
        passwords in a row an account's attempts wait, twice as long each time, a minute at most.

        Raises
        ------
        CredentialRefusedError
            When they are wrong, come too fast, or a one-time password has run out.
        """
        name = _name_or_empty(given_name)
        with self.record.store.read() as tx:
            user, wait_s = find_user(tx, name), _wait_s(tx, name, self.record.clock())
        if wait_s > 0:
            raise CredentialRefusedError(
                "too many wrong passwords in a row for this name",
                remedy=f"wait {max(1, round(wait_s))} seconds",
            )
        kept = user.password_hash if user is not None and user.active else None
        if not self.passwords.matches(password, kept) or user is None or kept is None:
            self._refuse(name or clipped(given_name, 60), known=user is not None)
        if user.must_change_password and _run_out(user, self.record.clock()):
            self._refuse(user.name, known=True, words="the one-time password has run out")
        renewed = self.passwords.hashed(password) if self.passwords.outdated(kept) else None
        with self.record.change() as change:
            _clear_failures(change.tx, user.name)
            if renewed:
                change.tx.execute(
                    update(users)
                    .where(users.c.user_id == user.user_id)
                    .values(password_hash=renewed)
                )
            return user, self._open(change, user, "password")

    def with_identity(self, identity: Identity) -> tuple[User, str]:
        """Return the account linked to a proven identity, and a new session.

        Raises
        ------
        CredentialRefusedError
            When no open account is linked to it.
        """
        with self.record.store.read() as tx:
            user = user_by_identity(tx, identity)
        if user is None or not user.active:
            words = "no account is linked to this identity"
            self.record.note(
                entry("anonymous", Action.SIGN_IN, "identity", clipped(identity.subject),
                      outcome="denied", reason=words)
            )  # fmt: skip
            raise CredentialRefusedError(words, remedy="ask an administrator (`arv users link`)")
        with self.record.change() as change:
            return user, self._open(change, user, "identity token")

    def change_password(self, user: User, old: str, new: str) -> None:
        """Replace the password of an account by one its owner chose.

        Raises
        ------
        CredentialRefusedError
            When the old one is wrong.
        AccountRefusedError
            When the new one will not do, or is the old one.
        """
        if not self.passwords.matches(old, user.password_hash):
            self._refuse(user.name, known=True, words="the old password is wrong")
        chosen = checked_password(new, user.name)
        if self.passwords.matches(chosen, user.password_hash):
            raise AccountRefusedError(
                "the new password is the old one", remedy="choose another one"
            )
        kept = self.passwords.hashed(chosen)
        with self.record.change() as change:
            set_own_password(change, user, kept)

    def _open(self, change: Change, user: User, proof: str) -> str:
        change.tx.execute(
            update(users).where(users.c.user_id == user.user_id).values(last_seen_utc=change.now)
        )
        change.note(entry(user.name, Action.SIGN_IN, "account", user.name, detail={"proof": proof}))
        return open_session(change, user)

    def _refuse(self, name: str, *, known: bool, words: str = _WRONG) -> NoReturn:
        """Record a failure, count it against the name, and raise."""
        name = name or "(no name)"
        with self.record.change() as change:
            _count_failure(change.tx, name, change.now)
            change.note(
                entry(name if known else "anonymous", Action.SIGN_IN, "account", name,
                      outcome="denied", reason=words)
            )  # fmt: skip
        raise CredentialRefusedError(
            words, remedy="try again, or ask an administrator for a one-time password"
        )


def administrators(tx: Connection) -> list[User]:
    """Return the open accounts that may administer."""
    return [one for one in all_users(tx) if one.active and Role.ADMINISTRATOR in one.roles]


def _run_out(user: User, now: datetime) -> bool:
    return user.password_set is None or now - user.password_set > ONE_TIME_LIFE


def _name_or_empty(given: str) -> str:
    try:
        return checked_name(given)
    except AccountRefusedError:
        return ""


def _wait_s(tx: Connection, name: str, now: datetime) -> float:
    row = tx.execute(select(sign_in_failures).where(sign_in_failures.c.subject == name)).first()
    if row is None or row.number < FREE_ATTEMPTS:
        return 0.0
    wait_s = min(LONGEST_WAIT_S, 2.0 ** min(row.number - FREE_ATTEMPTS, 10))
    until = row.last_utc + timedelta(seconds=wait_s)
    left: timedelta = until - now
    return max(0.0, left.total_seconds())


def _count_failure(tx: Connection, name: str, now: datetime) -> None:
    subject = sign_in_failures.c.subject == name
    row = tx.execute(select(sign_in_failures.c.number).where(subject)).first()
    if row is None:
        tx.execute(
            insert(sign_in_failures),
            {"subject": name, "number": 1, "first_utc": now, "last_utc": now},
        )
    else:
        tx.execute(
            update(sign_in_failures).where(subject).values(number=row.number + 1, last_utc=now)
        )


def _clear_failures(tx: Connection, name: str) -> None:
    tx.execute(delete(sign_in_failures).where(sign_in_failures.c.subject == name))

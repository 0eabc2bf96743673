"""The keys that signed a record, each named by the one before it, and where each was in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from api.audit.entries import head_at
from api.audit.key_change import KeyChange, recorded_changes
from api.audit.signing import Head, Verifier

Changes = Sequence[tuple[int, KeyChange | None]]


@dataclass(frozen=True)
class KeySpan:
    """A key, and the first and last position it signed for; ``None`` is the end of the record."""

    verifier: Verifier
    first: int
    last: int | None = None


@dataclass(frozen=True)
class KeyChain:
    """The keys of a record in order.

    Attributes
    ----------
    spans
        At least one; each begins right behind the one before it.
    forged
        Changes of key that the key in force did not make: position and words.
    """

    spans: tuple[KeySpan, ...]
    forged: tuple[tuple[int, str], ...] = ()

    def accepts(self, head: Head) -> bool:
        """Return whether a head was signed with the key that was in force at its position."""
        return self.at(head.position).verifier.accepts(head)

    def at(self, position: int) -> KeySpan:
        """Return the key in force at a position."""
        return next(one for one in self.spans if one.last is None or position <= one.last)


def read_chain(tx: Connection, trusted: Verifier) -> KeyChain:
    """Return the keys that signed a record, found from one of them that is trusted.

    From a later key the way back to the first is by the changes that led to it: the record's
    end, which the last key signed, vouches for those rows. From there every change is followed
    that the key in force did sign, and the others are named.

    Parameters
    ----------
    tx
        A reading transaction of the store.
    trusted
        Any key of the chain, from outside the database.
    """
    changes = recorded_changes(tx)
    key, begins = _first_key(changes, trusted), 0
    spans: list[KeySpan] = []
    forged: list[tuple[int, str]] = []
    for position, change in changes:
        fault = _fault(tx, position, change, key)
        if change is None or fault:
            forged.append((position, fault))
            continue
        spans.append(KeySpan(key, begins, position))
        key, begins = change.new, position + 1
    return KeyChain((*spans, KeySpan(key, begins)), tuple(forged))


def _first_key(changes: Changes, trusted: Verifier) -> Verifier:
    """Return the key with which the record began, going back from a trusted one."""
    led: dict[str, Verifier] = {}
    for _, change in changes:
        if change is not None and change.genuine:
            led.setdefault(change.new.key_id, change.old)
    key, seen = trusted, {trusted.key_id}
    while (before := led.get(key.key_id)) is not None and before.key_id not in seen:
        seen.add(before.key_id)
        key = before
    return key


def _fault(tx: Connection, position: int, change: KeyChange | None, key: Verifier) -> str:
    """Return what is wrong with a change at a position, where ``key`` was in force."""
    if change is None:
        return "the row that names a new signing key cannot be read"
    new = change.new.key_id
    if change.old.key_id != key.key_id:
        return (
            f"the row names {new} as the new signing key in place of {change.old.key_id}, but "
            f"{key.key_id} was in force"
        )
    if not change.genuine:
        return f"the row names {new} as the new signing key, and {key.key_id} did not sign that"
    head = head_at(tx, position)
    if head is not None and not key.accepts(head):
        return f"the row that names {new} as the new signing key is not sealed with {key.key_id}"
    return ""

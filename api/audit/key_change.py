"""A change of the signing key: the old key's word that the new one follows it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Text, select, type_coerce

from api.audit.entry import SEPARATOR, Entry, entry
from api.audit.signing import Signer, Verifier
from api.store.schema import audit

#: What the record calls a change of the key, and the first words under the new one.
CHANGED, BEGUN = "audit.rotate_key", "audit.new_key"
OBJECT_KIND = "signing key"
_MEMBERS = ("old_public_key", "new_public_key", "changed_utc", "signature")
_KEY_BYTES = 32


@dataclass(frozen=True)
class KeyChange:
    """Names the key that follows another, signed with that other one.

    Attributes
    ----------
    old, new
        The key that was in force, and the one that follows it.
    changed_utc
        When, as the record writes times.
    signature
        Of the old key, over all of the above.
    """

    old: Verifier
    new: Verifier
    changed_utc: str
    signature: bytes

    @property
    def genuine(self) -> bool:
        """True when the old key did sign it."""
        try:
            self.old.public.verify(self.signature, _message(self.old, self.new, self.changed_utc))
        except InvalidSignature:
            return False
        return True

    def plain(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {
            "old_key_id": self.old.key_id,
            "old_public_key": _text(self.old.raw),
            "new_key_id": self.new.key_id,
            "new_public_key": _text(self.new.raw),
            "changed_utc": self.changed_utc,
            "signature": _text(self.signature),
        }

    def entry(self, actor: str, reason: str, *, again: bool = False) -> Entry:
        """Return the entry that tells of it; ``again`` when a restored record gets it anew."""
        detail = {**self.plain(), **({"again": True} if again else {})}
        return entry(actor, CHANGED, OBJECT_KIND, self.new.key_id, reason=reason, detail=detail)


def sign_change(old: Signer, new: Verifier, changed_utc: str) -> KeyChange:
    """Return the change from a key to the next, signed with the first."""
    signature = old.private.sign(_message(old.verifier, new, changed_utc))
    return KeyChange(old.verifier, new, changed_utc, signature)


def begun(actor: str, new: Verifier, reason: str) -> Entry:
    """Return the first entry that the new key signs, which shows that somebody holds it."""
    return entry(actor, BEGUN, OBJECT_KIND, new.key_id, reason=reason)


def read_change(value: object) -> KeyChange | None:
    """Return the change that plain JSON values stand for, ``None`` when they stand for none."""
    if not isinstance(value, Mapping) or not all(isinstance(value.get(n), str) for n in _MEMBERS):
        return None
    try:
        old, new, signature = (
            base64.b64decode(value[name], validate=True)
            for name in ("old_public_key", "new_public_key", "signature")
        )
    except ValueError:
        return None
    if len(old) != _KEY_BYTES or len(new) != _KEY_BYTES:
        return None
    before, after = (Verifier(Ed25519PublicKey.from_public_bytes(raw)) for raw in (old, new))
    return KeyChange(before, after, value["changed_utc"], signature)


def recorded_changes(tx: Connection) -> list[tuple[int, KeyChange | None]]:
    """Return the changes of key in the record by position; ``None`` where one cannot be read."""
    rows = tx.execute(
        select(audit.c.position, type_coerce(audit.c.detail, Text))
        .where(audit.c.object_kind == OBJECT_KIND, audit.c.action == CHANGED)
        .order_by(audit.c.position)
    ).all()
    return [(position, _parsed(detail)) for position, detail in rows]


def _parsed(detail: str | None) -> KeyChange | None:
    try:
        return read_change(json.loads(detail or "null"))
    except (ValueError, RecursionError):
        return None


def _message(old: Verifier, new: Verifier, changed_utc: str) -> bytes:
    words = ("arv-audit-key", _text(old.raw), _text(new.raw), changed_utc)
    return SEPARATOR.join(words).encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")

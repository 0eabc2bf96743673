"""Passwords: which ones will do, how they are kept (argon2id), and one-time ones."""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from api.refusals import AccountRefusedError

#: NIST SP 800-63B: length matters, composition rules do not help.
LEAST_CHARACTERS, MOST_CHARACTERS = 12, 128
LEAST_DIFFERENT = 5
_COMMON = ("password", "passw0rd", "qwerty", "letmein", "123456", "abcdef", "arv-tasking", "police")
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_GROUPS, _GROUP = 4, 5


@dataclass(frozen=True)
class Passwords:
    """Keeps passwords as argon2id hashes with the parameters of RFC 9106.

    Parameters
    ----------
    hasher
        64 MiB, three passes, four lanes unless given; an older hash is renewed at sign-in.
    """

    hasher: PasswordHasher = field(
        default_factory=lambda: PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
    )

    def hashed(self, password: str) -> str:
        """Return what is kept of a password."""
        return self.hasher.hash(_normal(password))

    def matches(self, password: str, kept: str | None) -> bool:
        """Return whether a password is the one kept; without one, take as long and say no."""
        if len(password) > MOST_CHARACTERS * 4:
            return False
        try:
            return self.hasher.verify(kept or self._decoy, _normal(password)) and kept is not None
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, kept: str) -> bool:
        """Return whether a hash was made with other parameters than today's."""
        return self.hasher.check_needs_rehash(kept)

    @property
    def _decoy(self) -> str:
        """Return a hash nobody has the password of, so that unknown names take as long."""
        made = self.hasher
        return (
            f"$argon2id$v=19$m={made.memory_cost},t={made.time_cost},p={made.parallelism}"
            "$YXJ2LXRhc2tpbmctc2FsdA$" + "A" * 43
        )


def checked_password(password: str, name: str) -> str:
    """Return a new password that will do.

    Raises
    ------
    AccountRefusedError
        When it is too short or long, holds the name or a common word, or repeats itself.
        The password itself is never in the message.
    """
    normal = _normal(password)
    if not LEAST_CHARACTERS <= len(normal) <= MOST_CHARACTERS:
        raise _refused(
            f"the password has {len(normal)} characters, not {LEAST_CHARACTERS} to "
            f"{MOST_CHARACTERS}"
        )
    if len(set(normal)) < LEAST_DIFFERENT:
        raise _refused(f"the password has fewer than {LEAST_DIFFERENT} different characters")
    plain = normal.casefold()
    if name.casefold() in plain:
        raise _refused("the password holds the name")
    common = next((word for word in _COMMON if word in plain), None)
    if common is not None:
        raise _refused(f"the password holds {common!r}, which is tried first")
    return normal


def one_time_password() -> str:
    """Return a random password of 98 bits that is easy to read out, to be replaced at once."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def _refused(problem: str) -> AccountRefusedError:
    return AccountRefusedError(
        problem, remedy="take three or four words that do not belong together"
    )

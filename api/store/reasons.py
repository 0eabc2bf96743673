"""The reason that every withdrawal, review and correction must have."""

from __future__ import annotations

from api.store.errors import RecordRefusedError
from api.store.schema import LONGEST_REASON


def check_reason(reason: str) -> None:
    """Refuse a reason that is blank or longer than the record holds.

    Raises
    ------
    RecordRefusedError
        With the length and the bounds.
    """
    length = len(reason.strip())
    if not length >= 1 or len(reason) > LONGEST_REASON:
        raise RecordRefusedError(
            f"the reason has {length:,} characters, not 1 to {LONGEST_REASON:,}",
            remedy="say in a sentence why",
        )

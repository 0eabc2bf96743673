"""Reads of sensitive records that were noted lately, so that a page left open fills no disk."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

AGAIN_AFTER_S = 600.0
MOST_KEPT = 4096


class Consultations:
    """Remembers who read what in the last ten minutes; the record then has it already.

    Parameters
    ----------
    clock
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def first(self, actor: str, subject: str) -> bool:
        """Return whether a read is to be noted, and count it as noted."""
        now, key = self._clock(), (actor, subject)
        noted = self._seen.get(key)
        if noted is not None and now - noted < AGAIN_AFTER_S:
            return False
        self._seen.pop(key, None)
        self._seen[key] = now
        while len(self._seen) > MOST_KEPT:
            self._seen.popitem(last=False)
        return True

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

    def lately(self, actor: str, subject: str) -> bool:
        """Return whether the record has a read of the last ten minutes already."""
        noted = self._seen.get((actor, subject))
        return noted is not None and self._clock() - noted < AGAIN_AFTER_S

    def noted(self, actor: str, subject: str) -> None:
        """Remember a read that the record has now; one it could not take is asked for again."""
        self._seen.pop((actor, subject), None)
        self._seen[actor, subject] = self._clock()
        while len(self._seen) > MOST_KEPT:
            self._seen.popitem(last=False)

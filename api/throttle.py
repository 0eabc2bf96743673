"""Slow down guessing: wrong tokens are counted by the address they come from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

ATTEMPTS = 10
WINDOW_S = 60.0
MOST_ADDRESSES = 4096


class Throttle:
    """Counts failed attempts an address in a fixed window.

    Only wrong tokens are counted and turned away. A right token is always accepted, so that
    nobody can lock the planner out by guessing; with 256 random bits no rate of guessing helps.

    Parameters
    ----------
    clock
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def fail(self, address: str) -> float:
        """Count a failed attempt; return the seconds to wait, 0 while the address may go on."""
        now = self._clock()
        started, count = self._failures.pop(address, (now, 0))
        if now - started >= WINDOW_S:
            started, count = now, 0
        self._failures[address] = (started, count + 1)
        while len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)
        return started + WINDOW_S - now if count >= ATTEMPTS else 0.0

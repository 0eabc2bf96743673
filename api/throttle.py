"""Slow down guessing: wrong tokens are counted by the address they come from."""

from __future__ import annotations

from collections.abc import Callable

from api.conventions.shared_memory import SharedMemory

ATTEMPTS = 10
WINDOW_S = 60.0
PREFIX = "wrong/"
TIDY_EVERY = 1000


class Throttle:
    """Counts failed attempts an address in a fixed window, over all processes of the service.

    Only wrong tokens are counted and turned away. A right token is always accepted, so that
    nobody can lock the planner out by guessing; with 256 random bits no rate of guessing helps.

    Parameters
    ----------
    clock
        Monotonic seconds.
    memory
        Where the counts are kept; by default in this process alone.
    """

    def __init__(self, clock: Callable[[], float], memory: SharedMemory | None = None) -> None:
        self._clock = clock
        self._memory = memory or SharedMemory()
        self._added = 0

    def fail(self, address: str) -> float:
        """Count a failed attempt; return the seconds to wait, 0 while the address may go on."""
        now_s, self._added = self._clock(), self._added + 1
        if self._added % TIDY_EVERY == 0:
            self._memory.forget_counts(now_s, PREFIX)
        number, until_s = self._memory.count(PREFIX + address, now_s, WINDOW_S)
        return until_s - now_s if number > ATTEMPTS else 0.0

"""Follow a solve by its figures, and end it early with the best plan so far."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Follower(Protocol):
    """What a ``progress`` callback may have beside being called: figures in, a stop out."""

    def measured(self, objective: float, bound: float) -> None:
        """Take in the coverage of the best plan so far (0 without one) and the proven limit."""

    def stop_asked(self) -> bool:
        """Return whether the best plan so far is enough."""


def told(progress: object, objective: float, bound: float) -> None:
    """Tell a follower the figures of a round; anything else is not told.

    Raises
    ------
    KeyboardInterrupt
        The follower asked for the end: the solve keeps the best plan so far.
    """
    if isinstance(progress, Follower):
        progress.measured(objective, bound)
        if objective > 0 and progress.stop_asked():
            raise KeyboardInterrupt

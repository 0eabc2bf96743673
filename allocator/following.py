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


def stop_asked(progress: object) -> bool:
    """Return whether a follower asked for the end; anything else never does."""
    return isinstance(progress, Follower) and progress.stop_asked()


class Figures:
    """A follower of one solve among many: it hears the figures, not the steps of each.

    Parameters
    ----------
    progress
        Whom to pass figures on to, and who may ask for the end; may be no follower at all.
    """

    def __init__(self, progress: object) -> None:
        self._progress = progress

    def __call__(self, step: str, share: float) -> None:
        """Take in a step and say nothing of it."""

    def measured(self, objective: float, bound: float) -> None:
        """Pass on the figures."""
        if isinstance(self._progress, Follower):
            self._progress.measured(objective, bound)

    def stop_asked(self) -> bool:
        """Return whether the end was asked for."""
        return stop_asked(self._progress)

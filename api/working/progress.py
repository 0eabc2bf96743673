"""How long work tells the caller where it is, and hears that it should come to an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

#: ``progress(step, share)`` with the share of the step done, 0 to 1.
Progress = Callable[[str, float], None]


def silent(_step: str, _share: float) -> None:
    """Report nothing."""


class Watch(Protocol):
    """What work in a process of its own is given: whom to tell, and whether to end early."""

    def __call__(self, step: str, share: float) -> None:
        """Tell the step and the share of it that is done, 0 to 1."""

    def measured(self, objective: float, bound: float) -> None:
        """Tell the coverage of the best plan so far and the proven limit, in [0, 1]."""

    def stop_asked(self) -> bool:
        """Return whether somebody asked for the end: what was found so far is then enough."""


@dataclass(frozen=True)
class Unwatched:
    """A :class:`Watch` for work that nobody follows."""

    progress: Progress = field(default=silent)

    def __call__(self, step: str, share: float) -> None:
        """Pass it on."""
        self.progress(step, share)

    def measured(self, objective: float, bound: float) -> None:
        """Report nothing."""

    def stop_asked(self) -> bool:
        """Return False: nobody can ask."""
        return False

"""How long work tells the caller where it is."""

from __future__ import annotations

from collections.abc import Callable

#: ``progress(step, share)`` with the share of the step done, 0 to 1.
Progress = Callable[[str, float], None]


def silent(_step: str, _share: float) -> None:
    """Report nothing."""

"""A part of the soak that fails."""

from __future__ import annotations

from benchmarks.soak.figures import Report


def run() -> Report:
    """Fail."""
    raise ValueError("no luck")

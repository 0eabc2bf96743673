"""A measured figure beside its target, and whether it was reached."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table at the end of ``make soak``.

    Attributes
    ----------
    what
        What was measured, on what.
    value, target
        The figure and its target, in ``unit``.
    unit
        Unit of both; empty for counts.
    least
        True when the target is the least that will do, False when it is the most.
    """

    what: str
    value: float
    target: float
    unit: str = ""
    least: bool = False

    @property
    def met(self) -> bool:
        """Return whether the target was reached; no figure at all reaches none."""
        return self.value >= self.target if self.least else self.value <= self.target

    def cells(self) -> tuple[str, str, str, str]:
        """Return what was measured, the figure, the target and the verdict, as text."""
        unit = f" {self.unit}" if self.unit else ""
        bound = ">=" if self.least else "<="
        return (
            self.what,
            f"{_plain(self.value)}{unit}",
            f"{bound} {_plain(self.target)}{unit}",
            "PASS" if self.met else "MISS",
        )


def at_most(what: str, value: float, target: float, unit: str = "") -> Figure:
    """Return a figure that is to be at most its target."""
    return Figure(what, float(value), float(target), unit)


def at_least(what: str, value: float, target: float, unit: str = "") -> Figure:
    """Return a figure that is to be at least its target."""
    return Figure(what, float(value), float(target), unit, least=True)


def none_of(what: str, count: float) -> Figure:
    """Return a count of what must never happen."""
    return Figure(what, float(count), 0.0)


@dataclass(frozen=True)
class Report:
    """What a soak found: its figures, and words about how they came to be."""

    figures: tuple[Figure, ...]
    words: str = ""

    def text(self) -> str:
        """Return the words and the figures, for people."""
        return "\n".join([self.words] * bool(self.words) + [table(self.figures)])


def joined(reports: Sequence[Report]) -> Report:
    """Return several reports as one."""
    words = "\n".join(one.words for one in reports if one.words)
    return Report(tuple(figure for one in reports for figure in one.figures), words)


def table(figures: Sequence[Figure]) -> str:
    """Return figures as aligned lines, one each."""
    rows = [one.cells() for one in figures]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _plain(number: float) -> str:
    if math.isnan(number):  # nothing was measured
        return "none"
    if number == int(number):
        return f"{int(number):,}"
    return f"{number:,.1f}" if abs(number) >= 10 else f"{number:.2f}"

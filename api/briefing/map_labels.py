"""Labels of the map: units in bold above borough names, moved apart where they would overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from xml.sax.saxutils import escape

from api.briefing.printable import printable

INK = "#1a1a1a"
SIGN_MM = 3.5  # 10 pt
NAME_MM = 2.4  # 7 pt
#: Mean width of a letter of the serif face, in units of its size.
LETTER_WIDTH = 0.5
GAP_MM = 0.4
ROUNDS = 60
#: A longer line is cut on the map; the tables give it whole.
MAX_LETTERS = 16


@dataclass(frozen=True)
class Label:
    """Lines of text centred on a point of the sheet, in mm; y grows downwards."""

    x_mm: float
    y_mm: float
    signs: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def lines(self) -> tuple[tuple[str, float], ...]:
        """Return every line as printed with its size in mm, from the top."""
        return tuple((_short(sign), SIGN_MM) for sign in self.signs) + tuple(
            (_short(name), NAME_MM) for name in self.names
        )

    @property
    def width_mm(self) -> float:
        """Return the estimated width of the widest line."""
        return max((len(text) * size * LETTER_WIDTH for text, size in self.lines), default=0.0)

    @property
    def height_mm(self) -> float:
        """Return the height of all lines together."""
        return sum(size for _, size in self.lines)


def spread(labels: Sequence[Label]) -> list[Label]:
    """Return the labels moved vertically, as little as a few rounds allow, out of each other.

    In each round every pair that overlaps is parted by half of its overlap each. The result
    depends only on the labels and their order.
    """
    moved = list(labels)
    for _ in range(ROUNDS):
        quiet = True
        for one, other in combinations(range(len(moved)), 2):
            overlap_mm = _overlap_mm(moved[one], moved[other])
            if overlap_mm > 0.01:
                quiet = False
                up, down = sorted((one, other), key=lambda index: (moved[index].y_mm, index))
                moved[up] = replace(moved[up], y_mm=moved[up].y_mm - overlap_mm / 2)
                moved[down] = replace(moved[down], y_mm=moved[down].y_mm + overlap_mm / 2)
        if quiet:
            break
    return moved


def label_svg(label: Label) -> str:
    """Return the label as SVG text with a white halo, every line escaped."""
    top_mm = label.y_mm - label.height_mm / 2
    texts = []
    for number, (text, size_mm) in enumerate(label.lines):
        weight = "bold" if number < len(label.signs) else "normal"
        texts.append(_line(text, label.x_mm, top_mm + size_mm * 0.82, size_mm, weight))
        top_mm += size_mm
    return "".join(texts)


def _overlap_mm(one: Label, other: Label) -> float:
    wide = (one.width_mm + other.width_mm) / 2 + GAP_MM - abs(one.x_mm - other.x_mm)
    high = (one.height_mm + other.height_mm) / 2 + GAP_MM - abs(one.y_mm - other.y_mm)
    return high if wide > 0 and high > 0 else 0.0


def _short(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= MAX_LETTERS else shown[: MAX_LETTERS - 1] + "…"


def _line(text: str, x_mm: float, baseline_mm: float, size_mm: float, weight: str) -> str:
    shown = escape(text)
    place = (
        f'x="{x_mm:.2f}" y="{baseline_mm:.2f}" font-size="{size_mm}" '
        f'font-weight="{weight}" text-anchor="middle"'
    )
    halo = f'stroke="#ffffff" stroke-width="{size_mm / 4:.2f}" stroke-linejoin="round"'
    return (
        f'<text {place} fill="#ffffff" {halo}>{shown}</text>'
        f'<text {place} fill="{INK}">{shown}</text>'
    )

"""Five classes of ward risk for the map, and the colours a colour-blind reader can order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

#: Light to dark, one hue family (ColorBrewer YlOrBr): lightness alone gives the order.
COLOURS = ("#fff7d6", "#fee391", "#fdb045", "#d95f0e", "#8c2d04")
#: Each class starts at this quantile of the wards' expected rates.
QUANTILES = (0.0, 0.5, 0.75, 0.9, 0.97)


@dataclass(frozen=True)
class RiskClass:
    """Wards whose rate is at least ``lower`` and below ``upper`` incidents a week."""

    lower: float
    upper: float
    colour: str
    label: str
    n_wards: int


def risk_classes(expected_per_week: Sequence[float]) -> tuple[RiskClass, ...]:
    """Return at most five classes of rate, lowest first, empty ones left out.

    Parameters
    ----------
    expected_per_week
        Posterior mean of every ward, shape (n_wards,), incidents a week.

    Returns
    -------
    tuple of RiskClass
        The cuts are quantiles (half, three quarters, nine tenths, 97 %) rounded to two
        significant digits; ties never split a class.
    """
    rates = np.asarray(expected_per_week, dtype=np.float64)
    if not rates.size:
        return ()
    cuts = sorted({0.0, *(_two_digits(float(np.quantile(rates, q))) for q in QUANTILES[1:])})
    edges = [*cuts, float("inf")]
    digits = _digits(cuts)
    classes = []
    for number, (lower, upper) in enumerate(pairwise(edges)):
        inside = int(np.count_nonzero((rates >= lower) & (rates < upper)))
        colour = COLOURS[number + len(COLOURS) - len(cuts)] if number else COLOURS[0]
        if inside:
            classes.append(RiskClass(lower, upper, colour, _label(lower, upper, digits), inside))
    return tuple(classes)


def class_of(classes: Sequence[RiskClass], expected_per_week: float) -> RiskClass:
    """Return the class a rate falls into."""
    return [each for each in classes if each.lower <= expected_per_week][-1]


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")


def _digits(cuts: Sequence[float]) -> int:
    """Return the decimals that show every cut in full."""
    return max(len(f"{cut:.10f}".rstrip("0").partition(".")[2]) for cut in cuts)


def _label(lower: float, upper: float, digits: int) -> str:
    if upper == float("inf"):
        return f"{lower:.{digits}f} and more"
    if lower == 0:
        return f"under {upper:.{digits}f}"
    return f"{lower:.{digits}f} to {upper:.{digits}f}"

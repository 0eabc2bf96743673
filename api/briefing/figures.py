"""Numbers, dates and lists as a British reader expects them on paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from api.wording import percent

#: Smaller shares are printed as less than this: nobody decides by them.
SMALLEST_SHARE = 1e-4


def short_date(day: date | None) -> str:
    """Return a day as ``23/11/2026``, and a dash where there is none."""
    return "–" if day is None else f"{day:%d/%m/%Y}"


def small_percent(share: float) -> str:
    """Return a small share with two significant digits, ``0.043%``, or ``less than 0.01%``."""
    if share <= 0:
        return "0%"
    if share < SMALLEST_SHARE:
        return f"less than {percent(SMALLEST_SHARE, 2)}"
    digits = max(0, 1 - math.floor(math.log10(100 * share)))
    return f"{100 * share:.{digits}f}%"


def rate(value: float, digits: int) -> str:
    """Return a weekly rate with a fixed number of decimals."""
    return f"{value:.{digits}f}"


def ordinal(number: int) -> str:
    """Return 1 as ``1st``, 12 as ``12th``."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def minutes(seconds: float) -> str:
    """Return seconds as minutes, ``15 minutes`` or ``8 min 30 s``."""
    whole, rest = divmod(round(seconds), 60)
    if rest or not whole:
        return f"{whole} min {rest} s" if whole else f"{rest} s"
    return f"{whole} minute" + ("" if whole == 1 else "s")


def listed(names: Sequence[str]) -> str:
    """Return names as ``A, B and C``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def nice_ceiling(value: float) -> float:
    """Return the smallest of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten not below ``value``."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
    return float(next(step * power for step in steps if step * power >= value * (1 - 1e-12)))

"""Numbers, dates and results in the words the meeting uses."""

from __future__ import annotations

import re
from datetime import date, timedelta

from allocator.plan import PatrolPlan
from hotspots.assessment import AreaScore

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
UNKNOWN = "no data"
_ISO_DAY = re.compile(r"(?<![\w-])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\w-])", re.ASCII)


def british_date(day: date) -> str:
    """Return, for example, ``23 November 2026``."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def british_days(text: str) -> str:
    """Return a text with every day in it that is written like 2026-11-23 in the British form."""
    return _ISO_DAY.sub(_british, text)


def _british(found: re.Match[str]) -> str:
    try:
        return british_date(date.fromisoformat(found[0]))
    except ValueError:  # digits that are no day
        return found[0]


def week_in_words(week: str) -> str:
    """Return ``2026-W48`` as ``Monday 23 to Sunday 29 November 2026``."""
    year, number = week.split("-W")
    monday = date.fromisocalendar(int(year), int(number), 1)
    sunday = monday + timedelta(days=6)
    first = british_date(monday)
    if monday.year == sunday.year:
        first = first.removesuffix(f" {monday.year}")
    if monday.month == sunday.month:
        first = str(monday.day)
    return f"Monday {first} to Sunday {british_date(sunday)}"


def rate(value: float) -> str:
    """Return a weekly rate with two significant figures, never in powers of ten."""
    if value <= 0:
        return "0"
    decimals = next((d for d in (1, 2, 3, 4) if value >= 10.0**-d), 5)
    return f"{value:.1f}" if value >= 1 else f"{value:.{decimals + 1}f}"


def points(share: float) -> str:
    """Return a difference of two shares in percentage points, without the unit."""
    return f"{100 * share:.2f}"


def interval(lower: float, upper: float) -> str:
    """Return an interval of weekly rates."""
    return f"{rate(lower)}–{rate(upper)}"


def count(number: int) -> str:
    """Return a whole number with a comma for each thousand."""
    return f"{number:,}"


def percent(share: float, decimals: int = 1) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.{decimals}f}%"


def data_coverage(score: AreaScore) -> str:
    """Return how well the feeds cover an area, in words."""
    return {"known": "complete", "partial": "partial", "unknown": UNKNOWN}.get(
        score.coverage, score.coverage
    )


def duration(seconds: float) -> str:
    """Return, for example, ``9 min`` or ``8 min 30 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def plan_in_words(plan: PatrolPlan) -> str:
    """Say what the plan reaches, what no plan can exceed, and what its status means."""
    reached, bound = percent(plan.objective, 2), percent(plan.bound, 2)
    gap = _gap_in_words(plan.gap)
    if plan.status == "optimal":
        return (
            f"Optimal: {reached} of expected demand is reached within the service standard; "
            f"proven: under the same rules no plan can exceed {bound} ({gap})."
        )
    if plan.status == "feasible":
        return (
            f"Feasible, not proven best: {reached} of expected demand is reached within the "
            f"service standard; no plan can exceed {bound} ({gap})."
        )
    if plan.status == "timed_out":
        return (
            f"Timed out: the time limit ended the search. The best plan found reaches {reached} "
            f"of expected demand within the service standard; no plan can exceed {bound} "
            f"({gap})."
        )
    return "Infeasible: no plan satisfies every rule at once."


def _gap_in_words(gap: float) -> str:
    if gap <= 0:
        return "no gap"
    return f"gap {percent(gap, 2)}" if gap >= 0.0001 else "gap below 0.01%"


def standard_in_words(plan: PatrolPlan) -> str:
    """Say the service standard the plan was made for, where the plan records it."""
    seconds = plan.settings.get("service_standard_s")
    if not isinstance(seconds, int | float):
        return ""
    return f"Service standard assumed: {duration(seconds)}."

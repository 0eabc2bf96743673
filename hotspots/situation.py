"""What was counted lately: windows of days beside the scores, and used in none of them.

Plain frozen values that :class:`hotspots.assessment.RiskAssessment` carries; they are counted
in :mod:`hotspots.views`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class SituationalView:
    """A window of days, and the earlier one it is set beside; all days inclusive, local."""

    name: str  # last_24_h | last_7_days | last_28_days | year | financial_year_to_date
    first_day: date
    last_day: date
    earlier_first_day: date
    earlier_last_day: date


@dataclass(frozen=True)
class AreaView:
    """What was counted in one area; shown beside the scores and used in none of them.

    ``counts`` and ``earlier_counts`` follow the assessment's ``views``: reported incidents,
    each once, or ``None`` where some day of the window is not covered.
    """

    code: str
    target: str  # demand | harm
    counts: tuple[int | None, ...]
    earlier_counts: tuple[int | None, ...]

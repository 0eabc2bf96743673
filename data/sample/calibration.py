"""What the sample is calibrated on: published totals, and the assumptions where none exist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

SEED = 20101209
FIRST_DAY = date(2025, 4, 1)
LAST_DAY = date(2026, 11, 22)
DAY_MIN = 1440
END_MIN = ((LAST_DAY - FIRST_DAY).days + 1) * DAY_MIN - 1  # the extract is cut at 23:59
#: Europe/London clock changes inside the period: 01:00-02:59 is avoided on these days.
CLOCK_CHANGES = (date(2025, 10, 26), date(2026, 3, 29), date(2026, 10, 25))


@dataclass(frozen=True)
class Window:
    """A period and its published, or here assumed, totals of gun crimes and deaths."""

    first: date
    last: date
    gun_crimes: int
    deaths: int
    died_later: int  # deaths first recorded as an injury and reclassified


#: The first and third windows are the committee paper's two figures carried to these years;
#: the second and fourth are interpolated at their daily rates (an assumption of the sample).
WINDOWS = (
    Window(date(2025, 4, 1), date(2025, 10, 20), 1875, 6, 1),
    Window(date(2025, 10, 21), date(2026, 3, 31), 1377, 7, 1),
    Window(date(2026, 4, 1), date(2026, 10, 20), 1575, 14, 3),
    Window(date(2026, 10, 21), date(2026, 11, 22), 256, 1, 0),
)
SHOOTING_SHARE = 0.27
NOT_SEEN_SHARE = 0.12
THREAT_SHARE = 0.51  # "just over half"
INJURY_SHARE = 0.25  # of shootings; an assumption

#: Relative weight of each local hour, midnight first, and of each weekday, Monday first.
NIGHT_HOURS = (9, 8, 6, 4, 3, 2, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11, 10)
OFFICE_HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 8, 9, 10, 9, 8, 6, 4, 3, 3, 2, 2, 1)
WEEKDAYS = (9, 9, 9, 10, 12, 13, 11)


@dataclass(frozen=True)
class Feed:
    """How one invented feed other than the gun crimes is made (all counts are assumptions)."""

    source: str
    prefix: str
    count: int
    categories: tuple[tuple[str, str, float], ...]  # category, basis, share
    hours: tuple[int, ...]
    place: tuple[float, float, float]  # shares placed as point, ward, borough
    times: tuple[float, float, float]  # shares timed exactly, as a range, as a whole day
    grading: str  # none | 3x5x2 | 5x5x5
    delay_h: float  # longest delay until known
    echoes: int = 0  # records that tell of a gun crime already in the other files
    withdrawn: int = 0


FEEDS = (
    Feed("co19_handover", "HO", 900, (("handover_firearm", "reported", 1.0),), NIGHT_HOURS,
         (1.0, 0.0, 0.0), (0.8, 0.2, 0.0), "none", 12, echoes=300, withdrawn=5),
    Feed("crimint", "CR", 2200, (("intelligence_firearm", "reported", 1.0),), OFFICE_HOURS,
         (0.55, 0.35, 0.1), (0.3, 0.3, 0.4), "3x5x2", 96, withdrawn=12),
    Feed("scd7", "S7", 160, (("intelligence_firearm", "reported", 0.7),
                             ("weapon_recovered", "discovered", 0.3)), OFFICE_HOURS,
         (0.5, 0.2, 0.3), (0.6, 0.2, 0.2), "5x5x5", 72),
    Feed("scd8", "S8", 200, (("intelligence_firearm", "reported", 0.6),
                             ("weapon_recovered", "discovered", 0.4)), OFFICE_HOURS,
         (0.5, 0.2, 0.3), (0.6, 0.2, 0.2), "3x5x2", 72),
    Feed("blunt_2", "B2", 1100, (("weapon_recovered", "discovered", 0.8),
                                 ("possession_firearm", "discovered", 0.2)), NIGHT_HOURS,
         (1.0, 0.0, 0.0), (1.0, 0.0, 0.0), "none", 6),
    Feed("daris_320", "DA", 3600, (("call_firearm", "reported", 1.0),), NIGHT_HOURS,
         (1.0, 0.0, 0.0), (1.0, 0.0, 0.0), "none", 0.1, echoes=1300, withdrawn=25),
    Feed("gang_tension", "GT", 380, (("gang_tension", "reported", 1.0),), OFFICE_HOURS,
         (0.0, 0.4, 0.6), (0.1, 0.2, 0.7), "3x5x2", 48),
)  # fmt: skip

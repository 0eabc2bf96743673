"""The hours of a planned week by the clock on the wall: 168, or 167 and 169 when clocks change.

Simulated moments are seconds that pass after Monday 00:00. Days, shifts and hours of the day are
local. Between the two lies this clock: on the last Sunday of March the hour from 01:00 is left
out, on the last Sunday of October it passes twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from allocator.simulation.assumptions import HOUR_S
from allocator.simulation.errors import SimulationRefusedError

HOURS_IN_DAY = 24
USUAL_HOURS = 7 * HOURS_IN_DAY
LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class WeekClock:
    """Which hour by the clock each hour of a week is.

    Attributes
    ----------
    clock_hours
        For each hour that passes from Monday 00:00 on, the hour of the week that clocks show:
        0 is Monday 00:00 to 01:00, 167 Sunday 23:00 to 24:00.
    """

    clock_hours: tuple[int, ...]

    @property
    def length_s(self) -> float:
        """Seconds from this Monday 00:00 to the next."""
        return len(self.clock_hours) * HOUR_S

    @property
    def day_edges_s(self) -> NDArray[np.float64]:
        """Midnights: float (8,), seconds after the first, the last being the week's end."""
        day = np.array(self.clock_hours) // HOURS_IN_DAY
        return np.append(np.searchsorted(day, np.arange(7)) * HOUR_S, self.length_s)

    @property
    def hours_of_days(self) -> tuple[float, ...]:
        """Hours of each day from Monday: 24, or 23 and 25 where the clocks change."""
        return tuple((np.diff(self.day_edges_s) / HOUR_S).tolist())

    def moment_s(self, day: int, hour_h: float) -> float:
        """Return the moment at which clocks show an hour of a day for the first time.

        Parameters
        ----------
        day
            0 is Monday.
        hour_h
            Hours since midnight by the clock, 0 to 24. An hour that the clocks leave out is
            taken as if they had not yet been changed.
        """
        whole, part = divmod(hour_h, 1.0)
        wanted = day * HOURS_IN_DAY + int(whole)
        if wanted in self.clock_hours:
            return (self.clock_hours.index(wanted) + part) * HOUR_S
        return float(self.day_edges_s[day]) + hour_h * HOUR_S


#: A week in which the clocks stay as they are.
USUAL_WEEK = WeekClock(tuple(range(USUAL_HOURS)))


@cache
def clock_of_week(week: str) -> WeekClock:
    """Return the clock of an ISO week in London.

    Parameters
    ----------
    week
        For example ``2026-W43``, which has 169 hours.

    Raises
    ------
    SimulationRefusedError
        When there is no such week.
    """
    try:
        monday = date.fromisocalendar(int(week[:4]), int(week[6:]), 1)
    except ValueError:
        raise SimulationRefusedError(
            f"{week!r} is no ISO week", remedy="give a plan whose week is written like 2026-W48"
        ) from None
    start, end = (
        datetime.combine(day, time(), LONDON).astimezone(UTC)
        for day in (monday, monday + timedelta(days=7))
    )
    passed = (end - start) // timedelta(hours=1)
    local = ((start + timedelta(hours=n)).astimezone(LONDON) for n in range(passed))
    return WeekClock(tuple(one.weekday() * HOURS_IN_DAY + one.hour for one in local))

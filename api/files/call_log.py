"""Calls that happened, from an event log to the weeks the simulator replays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from allocator.simulation.calls import CallLog
from allocator.simulation.errors import SimulationRefusedError
from api.wording import british_date, count
from hotspots.assessment import RiskAssessment
from hotspots.boundaries.lookup import locate_wards
from hotspots.boundaries.study_area import StudyArea
from hotspots.feeds.event_log import read_event_log

NATIONAL_GRID = 27700


@dataclass(frozen=True)
class ReadLog:
    """A log of calls, and what a reader of its result should know.

    Attributes
    ----------
    calls
        The calls inside the assessed wards, by week.
    first_day, last_day
        Local days of the first and last of them.
    outside, before_as_of
        Calls outside the assessed wards (left out), and calls before the assessment's as-of
        day (kept): those the assessment may have learned from, so not held out.
    warnings
        What the reader of the file assumed, one line each.
    """

    calls: CallLog
    first_day: date
    last_day: date
    outside: int
    before_as_of: int
    warnings: tuple[str, ...]

    def remarks(self) -> tuple[str, ...]:
        """Return what to say about the log, one line each."""
        size = len(self.calls.week)
        lines = [
            f"Replayed from the log: {_calls(size)} from {british_date(self.first_day)} to "
            f"{british_date(self.last_day)}, {count(self.calls.n_weeks)} calendar weeks."
        ]
        if self.outside:
            lines.append(f"Left out: {_calls(self.outside)} outside the assessed wards.")
        if self.before_as_of:
            lines.append(
                f"Not held out: {_calls(self.before_as_of)} from before the assessment's as-of day."
            )
        return (*lines, *self.warnings)


def read_call_log(path: Path, assessment: RiskAssessment, area: StudyArea) -> ReadLog:
    """Read a log of calls (CSV or Parquet) and find the ward and week of each.

    Parameters
    ----------
    path
        Columns ``occurred_at`` and ``x``, ``y`` (EPSG:27700; they win) or ``longitude``,
        ``latitude``. Times without an offset are local; weeks begin on Monday 00:00 local.
    assessment
        Its wards are those of the simulation; its time zone is the local one.
    area
        Boundaries the assessment was made on.

    Raises
    ------
    FeedRefusedError
        The file, a column or a row cannot be used.
    SimulationRefusedError
        No call lies in an assessed ward, or the boundaries are others.
    """
    if area.sha256 != assessment.boundary_sha256:
        raise SimulationRefusedError(
            f"the assessment was made on the boundaries {assessment.boundary_name!r}, not on "
            f"{area.name!r}",
            remedy="give the same --wards (and --boroughs) as for `arv assess`",
        )
    log = read_event_log(path, crs_epsg=NATIONAL_GRID, timezone=assessment.timezone)
    codes = pd.Index([place.code for place in assessment.places])
    ward = codes.get_indexer(pd.Index(locate_wards(area, log.x_m, log.y_m)))
    inside = ward >= 0
    if not inside.any():
        raise SimulationRefusedError(
            f"{path.name} holds {len(ward)} calls and none of them in an assessed ward",
            remedy="check the coordinates: x, y in EPSG:27700, or longitude, latitude",
        )
    utc = pd.DatetimeIndex(log.occurred_at[inside]).tz_localize("UTC")
    local = utc.tz_convert(assessment.timezone).tz_localize(None)
    day = local.normalize()
    monday = day - pd.to_timedelta(day.day_of_week, unit="D")
    first, last = monday.min(), monday.max()
    return ReadLog(
        calls=CallLog(
            week=np.asarray((monday - first).days // 7, dtype=np.intp),
            time_s=np.asarray((local - monday).total_seconds(), dtype=np.float64),
            ward=np.asarray(ward[inside], dtype=np.intp),
            n_weeks=int((last - first).days) // 7 + 1,
        ),
        first_day=day.min().date(),
        last_day=day.max().date(),
        outside=int((~inside).sum()),
        before_as_of=int((day < pd.Timestamp(assessment.as_of)).sum()),
        warnings=log.warnings,
    )


def _calls(number: int) -> str:
    return f"{count(number)} call{'' if number == 1 else 's'}"

"""Was the method right before? The backtest card that comes with every weekly assessment."""

from __future__ import annotations

from typing import Any

import numpy as np

from hotspots.boundaries.study_area import StudyArea
from hotspots.evaluation_card import weekly_card
from hotspots.patterns import incident_points
from hotspots.pipeline import AssessedWeek
from hotspots.sources import EvidencePolicy


def backtest_week(
    week: AssessedWeek, study_area: StudyArea, policy: EvidencePolicy, *, seed: int = 0
) -> dict[str, Any]:
    """Backtest the forecast method on the reported incidents behind an assessment.

    The last thirteen windows of 28 days, each forecast from incidents before it alone. The
    incidents are those known today: corrections made since a window are in it.

    Parameters
    ----------
    week
        An assessed week; its reported incidents with a place are the events.
    study_area, policy
        As the week was assessed with.
    seed
        Of the bootstrap intervals.

    Returns
    -------
    dict
        As :func:`hotspots.evaluation_card.weekly_card`, with ``verdict`` in plain words;
        it says so when the incidents cannot be backtested, for instance when only counts
        of wards are published.
    """
    points = incident_points(week.demand.evidence, policy)
    noon = np.asarray(points.day + np.timedelta64(12, "h"), dtype="datetime64[us]")
    shapes = study_area.boroughs[study_area.boroughs["policed"]].geometry
    return weekly_card(
        points.x_m,
        points.y_m,
        noon,
        shapes.union_all(),
        as_of=week.assessment.as_of,
        districts=list(shapes),
        timezone=week.assessment.timezone,
        seed=seed,
    )

"""Scores of a forecast against what happened, cell by cell.

Hit rate: share of the incidents that fell in the cells forecast highest. Cells that tie at the
edge of the chosen area share its last places evenly, so the hit rate is the expected one over
random orders of ties. PAI (prediction accuracy index): hit rate over share of area. PEI
(prediction efficiency index): hits over the most that any choice of as much area could hit.
Log score: mean log of the forecast density at the incidents over an even spread, in nats an
incident, after mixing in a uniform floor so that one surprise cannot make it infinite.

Sources: Chainey, Tompson and Uhlig (2008), Security Journal 21, for PAI; Hunt (2016), NIJ
forecasting challenge, for PEI; Gneiting and Raftery (2007), JASA 102, for the log score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Shares of the cells inside the boundary at which hits are counted.
AREA_SHARES = (0.01, 0.02, 0.05, 0.10)
#: Uniform share mixed into every forecast before its log score.
LOG_SCORE_FLOOR = 0.005


@dataclass(frozen=True)
class WindowScore:
    """How one method did in one window.

    Attributes
    ----------
    hits, best_hits
        float64 (n_areas,): incidents captured at each of :data:`AREA_SHARES`, and the most
        that as many cells could have captured.
    log_sum
        Sum over incidents of the log of density over even.
    n_incidents
        Incidents in the window.
    """

    hits: Floats
    best_hits: Floats
    log_sum: float
    n_incidents: int


def cells_in_area(n_cells: int, area_share: float) -> int:
    """Return how many cells make up a share of the area, at least one."""
    return max(round(area_share * n_cells), 1)


def expected_hits(share: Floats, happened: Floats, n_top: int) -> float:
    """Return the incidents in the ``n_top`` highest cells, ties sharing the last places evenly.

    Parameters
    ----------
    share, happened
        float64 (n_cells,): forecast, and incidents that happened.
    n_top
        Number of cells chosen, 1 to n_cells.
    """
    edge = np.partition(share, len(share) - n_top)[len(share) - n_top]
    above, tied = share > edge, share == edge
    places = n_top - int(above.sum())
    return float(happened[above].sum() + happened[tied].sum() * places / tied.sum())


def score_window(share: Floats, happened: Floats) -> WindowScore:
    """Score a forecast of one window.

    Parameters
    ----------
    share
        float64 (n_cells,): forecast share by cell, summing to 1.
    happened
        float64 (n_cells,): incidents by cell.
    """
    n_cells = len(share)
    tops = [cells_in_area(n_cells, area) for area in AREA_SHARES]
    most = np.sort(happened)[::-1].cumsum()
    seen = np.flatnonzero(happened)
    density = (1 - LOG_SCORE_FLOOR) * share[seen] * n_cells + LOG_SCORE_FLOOR
    return WindowScore(
        hits=np.array([expected_hits(share, happened, top) for top in tops]),
        best_hits=np.array([most[top - 1] for top in tops]),
        log_sum=float(happened[seen] @ np.log(density)),
        n_incidents=int(happened.sum()),
    )


def hit_rates(scores: list[WindowScore]) -> Floats:
    """Return float64 (n_areas,): hits of all windows over incidents of all windows."""
    return np.asarray(sum(one.hits for one in scores) / _incidents(scores))


def efficiency(scores: list[WindowScore]) -> Floats:
    """Return float64 (n_areas,): PEI over all windows."""
    return np.asarray(
        sum(one.hits for one in scores) / sum(one.best_hits for one in scores), dtype=np.float64
    )


def log_score(scores: list[WindowScore]) -> float:
    """Return nats an incident over an even spread, over all windows."""
    return sum(one.log_sum for one in scores) / _incidents(scores)


def _incidents(scores: list[WindowScore]) -> int:
    return sum(one.n_incidents for one in scores)

"""How much of the picture is the evidence, and how much the choices? A panel of "what ifs".

Each change is assessed like a week of its own and compared with the week as published: do
the same wards stand at the top, which tiers change, who moves most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from hotspots.assessment import AreaScore
from hotspots.boundaries.study_area import StudyArea
from hotspots.errors import AssessmentRefusedError
from hotspots.incidents import FeedReading
from hotspots.pipeline import AssessedWeek, assess_week
from hotspots.sensitivity_changes import Change, Inputs, default_changes
from hotspots.sources import EvidencePolicy

Floats = NDArray[np.float64]
Progress = Callable[[str, float], None]
#: Cells of the surface compared: those with the highest values, by share of the area.
TOP_CELLS = 0.05


#: Areas at the top of the published week whose ranks are followed through every change.
FOLLOWED = 10


@dataclass(frozen=True)
class RankMove:
    """An area, its rank in the week as published, and its rank under a change."""

    code: str
    name: str
    rank: int
    rank_after: int


@dataclass(frozen=True)
class SensitivityRow:
    """One "what if" against the week as published.

    Attributes
    ----------
    group, what
        The kind of change, and the change in words.
    ward_rank_correlation, borough_rank_correlation
        Spearman's correlation of the expected incidents a week.
    top_wards_kept
        Share of the tenth of wards with the highest scores that stays in the top tenth.
    top_cells_kept
        Share of the highest 5 % of cells that stays among them.
    tiers_changed, tiers_compared
        Wards whose tier changes, and wards compared: none where wards were merged.
    largest_move, moved_from, moved_to
        The borough whose rank moves most (the first by code of several), and its ranks.
    top_wards, top_boroughs
        The ten highest of the week as published, in order, with their ranks under the change.
        A merged ward has the rank that half of its zone's score gives it.
    """

    group: str
    what: str
    ward_rank_correlation: float
    borough_rank_correlation: float
    top_wards_kept: float
    top_cells_kept: float
    tiers_changed: int
    tiers_compared: int
    largest_move: str
    moved_from: int
    moved_to: int
    top_wards: tuple[RankMove, ...] = ()
    top_boroughs: tuple[RankMove, ...] = ()


def sensitivity_panel(
    readings: Sequence[FeedReading],
    study_area: StudyArea,
    *,
    as_of: date,
    policy: EvidencePolicy,
    seed: int = 0,
    changes: Sequence[Change] | None = None,
    base: AssessedWeek | None = None,
    progress: Progress | None = None,
) -> tuple[SensitivityRow, ...]:
    """Assess the week again under each change and compare.

    Parameters
    ----------
    readings, study_area, as_of, policy, seed
        As for :func:`hotspots.pipeline.assess_week`; the seed also chooses who goes
        unreported and which wards are merged.
    changes
        What to change; the default panel has twelve.
    base
        The week as published, if it was assessed already from the same inputs.
    progress
        Called with the change and the share done, 0 to 1.

    Returns
    -------
    tuple of SensitivityRow
        In the order of the changes.

    Raises
    ------
    AssessmentRefusedError
        As for :func:`hotspots.pipeline.assess_week`, or no change given.
    """
    chosen = default_changes() if changes is None else tuple(changes)
    if not chosen:
        raise AssessmentRefusedError(
            "there is no change to compare with", remedy="give at least one, or none at all"
        )
    given = Inputs(tuple(readings), study_area, policy)
    if base is None:
        base = assess_week(readings, study_area, as_of=as_of, policy=policy, seed=seed)
    rows = []
    for number, change in enumerate(chosen):
        if progress is not None:
            progress(change.what, number / len(chosen))
        inputs = change.apply(given, np.random.default_rng([seed, number]))
        other = assess_week(
            inputs.readings, inputs.study_area, as_of=as_of, policy=inputs.policy, seed=seed
        )
        rows.append(_compared(change, base, other, inputs))
    if progress is not None:
        progress("Done", 1.0)
    return tuple(rows)


def panel_table(rows: Sequence[SensitivityRow]) -> pd.DataFrame:
    """Return the panel as a table a person can read; shares in per cent."""
    return pd.DataFrame(
        [
            {
                "Kind": row.group,
                "What if": row.what,
                "Rank correlation, wards": round(row.ward_rank_correlation, 3),
                "Rank correlation, boroughs": round(row.borough_rank_correlation, 3),
                "Top-tenth wards kept (%)": round(100 * row.top_wards_kept),
                "Top 5% of cells kept (%)": round(100 * row.top_cells_kept),
                "Ward tiers changed": f"{row.tiers_changed} of {row.tiers_compared}"
                if row.tiers_compared
                else "not compared",
                "Borough that moves most": f"{row.largest_move}, {row.moved_from} to {row.moved_to}"
                if row.moved_from != row.moved_to
                else "none moves",
            }
            for row in rows
        ]
    )


def _compared(
    change: Change, base: AssessedWeek, other: AssessedWeek, inputs: Inputs
) -> SensitivityRow:
    zone = inputs.zone_of_ward
    codes = [one.code for one in base.assessment.wards]
    before = np.array([one.expected_per_week for one in base.assessment.wards])
    sizes = pd.Series([zone.get(code, code) for code in codes]).value_counts()
    means = {one.code: one.expected_per_week for one in other.assessment.wards}
    after = np.array([means[zone.get(one, one)] / sizes[zone.get(one, one)] for one in codes])
    tiers = (
        list(zip(base.assessment.wards, other.assessment.wards, strict=False)) if not zone else []
    )
    boroughs = list(zip(base.assessment.boroughs, other.assessment.boroughs, strict=True))
    moved = max(boroughs, key=lambda pair: abs(pair[0].rank - pair[1].rank))
    return SensitivityRow(
        group=change.group,
        what=change.what,
        ward_rank_correlation=_correlation(before, after),
        borough_rank_correlation=_correlation(
            np.array([one.expected_per_week for one, _ in boroughs]),
            np.array([one.expected_per_week for _, one in boroughs]),
        ),
        top_wards_kept=_top_kept(before, after, 0.1),
        top_cells_kept=_top_kept(*_matched_cells(base, other), TOP_CELLS),
        tiers_changed=sum(one.tier != two.tier for one, two in tiers),
        tiers_compared=len(tiers),
        largest_move=moved[0].name,
        moved_from=moved[0].rank,
        moved_to=moved[1].rank,
        top_wards=_moves(base.assessment.wards, before, after),
        top_boroughs=_moves(
            base.assessment.boroughs,
            *(np.array([pair[n].expected_per_week for pair in boroughs]) for n in (0, 1)),
        ),
    )


def _moves(areas: Sequence[AreaScore], before: Floats, after: Floats) -> tuple[RankMove, ...]:
    """Return the moves of the highest areas; ranks as published, ties by position."""
    first, second = np.argsort(-before, kind="stable"), np.argsort(-after, kind="stable")
    rank_after = np.empty(len(after), dtype=np.intp)
    rank_after[second] = np.arange(1, len(after) + 1)
    return tuple(
        RankMove(areas[i].code, areas[i].name, number, int(rank_after[i]))
        for number, i in enumerate(first[:FOLLOWED].tolist(), start=1)
    )


def _correlation(before: Floats, after: Floats) -> float:
    """Return Spearman's correlation; 1 where either has but one value and order says nothing."""
    if np.ptp(before) == 0 or np.ptp(after) == 0:
        return 1.0
    return float(stats.spearmanr(before, after).statistic)


def _top_kept(before: Floats, after: Floats, share: float) -> float:
    number = int(np.ceil(share * len(before)))
    first, second = (
        set(np.argsort(-one, kind="stable")[:number].tolist()) for one in (before, after)
    )
    return len(first & second) / number


def _matched_cells(base: AssessedWeek, other: AssessedWeek) -> tuple[Floats, Floats]:
    """Return the surfaces on the cells both have: the lattice does not move with the wards."""
    both = base.cells.merge(other.cells, on=["x_m", "y_m"], suffixes=("", "_other"))
    return (
        both["expected_per_week"].to_numpy(dtype=np.float64),
        both["expected_per_week_other"].to_numpy(dtype=np.float64),
    )

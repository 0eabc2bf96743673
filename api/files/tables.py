"""Tables for people: the same rows stand beside every map and in every CSV."""

from __future__ import annotations

import io
from typing import Literal

import pandas as pd

from hotspots.assessment import AreaScore, RiskAssessment

#: A cell that a spreadsheet would run as a formula gets an apostrophe in front; East Asian ones
#: run the wide signs too.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def area_table(
    assessment: RiskAssessment,
    areas: Literal["wards", "boroughs", "harm_wards", "harm_boroughs"],
) -> pd.DataFrame:
    """Return the ranked wards or boroughs of one target, highest expected rate first.

    Rates are incidents a week; every row carries the marking of the assessment.
    """
    scores: tuple[AreaScore, ...] = getattr(assessment, areas)
    names = {score.code: score.name for score in assessment.boroughs}
    rows = [_area_row(score, names, assessment) for score in sorted(scores, key=_by_rank)]
    return pd.DataFrame(rows)


def group_table(assessment: RiskAssessment) -> pd.DataFrame:
    """Return the roll-ups of both targets, highest first within each grouping and target."""
    ordered = sorted(assessment.groups, key=lambda one: (one.grouping, one.target, one.rank))
    rows = [
        {
            "grouping": one.grouping,
            "target": one.target,
            "rank": one.rank,
            "code": one.code,
            "name": one.name,
            "expected_per_week": round(one.expected_per_week, 6),
            "lower_90": round(one.lower_90, 6),
            "upper_90": round(one.upper_90, 6),
            "rank_lower_90": one.rank_lower_90,
            "rank_upper_90": one.rank_upper_90,
            "members": " ".join(one.members),
            **_marking(assessment),
        }
        for one in ordered
    ]
    return pd.DataFrame(rows)


def view_table(assessment: RiskAssessment) -> pd.DataFrame:
    """Return one row an area and target: counts of every window, empty where unknown."""
    scores = (*assessment.wards, *assessment.boroughs)
    names = {score.code: score.name for score in scores}
    rows = []
    for one in assessment.area_views:
        row: dict[str, object] = {"code": one.code, "name": names[one.code], "target": one.target}
        for view, count, earlier in zip(
            assessment.views, one.counts, one.earlier_counts, strict=True
        ):
            row |= {view.name: count, f"{view.name}_earlier": earlier}
        rows.append(row | _marking(assessment))
    table = pd.DataFrame(rows)
    counts = [name for view in assessment.views for name in (view.name, f"{view.name}_earlier")]
    return table.astype(dict.fromkeys(counts, "Int64")) if rows else table


def csv_text(table: pd.DataFrame) -> str:
    """Return a table as CSV text that no spreadsheet will execute."""
    safe = table.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name].dtype):
            safe[name] = safe[name].map(_neutral)
    text = io.StringIO()
    safe.columns = pd.Index([_neutral(str(name)) for name in safe.columns])
    safe.to_csv(text, index=False, lineterminator="\n")
    return text.getvalue()


def _by_rank(score: AreaScore) -> tuple[int, str]:
    return (score.rank, score.code)


def _area_row(
    score: AreaScore, borough_names: dict[str, str], assessment: RiskAssessment
) -> dict[str, object]:
    return {
        "rank": score.rank,
        "code": score.code,
        "name": score.name,
        "borough": borough_names.get(score.borough_code, score.borough_code),
        "expected_per_week": round(score.expected_per_week, 6),
        "lower_90": round(score.lower_90, 6),
        "upper_90": round(score.upper_90, 6),
        "rank_lower_90": score.rank_lower_90,
        "rank_upper_90": score.rank_upper_90,
        "probability_top_decile": round(score.probability_top_decile, 4),
        **{
            f"probability_top_{k}": round(probability, 4)
            for k, probability in zip(assessment.top_k, score.probability_top_k, strict=False)
        },
        "tier": score.tier,
        "coverage": score.coverage,
        "handling_code": score.handling_code,
        "reasons": " ".join(score.reasons),
        **_marking(assessment),
    }


def _marking(assessment: RiskAssessment) -> dict[str, object]:
    return {
        "assessment_id": assessment.assessment_id,
        "classification": assessment.classification,
        "notice": assessment.notice,
    }


def _neutral(value: object) -> object:
    if not isinstance(value, str):
        return value
    marked = "'" + value if value.startswith(FORMULA_SIGNS) else value
    # The writer does not quote a carriage return, at which a spreadsheet would begin a new row.
    return marked.replace("\r\n", "\n").replace("\r", "\n")

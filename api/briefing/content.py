"""What the briefing says, as plain JSON types for the template; no layout in here."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from allocator.plan import PatrolPlan, UnitPlacement
from api.assumptions import assumptions
from api.briefing import wording
from api.briefing.figures import (
    listed,
    nice_ceiling,
    rate,
    short_date,
    small_percent,
)
from api.briefing.printable import printable_tree
from api.briefing.risk_classes import RiskClass
from api.marking import marking_of
from api.pattern_view import COLUMNS as PATTERN_COLUMNS
from api.pattern_view import NONE as NO_PATTERNS
from api.pattern_view import neighbourhoods_in_words, pattern_rows
from api.plans.verdict_view import VerdictView
from api.wording import british_date, count, percent, week_in_words
from hotspots.assessment import AreaScore, EvidenceLine, RiskAssessment
from hotspots.boundaries.study_area import StudyArea

TOP_BOROUGHS = 5
TOP_WARDS = 25
GAPS_ON_FIRST_PAGE = 3
#: Below this loss of the objective another area is as good for the purpose of print.
SAME_SHARE = 0.00005
#: Longest line of the first page's lists, in letters; the later pages give it whole.
FIRST_PAGE_LETTERS = 105
#: Longest name of a unit beside the map and in the ranked tables; the unit table gives it whole.
KEY_LETTERS = 14
#: Longest name of a unit in its own table: a row must fit on a page.
UNIT_LETTERS = 100
TITLE = "Armed response vehicles: weekly tasking briefing"


def briefing_content(
    assessment: RiskAssessment,
    plan: PatrolPlan,
    study_area: StudyArea,
    cells: pd.DataFrame,
    *,
    classes: Sequence[RiskClass],
    previous: PatrolPlan | None = None,
    verdict: VerdictView | None = None,
    fleet: str = "",
) -> dict[str, object]:
    """Return everything the template prints, every text made printable.

    Parameters
    ----------
    assessment, plan, study_area, cells, previous, verdict, fleet
        As for :func:`api.briefing.paper.render_pdf`.
    classes
        Classes of ward risk shown in the legend of the map.
    """
    content = {
        **_identity(assessment, plan),
        "summary": _summary(assessment, plan, cells, previous),
        "map": _map(assessment, plan, study_area, classes),
        "units": [_unit_row(unit, plan) for unit in plan.units],
        "verdict": _verdict(verdict),
        "boroughs": _borough_table(assessment, plan),
        "patterns": _patterns(assessment),
        "wards": _ward_table(assessment),
        "evidence": [_evidence_row(line) for line in assessment.evidence],
        "gaps": list(assessment.data_gaps),
        "settings": _settings(plan),
        "identifiers": _identifiers(assessment, plan, fleet),
        "attribution": list(assessment.attribution),
    }
    return {key: printable_tree(value) for key, value in content.items()}


def marking(assessment: RiskAssessment) -> str:
    """Return what stands at the top and bottom of every page."""
    return " · ".join(part for part in (assessment.classification, assessment.notice) if part)


def _identity(assessment: RiskAssessment, plan: PatrolPlan) -> dict[str, object]:
    as_of = assessment.as_of
    return {
        "title": TITLE,
        "week": plan.week,
        "span": week_in_words(plan.week),
        "as_of": british_date(as_of),
        "as_of_parts": [as_of.year, as_of.month, as_of.day],
        "marking": marking(assessment),
        "synthetic": bool(assessment.notice),
        "notice": assessment.notice,
        "assessment_id": plan.assessment_id or assessment.assessment_id,
        "plan_id": plan.plan_id,
        "run_line": marking_of(assessment, plan).run_line(),
        "approximate": assessment.boundary_approximate,
    }


def _summary(
    assessment: RiskAssessment,
    plan: PatrolPlan,
    cells: pd.DataFrame,
    previous: PatrolPlan | None,
) -> dict[str, object]:
    table = _borough_table(assessment, plan)
    rows = table["rows"]
    return {
        "status": wording.STATUS_WORDS[plan.status],
        "objective": percent(plan.objective, 2),
        "bound": percent(min(plan.bound, 1.0), 2),
        "gap": small_percent(plan.gap).replace("less than ", "< "),
        "proposal": wording.proposal(plan),
        "share": wording.expected_share(plan),
        "proof": wording.proof(plan),
        "weakest": wording.weakest_boroughs(plan),
        "demand": wording.demand(assessment, cells),
        "top": rows[:TOP_BOROUGHS] if isinstance(rows, list) else [],
        "uncertainty": wording.uncertainty(assessment),
        "changes": [_cut(line) for line in wording.changes(plan, previous)],
        "basis": wording.basis(assessment),
        "gaps": [_cut(gap) for gap in assessment.data_gaps[:GAPS_ON_FIRST_PAGE]],
        "n_gaps": len(assessment.data_gaps),
    }


def _verdict(verdict: VerdictView | None) -> dict[str, object]:
    if verdict is None:
        return {"headline": "", "sentences": [], "rows": [], "basis": ""}
    return {
        "headline": verdict.headline,
        "sentences": list(verdict.sentences),
        "rows": [list(row.cells) for row in verdict.rows],
        "basis": verdict.basis,
    }


def _patterns(assessment: RiskAssessment) -> dict[str, object]:
    rows = [list(row.cells) for row in pattern_rows(assessment)]
    return {
        "columns": list(PATTERN_COLUMNS),
        "rows": rows,
        "none": NO_PATTERNS,
        "neighbourhoods": neighbourhoods_in_words(assessment),
    }


def _cut(text: str, letters: int = FIRST_PAGE_LETTERS) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


def _map(
    assessment: RiskAssessment,
    plan: PatrolPlan,
    study_area: StudyArea,
    classes: Sequence[RiskClass],
) -> dict[str, object]:
    names = _names(plan)
    areas = "; ".join(
        f"{unit.unit_id}: {listed([names.get(code, code) for code in unit.boroughs])}"
        for unit in plan.units
    )
    unscored = study_area.boroughs.loc[~study_area.boroughs["policed"], "borough_name"]
    return {
        "alt": (
            f"Map of the patrol areas for {plan.week}, drawn over {len(assessment.wards)} wards "
            f"shaded in {len(classes)} classes by expected incidents a week. The areas are: "
            f"{areas}. The same facts stand in the tables that follow."
        ),
        "classes": [
            {"colour": each.colour, "label": each.label, "n": count(each.n_wards)}
            for each in reversed(classes)
        ],
        "unscored": listed([str(name) for name in unscored]),
        "no_data": _no_data(assessment),
        "boundary": assessment.boundary_name,
        "units": [
            {
                "unit": _cut(unit.unit_id, KEY_LETTERS),
                "boroughs": listed([names.get(code, code) for code in unit.boroughs]),
            }
            for unit in plan.units
        ],
    }


def _no_data(assessment: RiskAssessment) -> str:
    """Return how many wards no feed covers, or nothing when every ward has data."""
    unknown = sum(ward.coverage == "unknown" for ward in assessment.wards)
    return f"{count(unknown)} ward{'' if unknown == 1 else 's'}" if unknown else ""


def _unit_row(unit: UnitPlacement, plan: PatrolPlan) -> dict[str, object]:
    names = _names(plan)
    runner_up = "None found within the rules."
    if unit.runner_up is not None:
        area = listed([names.get(code, code) for code in unit.runner_up.boroughs])
        loss = unit.runner_up.objective_loss
        runner_up = f"{area}: {'no worse' if loss < SAME_SHARE else _points(loss) + ' less'}"
    return {
        "unit": _cut(unit.unit_id, UNIT_LETTERS),
        "provenance": _cut(unit.provenance, UNIT_LETTERS),
        "boroughs": listed([names.get(code, code) for code in unit.boroughs]),
        "support": listed([names.get(code, code) for code in unit.support]),
        "adds": _points(unit.marginal_coverage),
        "reason": unit.reason,
        "runner_up": runner_up,
    }


def _points(share: float) -> str:
    if 0 < share < 0.0001:
        return "under 0.01 pp"
    return f"{100 * share:.2f} pp"


def _borough_table(assessment: RiskAssessment, plan: PatrolPlan) -> dict[str, object]:
    ranked = sorted(assessment.boroughs, key=lambda area: (area.rank, area.code))
    top = nice_ceiling(max((area.upper_90 for area in ranked), default=0.0))
    covered = {place.code: place for place in plan.boroughs}
    rows = []
    for area in ranked:
        place = covered.get(area.code)
        rows.append(
            {
                **_score_row(area, top, 1 if top >= 4 else 2),
                "unit": _cut(place.unit_id, KEY_LETTERS) if place else "–",
                "reached": percent(place.coverage) if place else "–",
                "reasons": " ".join(area.reasons),
            }
        )
    return {"axis": f"{top:g}", "rows": rows}


def _ward_table(assessment: RiskAssessment) -> dict[str, object]:
    ranked = sorted(assessment.wards, key=lambda area: (area.rank, area.code))[:TOP_WARDS]
    top = nice_ceiling(max((area.upper_90 for area in ranked), default=0.0))
    names = {area.code: area.name for area in assessment.boroughs}
    rows = [
        {
            **_score_row(area, top, 2 if top >= 0.4 else 3),
            "borough": names.get(area.borough_code, area.borough_code),
            "top_decile": percent(area.probability_top_decile, 0),
        }
        for area in ranked
    ]
    return {"axis": f"{top:g}", "rows": rows, "of": count(len(assessment.wards))}


def _score_row(area: AreaScore, top: float, digits: int) -> dict[str, object]:
    return {
        "rank": str(area.rank),
        "name": area.name,
        "mean": rate(area.expected_per_week, digits),
        "interval": wording.interval(area, digits),
        "ranks": wording.rank_interval(area),
        "marks": [
            round(min(1.0, max(0.0, value / top)), 5)
            for value in (area.lower_90, area.expected_per_week, area.upper_90)
        ],
        "tier": area.tier,
        "coverage": area.coverage,
    }


def _evidence_row(line: EvidenceLine) -> dict[str, object]:
    return {
        "title": line.title,
        "accepted": count(line.accepted),
        "used": count(line.used),
        "weight": rate(line.effective_weight, 3),
        "discovered": count(line.discovered_shown_only),
        "stale": count(line.stale_shown_only),
        "rejected": count(line.rejected),
        "days": f"{short_date(line.first_day)} to {short_date(line.last_day)}"
        if line.first_day
        else "–",
        "coverage": line.coverage,
    }


def _settings(plan: PatrolPlan) -> list[dict[str, str]]:
    lines = assumptions(plan.settings, _names(plan))
    return [{"label": line.name, "value": line.value} for line in lines]


def _identifiers(assessment: RiskAssessment, plan: PatrolPlan, fleet: str) -> list[dict[str, str]]:
    pairs = {
        "Plan": plan.plan_id,
        "Plan's inputs (SHA-256)": plan.inputs_sha256,
        "Fleet": fleet,
        "Assessment": assessment.assessment_id,
        "Assessment's inputs (SHA-256)": assessment.inputs_sha256,
        "Evidence policy": assessment.policy_version,
        "Evidence until": marking_of(assessment, plan).evidence_until,
        "Evidence policy (SHA-256)": assessment.policy_sha256,
        "Boundaries": assessment.boundary_name,
        "Boundaries (SHA-256)": assessment.boundary_sha256,
        "Seed of the posterior draws": str(assessment.seed),
    }
    return [{"label": label, "value": value} for label, value in pairs.items() if value]


def _names(plan: PatrolPlan) -> dict[str, str]:
    return {place.code: place.name for place in plan.boroughs}

"""The weekly briefing as a tagged PDF, the same bytes for the same plan on every machine."""

from __future__ import annotations

import json
from importlib import resources

import pandas as pd

from allocator.errors import PlanningRefusedError
from allocator.plan import PatrolPlan
from api.briefing.content import briefing_content
from api.briefing.map_drawing import draw_map
from api.briefing.risk_classes import risk_classes
from api.briefing.typesetting import typeset
from api.briefing.wording import STATUS_WORDS
from api.plans.verdict_view import VerdictView
from hotspots.assessment import RiskAssessment
from hotspots.boundaries.study_area import StudyArea
from hotspots.errors import AssessmentRefusedError

TEMPLATE = "briefing.typ"


def render_pdf(
    assessment: RiskAssessment,
    plan: PatrolPlan,
    study_area: StudyArea,
    cells: pd.DataFrame,
    *,
    previous: PatrolPlan | None = None,
    verdict: VerdictView | None = None,
    fleet: str = "",
) -> bytes:
    """Return the briefing of the week as a tagged PDF (PDF/UA-1, British English).

    No clock, path, host name or system font enters it: the same input gives the same bytes.

    Parameters
    ----------
    assessment
        The week's scores.
    plan
        The placement made from that assessment.
    study_area
        The boundaries the assessment was made on, EPSG:27700.
    cells
        ``x_m, y_m, expected_per_week``, one row a cell, shape (n_cells, 3).
    previous
        The plan to name changes from, where there is one.
    verdict
        What simulated weeks say of the plan, where it was judged.
    fleet
        Where the fleet came from, in words; nothing is said of it when left out.

    Raises
    ------
    PlanningRefusedError
        When the plan is infeasible (there is nothing to brief) or was made from another
        assessment.
    AssessmentRefusedError
        When the boundaries are not those of the assessment.
    """
    files = _typst_files(
        assessment, plan, study_area, cells, previous=previous, verdict=verdict, fleet=fleet
    )
    return bytes(typeset(files, format="pdf", pdf_standards=["ua-1"]))


def render_page_images(
    assessment: RiskAssessment,
    plan: PatrolPlan,
    study_area: StudyArea,
    cells: pd.DataFrame,
    *,
    previous: PatrolPlan | None = None,
    verdict: VerdictView | None = None,
    pixels_per_inch: float = 110.0,
) -> list[bytes]:
    """Return every page of the briefing as a PNG, for a screen or a reviewer's eye.

    Parameters and errors are those of :func:`render_pdf`.
    """
    files = _typst_files(assessment, plan, study_area, cells, previous=previous, verdict=verdict)
    pages = typeset(files, format="png", ppi=pixels_per_inch)
    return [bytes(page) for page in (pages if isinstance(pages, list) else [pages])]


def _typst_files(
    assessment: RiskAssessment,
    plan: PatrolPlan,
    study_area: StudyArea,
    cells: pd.DataFrame,
    *,
    previous: PatrolPlan | None,
    verdict: VerdictView | None,
    fleet: str = "",
) -> dict[str, bytes]:
    """Return the template and its data as files in memory; data never become template text."""
    _refuse_mismatch(assessment, plan, study_area)
    with_data = [ward for ward in assessment.wards if ward.coverage != "unknown"]
    classes = risk_classes([ward.expected_per_week for ward in with_data or assessment.wards])
    content = briefing_content(
        assessment,
        plan,
        study_area,
        cells,
        classes=classes,
        previous=previous,
        verdict=verdict,
        fleet=fleet,
    )
    drawing, sheet = draw_map(assessment, plan, study_area, classes)
    content["sheet"] = {"width_mm": sheet.width_mm, "height_mm": sheet.height_mm}
    template = resources.files("api.briefing").joinpath(TEMPLATE).read_bytes()
    return {
        "main": template,
        "content.json": json.dumps(content, sort_keys=True, allow_nan=False).encode(),
        "map.svg": drawing.encode(),
    }


def _refuse_mismatch(assessment: RiskAssessment, plan: PatrolPlan, study_area: StudyArea) -> None:
    if plan.status not in STATUS_WORDS:
        raise PlanningRefusedError(
            f"a plan with status {plan.status!r} places nothing, so there is nothing to brief",
            remedy="relax a rule, plan again and brief that plan",
        )
    if plan.assessment_id and plan.assessment_id != assessment.assessment_id:
        raise PlanningRefusedError(
            f"the plan was made from assessment {plan.assessment_id}, "
            f"not from {assessment.assessment_id}",
            remedy="give the assessment folder the plan was made from",
        )
    if study_area.sha256 != assessment.boundary_sha256:
        raise AssessmentRefusedError(
            f"the assessment was made on the boundaries {assessment.boundary_name!r}, "
            f"not on {study_area.name!r}",
            remedy="give the same --wards (and --boroughs) as for `arv assess`",
        )

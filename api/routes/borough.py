"""A borough's own part of the picture: its wards, its vehicle, nothing of its neighbours."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Path as InPath
from fastapi import Query
from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from allocator.plan import PatrolPlan
from api.access import Action, Actor, own_boroughs
from api.problems import ProblemError, http_problem
from api.routes.area_scores import AssessmentQuery, ScoreDocument, about, score_document
from api.routes.documents import Document, problem
from api.routes.endpoint import Endpoint
from api.routes.permits import plan_for, shown_assessment
from api.routes.stored import StoredAssessment, marking, stored_assessment, stored_plan
from api.service import service_of
from hotspots.assessment import RiskAssessment

Code = Annotated[str, InPath(pattern=r"^E09[0-9]{6}$", description="Code of the borough.")]
WeekQuery = Annotated[
    str,
    StringConstraints(max_length=16),
    Query(description="ISO week; without it the current assessment alone."),
]
_ONE_OF_BOTH = (
    "week and assessment_id exclude each other: a week's figures are those its plan was made "
    "from. Remedy: give one of them."
)


class BoroughPartDocument(Document):
    """A borough's own part of the picture."""

    borough: ScoreDocument
    wards: list[ScoreDocument]
    week: str
    unit_id: str = Field(description="The vehicle whose primary area holds it, if there is one.")
    coverage: float | None = Field(description="Expected share of its demand reached in time.")
    assessment_id: str
    as_of: date
    classification: str
    notice: str


async def read_borough(
    request: Request, code: Code, week: WeekQuery = "", assessment_id: AssessmentQuery = None
) -> Response:
    """Return a borough's figures and the vehicle that patrols it."""
    if week and assessment_id is not None:
        raise ProblemError(http_problem(422, _ONE_OF_BOTH))
    service = service_of(request)
    plan = await stored_plan(service, week) if week else None
    source = plan.source if plan else await stored_assessment(service, assessment_id)
    if source is None or (week and plan is None):
        raise ProblemError(http_problem(404, "there is no such week or assessment."))
    shown = await shown_assessment(request, service, source, Action.READ_BOROUGH)
    shown_plan = await plan_for(request, plan) if plan is not None else None
    placed = shown_plan.plan if shown_plan is not None else None
    actor: Actor = request.state.actor
    whole_picture = own_boroughs(actor, Action.READ_BOROUGH) is None
    body = _part(shown, placed, code, whole_picture)
    return JSONResponse(body, headers=marking(shown.assessment, placed))


def _part(
    source: StoredAssessment, plan: PatrolPlan | None, code: str, whole_picture: bool
) -> dict[str, Any]:
    assessment: RiskAssessment = source.assessment
    score = next((one for one in assessment.boroughs if one.code == code), None)
    if score is None:
        raise ProblemError(http_problem(404, f"the assessment has no borough {code}."))
    line = next((one for one in plan.boroughs if one.code == code), None) if plan else None
    return {
        "borough": score_document(score, whole_picture),
        "wards": [
            score_document(one, whole_picture)
            for one in assessment.wards
            if one.borough_code == code
        ],
        "week": plan.week if plan else "",
        "unit_id": line.unit_id if line else "",
        "coverage": line.coverage if line else None,
        **about(assessment),
    }


ENDPOINTS = (
    Endpoint(
        "GET",
        "/boroughs/{code}",
        Action.READ_BOROUGH,
        read_borough,
        "A borough's own part of the picture",
        tag="assessment",
        operation="consultation",
        borough="code",
        responses={
            200: {"model": BoroughPartDocument, "description": "The borough's part."},
            404: problem("There is no such borough, week or assessment."),
        },
    ),
)

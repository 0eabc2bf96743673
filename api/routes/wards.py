"""The wards of an assessment: ranked, filtered, page by page, and one by its code."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path as InPath
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action, Actor, Resource, own_boroughs
from api.pagination import ROWS, CursorQuery, LimitQuery
from api.problems import ProblemError, http_problem
from api.routes.area_scores import (
    AssessmentQuery,
    BoroughQuery,
    OrderQuery,
    ScoreDocument,
    ScoresDocument,
    TargetQuery,
    TierQuery,
    Wanted,
    about,
    answer_list,
    chosen_assessment,
    score_document,
    scores_of,
)
from api.routes.documents import problem
from api.routes.endpoint import Endpoint
from api.routes.permits import require
from api.routes.stored import marking

Code = Annotated[str, InPath(pattern=r"^E05[0-9]{6}$", description="Code of the ward.")]


class WardsDocument(ScoresDocument):
    """A page of wards."""

    wards: list[ScoreDocument]


class WardDocument(ScoreDocument):
    """One ward, and the assessment its score is from."""

    assessment_id: str
    as_of: str
    classification: str
    notice: str


async def list_wards(
    request: Request,
    *,
    assessment_id: AssessmentQuery = None,
    target: TargetQuery = "demand",
    borough: BoroughQuery = None,
    tier: TierQuery = None,
    order: OrderQuery = None,
    limit: LimitQuery = ROWS,
    cursor: CursorQuery = "",
) -> Response:
    """Return the wards the actor may see, the highest first."""
    wanted = Wanted("ward", assessment_id, target, borough, tier, order, limit, cursor)
    return await answer_list(request, wanted, "wards")


async def read_ward(
    request: Request,
    code: Code,
    *,
    assessment_id: AssessmentQuery = None,
    target: TargetQuery = "demand",
) -> Response:
    """Return one ward's score."""
    _, shown = await chosen_assessment(request, assessment_id, Action.READ_BOROUGH)
    kept = shown.assessment
    score = next((one for one in scores_of(kept, "ward", target) if one.code == code), None)
    if score is None:
        words = f"the assessment has no ward {code}. Remedy: GET /wards lists those it has."
        raise ProblemError(http_problem(404, words))
    await require(request, Action.READ_BOROUGH, Resource("ward", code, borough=score.borough_code))
    actor: Actor = request.state.actor
    whole_picture = own_boroughs(actor, Action.READ_BOROUGH) is None
    body = {**score_document(score, whole_picture), **about(kept)}
    return JSONResponse(body, headers=marking(kept))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/wards",
        Action.READ_BOROUGH,
        list_wards,
        "The wards of an assessment, the highest first",
        tag="assessment",
        operation="consultation",
        own_boroughs=True,
        responses={
            200: {"model": WardsDocument, "description": "A page of wards."},
            404: problem("There is no such assessment."),
        },
    ),
    Endpoint(
        "GET",
        "/wards/{code}",
        Action.READ_BOROUGH,
        read_ward,
        "One ward of an assessment",
        tag="assessment",
        operation="consultation",
        own_boroughs=True,
        responses={
            200: {"model": WardDocument, "description": "The ward."},
            404: problem("There is no such ward or assessment."),
        },
    ),
)

"""The boroughs of an assessment as a list; one by its code is :mod:`api.routes.borough`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from api.access import Action
from api.pagination import ROWS, CursorQuery, LimitQuery
from api.routes.area_scores import (
    AssessmentQuery,
    OrderQuery,
    ScoreDocument,
    ScoresDocument,
    TargetQuery,
    TierQuery,
    Wanted,
    answer_list,
)
from api.routes.documents import problem
from api.routes.endpoint import Endpoint


class BoroughsDocument(ScoresDocument):
    """A page of boroughs."""

    boroughs: list[ScoreDocument]


async def list_boroughs(
    request: Request,
    *,
    assessment_id: AssessmentQuery = None,
    target: TargetQuery = "demand",
    tier: TierQuery = None,
    order: OrderQuery = None,
    limit: LimitQuery = ROWS,
    cursor: CursorQuery = "",
) -> Response:
    """Return the boroughs the actor may see, the highest first."""
    wanted = Wanted("borough", assessment_id, target, None, tier, order, limit, cursor)
    return await answer_list(request, wanted, "boroughs")


ENDPOINTS = (
    Endpoint(
        "GET",
        "/boroughs",
        Action.READ_BOROUGH,
        list_boroughs,
        "The boroughs of an assessment, the highest first",
        tag="assessment",
        operation="consultation",
        own_boroughs=True,
        responses={
            200: {"model": BoroughsDocument, "description": "A page of boroughs."},
            404: problem("There is no such assessment."),
        },
    ),
)

"""The hot spots of an assessment: places where reported incidents lie closer than chance."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Path as InPath
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action
from api.pagination import ROWS, CursorQuery, LimitQuery, no_cursor, page_of, position
from api.problems import ProblemError, http_problem
from api.routes.area_scores import AssessmentQuery, BoroughQuery, about, chosen_assessment
from api.routes.documents import Document, problem
from api.routes.endpoint import Endpoint
from api.routes.stored import marking
from hotspots.assessment import HotSpot, RiskAssessment

SpotId = Annotated[
    str, InPath(pattern=r"^H[1-9][0-9]{0,5}$", description="Identifier within its assessment.")
]


class HotSpotDocument(Document):
    """One hot spot; its outline is closed rings of metres, EPSG:27700."""

    hot_spot_id: str = Field(description="H1 has the greatest weight.")
    name: str
    ward_codes: list[str]
    borough_codes: list[str]
    records: int
    records_last_28_days: int
    weight: float = Field(description="Sum of its records' weights (incidents).")
    expected_weight: float = Field(description="What the average density there would give.")
    first_day: date
    last_day: date
    area_km2: float
    polygon_m: list[list[list[float]]]


class HotSpotsDocument(Document):
    """A page of hot spots, the heaviest first."""

    assessment_id: str
    as_of: date
    classification: str
    notice: str
    matched: int
    hot_spots: list[HotSpotDocument]
    links: list[dict[str, str]]


class OneHotSpotDocument(HotSpotDocument):
    """One hot spot, and the assessment it is from."""

    assessment_id: str
    as_of: date
    classification: str
    notice: str


async def list_hot_spots(
    request: Request,
    *,
    assessment_id: AssessmentQuery = None,
    borough: BoroughQuery = None,
    limit: LimitQuery = ROWS,
    cursor: CursorQuery = "",
) -> Response:
    """Return the hot spots, the heaviest first; with a borough those that touch it."""
    after = position(cursor, 2)
    if after is not None and assessment_id not in (None, after[0]):
        raise ProblemError(no_cursor())
    asked_id = after[0] if after else assessment_id
    stored, shown = await chosen_assessment(request, asked_id, Action.READ_ASSESSMENT)
    kept = shown.assessment
    found = [
        one
        for one in (_document(spot, kept) for spot in kept.clusters)
        if borough is None or borough in one["borough_codes"]
    ]
    names = [str(one["hot_spot_id"]) for one in found]
    if after is not None and after[1] not in names:
        raise ProblemError(no_cursor())
    begin = names.index(after[1]) + 1 if after else 0
    rows = found[begin : begin + limit + 1]
    page = page_of(request, rows, limit, lambda one: (stored.folder.name, str(one["hot_spot_id"])))
    body = {
        **about(kept),
        "matched": len(found),
        "hot_spots": page.rows,
        "links": page.links(request),
    }
    return JSONResponse(body, headers={**marking(kept), **page.headers})


async def read_hot_spot(
    request: Request, hot_spot_id: SpotId, *, assessment_id: AssessmentQuery = None
) -> Response:
    """Return one hot spot."""
    _, shown = await chosen_assessment(request, assessment_id, Action.READ_ASSESSMENT)
    kept = shown.assessment
    spot = next((one for one in kept.clusters if one.hot_spot_id == hot_spot_id), None)
    if spot is None:
        words = f"the assessment has no hot spot {hot_spot_id}. Remedy: GET /hot-spots lists them."
        raise ProblemError(http_problem(404, words))
    return JSONResponse({**_document(spot, kept), **about(kept)}, headers=marking(kept))


def _document(spot: HotSpot, kept: RiskAssessment) -> dict[str, Any]:
    borough_of = {place.code: place.borough_code for place in kept.places}
    return {
        "hot_spot_id": spot.hot_spot_id,
        "name": spot.name,
        "ward_codes": list(spot.ward_codes),
        "borough_codes": sorted({borough_of[code] for code in spot.ward_codes}),
        "records": spot.n_records,
        "records_last_28_days": spot.n_last_28_days,
        "weight": spot.weight,
        "expected_weight": spot.expected_weight,
        "first_day": spot.first_day.isoformat(),
        "last_day": spot.last_day.isoformat(),
        "area_km2": spot.area_km2,
        "polygon_m": [[list(point) for point in ring] for ring in spot.polygon],
    }


ENDPOINTS = (
    Endpoint(
        "GET",
        "/hot-spots",
        Action.READ_ASSESSMENT,
        list_hot_spots,
        "The hot spots of an assessment, the heaviest first",
        tag="assessment",
        operation="consultation",
        responses={
            200: {"model": HotSpotsDocument, "description": "A page of hot spots."},
            404: problem("There is no such assessment."),
        },
    ),
    Endpoint(
        "GET",
        "/hot-spots/{hot_spot_id}",
        Action.READ_ASSESSMENT,
        read_hot_spot,
        "One hot spot of an assessment",
        tag="assessment",
        operation="consultation",
        responses={
            200: {"model": OneHotSpotDocument, "description": "The hot spot."},
            404: problem("There is no such hot spot or assessment."),
        },
    ),
)

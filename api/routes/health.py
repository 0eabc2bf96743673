"""Whether the service is up. Nothing else, because anyone may ask."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from api.access import Action
from api.routes.endpoint import Endpoint


async def health() -> Response:
    """Answer as long as the service can answer at all."""
    return JSONResponse({"status": "ok"})


ENDPOINTS = (
    Endpoint(
        "GET",
        "/health",
        Action.READ_HEALTH,
        health,
        "Whether the service is up",
        responses={
            200: {
                "description": "The service is up.",
                "content": {"application/json": {"example": {"status": "ok"}}},
            }
        },
    ),
)

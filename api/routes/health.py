"""Whether the service is up, whether it can do its work, and its counts."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action
from api.conventions.metrics import MEDIA_TYPE
from api.conventions.readiness import checks
from api.jobs.shelf import JobShelf
from api.routes.endpoint import Endpoint
from api.service import service_of

JSON = "application/json"


async def health() -> Response:
    """Answer as long as the service can answer at all."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """Answer 200 when the service can do its work, else 503 with the check that failed."""
    service = service_of(request)
    passed = await asyncio.to_thread(checks, service.record, service.workspace.root)
    passed["running"] = not service.stopping
    fit = all(passed.values())
    words = {name: "ok" if good else "failed" for name, good in passed.items()}
    body = {"status": "ready" if fit else "not ready", "checks": words}
    return JSONResponse(body, 200 if fit else 503, None if fit else {"Retry-After": "5"})


async def metrics(request: Request) -> Response:
    """Return the counts of the service as Prometheus reads them."""
    service = service_of(request)
    open_jobs = await asyncio.to_thread(JobShelf(service.record).counts) if service.record else {}
    text = await asyncio.to_thread(
        lambda: service.metrics.text(
            solves=service.pool.admitted, streams=service.streams, jobs=open_jobs
        )
    )
    return Response(text, media_type=MEDIA_TYPE)


def _example(description: str, example: object) -> dict[str, object]:
    return {"description": description, "content": {JSON: {"example": example}}}


_READY = {"store": "ok", "schema": "ok", "disk": "ok", "running": "ok"}
ENDPOINTS = (
    Endpoint(
        "GET",
        "/health",
        Action.READ_HEALTH,
        health,
        "Whether the service is up",
        responses={200: _example("The service is up.", {"status": "ok"})},
    ),
    Endpoint(
        "GET",
        "/ready",
        Action.READ_HEALTH,
        ready,
        "Whether the service can do its work: store, schema, disk",
        responses={
            200: _example("It can.", {"status": "ready", "checks": _READY}),
            503: _example(
                "It cannot.", {"status": "not ready", "checks": _READY | {"disk": "failed"}}
            ),
        },
    ),
    Endpoint(
        "GET",
        "/metrics",
        Action.READ_METRICS,
        metrics,
        "Counts of the service for Prometheus",
        responses={200: {"description": "The counts.", "content": {"text/plain": {}}}},
    ),
)

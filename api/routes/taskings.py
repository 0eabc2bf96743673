"""Taskings of the proactive unit over HTTP: proposed by the meeting, authorised by command."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from allocator.tpu.request import MOBILE_PATROL
from api.access import Action
from api.audit.entry import time_text
from api.identify import actor_of
from api.routes.documents import problem
from api.routes.endpoint import Endpoint
from api.routes.stored import record_now
from api.routes.tpu import permitted_roster, roster_marking
from api.routes.tpu_bodies import AuthorityBody, RosterId, TaskingsDocument
from api.service import service_of
from api.store.rosters import KeptRoster
from api.store.taskings import Tasking
from api.taskings.shelf import TaskingShelf


async def read_taskings(request: Request, roster_id: RosterId) -> Response:
    """Return what stands on the days of a roster, by day and team."""
    kept = await permitted_roster(request, roster_id, Action.READ_TASKING)
    found = await asyncio.to_thread(_shelf(request).taskings, kept)
    return await _answer(request, kept, found)


async def propose_taskings(request: Request, roster_id: RosterId) -> Response:
    """Make the taskings of a roster stand; set-piece tactics are proposed till authorised."""
    kept = await permitted_roster(request, roster_id, Action.PROPOSE_TASKING)
    found = await asyncio.to_thread(_shelf(request).propose, roster_id, actor_of(request))
    return await _answer(request, kept, found)


async def authorise_taskings(
    request: Request, roster_id: RosterId, body: AuthorityBody
) -> Response:
    """Record a commander's decision on proposed tactics: all that are named, or none."""
    kept = await permitted_roster(request, roster_id, Action.AUTHORISE_TASKING)
    versions = {one.tasking_id: one.version for one in body.taskings}
    found = await asyncio.to_thread(
        lambda: _shelf(request).decide(
            roster_id, versions, body.verdict, reference=body.reference, actor=actor_of(request)
        )
    )
    return await _answer(request, kept, found)


async def _answer(request: Request, kept: KeptRoster, found: Sequence[Tasking]) -> Response:
    headers = await roster_marking(service_of(request), kept)
    body = {"roster_id": kept.roster_id, "taskings": [_document(one) for one in found]}
    return JSONResponse(body, headers=headers)


def _document(one: Tasking) -> dict[str, Any]:
    return {
        "tasking_id": one.tasking_id,
        "version": one.version,
        "team": one.team,
        "day": one.day.isoformat(),
        "borough_code": one.borough_code,
        "issue": one.issue,
        "tactic": one.tactic,
        "authority": one.authority,
        "authority_reference": one.authority_reference,
        "in_force": one.tactic if one.authority == "authorised" else MOBILE_PATROL,
        "roster_id": one.roster_id,
        "tasked": time_text(one.tasked),
        "tasked_by": one.tasked_by,
    }


def _shelf(request: Request) -> TaskingShelf:
    return TaskingShelf(record_now(service_of(request)))


_STANDING: dict[str, Any] = {"model": TaskingsDocument, "description": "What stands."}
_MISSING = problem("There is no such roster, or no such tasking.")

ENDPOINTS = (
    Endpoint(
        "GET",
        "/tpu/{roster_id}/taskings",
        Action.READ_TASKING,
        read_taskings,
        "The taskings that stand on the days of a roster",
        tag="tpu",
        operation="consultation",
        responses={200: _STANDING, 404: _MISSING},
    ),
    Endpoint(
        "POST",
        "/tpu/{roster_id}/propose",
        Action.PROPOSE_TASKING,
        propose_taskings,
        "Make the taskings of a roster stand; set-piece tactics are proposed",
        tag="tpu",
        responses={200: _STANDING, 404: _MISSING},
    ),
    Endpoint(
        "POST",
        "/tpu/{roster_id}/authorise",
        Action.AUTHORISE_TASKING,
        authorise_taskings,
        "Authorise or refuse proposed tactics, by the commander's reference",
        tag="tpu",
        responses={
            200: _STANDING,
            404: _MISSING,
            412: problem("A tasking was changed or decided since it was read."),
        },
    ),
)

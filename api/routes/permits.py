"""Ask the rules again where the object is known, and give what may be given of it."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from api.access import HANDLING_C_SCOPE, Action, Actor, Resource, decide
from api.audit.entry import clipped, entry
from api.problems import ProblemError, http_problem
from api.routes.stored import StoredAssessment, StoredPlan, stored_folder, stored_sanitised
from api.service import Service, service_of
from api.working.orders import SANITISED


async def require(request: Request, action: Action, resource: Resource) -> None:
    """Let the request go on, or record its denial and answer 403."""
    actor: Actor = request.state.actor
    verdict = decide(actor, action, resource)
    if verdict.allowed:
        return
    service = service_of(request)
    if service.record is not None:
        await asyncio.to_thread(
            service.record.note,
            entry(actor.name, action, resource.kind, clipped(resource.identifier),
                  outcome="denied", reason=clipped(verdict.reason, 2000)),
        )  # fmt: skip
    raise ProblemError(http_problem(403, f"{verdict.reason}."))


async def shown_assessment(
    request: Request, service: Service, stored: StoredAssessment, action: Action
) -> StoredAssessment:
    """Return an assessment as the actor may see it: whole, or its sanitised version.

    An assessment that rests on material with handling code C has a sanitised version beside it,
    made without that material. Whoever lacks the scope gets that one, and 403 where there is
    none.
    """
    if opens_whole(request.state.actor, stored):
        return stored
    sanitised = stored.folder / SANITISED
    if sanitised.is_dir():
        return await stored_folder(service, sanitised)
    await require(request, action, as_resource(stored))
    return stored


async def shown_plan(
    request: Request, stored: StoredPlan, action: Action = Action.READ_PLAN
) -> StoredPlan:
    """Return a plan as the actor may see it: whole, or its sanitised version.

    A plan made from material with handling code C has a version beside it with the same areas
    and every figure from the sanitised assessment. Whoever lacks the scope gets that one, and
    403 where there is none.
    """
    shown = await plan_for(request, stored)
    if shown is None:
        await require(request, action, as_resource(stored.source))
        return stored
    return shown


async def plan_for(request: Request, stored: StoredPlan) -> StoredPlan | None:
    """Return a plan as the actor may see it, ``None`` where they may see none of it."""
    if opens_whole(request.state.actor, stored.source):
        return stored
    return await stored_sanitised(service_of(request), stored)


def opens_whole(actor: Actor, stored: StoredAssessment) -> bool:
    """Return whether the handling of an assessment's evidence lets an actor see all of it."""
    return stored.assessment.handling_code != "C" or HANDLING_C_SCOPE in actor.scopes


def as_resource(stored: StoredAssessment) -> Resource:
    """Return an assessment as the rules see it."""
    kept = stored.assessment
    return Resource("assessment", kept.assessment_id, handling_code=kept.handling_code)

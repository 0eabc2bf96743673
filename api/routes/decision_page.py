"""The pages on which a person confirms a step of a plan: shown, confirmed, done, led back.

Every step goes through :class:`api.plans.shelf.PlanShelf`, as over HTTP. A refusal stays on the
page with what to do; a step that was done leads back to the page of the week.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import Action, Actor
from api.pages.rendering import page
from api.pages.standing_view import DECISIONS, DRAFT, Decision, Standing, may_draft, standing
from api.plans.fleet_source import read_source, words_of
from api.plans.life import STEPS
from api.plans.record import PlanRecord
from api.plans.shelf import PlanShelf
from api.routes.endpoint import Endpoint, Handler
from api.routes.forms import (
    REFUSALS,
    Fields,
    frame,
    own_fields,
    refusal_status,
    refusal_words,
)
from api.routes.permits import shown_plan
from api.routes.plan_content import content_of_record
from api.routes.plan_of_week import required_plan
from api.routes.plans import PlanKey, keep_draft, shelf_of
from api.routes.standing import known_beside
from api.routes.stored import StoredPlan, marking, stored_verdict
from api.service import service_of

WeekText = Annotated[str, Query(max_length=16)]


@dataclass(frozen=True)
class _Case:
    """What is to be decided: the plan as it may be seen, and its record where it has one.

    What is kept as a draft is ``made``, the plan as it was made, whoever keeps it.
    """

    decision: Decision
    made: StoredPlan
    stored: StoredPlan
    record: PlanRecord | None
    standing: Standing | None
    objection: str

    @property
    def version(self) -> int:
        return self.record.version if self.record else 0


async def show_draft(request: Request, week: WeekText = "") -> Response:
    """Show the form that keeps the plan made last for a week as a draft."""
    return await _form(request, await _draft_case(request, week))


async def keep_as_draft(request: Request) -> Response:
    """Keep the plan made last for a week as a draft, if it is still the one shown."""
    fields = await own_fields(request)
    case = await _draft_case(request, fields.get("week", ""))
    if fields.get("plan_id", "") != case.stored.recorded_id:
        words = "Another plan was made for this week meanwhile. It is the one shown here now."
        return await _form(request, case, message=words, status=412)
    if case.objection:
        return await _form(request, case, message=case.objection, status=409)
    actor: Actor = request.state.actor
    return await _taken(request, case, fields, lambda shelf: keep_draft(shelf, case.made, actor))


def _shown(decision: Decision) -> Handler:
    async def show(request: Request, key: PlanKey) -> Response:
        return await _form(request, await _case(request, decision, key))

    return show


def _posted(decision: Decision) -> Handler:
    async def post(request: Request, key: PlanKey) -> Response:
        fields = await own_fields(request)
        case = await _case(request, decision, key)
        actor: Actor = request.state.actor
        version = fields.get("version", "")
        asked = {
            "reason": fields.get("reason", ""),
            "version": int(version) if version.isascii() and version.isdecimal() else 0,
        }
        if decision.action is Action.APPROVE_PLAN:
            asked["no_equality_reason"] = fields.get("no_equality_reason", "")
        step = decision.name
        return await _taken(
            request, case, fields, lambda shelf: getattr(shelf, step)(key, actor, **asked)
        )

    return post


async def _taken(
    request: Request, case: _Case, fields: Fields, step: Callable[[PlanShelf], PlanRecord]
) -> Response:
    """Take a confirmed step and lead back to the week; a refusal stays on the page."""
    if fields.get("confirm") != "yes":
        words = "Nothing was changed. Tick the confirmation first."
        return await _form(request, case, message=words, status=422, fields=fields)
    try:
        await asyncio.to_thread(step, shelf_of(request))
    except REFUSALS as refusal:
        now = await _again(request, case)
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _form(request, now, message=words, status=status, fields=fields)
    week, done = case.stored.plan.week, case.decision.name
    if case.record is not None:
        week = case.record.week
    return RedirectResponse(f"/?{urlencode({'week': week, 'done': done})}#standing-title", 303)


async def _again(request: Request, case: _Case) -> _Case:
    if case.record is None:
        return await _draft_case(request, case.stored.plan.week)
    return await _case(request, case.decision, case.record.key)


async def _draft_case(request: Request, week: str) -> _Case:
    made = await required_plan(service_of(request), week)
    stored = await shown_plan(request, made)
    shelf, actor = shelf_of(request), request.state.actor
    plans = await asyncio.to_thread(shelf.plans, stored.plan.week)
    free = may_draft(plans, stored.recorded_id, actor)
    words = "" if free else "The plan is in the record already."
    return _Case(DRAFT, made, stored, None, None, words)


async def _case(request: Request, decision: Decision, key: str) -> _Case:
    shelf, actor = shelf_of(request), request.state.actor
    record = await asyncio.to_thread(shelf.plan, key)
    made = await content_of_record(request, shelf, record)
    stored = await shown_plan(request, made)
    known = await asyncio.to_thread(known_beside, shelf.record, (record,))
    stands = standing(record, record.content.plan_id, actor, known)
    return _Case(decision, made, stored, record, stands, _objection(decision, record, stands))


def _objection(decision: Decision, record: PlanRecord, stands: Standing) -> str:
    """Return why the step is not open to the person, empty when it is."""
    if decision in stands.choices:
        return ""
    if record.state not in STEPS[decision.action][0]:
        return f"This step is not open: the plan stands as “{stands.state}” now."
    return stands.objection or "This step is not open to you."


async def _form(
    request: Request,
    case: _Case,
    *,
    message: str = "",
    status: int = 200,
    fields: Fields | None = None,
) -> Response:
    stored, given = case.stored, fields or {}
    assessment = stored.source.assessment
    verdict = await stored_verdict(service_of(request), stored)
    names = {one.code: one.name for one in assessment.boroughs}
    record = case.record
    values: dict[str, Any] = {
        **frame(request),
        "assessment": assessment,
        "decision": case.decision,
        "week": record.week if record else stored.plan.week,
        "plan_id": stored.recorded_id,
        "key": record.key if record else "",
        "version": case.version,
        "standing": case.standing,
        "objection": case.objection,
        "areas": [
            (unit.unit_id, ", ".join(names.get(code, code) for code in unit.boroughs))
            for unit in stored.plan.units
        ],
        "fleet": words_of(record.content.fleet if record else read_source(case.made.folder)),
        "verdict": verdict.headline if verdict else "",
        "asks_equality": case.decision.action is Action.APPROVE_PLAN
        and record is not None
        and not record.papers.equality_statement,
        "message": message,
        "given": {name: given.get(name, "") for name in ("reason", "no_equality_reason")},
    }
    sent = marking(assessment, stored.plan)
    return page("decision.html", values, status=status, headers=sent)


def _endpoints(decision: Decision, path: str, show: Handler, post: Handler) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "GET",
            path,
            decision.action,
            show,
            f"{decision.title}: the form",
            operation="consultation",
            shown=False,
        ),
        Endpoint("POST", path, decision.action, post, decision.title, form=True, shown=False),
    )


ENDPOINTS = (
    *_endpoints(DRAFT, "/decisions/draft", show_draft, keep_as_draft),
    *(
        endpoint
        for one in DECISIONS
        for endpoint in _endpoints(one, f"/decisions/{{key}}/{one.name}", _shown(one), _posted(one))
    ),
)

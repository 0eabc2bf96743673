"""The life of a plan over HTTP: drafted, proposed, approved by another person, published.

A step names the version it was decided on in ``If-Match``; 412 says that somebody changed the
plan since, 409 that its state or another plan of the week forbids the step.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import Path as InPath
from fastapi import Query
from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action, Actor
from api.conventions.versions import etag, if_match
from api.identify import actor_of
from api.plans.equality import equality_statement
from api.plans.equality_table import MOST_BYTES, read_area_table
from api.plans.fleet_source import read_source
from api.plans.record import ENDED, Alteration, PaperKind, PlanRecord, State
from api.plans.shelf import PlanShelf
from api.plans.verdict_file import VERDICT
from api.problems import ProblemError, http_problem
from api.routes.bodies import Strict, Week
from api.routes.completion import IF_MATCH
from api.routes.documents import problem
from api.routes.endpoint import Endpoint
from api.routes.plan_documents import PlanRecordDocument, PlanRecordsDocument, record_document
from api.routes.plan_of_week import required_plan
from api.routes.stored import StoredPlan, marking, record_of
from api.service import service_of

Value = TypeVar("Value")
BACKTEST = "backtest.json"
KEY = r"^[0-9]{4}-W[0-9]{2}-[0-9a-f]{12}$"
PlanKey = Annotated[str, InPath(pattern=KEY, description="Key of the plan's record.")]
WeekQuery = Annotated[
    str, StringConstraints(max_length=16), Query(description="ISO week, for example 2026-W48.")
]
Reason = Annotated[str, StringConstraints(max_length=4000)]


class DraftBody(Strict):
    """Which plan to keep as a draft: the one made last for a week."""

    week: Week


class StepBody(Strict):
    """Why; a rejection and a withdrawal need it."""

    reason: Reason = ""


class ApprovalBody(Strict):
    """Why, and why without an equality statement where there is none."""

    reason: Reason = ""
    no_equality_reason: Reason = Field(
        default="", description="Needed when the equality impact is not assessed."
    )


class EqualityBody(Strict):
    """The table of area characteristics as CSV text; empty for 'not assessed'."""

    csv: Annotated[str, StringConstraints(max_length=MOST_BYTES)]


class FallBackBody(Strict):
    """The week to fall back in, and why."""

    week: Week
    reason: Reason


async def list_plans(request: Request, week: WeekQuery) -> Response:
    """Return the plans of a week with their states."""
    found = await asyncio.to_thread(shelf_of(request).plans, week)
    return JSONResponse({"week": week, "plans": [record_document(one) for one in found]})


async def read_plan_record(request: Request, key: PlanKey) -> Response:
    """Return a plan of the record; its ETag is the version that a step names in If-Match."""
    return _answer(await asyncio.to_thread(shelf_of(request).plan, key), {})


async def draft_plan(request: Request, body: DraftBody) -> Response:
    """Keep the plan made last for a week as a draft, unless it is in the record already."""
    stored = await required_plan(service_of(request), body.week)
    shelf, actor = shelf_of(request), actor_of(request)
    kept, new = await asyncio.to_thread(drafted, shelf, stored, actor)
    return _answer(kept, marking(stored.source.assessment), status=201 if new else 200)


def drafted(shelf: PlanShelf, stored: StoredPlan, actor: Actor) -> tuple[PlanRecord, bool]:
    """Return the record of a stored plan, and whether it was made just now.

    A plan whose latest record was withdrawn, rejected or superseded gets a new one.
    """
    same = [one for one in shelf.plans(stored.plan.week)
            if one.content.plan_id == stored.plan.plan_id and one.state not in ENDED]  # fmt: skip
    if same:
        return _with_papers(shelf, same[-1], stored, actor), False
    return keep_draft(shelf, stored, actor), True


def keep_draft(
    shelf: PlanShelf,
    stored: StoredPlan,
    actor: Actor,
    alterations: Sequence[Alteration] = (),
) -> PlanRecord:
    """Keep a stored plan as a draft of its week, with the papers that lie beside it.

    ``alterations`` are what was set by hand, each with its reason.

    Raises what :meth:`api.plans.shelf.PlanShelf.draft` and ``attach`` raise.
    """
    fleet = read_source(stored.folder)
    made = shelf.draft(stored.plan, actor, alterations, fleet=fleet)
    return _with_papers(shelf, made, stored, actor)


def _with_papers(
    shelf: PlanShelf, made: PlanRecord, stored: StoredPlan, actor: Actor
) -> PlanRecord:
    """Attach what lies beside a draft and it does not have yet."""
    for kind, path in _papers(stored):
        if made.state is State.DRAFT and path.is_file() and not getattr(made.papers, kind):
            made = shelf.attach(made.key, kind, json.loads(path.read_text("utf-8")), actor)
    return made


async def propose_plan(request: Request, key: PlanKey, body: StepBody) -> Response:
    """Put a draft before a second person."""
    return await _step(
        request, lambda shelf, actor, version: shelf.propose(
            key, actor, reason=body.reason, version=version
        )
    )  # fmt: skip


async def approve_plan(request: Request, key: PlanKey, body: ApprovalBody) -> Response:
    """Approve what another person proposed."""
    return await _step(
        request, lambda shelf, actor, version: shelf.approve(
            key, actor, reason=body.reason, no_equality_reason=body.no_equality_reason,
            version=version,
        )
    )  # fmt: skip


async def reject_plan(request: Request, key: PlanKey, body: StepBody) -> Response:
    """Send a proposal back, with a reason."""
    return await _step(
        request, lambda shelf, actor, version: shelf.reject(
            key, actor, reason=body.reason, version=version
        )
    )  # fmt: skip


async def publish_plan(request: Request, key: PlanKey, body: StepBody) -> Response:
    """Put an approved plan in force."""
    return await _step(
        request, lambda shelf, actor, version: shelf.publish(
            key, actor, reason=body.reason, version=version
        )
    )  # fmt: skip


async def withdraw_plan(request: Request, key: PlanKey, body: StepBody) -> Response:
    """Take a plan back, with a reason."""
    return await _step(
        request, lambda shelf, actor, version: shelf.withdraw(
            key, actor, reason=body.reason, version=version
        )
    )  # fmt: skip


async def attach_equality(request: Request, key: PlanKey, body: EqualityBody) -> Response:
    """State the equality impact from a table of area characteristics, and keep it."""
    service, shelf = service_of(request), shelf_of(request)
    record = await asyncio.to_thread(shelf.plan, key)
    stored = await required_plan(service, record.week)
    if stored.plan.plan_id != record.content.plan_id:
        raise ProblemError(
            http_problem(
                409,
                f"plan {key} is not the plan made last for week {record.week}. Remedy: draft that "
                "one, or state the impact with `arv equality`.",
            )
        )

    def state() -> dict[str, Any]:
        assessment = stored.source.assessment
        table = read_area_table(body.csv.encode("utf-8"), "csv", assessment)
        return equality_statement(stored.plan, assessment, table)

    statement = await asyncio.to_thread(state)
    return await _step(
        request, lambda shelf, actor, version: shelf.attach(
            key, "equality_statement", statement, actor, version=version
        )
    )  # fmt: skip


async def fall_back(request: Request, body: FallBackBody) -> Response:
    """Put the last approved plan in force for a week; needs neither assessment nor solver."""
    shelf, actor = shelf_of(request), actor_of(request)
    made = await asyncio.to_thread(shelf.fall_back, body.week, actor, reason=body.reason)
    return _answer(made, {}, status=201)


async def _step(request: Request, step: Callable[[PlanShelf, Actor, int], PlanRecord]) -> Response:
    version = if_match(request, "plan")
    made = await asyncio.to_thread(step, shelf_of(request), actor_of(request), version)
    return _answer(made, {})


def _papers(stored: StoredPlan) -> tuple[tuple[PaperKind, Path], ...]:
    return (
        ("verdict", stored.folder / VERDICT),
        ("backtest_card", stored.source.folder / BACKTEST),
    )


def _answer(record: PlanRecord, headers: dict[str, str], *, status: int = 200) -> Response:
    sent = {**headers, **etag(record.version), "X-Plan-Id": record.content.plan_id}
    return JSONResponse(record_document(record), status, sent)


def shelf_of(request: Request) -> PlanShelf:
    """Return the plans of the record, or answer 503 before the service has opened it."""
    return PlanShelf(record_of(request))


RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": PlanRecordDocument, "description": "The plan as it is now."},
    404: problem("There is no such plan."),
    409: problem("Its state, or another plan of the week, forbids the step."),
    412: problem("Somebody changed the plan since it was read."),
    428: problem("If-Match is missing."),
    503: problem("The record cannot be written; nothing was changed."),
}
MADE: dict[int | str, dict[str, Any]] = {
    201: {"model": PlanRecordDocument, "description": "The plan as the record keeps it."},
    404: problem("There is no plan for the week."),
    409: problem("Another plan of the week forbids it, or there is none to fall back to."),
    503: problem("The record cannot be written; nothing was changed."),
}


def _post(path: str, action: Action, handler: Any, summary: str) -> Endpoint:
    return Endpoint(
        "POST", path, action, handler, summary, tag="record", responses=RESPONSES,
        extra={"parameters": [IF_MATCH]},
    )  # fmt: skip


ENDPOINTS = (
    Endpoint(
        "GET",
        "/plans",
        Action.READ_PLAN,
        list_plans,
        "The plans of a week and where each stands",
        tag="record",
        operation="consultation",
        responses={200: {"model": PlanRecordsDocument, "description": "The plans of a week."}},
    ),
    Endpoint(
        "POST",
        "/plans",
        Action.MAKE_PLAN,
        draft_plan,
        "Keep the plan made last for a week as a draft",
        tag="record",
        status=201,
        responses={
            200: {"model": PlanRecordDocument, "description": "It was in the record already."},
            **MADE,
        },
    ),
    Endpoint(
        "POST",
        "/plans/fall-back",
        Action.FALL_BACK,
        fall_back,
        "Put the last approved plan in force for a week",
        tag="record",
        status=201,
        responses=MADE,
    ),
    Endpoint(
        "GET",
        "/plans/{key}",
        Action.READ_PLAN,
        read_plan_record,
        "A plan of the record: where it stands, who decided, and what it was made from",
        tag="record",
        operation="consultation",
        responses={
            200: {"model": PlanRecordDocument, "description": "The plan as it is now."},
            404: problem("There is no such plan."),
        },
    ),
    _post("/plans/{key}/propose", Action.PROPOSE_PLAN, propose_plan, "Propose a draft"),
    _post("/plans/{key}/approve", Action.APPROVE_PLAN, approve_plan, "Approve a proposal"),
    _post("/plans/{key}/reject", Action.REJECT_PLAN, reject_plan, "Send a proposal back"),
    _post(
        "/plans/{key}/publish", Action.PUBLISH_PLAN, publish_plan, "Put an approved plan in force"
    ),
    _post("/plans/{key}/withdraw", Action.WITHDRAW_PLAN, withdraw_plan, "Take a plan back"),
    _post(
        "/plans/{key}/equality",
        Action.ALTER_PLAN,
        attach_equality,
        "Keep an equality statement with a plan",
    ),
)

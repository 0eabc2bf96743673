"""Rosters of the Trojan Proactive Unit over HTTP: made, listed, and read as JSON, CSV or PDF.

As `arv tpu`. The seed of the draw is in the JSON alone, which is the record.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from allocator.tpu.checks import check_request
from allocator.tpu.request import TpuRequest
from allocator.tpu.roster import TpuRoster, from_document
from api.access import Action, Resource
from api.audit.entry import time_text
from api.calendar_day import parse_day
from api.files.output import json_text, text_writer, write_file
from api.files.tpu_file import requests_from_table
from api.identify import actor_of
from api.jobs.door import run_or_accept
from api.jobs.kind import JobKind, Values, Work
from api.negotiation import CSV, JSON, PDF, choose
from api.pagination import ROWS, CursorQuery, LimitQuery, no_cursor, page_of, position
from api.problems import ProblemError, http_problem, request_refused
from api.routes.documents import ACCEPTED, problem
from api.routes.endpoint import Endpoint
from api.routes.permits import as_resource, require
from api.routes.stored import StoredAssessment, marking, record_now, send_file, stored_assessment
from api.routes.tpu_bodies import NONE, RosterBody, RosterDocument, RosterId, RostersDocument
from api.service import Service, service_of
from api.store.rosters import KeptRoster, list_rosters, roster_in_force
from api.taskings.shelf import TaskingShelf
from api.working.study_orders import (
    MAKE_ROSTER,
    ROSTER_ASKED,
    ROSTER_CSV,
    ROSTER_JSON,
    ROSTER_PDF,
    RosterOrder,
)

#: A seed nobody chose, as the command line draws it.
SEED_BITS = 32
#: Solves of one roster: the best, its posts, its price, and clashes of requests.
SOLVES = 8
#: A roster whose solves may each take longer than this, in seconds, is always a job.
LONGEST_SOLVE_S = 30.0
FORMS = {JSON: ROSTER_JSON, CSV: ROSTER_CSV, PDF: ROSTER_PDF}
FromQuery = Annotated[
    str | None,
    Query(
        alias="from",
        max_length=32,
        description="Rosters that reach this day or later; by default today.",
    ),
]


async def make_roster(request: Request, body: RosterBody) -> Response:
    """Roster the unit on an assessment, keep the roster and return it."""
    asked = await roster_asked(request, body)
    return await run_or_accept(request, ROSTERING, asked, long=body.time_limit_s > LONGEST_SOLVE_S)


async def roster_asked(request: Request, body: RosterBody) -> dict[str, Any]:
    """Return what is asked of :data:`ROSTERING`, after refusing what no roster can be made from.

    Raises
    ------
    ProblemError
        There is no such assessment, or its handling does not permit the actor.
    TpuRefusedError
        The request cannot be used; nothing was accepted.
    """
    service = service_of(request)
    source = await _assessment(service, body.assessment_id)
    await require(request, Action.MAKE_ROSTER, as_resource(source))
    asked_for = _request(source, body, actor_of(request).name)
    kept = await _published(service, body, asked_for)
    published = from_document(dict(kept.document)) if kept else None
    check_request(source.assessment, asked_for, published)
    return {
        "body": body.model_dump(mode="json", by_alias=True),
        "assessment_id": source.assessment.assessment_id,
        "published": kept.roster_id if kept else None,
        "seed": secrets.randbits(SEED_BITS) if body.seed is None else body.seed,
    }


async def list_kept(
    request: Request,
    first_day: FromQuery = None,
    limit: LimitQuery = ROWS,
    cursor: CursorQuery = "",
) -> Response:
    """Return the rosters that reach a day or later, the latest first day first."""
    service = service_of(request)
    since = parse_day(first_day, "from") if first_day else service.today()
    key = position(cursor, 2)
    before = (_day_of(key[0]), key[1]) if key else None
    record = record_now(service)

    def find() -> list[KeptRoster]:
        with record.store.read() as tx:
            return list_rosters(tx, first_day=since, limit=limit + 1, before=before)

    found = await asyncio.to_thread(find)
    page = page_of(request, found, limit, lambda one: (one.first_day.isoformat(), one.roster_id))
    body = {"rosters": [_line(one) for one in page.rows], "links": page.links(request)}
    return JSONResponse(body, headers=page.headers)


async def read_roster(request: Request, roster_id: RosterId) -> Response:
    """Return a roster: JSON by default, the table as CSV, the paper as PDF."""
    kept = await permitted_roster(request, roster_id, Action.READ_TASKING)
    return await _send(request, kept, choose(request.headers.get("accept"), tuple(FORMS)))


async def read_paper(request: Request, roster_id: RosterId) -> Response:
    """Return the paper of a roster, for a link."""
    return await _send(
        request, await permitted_roster(request, roster_id, Action.READ_TASKING), PDF
    )


async def read_table(request: Request, roster_id: RosterId) -> Response:
    """Return the table of a roster, for a link."""
    return await _send(
        request, await permitted_roster(request, roster_id, Action.READ_TASKING), CSV
    )


async def permitted_roster(request: Request, roster_id: str, action: Action) -> KeptRoster:
    """Return a roster for an action that the handling of its evidence permits the actor."""
    shelf = TaskingShelf(record_now(service_of(request)))
    kept = await asyncio.to_thread(shelf.roster, roster_id)
    code = str(kept.document.get("handling_code", ""))
    await require(request, action, Resource("roster", roster_id, handling_code=code))
    return kept


async def roster_marking(service: Service, kept: KeptRoster) -> dict[str, str]:
    """Return the marking of a roster: that of its assessment, or what it says itself."""
    source = await stored_assessment(service, str(kept.document["assessment_id"]))
    if source is not None:
        return marking(source.assessment)
    return {"X-Classification": str(kept.document["classification"])}


async def _send(request: Request, kept: KeptRoster, media_type: str) -> Response:
    service = service_of(request)
    headers = await roster_marking(service, kept)
    folder = service.workspace.roster(kept.roster_id)
    if media_type != JSON:
        suffix = FORMS[media_type].rsplit(".", 1)[1]
        name = f'attachment; filename="{kept.roster_id}.{suffix}"'
        headers["Content-Disposition"] = name
    path = folder / FORMS[media_type] if folder else None
    if path is not None and path.is_file():
        etag = f"{kept.roster_id}.{path.suffix.lstrip('.')}"
        return await send_file(request, path, media_type, headers, etag)
    if media_type == JSON:  # the record has it whole, also without the files
        return JSONResponse(dict(kept.document), headers=headers)
    raise ProblemError(
        http_problem(
            404,
            f"roster {kept.roster_id} is in the record, but its files are not in the data "
            "directory. Remedy: restore them from a backup, or read the roster as JSON.",
        )
    )


async def _assessment(service: Service, assessment_id: str | None) -> StoredAssessment:
    source = await stored_assessment(service, assessment_id)
    if source is None:
        if assessment_id is None:
            raise ProblemError(
                http_problem(
                    409, "there is no assessment to roster from yet. Remedy: POST /assessment."
                )
            )
        raise ProblemError(
            request_refused(f"there is no assessment {assessment_id!r}", "use one that is stored")
        )
    return source


def _request(source: StoredAssessment, body: RosterBody, actor: str) -> TpuRequest:
    first_day = parse_day(body.from_, "from") if body.from_ else source.assessment.as_of
    return requests_from_table(
        body.table(actor), "the request", first_day=first_day, n_days=body.days
    )


async def _published(service: Service, body: RosterBody, asked: TpuRequest) -> KeptRoster | None:
    """Return the roster whose days inside the lead stay, if one is in force or named."""
    if body.published_roster_id == NONE:
        return None
    record = record_now(service)
    if body.published_roster_id is not None:
        shelf = TaskingShelf(record)
        return await asyncio.to_thread(shelf.roster, body.published_roster_id)
    lead = max(1, min(asked.rules.lead_days, asked.n_days))

    def find() -> KeptRoster | None:
        with record.store.read() as tx:
            return roster_in_force(tx, asked.first_day, asked.first_day + timedelta(days=lead - 1))

    return await asyncio.to_thread(find)


async def _make(service: Service, work: Work) -> dict[str, Any]:
    """Make a roster and keep its files and its record; the same seed makes the same one."""
    asked = work.request
    body = RosterBody.model_validate_json(json.dumps(asked["body"]))
    source = await _assessment(service, asked["assessment_id"])
    shelf = TaskingShelf(record_now(service))
    published: TpuRoster | None = None
    if asked["published"] is not None:
        kept = await asyncio.to_thread(shelf.roster, asked["published"])
        published = from_document(dict(kept.document))
    order = RosterOrder(
        source.folder,
        _request(source, body, work.actor),
        seed=asked["seed"],
        epsilon=body.epsilon,
        published=published,
        time_limit_s=body.time_limit_s,
    )
    limits = service.settings.limits
    deadline_s = min(SOLVES * body.time_limit_s, limits.solve_s) + limits.grace_s
    with service.workspace.staging() as folder:
        staged = folder / "roster"
        done = await service.pool.run(
            MAKE_ROSTER, order, staged, deadline_s=deadline_s, following=work.following
        )
        asked_file = staged / ROSTER_ASKED
        await asyncio.to_thread(write_file, asked_file, text_writer(json_text(asked["body"])))
        async with service.publishing:
            await asyncio.to_thread(service.workspace.publish_roster, staged, done.roster.roster_id)
    await asyncio.to_thread(shelf.keep, done.roster, work.actor)
    return {"roster_id": done.roster.roster_id}


async def _deliver(request: Request, result: Values) -> Response:
    """Return the roster that was made."""
    kept = await permitted_roster(request, result["roster_id"], Action.MAKE_ROSTER)
    headers = await roster_marking(service_of(request), kept)
    headers["Location"] = f"/tpu/{kept.roster_id}"
    return JSONResponse(dict(kept.document), 201, headers)


def _line(kept: KeptRoster) -> dict[str, Any]:
    said = ("assessment_id", "handling_code", "classification", "notice")
    return {
        "roster_id": kept.roster_id,
        "first_day": kept.first_day.isoformat(),
        "last_day": kept.last_day.isoformat(),
        "created": time_text(kept.created),
        "created_by": kept.created_by,
        **{name: str(kept.document.get(name, "")) for name in said},
        "href": f"/tpu/{kept.roster_id}",
    }


def _day_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as fault:
        raise ProblemError(no_cursor()) from fault


ROSTERING = JobKind(
    "roster", Action.MAKE_ROSTER, _make, _deliver, steps=(("Rostering the unit", 1),)
)

ENDPOINTS = (
    Endpoint(
        "GET",
        "/tpu",
        Action.READ_TASKING,
        list_kept,
        "The rosters of the proactive unit that reach a day or later, a page at a time",
        tag="tpu",
        operation="consultation",
        responses={200: {"model": RostersDocument, "description": "One page."}},
    ),
    Endpoint(
        "POST",
        "/tpu",
        Action.MAKE_ROSTER,
        make_roster,
        "Roster the proactive unit on the current assessment",
        tag="tpu",
        operation="combination",
        status=201,
        responses={
            201: {"model": RosterDocument, "description": "The roster."},
            404: problem("The published roster is not there."),
            409: problem("There is no assessment to roster from, or it is being done."),
            503: problem("Too many solves are waiting; see Retry-After."),
            **ACCEPTED,
        },
    ),
    Endpoint(
        "GET",
        "/tpu/{roster_id}",
        Action.READ_TASKING,
        read_roster,
        "A roster: JSON by default, CSV or PDF by Accept",
        tag="tpu",
        operation="disclosure",
        responses={
            200: {
                "model": RosterDocument,
                "description": "The roster.",
                "content": {CSV: {}, PDF: {}},
            },
            404: problem("There is no such roster."),
            406: problem("None of the accepted forms can be given."),
        },
    ),
    Endpoint(
        "GET",
        "/tpu/{roster_id}/roster.pdf",
        Action.READ_TASKING,
        read_paper,
        "The paper of a roster as PDF",
        tag="tpu",
        operation="disclosure",
        responses={
            200: {"description": "The paper.", "content": {PDF: {}}},
            404: problem("There is no such roster, or its files are gone."),
        },
    ),
    Endpoint(
        "GET",
        "/tpu/{roster_id}/roster.csv",
        Action.READ_TASKING,
        read_table,
        "The table of a roster as CSV",
        tag="tpu",
        operation="disclosure",
        responses={
            200: {"description": "The table.", "content": {CSV: {}}},
            404: problem("There is no such roster, or its files are gone."),
        },
    ),
)

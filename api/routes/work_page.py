"""The pages of long work: what is under way, how far it is, and the button that ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import Action, Resource
from api.audit.entry import time_text
from api.identify import actor_of
from api.jobs.job import Job
from api.jobs.kind import JobKind
from api.jobs.shelf import JobShelf
from api.pages.rendering import page
from api.pages.work_view import work_details, work_rows
from api.pagination import CursorQuery, moment, page_of, position
from api.problems import ProblemError, http_problem
from api.routes.coded_work import CodedWork
from api.routes.endpoint import Endpoint
from api.routes.forms import (
    REFUSALS,
    framed_headers,
    marked_frame,
    own_fields,
    refusal_status,
    refusal_words,
)
from api.routes.jobs import JobId
from api.routes.permits import require
from api.routes.stored import record_of
from api.service import service_of

SHOWN = 20


async def list_work(request: Request, cursor: CursorQuery = "") -> Response:
    """Show the work of the service, the latest first."""
    key = position(cursor, 2)
    after = (moment(key[0]), key[1]) if key else None
    found = await asyncio.to_thread(JobShelf(record_of(request)).page, SHOWN + 1, after)
    shown = page_of(request, found, SHOWN, lambda job: (time_text(job.accepted), job.job_id))
    framed = await marked_frame(request)
    values = {
        **framed,
        "jobs": work_rows(shown.rows),
        "earlier": shown.next_address,
    }
    return page("work_list.html", values, headers=framed_headers(framed))


async def show_work(request: Request, job_id: JobId) -> Response:
    """Show how far one piece of work is."""
    return await _shown(request, job_id)


async def stop_work(request: Request, job_id: JobId) -> Response:
    """End work from its page; what it has found so far is kept."""
    await own_fields(request)
    shelf, actor = JobShelf(record_of(request)), actor_of(request)
    job = await asyncio.to_thread(shelf.job, job_id)
    kind = _kind(request, job)
    if kind is None:
        words = f"this version of the service does not know work of {job.kind!r}."
        raise ProblemError(http_problem(409, words))
    await require(request, kind.action, Resource("job", job_id))
    try:
        await asyncio.to_thread(shelf.ask_stop, job_id, actor.name)
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _shown(request, job_id, message=words, status=status)
    return RedirectResponse(f"/under-way/{job_id}", 303)


async def _shown(
    request: Request, job_id: str, *, message: str = "", status: int = 200
) -> Response:
    kept = await asyncio.to_thread(JobShelf(record_of(request)).job, job_id)
    job = await CodedWork(service_of(request), actor_of(request)).shown(kept)
    framed = await marked_frame(request)
    values = {
        **framed,
        "work": work_details(job, _kind(request, job), actor_of(request)),
        "message": message,
    }
    return page("work.html", values, status=status, headers=framed_headers(framed))


def _kind(request: Request, job: Job) -> JobKind | None:
    kinds: Mapping[str, JobKind] = request.app.state.job_kinds
    return kinds.get(job.kind)


ENDPOINTS = (
    Endpoint(
        "GET", "/under-way", Action.READ_JOB, list_work, "Work under way, as a page", shown=False
    ),
    Endpoint(
        "GET",
        "/under-way/{job_id}",
        Action.READ_JOB,
        show_work,
        "How far work is, as a page",
        shown=False,
    ),
    Endpoint(
        "POST",
        "/under-way/{job_id}/stop",
        Action.STOP_JOB,
        stop_work,
        "End work from its page",
        form=True,
        shown=False,
    ),
)

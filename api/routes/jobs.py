"""Jobs over HTTP: how far long work is, what came of it, and its end on request."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Literal

from fastapi import Path as InPath
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from api.access import Action, Resource
from api.audit.entry import time_text
from api.identify import actor_of, identify
from api.jobs.errors import JobNotOverError
from api.jobs.job import Job, job_document
from api.jobs.kind import JobKind
from api.jobs.shelf import JobShelf
from api.pagination import ROWS, CursorQuery, LimitQuery, moment, page_of, position
from api.problems import Problem, ProblemError, http_problem
from api.routes.coded_work import CodedWork
from api.routes.documents import Document, problem
from api.routes.endpoint import Endpoint
from api.routes.permits import require
from api.routes.stored import record_of
from api.service import Service, service_of

JobId = Annotated[str, InPath(pattern=r"^job-[0-9a-f]{24}$", description="Identifier of the job.")]
MOST_STREAMS = 32
LOOK_EVERY_S = 0.5
COMMENT_EVERY_S = 15.0
#: Rights that were taken away end a stream after so many seconds.
IDENTIFY_EVERY_S = 5.0
LONGEST_STREAM_S = 1800.0
#: What a client waits, in seconds, before it sends work again that was interrupted or overdue.
AGAIN_AFTER_S = 30
EVENTS = "text/event-stream"


class JobDocument(Document):
    """A job and how far it is."""

    job_id: str
    type: Literal["process"]
    process: str = Field(description="Kind of work.")
    status: Literal["accepted", "running", "successful", "failed", "dismissed"]
    version: int = Field(description="Counts every change of the job.")
    percent: int = Field(ge=0, le=100)
    step: str
    objective: float | None = Field(
        description="Coverage of the best plan found so far; null without the scope handling-c "
        "where the work rests on handling code C."
    )
    bound: float | None = Field(description="No plan under the same rules can exceed it.")
    asked_by: str
    attempt: int = Field(description="How often it was begun; a restart begins it again.")
    stop_asked: bool
    accepted: str
    started: str | None
    ended: str | None
    problem: dict[str, Any] | None = Field(description="Why it failed, and the remedy.")
    links: list[dict[str, str]]


class JobsDocument(Document):
    """One page of the jobs, the latest first."""

    jobs: list[JobDocument]
    links: list[dict[str, str]]


async def list_jobs(
    request: Request, limit: LimitQuery = ROWS, cursor: CursorQuery = ""
) -> Response:
    """Return the jobs, the latest first."""
    key = position(cursor, 2)
    after = (moment(key[0]), key[1]) if key else None
    found = await asyncio.to_thread(_shelf(request).page, limit + 1, after)
    page = page_of(request, found, limit, lambda job: (time_text(job.accepted), job.job_id))
    coded = _coded(request)
    shown = [job_document(await coded.shown(job)) for job in page.rows]
    body = {"jobs": shown, "links": page.links(request)}
    return JSONResponse(body, headers=page.headers)


async def read_job(request: Request, job_id: JobId) -> Response:
    """Return how far a job is."""
    return await _answer(request, await asyncio.to_thread(_shelf(request).job, job_id))


async def read_results(request: Request, job_id: JobId) -> Response:
    """Return what came of a job: the answer the request would have had, had it waited."""
    job = await asyncio.to_thread(_shelf(request).job, job_id)
    kind = _kind(request, job)
    await require(request, kind.action, Resource("job", job.job_id))
    problem = (await _coded(request).shown(job)).problem
    if problem is not None:
        raise ProblemError(_kept_problem(problem))
    if job.result is None:
        raise JobNotOverError(
            f"the job is {job.state} and has no results",
            remedy="ask for another one" if job.over else "wait until its status is successful",
            value=job.job_id,
        )
    return await kind.deliver(request, job.result)


async def stop_job(request: Request, job_id: JobId) -> Response:
    """End a job: one that waits at once, one that runs as soon as it has stored its best."""
    shelf, actor = _shelf(request), actor_of(request)
    job = await asyncio.to_thread(shelf.job, job_id)
    await require(request, _kind(request, job).action, Resource("job", job.job_id))
    asked = await asyncio.to_thread(shelf.ask_stop, job_id, actor.name)
    return await _answer(request, asked, status=200 if asked.over else 202)


async def follow_job(request: Request, job_id: JobId) -> Response:
    """Send how far a job is as server-sent events until it is over."""
    service, shelf = service_of(request), _shelf(request)
    job = await asyncio.to_thread(shelf.job, job_id)
    if service.streams >= MOST_STREAMS:
        raise ProblemError(
            http_problem(
                503,
                f"{MOST_STREAMS} clients follow jobs already. Remedy: GET /jobs/{job_id} "
                "now and then instead.",
                {"Retry-After": "10"},
            )
        )
    service.streams += 1
    return _Stream(service, _events(request, shelf, job))


class _Stream(StreamingResponse):
    """A stream of events that is counted while it lasts."""

    def __init__(self, service: Service, events: AsyncIterator[str]) -> None:
        super().__init__(events, media_type=EVENTS, headers={"X-Accel-Buffering": "no"})
        self._service = service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the events and count the stream off whatever happens."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._service.streams -= 1


async def _events(request: Request, shelf: JobShelf, job: Job) -> AsyncIterator[str]:
    """Yield the events; the stream of somebody who has signed out or has other rights ends."""
    coded, begun_s = _coded(request), time.monotonic()
    said_s = known_s = begun_s
    yield f"retry: 3000\n{_event(await coded.shown(job))}"
    while not job.over and not coded.service.stopping:
        await asyncio.sleep(LOOK_EVERY_S)
        latest, now_s = await asyncio.to_thread(shelf.job, job.job_id), time.monotonic()
        if now_s - known_s > IDENTIFY_EVERY_S:
            known_s = now_s
            if (await identify(request, coded.service)).actor != coded.actor:
                return
        if latest.version != job.version:
            job, said_s = latest, now_s
            yield _event(await coded.shown(job))
        elif now_s - said_s > COMMENT_EVERY_S:
            said_s = now_s
            yield ": still there\n\n"
        if now_s - begun_s > LONGEST_STREAM_S:
            return


def _event(job: Job) -> str:
    name = "end" if job.over else "progress"
    text = json.dumps(job_document(job), sort_keys=True, allow_nan=False)
    return f"event: {name}\nid: {job.version}\ndata: {text}\n\n"


async def _answer(request: Request, job: Job, *, status: int = 200) -> Response:
    headers = {"ETag": f'"{job.version}"'}
    if not job.over:
        headers["Retry-After"] = "2"
    return JSONResponse(job_document(await _coded(request).shown(job)), status, headers)


def _kind(request: Request, job: Job) -> JobKind:
    kinds: Mapping[str, JobKind] = request.app.state.job_kinds
    kind = kinds.get(job.kind)
    if kind is None:
        raise ProblemError(
            http_problem(
                409,
                f"this version of the service does not know work of {job.kind!r}. Remedy: start "
                "the version that accepted it, or ask anew.",
            )
        )
    return kind


def _coded(request: Request) -> CodedWork:
    return CodedWork(service_of(request), actor_of(request))


def _kept_problem(members: Mapping[str, Any]) -> Problem:
    more = {
        name: value
        for name, value in members.items()
        if name not in ("kind", "title", "status", "detail")
    }
    status = int(members["status"])
    headers = {"Retry-After": str(AGAIN_AFTER_S)} if status in (429, 503) else {}
    return Problem(
        status, members["kind"], members["title"], members["detail"], more, headers=headers
    )


def _shelf(request: Request) -> JobShelf:
    return JobShelf(record_of(request))


def _described(model: Any, description: str) -> dict[str, Any]:
    return {"model": model, "description": description}


_MISSING = problem("There is no such job.")
ENDPOINTS = (
    Endpoint(
        "GET",
        "/jobs",
        Action.READ_JOB,
        list_jobs,
        "The jobs, the latest first, a page at a time",
        tag="jobs",
        responses={200: _described(JobsDocument, "One page.")},
    ),
    Endpoint(
        "GET",
        "/jobs/{job_id}",
        Action.READ_JOB,
        read_job,
        "How far a job is",
        tag="jobs",
        responses={200: _described(JobDocument, "The job."), 404: _MISSING},
    ),
    Endpoint(
        "GET",
        "/jobs/{job_id}/results",
        Action.READ_JOB,
        read_results,
        "What came of a job: the answer its request would have had",
        tag="jobs",
        operation="consultation",
        responses={
            200: {"description": "The result.", "content": {"application/json": {}}},
            201: {"description": "What was made.", "content": {"application/json": {}}},
            404: _MISSING,
            409: problem("The job has no results yet, or was dismissed without any."),
            413: problem("Why it failed."),
            503: problem("Why it failed: the work was interrupted or overdue."),
        },
    ),
    Endpoint(
        "GET",
        "/jobs/{job_id}/events",
        Action.READ_JOB,
        follow_job,
        "How far a job is, as server-sent events until it is over",
        tag="jobs",
        responses={
            200: {"description": "Events named progress and end.", "content": {EVENTS: {}}},
            404: _MISSING,
            503: problem("Too many clients follow jobs."),
        },
    ),
    Endpoint(
        "DELETE",
        "/jobs/{job_id}",
        Action.STOP_JOB,
        stop_job,
        "End a job; the best plan found so far is kept",
        tag="jobs",
        responses={
            200: _described(JobDocument, "It is dismissed."),
            202: _described(JobDocument, "It ends as soon as what it found is stored."),
            404: _MISSING,
            409: problem("It succeeded or failed already."),
        },
    ),
)

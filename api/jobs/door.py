"""The one door of a route to long work: done while the client waits, or accepted as a job."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Actor
from api.jobs.job import Job, job_document
from api.jobs.kind import JobKind, Work
from api.jobs.shelf import JobShelf, new_job_id
from api.problems import ProblemError, still_starting
from api.routes.coded_work import CodedWork
from api.routes.work import while_connected
from api.service import Service, service_of

PREFERENCE = "respond-async"


async def run_or_accept(
    request: Request,
    kind: JobKind,
    asked: dict[str, Any],
    *,
    files: Path | None = None,
    long: bool = False,
) -> Response:
    """Do the work and answer with its result, or answer 202 with a job.

    Parameters
    ----------
    request
        Its ``Prefer: respond-async`` (RFC 7240) asks for a job.
    kind, asked
        What to do and with what: checked already, plain JSON values, enough to do it again
        after a restart.
    files
        Folder with the files sent, on the file system of the data directory. A job takes it
        over.
    long
        True when it would take longer than a client should wait: then it is always a job.

    Returns
    -------
    Response
        The result, or 202 with ``Location: /jobs/{job_id}``.
    """
    service = service_of(request)
    if long or prefers_async(request):
        return accepted(await _accept(request, service, kind, asked, files))
    actor: Actor = request.state.actor
    work = kind.run(service, Work(asked, files or Path(), actor=actor.name))
    try:
        done = await while_connected(request, work)
    except Exception as fault:
        shown = await CodedWork(service, actor).refusal(asked, fault)
        if shown is fault:
            raise
        raise shown from fault
    return await kind.deliver(request, done)


def prefers_async(request: Request) -> bool:
    """Return whether a client asks for a job instead of waiting."""
    given = ",".join(request.headers.getlist("prefer")).split(",")
    return PREFERENCE in {one.split(";")[0].strip().lower() for one in given}


def accepted(job: Job) -> Response:
    """Return the answer that work was accepted."""
    headers = {"Location": job.address, "Preference-Applied": PREFERENCE, "Retry-After": "2"}
    return JSONResponse(job_document(job), 202, headers)


async def _accept(
    request: Request, service: Service, kind: JobKind, asked: dict[str, Any], files: Path | None
) -> Job:
    runner, record = service.jobs, service.record
    if runner is None or record is None:
        raise ProblemError(still_starting())
    actor: Actor = request.state.actor
    job_id = new_job_id()
    folder = runner.folder(job_id)

    def keep() -> Job:
        if files is not None:
            files.rename(folder)
        try:
            return JobShelf(record).accept(kind.name, asked, actor.name, job_id=job_id)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    job = await asyncio.to_thread(keep)
    runner.wake()
    return job

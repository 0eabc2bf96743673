"""The application: what it is made of, and what happens when it starts and stops."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import date

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.accounts.oidc import Issuer, read_oidc
from api.accounts.passwords import Passwords
from api.accounts.sign_in import SignIn
from api.consultations import Consultations
from api.conventions.head import HeadAsGet
from api.conventions.once import Once
from api.conventions.once_rows import forget_cut_off
from api.conventions.shared_counts import SharedCounts
from api.conventions.shared_memory import SharedMemory
from api.envelope import Envelope
from api.gate import Gate
from api.jobs.runner import JobRunner, take_up
from api.jobs.shelf import JobShelf
from api.organisation import read_organisation
from api.problems import Problem, ProblemError, http_problem, problem_response
from api.record_folder import open_record
from api.routes.endpoint import add_endpoints, not_offered
from api.routes.interface import interface_document
from api.routes.kinds import JOB_KINDS
from api.routes.readable_problems import ReadableProblems
from api.routes.table import ENDPOINTS
from api.service import KeptReadings, Service, today_in_london
from api.sessions import Sessions
from api.settings import Settings
from api.throttle import Throttle
from api.working.orders import EXAMPLE_FLEET, MAKE_SAMPLE
from api.working.solving import WorkPool
from api.workspace import Workspace, open_workspace

#: Threads for the store and the disk: mostly they wait for a flush, and others must not for them.
THREADS = 24
MOST_ERRORS = 20

log = logging.getLogger("arv.service")


def create_app(
    settings: Settings,
    token_digest: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    today: Callable[[], date] = today_in_london,
    passwords: Passwords | None = None,
) -> FastAPI:
    """Return the service as an ASGI application.

    Parameters
    ----------
    settings
        Where its data lie, its names and limits.
    token_digest
        Digest of the administrator's token (:func:`api.tokens.digest`).
    clock
        Monotonic seconds, for sessions and throttling.
    today
        The calendar day in London; the wall clock's by default.
    passwords
        How passwords are kept; argon2id at full strength by default.
    """
    app = FastAPI(
        title="arv-tasking",
        openapi_url=None,  # our own endpoints give the interface, under the rules of access
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    limits, memory = settings.limits, SharedMemory(settings.shared_memory)
    app.state.service = Service(
        settings=settings,
        workspace=Workspace(settings.data_dir),
        pool=WorkPool(slots=limits.work_slots, waiting=limits.work_waiting),
        sessions=Sessions(clock, memory),
        throttle=Throttle(clock, memory),
        counts=SharedCounts(memory),
        token_digest=token_digest,
        kept=KeptReadings(),
        today=today,
        consultations=Consultations(clock),
        organisation=read_organisation(settings.data_dir),
        issuer=Issuer(read_oidc(settings.oidc)) if settings.oidc else None,
    )
    app.state.job_kinds = JOB_KINDS
    app.state.passwords = passwords or Passwords()
    add_endpoints(app, ENDPOINTS)
    app.add_exception_handler(HTTPException, _plain_problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(Once)
    app.add_middleware(Gate)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Envelope)
    app.add_middleware(ReadableProblems)
    app.openapi = lambda: interface_document(app)  # type: ignore[method-assign]  # FastAPI's own way to replace it
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    settings = service.settings
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "arv"))
    with (
        _workspace(settings) as workspace,
        open_record(settings.data_dir, settings.database) as record,
    ):
        service.record, service.door = record, SignIn(record, app.state.passwords)
        shelf = JobShelf(record)
        if settings.shared_memory is None:  # else the owner of the data directory did so
            await asyncio.to_thread(take_up, shelf, settings.data_dir)
            await asyncio.to_thread(forget_cut_off, record)
        runner = JobRunner(service, shelf, app.state.job_kinds)
        service.jobs, working = runner, asyncio.create_task(runner.serve())
        seeding = None
        if service.settings.sample and workspace.is_empty():
            service.sample_state = "preparing"
            seeding = asyncio.create_task(_make_sample(service))
        try:
            yield
        finally:
            service.stopping = True
            for task in (working, seeding):
                if task is not None:
                    task.cancel()
                    await asyncio.wait([task])
            service.key_uses.close()
            service.pool.close()


def _workspace(settings: Settings) -> AbstractContextManager[Workspace]:
    """Own the data directory, unless somebody owns it for several processes."""
    if settings.shared_memory is None:
        return open_workspace(settings.data_dir)
    return nullcontext(Workspace(settings.data_dir))


async def _make_sample(service: Service) -> None:
    """Fill an empty workspace with the synthetic sample, as a job like any other."""
    workspace, limits = service.workspace, service.settings.limits
    try:
        with workspace.staging() as folder:
            staged = folder / "assessment", folder / "plan"
            done, plan, fleet = await service.pool.run(
                MAKE_SAMPLE, *staged, deadline_s=limits.assess_s
            )
            async with service.publishing:
                workspace.keep_fleet(EXAMPLE_FLEET, fleet)
                workspace.publish_assessment(staged[0], done.assessment_id)
                workspace.publish_plan(staged[1], plan.week, plan.plan_id)
    except (ProblemError, OSError):
        log.exception("the synthetic sample could not be made")
        service.sample_state = "failed"
    else:
        log.info("the synthetic sample is ready")
        service.sample_state = "ready"


async def _plain_problem(request: Request, fault: Exception) -> Response:
    """Answer a status raised by the framework; a body it cannot parse is unprocessable."""
    if not isinstance(fault, HTTPException):
        raise fault
    if fault.status_code == 400:
        problem = http_problem(
            422,
            f"the body cannot be read ({fault.detail}). Remedy: send the form described at /docs.",
        )
    else:
        problem = http_problem(fault.status_code, fault.detail, fault.headers)
    if problem.status == 405:  # the framework names the methods of the first route it found
        problem = not_offered(request.app, request.scope)
    return problem_response(problem, request.state.request_id)


async def _invalid(request: Request, fault: Exception) -> Response:
    """Answer a request that does not have the described shape, naming each place."""
    if not isinstance(fault, RequestValidationError):
        raise fault
    errors = [
        {"at": ".".join(map(str, error["loc"]))[:200], "problem": str(error["msg"])[:300]}
        for error in fault.errors()[:MOST_ERRORS]
    ]
    first = errors[0]
    problem = Problem(
        422,
        "invalid-request",
        "Invalid request",
        f"{first['at']}: {first['problem']}. Remedy: send the form described at /docs.",
        {"errors": errors},
    )
    return problem_response(problem, request.state.request_id)

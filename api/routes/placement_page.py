"""The page on which a planner asks for a week's placement, as work to be followed on its own page.

It starts the placement that ``POST /allocate`` starts. What can be refused at once stays on the
page; what only the solver finds, such as rules that contradict each other, is brought back here
from the page of the work with everything that was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from allocator.plan_request import week_of
from api.access import Action
from api.jobs.door import run_or_accept
from api.jobs.job import Job
from api.jobs.shelf import JobShelf
from api.pages.rendering import page
from api.pages.work_view import problem_in_words
from api.problems import ProblemError, http_problem
from api.routes.allocate import PLACEMENT, placement_asked
from api.routes.coded_work import CodedWork
from api.routes.endpoint import Endpoint
from api.routes.forms import (
    REFUSALS,
    Fields,
    framed_headers,
    marked_frame,
    own_fields,
    refusal_status,
    refusal_words,
)
from api.routes.known_fleets import all_fleets
from api.routes.placement_form import (
    DEFAULT_TIME_S,
    MOST_CHANGES,
    RULES,
    TICKED,
    Named,
    form_fields,
    placement_body,
)
from api.routes.recorded_plan import chosen_fleet
from api.routes.stored import StoredAssessment, record_of, stored_assessment
from api.service import service_of

HERE = "/placement"
WeekText = Annotated[str, Query(max_length=16)]
WorkText = Annotated[str, Query(pattern=r"^(job-[0-9a-f]{24})?$")]


async def show_form(request: Request, week: WeekText = "", work: WorkText = "") -> Response:
    """Show the form: empty for a week, or as it was filled in for some work."""
    if not work:
        return await _shown(request, await _start(request, week))
    job = await asyncio.to_thread(JobShelf(record_of(request)).job, work)
    if job.kind != PLACEMENT.name:
        words = "this work is no placement. Remedy: /under-way lists what is."
        raise ProblemError(http_problem(404, words))
    shown = await CodedWork(service_of(request), request.state.actor).shown(job)
    return await _shown(request, await _again(request, job), message=_came_of(shown))


async def ask(request: Request) -> Response:
    """Start the placement that the form asks for, and lead to the page of the work."""
    fields = await own_fields(request)
    service = service_of(request)
    try:
        source = await _assessment(request)
        known = await _known(request, fields.get("fleet_id", "").strip(), source)
        asked = await placement_asked(service, placement_body(fields, known))
        accepted = await run_or_accept(request, PLACEMENT, asked, long=True)
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _shown(request, fields, message=words, status=status)
    job_id = accepted.headers["location"].rpartition("/")[2]
    return RedirectResponse(f"/under-way/{job_id}", 303)


async def _known(request: Request, fleet_id: str, source: StoredAssessment) -> Named:
    fleet = await chosen_fleet(service_of(request), None, fleet_id or None, needed=False)
    units = [unit.unit_id for unit in fleet.units] if fleet else []
    return Named.of(units, source.assessment)


async def _assessment(request: Request) -> StoredAssessment:
    source = await stored_assessment(service_of(request))
    if source is None:
        words = "there is no assessment to plan from yet. Remedy: have the evidence assessed first."
        raise ProblemError(http_problem(409, words))
    return source


async def _start(request: Request, week: str) -> Fields:
    """Return the form for a week: by default the first that the evidence reaches up to."""
    source = await stored_assessment(service_of(request))
    first = week_of(source.assessment.as_of, None) if source else ""
    return {"week": week or first, "stored_events": TICKED, "time_limit_s": DEFAULT_TIME_S}


async def _again(request: Request, job: Job) -> Fields:
    source = await stored_assessment(service_of(request))
    names = {one.code: one.name for one in source.assessment.boroughs} if source else {}
    return form_fields(job.request, names)


def _came_of(job: Job) -> str:
    words = problem_in_words(job.problem)
    return f"No plan was made: {words}" if words else ""


async def _shown(
    request: Request, given: Fields, *, message: str = "", status: int = 200
) -> Response:
    service, record = service_of(request), record_of(request)
    fleets = await asyncio.to_thread(all_fleets, service.workspace, record)
    source = await stored_assessment(service)
    framed = await marked_frame(request)
    values: dict[str, Any] = {
        **framed,
        "assessed": source is not None,
        "fleets": [one.fleet_id for one in fleets],
        "boroughs": _boroughs(source),
        "rules": RULES,
        "most_changes": MOST_CHANGES,
        "given": _filled(given),
        "message": message,
    }
    return page("placement.html", values, status=status, headers=framed_headers(framed))


def _boroughs(source: StoredAssessment | None) -> list[str]:
    return sorted(one.name for one in source.assessment.boroughs) if source else []


def _filled(given: Fields) -> Mapping[str, str]:
    names = (
        "week",
        "fleet_id",
        *RULES,
        "max_changes",
        "coverage_floor",
        "stored_events",
        "time_limit_s",
    )
    return {name: given.get(name, "") for name in names}


ENDPOINTS = (
    Endpoint(
        "GET",
        HERE,
        Action.MAKE_PLAN,
        show_form,
        "The form that asks for a week's placement",
        operation="consultation",
        shown=False,
    ),
    Endpoint(
        "POST",
        HERE,
        Action.MAKE_PLAN,
        ask,
        "Have a week's placement solved, from the page",
        form=True,
        operation="alteration",
        shown=False,
    ),
)

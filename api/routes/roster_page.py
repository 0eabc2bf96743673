"""The page on which the Verano meeting asks for a roster, as work to be followed on its own page.

It starts the work that ``POST /tpu`` starts, from the form or from a request file of ``arv tpu``.
What can be refused at once stays on the form; what only the solver finds, such as rules that
contradict each other, is brought back here from the page of the work with all that was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import File, Form, Query, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import Action
from api.calendar_day import parse_day
from api.jobs.door import run_or_accept
from api.jobs.job import Job
from api.jobs.shelf import JobShelf
from api.pages.local_time import london_moment
from api.pages.rendering import page
from api.pages.roster_view import WEEKDAYS
from api.pages.work_view import problem_in_words
from api.problems import ProblemError, http_problem
from api.routes.coded_work import CodedWork
from api.routes.endpoint import Endpoint
from api.routes.forms import (
    REFUSALS,
    Fields,
    Refusal,
    check_form_token,
    framed_headers,
    marked_frame,
    own_fields,
    refusal_status,
    refusal_words,
)
from api.routes.permits import as_resource, require
from api.routes.roster_file import file_body
from api.routes.roster_form import (
    RANKS,
    RULES,
    TACTICS,
    TARGETS,
    form_fields,
    in_words,
    roster_body,
    tactic_name,
    typed_day,
    typed_whole,
)
from api.routes.roster_start import RosterStart, roster_start
from api.routes.roster_tables import ABSENCES, OVERRIDES, REQUESTS, TEAMS
from api.routes.stored import StoredAssessment, record_of, required_assessment, stored_assessment
from api.routes.tpu import ROSTERING, roster_asked
from api.routes.tpu_bodies import RosterBody
from api.service import service_of
from api.wording import british_date

HERE = "/verano/roster"
#: Rows of every table, as many as a request may have, with their columns.
MOST_FIELDS = 6_000
DAYS_OFFERED = 28
WorkText = Annotated[str, Query(pattern=r"^(job-[0-9a-f]{24})?$")]
Short = Annotated[str, Form(max_length=200)]


@dataclass(frozen=True)
class Filled:
    """The form as it is to be shown: its texts, and how the roster begins where it is new."""

    fields: Fields
    start: RosterStart | None = None
    message: str = ""
    status: int = 200


async def show_form(request: Request, work: WorkText = "") -> Response:
    """Show the form: as the last roster was asked for, or as some work was."""
    source = await stored_assessment(service_of(request))
    if source is None:
        return await _shown(request, None, Filled({}))
    await require(request, Action.MAKE_ROSTER, as_resource(source))
    if work:
        return await _again(request, source, work)
    start = await roster_start(request, source)
    return await _shown(request, source, Filled(form_fields(start.body, _names(source)), start))


async def ask(request: Request) -> Response:
    """Start the roster that the form asks for, and lead to the page of the work."""
    fields = await own_fields(request, most=MOST_FIELDS)
    source = await required_assessment(service_of(request))
    try:
        return await _started(request, roster_body(fields, _known(source)))
    except REFUSALS as refusal:
        return await _shown(request, source, _refused(fields, refusal))


async def ask_with_file(
    request: Request,
    *,
    file: Annotated[UploadFile | None, File()] = None,
    first_day: Short = "",
    days: Short = "",
    form_token: Short = "",
) -> Response:
    """Start the roster of a request file; what is refused is shown in the form, to be mended."""
    check_form_token(request, form_token)
    source = await required_assessment(service_of(request))
    fields: Fields = {"first_day": first_day, "days": days}
    try:
        body = await file_body(file, first_day, days)
        fields = form_fields(body, _names(source))
        return await _started(request, body)
    except REFUSALS as refusal:
        return await _shown(request, source, _refused(fields, refusal))


async def _started(request: Request, body: RosterBody) -> Response:
    asked = await roster_asked(request, body)
    accepted = await run_or_accept(request, ROSTERING, asked, long=True)
    return RedirectResponse(f"/under-way/{accepted.headers['location'].rpartition('/')[2]}", 303)


async def _again(request: Request, source: StoredAssessment, work: str) -> Response:
    """Show the form as some work was asked for, with what became of it."""
    job = await asyncio.to_thread(JobShelf(record_of(request)).job, work)
    if job.kind != ROSTERING.name:
        words = "this work is no roster. Remedy: /under-way lists what is."
        raise ProblemError(http_problem(404, words))
    made_from = await stored_assessment(service_of(request), str(job.request["assessment_id"]))
    if made_from is not None:
        await require(request, Action.MAKE_ROSTER, as_resource(made_from))
    shown = await CodedWork(service_of(request), request.state.actor).shown(job)
    body = RosterBody.model_validate(job.request["body"])
    fields = form_fields(body, _names(source))
    return await _shown(request, source, Filled(fields, message=_came_of(shown)))


def _came_of(job: Job) -> str:
    words = problem_in_words(job.problem)
    return f"No roster was made: {in_words(words)}" if words else ""


def _refused(fields: Fields, refusal: Refusal) -> Filled:
    words = in_words(refusal_words(refusal))
    return Filled(fields, message=words, status=refusal_status(refusal))


async def _shown(request: Request, source: StoredAssessment | None, form: Filled) -> Response:
    framed = await marked_frame(request)
    teams = TEAMS.rows(form.fields)
    team_ids = [row.texts["team_id"].strip().upper() for row in teams[0]]
    team_names = [(name, name) for name in team_ids]
    values: dict[str, Any] = {
        **framed,
        "assessed": source is not None,
        "given": form.fields,
        "message": form.message,
        "start": _start_in_words(form.start),
        "teams": teams,
        "team_ids": team_ids,
        "team_names": team_names,
        "team_choices": [("", "the whole unit"), *team_names],
        "requests": REQUESTS.rows(form.fields),
        "absences": ABSENCES.rows(form.fields),
        "overrides": OVERRIDES.rows(form.fields),
        "ranks": RANKS,
        "rules": RULES,
        "targets": TARGETS,
        "tactics": [(name, tactic_name(name)) for name in TACTICS],
        "days": _days(form.fields),
        "boroughs": sorted(_names(source).values()) if source else [],
    }
    return page("roster_form.html", values, status=form.status, headers=framed_headers(framed))


def _start_in_words(start: RosterStart | None) -> tuple[str, ...]:
    """Say what the form begins with, and which days stay as they were told."""
    if start is None:
        return ()
    words = "The figures are those of the public paper on the unit; it gives no hours: check them."
    if start.taken_from is not None:
        kept = start.taken_from
        moment = london_moment(kept.created)
        words = f"Filled in as for the roster made {moment}, by {kept.created_by}."
    in_force = "No roster is in force on the first days: nobody is tasked on them yet."
    if start.in_force is not None:
        day = parse_day(start.body.from_ or "", "from")
        last = day + timedelta(days=start.body.rules.lead_days - 1)
        in_force = (
            f"What the roster in force says up to {british_date(last)} stays as told, unless a "
            "day is altered below."
        )
    return words, in_force


def _days(fields: Fields) -> list[tuple[str, str]]:
    """Return the days to choose from: those of the roster, as typed and by name."""
    try:
        first = typed_day(fields.get("first_day", ""), "First day")
        count = typed_whole(fields.get("days", ""), "Days")
    except ProblemError:  # nothing to choose from until it is mended
        return []
    days = [first + timedelta(days=number) for number in range(min(count, DAYS_OFFERED))]
    return [(f"{day:%d/%m/%Y}", WEEKDAYS[day.weekday()]) for day in days]


def _names(source: StoredAssessment) -> dict[str, str]:
    return {one.code: one.name for one in source.assessment.boroughs}


def _known(source: StoredAssessment) -> Mapping[str, str]:
    """Return the codes of boroughs by what may be typed for them, casefolded."""
    codes: dict[str, str] = {}
    for one in source.assessment.boroughs:
        codes |= {one.code.casefold(): one.code, one.name.casefold(): one.code}
    return codes


ENDPOINTS = (
    Endpoint(
        "GET",
        HERE,
        Action.MAKE_ROSTER,
        show_form,
        "The form that asks for a roster of the proactive unit",
        operation="consultation",
        shown=False,
    ),
    Endpoint(
        "POST",
        HERE,
        Action.MAKE_ROSTER,
        ask,
        "Have the proactive unit rostered, from the page",
        form=True,
        operation="combination",
        shown=False,
    ),
    Endpoint(
        "POST",
        f"{HERE}/file",
        Action.MAKE_ROSTER,
        ask_with_file,
        "Have the proactive unit rostered with a request file, from the page",
        upload=True,
        form=True,
        operation="combination",
        shown=False,
    ),
)

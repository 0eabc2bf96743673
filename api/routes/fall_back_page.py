"""The page on which the last approved plan is put in force when none can be made."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access import Action
from api.pages.rendering import page
from api.pages.week_view import week_choices
from api.plans.life import last_approved
from api.plans.record import PlanRecord, State
from api.plans.rows import latest_standing, plans_of_week
from api.problems import ProblemError
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
from api.routes.plans import shelf_of
from api.routes.standing import called
from api.routes.stored import stored_assessment
from api.service import service_of
from api.workspace import WEEK

WeekText = Annotated[str, Query(max_length=16)]


@dataclass(frozen=True)
class _Last:
    """The plan that would be put in force, who stands behind it, and what forbids it."""

    record: PlanRecord | None
    names: Mapping[str, str]
    in_force: PlanRecord | None
    objection: str


async def show_fall_back(request: Request, week: WeekText = "") -> Response:
    """Show what would be put in force for a week, and the form that does it."""
    return await _form(request, _week(request, week))


async def fall_back(request: Request) -> Response:
    """Put the last approved plan in force, and lead to the week."""
    fields = await own_fields(request)
    week = _week(request, fields.get("week", ""))
    if fields.get("confirm") != "yes":
        words = "Nothing was changed. Tick the confirmation first."
        return await _form(request, week, message=words, status=422, fields=fields)
    shelf, actor = shelf_of(request), request.state.actor
    try:
        await asyncio.to_thread(shelf.fall_back, week, actor, reason=fields.get("reason", ""))
    except REFUSALS as refusal:
        words, status = refusal_words(refusal), refusal_status(refusal)
        return await _form(request, week, message=words, status=status, fields=fields)
    target = urlencode({"week": week, "done": "fall-back"})
    return RedirectResponse(f"/?{target}#standing-title", 303)


async def _form(
    request: Request,
    week: str,
    *,
    message: str = "",
    status: int = 200,
    fields: Fields | None = None,
) -> Response:
    last, names = await asyncio.to_thread(_last, request, week), await _borough_names(request)
    framed = await marked_frame(request)
    record, made = last.record, await asyncio.to_thread(service_of(request).workspace.weeks)
    areas = record.content.areas if record else ()
    values = {
        **framed,
        "week": week,
        "weeks": week_choices(sorted({*made, week, _week(request, "")})),
        "last": record,
        "approved_by": _called(record.approver, last.names) if record else "",
        "proposed_by": _called(record.proposer, last.names) if record else "",
        "in_force": last.in_force,
        "objection": last.objection,
        "areas": [(unit, ", ".join(names.get(one, one) for one in codes)) for unit, codes in areas],
        "reason": (fields or {}).get("reason", ""),
        "message": message,
    }
    return page("fall_back.html", values, status=status, headers=framed_headers(framed))


def _last(request: Request, week: str) -> _Last:
    shelf = shelf_of(request)
    with shelf.record.store.read() as tx:
        last = last_approved(latest_standing(tx, week), week)
        here = plans_of_week(tx, week)
    names = called(shelf.record, (last,) if last else ())
    in_force = next((one for one in here if one.state is State.PUBLISHED), None)
    return _Last(last, names, in_force, _objection(last, week))


def _objection(last: PlanRecord | None, week: str) -> str:
    if last is None:
        return (
            f"No approved plan up to week {week} is left to fall back to. What to do: draft a "
            "plan, and have it proposed and approved by another person."
        )
    if last.week == week and last.state is State.PUBLISHED:
        return "The last approved plan is in force for this week already. Nothing is to be done."
    if last.week == week and last.state is State.APPROVED:
        return "The last approved plan is of this week and waits. What to do: publish it."
    return ""


def _week(request: Request, given: str) -> str:
    """Return a week that was given, or that of today; some years have no week 53."""
    if WEEK.fullmatch(given):
        with contextlib.suppress(ValueError):
            date.fromisocalendar(int(given[:4]), int(given[-2:]), 1)
            return given
    year, number, _ = service_of(request).today().isocalendar()
    return f"{year}-W{number:02d}"


async def _borough_names(request: Request) -> dict[str, str]:
    """Return names of boroughs where an assessment has them; falling back needs none."""
    try:
        stored = await stored_assessment(service_of(request))
    except ProblemError:
        return {}
    return {one.code: one.name for one in stored.assessment.boroughs} if stored else {}


def _called(name: str, names: Mapping[str, str]) -> str:
    display = names.get(name, "")
    return f"{display} ({name})" if display and display.casefold() != name else name


ENDPOINTS = (
    Endpoint(
        "GET",
        "/decisions/fall-back",
        Action.FALL_BACK,
        show_fall_back,
        "Fall back to the last approved plan: the form",
        operation="consultation",
        shown=False,
    ),
    Endpoint(
        "POST",
        "/decisions/fall-back",
        Action.FALL_BACK,
        fall_back,
        "Fall back to the last approved plan",
        form=True,
        shown=False,
    ),
)

"""The page the meeting works from: this week's map, tables and reasons."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from api.access import Action, Resource, decide
from api.pages.map_view import map_view
from api.pages.rendering import page
from api.pages.standing_view import DONE
from api.pages.week_view import WARDS_SHOWN, WeekView, week_choices, week_to_show
from api.plans.fleet_source import read_source, words_of
from api.plans.verdict_view import COLUMNS, VerdictView
from api.problems import ProblemError, http_problem
from api.routes.again_view import LATEST, AgainView, again_in_force, weeks_with_plans
from api.routes.endpoint import Endpoint
from api.routes.forms import frame
from api.routes.permits import plan_for, shown_assessment
from api.routes.plan_of_week import plan_in_force
from api.routes.standing import week_standing
from api.routes.stored import (
    StoredAssessment,
    StoredPlan,
    marking,
    stored_assessment,
    stored_plan,
    stored_verdict,
)
from api.service import Service, service_of
from api.wording import plan_in_words, standard_in_words
from api.working.orders import AREA_SHAPES, PLACE_SHAPES

Text = Annotated[str, Query(max_length=120)]


@dataclass(frozen=True)
class _Shown:
    """What a page shows: the assessment, the plan of a week if there is one, and their shapes.

    ``again`` says how the plan in force came back where the meeting fell back.
    """

    source: StoredAssessment
    plan: StoredPlan | None
    week: str
    again: AgainView | None
    places: Mapping[str, Any]
    areas: Mapping[str, Any] | None
    verdict: VerdictView | None


async def show_week(
    request: Request,
    week: Text = "",
    area: Text = "",
    find: Text = "",
    wards: Text = "",
    *,
    done: Text = "",
    state: Text = "",
) -> Response:
    """Show a week: this one by default, or the latest with a plan.

    It shows the plan made last; where the meeting fell back it shows the plan in force, and the
    one made last with ``state=latest``.
    """
    service = service_of(request)
    weeks = await weeks_with_plans(service)
    chosen = week or week_to_show(weeks, service.today()) or ""
    plan, again = await _plan(service, chosen, state)
    source = plan.source if plan else await stored_assessment(service)
    if source is None:
        return page("empty.html", {**frame(request), "sample": service.sample_state})
    plan, source = await _as_shown(request, service, plan, source)
    latest = again is not None and state == LATEST
    shown = _Shown(
        source=source,
        plan=plan,
        week=chosen,
        again=again,
        places=await service.kept.get(source.folder / PLACE_SHAPES, _read_json),
        areas=await service.kept.get(plan.folder / AREA_SHAPES, _read_json) if plan else None,
        verdict=await stored_verdict(service, plan) if plan else None,
    )
    asked = {
        "asked_week": week,
        "area": area,
        "find": find,
        "every_ward": wards == "all",
        "latest": latest,
    }
    standing = await week_standing(request, service, plan, chosen) if plan else None
    around = {
        **frame(request),
        "weeks": week_choices(weeks),
        "newer": await _newer(service, source),
        "sample": service.sample_state,
        "unit_names": service.organisation.units,
        "standing": standing,
        "key": next((one.key for one in standing.plans if one.shown), "") if standing else "",
        "may_place": decide(request.state.actor, Action.MAKE_PLAN, Resource("page")).allowed,
        "done": DONE.get(done, ""),
    }
    return await asyncio.to_thread(_week_page, shown, asked, around)


async def show_area(request: Request, code: str, week: Text = "", state: Text = "") -> Response:
    """Return the part of the page about one ward or borough."""
    service = service_of(request)
    plan, again = await _plan(service, week, state)
    source = plan.source if plan else await stored_assessment(service)
    if source is not None:
        plan, source = await _as_shown(request, service, plan, source)
    view = WeekView(source.assessment, plan.plan if plan else None) if source else None
    details = view.details(code) if view else None
    if view is None or details is None:
        raise ProblemError(http_problem(404, "there is no such ward or borough in this week."))
    latest = again is not None and state == LATEST
    values = {"details": details, "week": week, "view": view, "latest": latest}
    return page("area.html", values, headers=marking(view.assessment, view.plan))


async def _as_shown(
    request: Request, service: Service, plan: StoredPlan | None, source: StoredAssessment
) -> tuple[StoredPlan | None, StoredAssessment]:
    """Return what the actor may see; a plan without a sanitised version is left out."""
    shown = await shown_assessment(request, service, source, Action.READ_PAGE)
    return (await plan_for(request, plan) if plan is not None else None), shown


async def _plan(
    service: Service, week: str, state: str
) -> tuple[StoredPlan | None, AgainView | None]:
    """Return the plan to show of a week, and how the one in force came back, where it did."""
    if not week:
        return None, None
    again = await again_in_force(service, week)
    if again is not None and state != LATEST:
        found = await plan_in_force(service, week)
        return (found.stored if found else None), again
    return await stored_plan(service, week), again


def _week_page(
    shown: _Shown, asked: Mapping[str, object], around: Mapping[str, object]
) -> Response:
    """Fill in the page; a tenth of a second of work, so off the event loop."""
    plan = shown.plan.plan if shown.plan else None
    view = WeekView(shown.source.assessment, plan)
    text = str(asked["area"] or asked["find"])
    code = str(asked["area"]) or view.found(str(asked["find"])) or ""
    details = view.details(code)
    values = {
        **around,
        **asked,
        "view": view,
        "map": map_view(view, shown.places, shown.areas),
        "week": shown.week if plan else "",
        "again": shown.again,
        "fleet": words_of(read_source(shown.plan.folder)) if shown.plan else "",
        "details": details,
        "not_found": "" if details else text,
        "wards_shown": WARDS_SHOWN,
        "plan_words": plan_in_words(plan) if plan else "",
        "standard_words": standard_in_words(plan) if plan else "",
        "verdict": shown.verdict,
        "verdict_columns": COLUMNS,
        "has_briefing": shown.plan is not None and (shown.plan.folder / "briefing.pdf").is_file(),
    }
    return page("week.html", values, headers=marking(view.assessment, view.plan))


async def _newer(service: Service, shown: StoredAssessment) -> StoredAssessment | None:
    """Return the current assessment when it is not the one shown."""
    current = await stored_assessment(service)
    return current if current and current.folder != shown.folder else None


def _read_json(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return value


ENDPOINTS = (
    Endpoint(
        "GET",
        "/",
        Action.READ_PAGE,
        show_week,
        "The meeting's page",
        operation="consultation",
        shown=False,
    ),
    Endpoint(
        "GET", "/areas/{code}", Action.READ_PAGE, show_area, "Reasons for one area", shown=False
    ),
)

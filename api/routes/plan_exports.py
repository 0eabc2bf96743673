"""The patrol areas of a plan of the record, as files for a GIS, a satnav or a spreadsheet."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from api.access import Action
from api.exports.patrol_areas import FORMS, area_frame
from api.marking import marking_of
from api.ogc.ground import study_area
from api.plans.shelf import PlanShelf
from api.problems import ProblemError, http_problem
from api.routes.documents import problem
from api.routes.endpoint import Endpoint, Handler
from api.routes.permits import as_resource, require, shown_plan
from api.routes.plan_of_week import record_headers
from api.routes.plans import PlanKey
from api.routes.stored import StoredPlan, marking, stored_assessment
from api.service import service_of


def _export(suffix: str) -> Handler:
    write, media_type = FORMS[suffix]

    async def export_areas(request: Request, key: PlanKey) -> Response:
        """Return the patrol areas of a plan as a file that carries its marking."""
        service = service_of(request)
        if service.record is None:
            raise ProblemError(http_problem(503, "the service is still starting."))
        shelf = PlanShelf(service.record)
        kept, plan = await asyncio.to_thread(lambda: (shelf.plan(key), shelf.content(key)))
        source = await stored_assessment(service, plan.assessment_id)
        if source is None:
            raise ProblemError(
                http_problem(
                    404,
                    f"assessment {plan.assessment_id} of plan {key} is no longer stored. "
                    "Remedy: restore it from a backup.",
                )
            )
        folder = service.workspace.plan(plan.week, plan.plan_id)
        if folder is None:
            await require(request, Action.READ_PLAN, as_resource(source))
        else:
            shown = await shown_plan(request, StoredPlan(folder, plan, source))
            plan, source = shown.plan, shown.source
        area = await study_area(service)
        body = await asyncio.to_thread(
            lambda: write(
                area_frame(
                    plan,
                    source.assessment,
                    area.boroughs,
                    str(kept.state),
                    in_force_for=kept.week if kept.fallback_of else "",
                ),
                marking_of(source.assessment, plan),
            )
        )
        headers = marking(source.assessment, plan)
        headers |= record_headers(kept, plan.week)
        headers["Vary"] = "Accept, Authorization, Cookie"
        headers["Content-Disposition"] = f'attachment; filename="{key}.{suffix}"'
        return Response(body, headers=headers, media_type=media_type)

    return export_areas


def _endpoint(suffix: str) -> Endpoint:
    media_type = FORMS[suffix][1].split(";")[0]
    return Endpoint(
        "GET",
        f"/plans/{{key}}/patrol-areas.{suffix}",
        Action.READ_PLAN,
        _export(suffix),
        f"The patrol areas of a plan as {suffix}",
        tag="gis",
        operation="disclosure",
        responses={
            200: {"description": "The file.", "content": {media_type: {}}},
            404: problem("There is no such plan, or its assessment is no longer stored."),
        },
    )


ENDPOINTS = tuple(_endpoint(suffix) for suffix in FORMS)

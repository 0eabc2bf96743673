"""The stored plan behind a record, wherever its folder lies."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from api.plans.record import PlanRecord
from api.plans.shelf import PlanShelf
from api.problems import ProblemError, http_problem
from api.routes.stored import StoredPlan, stored_plan
from api.service import service_of


async def content_of_record(request: Request, shelf: PlanShelf, record: PlanRecord) -> StoredPlan:
    """Return the stored plan of a record; that of a fall-back lies in the week it repeats.

    Raises
    ------
    ProblemError
        404 when its folder is no longer stored.
    """
    week = record.week
    if record.fallback_of:
        week = (await asyncio.to_thread(shelf.plan, record.fallback_of)).week
    stored = await stored_plan(service_of(request), week, record.content.plan_id)
    if stored is None:
        raise ProblemError(
            http_problem(
                404,
                f"the folder of plan {record.content.plan_id} is no longer stored. Remedy: restore "
                "it from a backup, or take the step over HTTP, see /docs.",
            )
        )
    return stored

"""Which plan a week has: the one in force where one was published, else the one made last.

A published plan was approved by a second person, and crews are out on it. A plan that was only
made, or waits for approval, never takes its place before it is published itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from api.audit.log import Record
from api.plans.fallen_back import FallenBack, fallen_back
from api.plans.record import PlanRecord, State
from api.plans.rows import plans_of_week
from api.problems import ProblemError, http_problem
from api.routes.stored import StoredPlan, stored_plan
from api.service import Service
from api.workspace import WEEK

Which = Literal["published", "latest"]
#: State of a plan that nobody drafted in the record.
NOT_RECORDED = "not in the record"


@dataclass(frozen=True)
class WeekPlan:
    """A plan as it is stored, its record where somebody keeps one, and how it came in force.

    ``fallen_back`` is given where the plan is in force by falling back.
    """

    stored: StoredPlan
    record: PlanRecord | None
    fallen_back: FallenBack | None = None

    def headers(self) -> dict[str, str]:
        """Return where it stands and the week it was made for; one nobody approved must say so."""
        made_for = self.stored.plan.week
        if self.record is None:
            return {"X-Plan-Made-For": made_for, "X-Plan-State": NOT_RECORDED}
        return {
            **record_headers(self.record, made_for),
            "Link": f'</plans?week={self.record.week}>; rel="collection"',
        }


def record_headers(record: PlanRecord, made_for: str) -> dict[str, str]:
    """Return where a plan of the record stands, and the week it was made for."""
    again = {"X-Plan-In-Force-For": record.week, "X-Plan-Fallback-Of": record.fallback_of}
    return {
        "X-Plan-Made-For": made_for,
        "X-Plan-State": str(record.state),
        "X-Plan-Key": record.key,
        **(again if record.fallback_of else {}),
    }


async def plan_to_show(service: Service, week: str, which: Which | None = None) -> WeekPlan:
    """Return the plan of a week.

    Parameters
    ----------
    which
        ``published`` or ``latest`` alone; without it the published one, or else the latest.

    Raises
    ------
    ProblemError
        404 when the week has no such plan, or its folder is no longer stored.
    """
    in_force = None if which == "latest" else await plan_in_force(service, week)
    if in_force is not None:
        return in_force
    if which == "published":
        raise ProblemError(
            http_problem(
                404,
                f"no plan of week {week!r} is published. Remedy: leave `state` out for the plan "
                "made last, or GET /plans to see where each stands.",
            )
        )
    return await recorded(service, await required_plan(service, week))


async def plan_in_force(service: Service, week: str) -> WeekPlan | None:
    """Return the published plan of a week, ``None`` when there is none.

    Raises
    ------
    ProblemError
        404 when the record has one and its folder is not stored any more.
    """
    record = service.record
    if record is None or not WEEK.fullmatch(week):
        return None
    found = await asyncio.to_thread(_published, record, week)
    if found is None:
        return None
    kept, again = found
    made_for = again.made_for if again else week
    stored = await stored_plan(service, made_for, kept.content.plan_id)
    if stored is None:
        raise ProblemError(
            http_problem(
                404,
                f"the folder of plan {kept.content.plan_id}, which is in force, is no longer "
                "stored. Remedy: restore it from a backup; GET /plans has its record.",
            )
        )
    return WeekPlan(stored, kept, again)


async def recorded(service: Service, stored: StoredPlan) -> WeekPlan:
    """Return a stored plan with the latest record of its content, where there is one."""
    record, plan_id = service.record, stored.recorded_id
    if record is None:
        return WeekPlan(stored, None)
    kept = await asyncio.to_thread(_plans, record, stored.plan.week)
    same = [one for one in kept if one.content.plan_id == plan_id]
    return WeekPlan(stored, same[-1] if same else None)


async def required_plan(service: Service, week: str) -> StoredPlan:
    """Return the plan made last for a week, or the problem of there being none."""
    stored = await stored_plan(service, week)
    if stored is None:
        await _refuse_lost(service, week)
        weeks = await asyncio.to_thread(service.workspace.weeks)
        there = f"weeks with a plan: {', '.join(weeks[-8:])}" if weeks else "no week has a plan yet"
        raise ProblemError(
            http_problem(
                404,
                f"there is no plan for week {week!r}; {there}. "
                "Remedy: ask for one of those, or POST /allocate for this week.",
            )
        )
    return stored


async def _refuse_lost(service: Service, week: str) -> None:
    """Answer 404 with the remedy when the record has a plan of a week whose folder is gone."""
    record = service.record
    if record is None or not WEEK.fullmatch(week):
        return
    kept = await asyncio.to_thread(_plans, record, week)
    if kept:
        raise ProblemError(
            http_problem(
                404,
                f"the record has plan {kept[-1].content.plan_id} of {week}, and its folder is no "
                "longer stored. Remedy: put it back with `arv store restore BACKUP --files`.",
            )
        )


def _published(record: Record, week: str) -> tuple[PlanRecord, FallenBack | None] | None:
    """Return the record in force, and how somebody fell back to it where somebody did."""
    with record.store.read() as tx:
        found = (one for one in plans_of_week(tx, week) if one.state is State.PUBLISHED)
        kept = next(found, None)
        if kept is None:
            return None
        return kept, fallen_back(tx, week)


def _plans(record: Record, week: str) -> tuple[PlanRecord, ...]:
    with record.store.read() as tx:
        return plans_of_week(tx, week)

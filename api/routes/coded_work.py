"""What of long work its reader may see, where the work rests on handling code C.

The figures of a plan that is still being solved, and the words in which work is refused, come from
the whole evidence. Whoever lacks the scope gets the work without them: that it is under way, how
far it is, and that it failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from api.access import HANDLING_C_SCOPE, Actor
from api.jobs.job import Job
from api.problems import ProblemError, problem_of
from api.routes.permits import opens_whole
from api.routes.stored import stored_assessment
from api.service import Service
from api.store.schema import incidents, plan_versions

WITHHELD = (
    "why rests on material with handling code C. Remedy: ask somebody with the scope handling-c "
    "to read it."
)


@dataclass(frozen=True)
class CodedWork:
    """Tells one reader of long work apart from another.

    Parameters
    ----------
    service
        Its store and folders say what work rests on.
    actor
        Who reads.
    """

    service: Service
    actor: Actor

    async def shown(self, job: Job) -> Job:
        """Return a job as the actor may see it."""
        told = job.how_far
        refused = job.problem is not None and int(job.problem["status"]) < 500
        if not refused and told.objective is None and told.bound is None:
            return job
        if await self._opens({**job.request, **(job.result or {})}, job.actor):
            return job
        bare = replace(told, objective=None, bound=None)
        return replace(job, how_far=bare, problem=_withheld(job.problem))

    async def refusal(self, asked: Mapping[str, Any], fault: Exception) -> Exception:
        """Return what is raised for a fault of work that somebody waits for."""
        problem = problem_of(fault)
        if problem.status >= 500 or await self._opens(asked, self.actor.name):
            return fault
        return ProblemError(replace(problem, detail=_words(problem.title), members={}))

    async def _opens(self, asked: Mapping[str, Any], asked_by: str) -> bool:
        """Return whether the evidence that is meant lets the actor see all that is said of it."""
        if HANDLING_C_SCOPE in self.actor.scopes:
            return True
        if asked.get("stored"):  # an assessment of what the store holds
            return not await asyncio.to_thread(self._holds_coded)
        name = asked.get("assessment_id")
        if name is None and "key" in asked:
            name = await asyncio.to_thread(self._made_from, asked["key"], asked.get("plan_id"))
        if name is None:  # a sanitised version, or files whose handling nobody knows yet
            return not asked.get("feeds") or self.actor.name == asked_by
        try:
            source = await stored_assessment(self.service, str(name))
        except ProblemError:  # damaged: nobody knows what it rests on
            return False
        return source is not None and opens_whole(self.actor, source)

    def _holds_coded(self) -> bool:
        if self.service.record is None:
            return True
        query = select(incidents.c.incident_id).where(incidents.c.handling_code == "C").limit(1)
        with self.service.record.store.read() as tx:
            return tx.execute(query).first() is not None

    def _made_from(self, key: object, plan_id: object) -> str | None:
        """Return the assessment behind a plan of the record; a sanitised version is not in it."""
        if self.service.record is None:
            return None
        query = select(plan_versions.c.assessment_id, plan_versions.c.document).where(
            plan_versions.c.plan_key == key, plan_versions.c.plan_id == plan_id
        )
        with self.service.record.store.read() as tx:
            row = tx.execute(query).first()
        return None if row is None else str(row.assessment_id or row.document["assessment_id"])


def _withheld(problem: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if problem is None or int(problem["status"]) >= 500:
        return dict(problem) if problem is not None else None
    kept = {name: problem[name] for name in ("kind", "title", "status")}
    return {**kept, "detail": _words(str(problem["title"]))}


def _words(title: str) -> str:
    return f"{title}: {WITHHELD}"

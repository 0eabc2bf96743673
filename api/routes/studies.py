"""Studies of a plan over HTTP: asked for, done by a worker or as a job, kept, and read again.

A study is kept under the plan it is about (by content, so an altered plan has none yet), named
by the digest of its document; the one made last of a kind is what ``GET`` gives.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from api.access import Action
from api.audit.entry import entry
from api.jobs.door import run_or_accept
from api.jobs.kind import JobKind, Values, Work
from api.negotiation import JSON
from api.problems import ProblemError, http_problem
from api.routes.bodies import Strict
from api.routes.endpoint import Endpoint, Handler
from api.routes.recorded_plan import (
    RecordedPlan,
    permitted_plan,
    shown_recorded,
    unaltered_plan,
)
from api.routes.stored import record_now, send_file
from api.routes.study_documents import MarkedDocument, reading_responses, study_responses
from api.service import Service, service_of
from api.working.orders import Task
from api.working.study_orders import STUDY, StudyDone

Body = TypeVar("Body", bound=Strict)
#: A document of the interface, and what it is in a sentence.
Described = tuple[type[MarkedDocument], str]


@dataclass(frozen=True)
class Study(Generic[Body]):
    """One kind of study.

    Attributes
    ----------
    name, verb
        Its noun, in the address it is read at, and its verb, in the one it is asked for at.
    body
        What is asked.
    task
        What the worker does.
    order
        Makes the worker's order, and refuses what cannot be done.
    solve_s
        Seconds of solving that a body asks for.
    steps
        The steps it tells of, each with its part of the whole.
    """

    name: str
    verb: str
    body: type[Body]
    task: Task[StudyDone]
    order: Callable[[Service, RecordedPlan, Body], Awaitable[object]]
    solve_s: Callable[[Body], float]
    steps: tuple[tuple[str, float], ...]

    def kind(self) -> JobKind:
        """Return the study as a kind of long work."""
        return JobKind(self.name, Action.STUDY_PLAN, self._run, self._deliver, self.steps)

    async def ask(self, request: Request, key: str, body: Body, *, long: bool = False) -> Response:
        """Do a study while the client waits, or accept it as a job."""
        found = await shown_recorded(request, key, Action.STUDY_PLAN)
        await self.order(service_of(request), found, body)  # refused before it is accepted
        asked = {"key": key, "plan_id": found.plan.plan_id, "body": body.model_dump(mode="json")}
        return await run_or_accept(request, self.kind(), asked, long=long)

    async def read(self, request: Request, key: str) -> Response:
        """Return the study of this kind that was made last of what a plan places now."""
        found = await shown_recorded(request, key, Action.READ_PLAN)
        return await self._send(request, found, found.plan.plan_id, None)

    def endpoints(
        self, ask: Handler, read: Handler, summaries: tuple[str, str], document: Described
    ) -> tuple[Endpoint, Endpoint]:
        """Return where the study is asked for, and where the last one is read.

        Parameters
        ----------
        summaries
            What either is, for the interface.
        document
            Model of the study, and what it is in a sentence.
        """
        asked = Endpoint(
            "POST", f"/plans/{{key}}/{self.verb}", Action.STUDY_PLAN, ask, summaries[0],
            tag="studies", operation="combination", responses=study_responses(*document),
        )  # fmt: skip
        kept = Endpoint(
            "GET", f"/plans/{{key}}/{self.name}", Action.READ_PLAN, read, summaries[1],
            tag="studies", operation="consultation", responses=reading_responses(*document),
        )  # fmt: skip
        return asked, kept

    async def _run(self, service: Service, work: Work) -> dict[str, Any]:
        asked = work.request
        body = self.body.model_validate_json(json.dumps(asked["body"]))
        found = await unaltered_plan(service, asked["key"], asked["plan_id"])
        order, limits = await self.order(service, found, body), service.settings.limits
        deadline_s = min(self.solve_s(body), limits.solve_s) + limits.grace_s
        plan_id = found.plan.plan_id
        with service.workspace.staging() as folder:
            staged = folder / "study"
            done = await service.pool.run(
                self.task, order, staged, deadline_s=deadline_s, following=work.following
            )
            async with service.publishing:
                await asyncio.to_thread(
                    service.workspace.publish_study, staged, plan_id, self.name, done.study_id
                )
        kept = {"key": asked["key"], "plan_id": plan_id, "study_id": done.study_id}
        await asyncio.to_thread(self._note, service, work.actor, kept)
        return kept

    def _note(self, service: Service, actor: str, kept: Mapping[str, str]) -> None:
        detail = {"study": self.name, "study_id": kept["study_id"], "plan_id": kept["plan_id"]}
        record_now(service).note(
            entry(actor, Action.STUDY_PLAN, "plan", kept["key"], operation="combination",
                  detail=detail)
        )  # fmt: skip

    async def _deliver(self, request: Request, result: Values) -> Response:
        found = await shown_recorded(request, result["key"], Action.STUDY_PLAN)
        if found.plan.plan_id != result["plan_id"]:  # another version of it, or altered since
            await permitted_plan(request, result["key"], Action.STUDY_PLAN)
        return await self._send(request, found, result["plan_id"], result["study_id"])

    async def _send(
        self, request: Request, found: RecordedPlan, plan_id: str, study_id: str | None
    ) -> Response:
        folder = service_of(request).workspace.study(plan_id, self.name, study_id)
        key = found.record.key
        if folder is None:
            raise ProblemError(
                http_problem(
                    404,
                    f"there is no {self.name} of what plan {key} places now. "
                    f"Remedy: POST /plans/{key}/{self.verb}.",
                )
            )
        headers = {
            **found.headers,
            "X-Plan-Id": plan_id,
            "Content-Location": f"/plans/{key}/{self.name}",
        }
        tag = f"{plan_id}.{self.name}.{folder.name}"
        return await send_file(request, folder / STUDY, JSON, headers, tag)

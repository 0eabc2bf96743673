"""Read what is stored, with the marking that every answer about it carries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from allocator.errors import PlanningRefusedError
from allocator.plan import PatrolPlan
from api.audit.log import Record
from api.files.assessment_folder import AssessmentFolder
from api.files.assessment_folder import read as read_assessment
from api.marking import marking_of
from api.plans.file import read_plan
from api.plans.verdict_file import VERDICT, read_verdict_view
from api.plans.verdict_view import VerdictView
from api.problems import ProblemError, http_problem, still_starting
from api.service import Service, service_of
from api.working.orders import SANITISED
from hotspots.assessment import RiskAssessment
from hotspots.errors import InputRefusedError

Value = TypeVar("Value")

#: How evidence is marked while no assessment says otherwise.
UNASSESSED = "OFFICIAL-SENSITIVE"

log = logging.getLogger("arv.service")


@dataclass(frozen=True)
class StoredAssessment:
    """An assessment and the folder it lies in."""

    folder: Path
    assessment: RiskAssessment


@dataclass(frozen=True)
class StoredPlan:
    """A week's plan, the folder it lies in, and the assessment it was made from.

    ``recorded_as`` is the identifier of the plan that is in the record, where this one is its
    sanitised version.
    """

    folder: Path
    plan: PatrolPlan
    source: StoredAssessment
    recorded_as: str = ""

    @property
    def recorded_id(self) -> str:
        """Identifier under which the record knows the plan."""
        return self.recorded_as or self.plan.plan_id


async def stored_assessment(
    service: Service, assessment_id: str | None = None
) -> StoredAssessment | None:
    """Return an assessment, the current one by default, or ``None`` when it is not there."""
    folder = service.workspace.assessment(assessment_id)
    if folder is None:
        return None
    return await stored_folder(service, folder)


async def required_assessment(
    service: Service, assessment_id: str | None = None
) -> StoredAssessment:
    """Return an assessment, the current one by default, or the problem of there being none."""
    stored = await stored_assessment(service, assessment_id)
    if stored is None:
        what = f"no assessment {assessment_id!r}" if assessment_id else "no assessment yet"
        remedy = "GET /assessments lists them; POST /assessment makes one"
        raise ProblemError(http_problem(404, f"there is {what}. Remedy: {remedy}."))
    return stored


async def stored_folder(service: Service, folder: Path) -> StoredAssessment:
    """Return the assessment in a folder of the workspace."""
    kept: AssessmentFolder = await _read(service, folder, read_assessment)
    return StoredAssessment(folder, kept.assessment)


async def stored_plan(service: Service, week: str, plan_id: str | None = None) -> StoredPlan | None:
    """Return a plan of a week, the one made last by default, or ``None`` when it is not there."""
    folder = service.workspace.plan(week, plan_id)
    if folder is None:
        return None
    plan = await _read(service, folder / "plan.json", read_plan)
    source = await stored_assessment(service, plan.assessment_id)
    if source is None:
        raise ProblemError(
            http_problem(
                404,
                f"the plan of {week} was made from assessment {plan.assessment_id}, which is no "
                "longer stored. Remedy: restore it from a backup, or solve the week again.",
            )
        )
    return StoredPlan(folder, plan, source)


async def stored_sanitised(service: Service, stored: StoredPlan) -> StoredPlan | None:
    """Return the sanitised version of a plan, or ``None`` where there is none."""
    folder, source = stored.folder / SANITISED, stored.source.folder / SANITISED
    if not (folder / "plan.json").is_file() or not source.is_dir():
        return None
    plan = await _read(service, folder / "plan.json", read_plan)
    made_from = await stored_folder(service, source)
    if plan.assessment_id != made_from.assessment.assessment_id:
        return None
    return StoredPlan(folder, plan, made_from, stored.recorded_id)


async def stored_verdict(service: Service, stored: StoredPlan) -> VerdictView | None:
    """Return what simulated weeks say of a stored plan, where it was judged."""
    path = stored.folder / VERDICT
    return await _read(service, path, read_verdict_view) if path.is_file() else None


async def _read(service: Service, path: Path, read: Callable[[Path], Value]) -> Value:
    """Read what the service itself stored: a refusal here is damage, not anybody's input."""
    try:
        return await service.kept.get(path, read)
    except (InputRefusedError, PlanningRefusedError) as fault:
        log.exception("%s is damaged", path)
        raise ProblemError(
            http_problem(
                500,
                "what the service stored is damaged. Remedy: restore the data directory from a "
                "backup, or make the assessment and the plan again.",
            )
        ) from fault


def marking(assessment: RiskAssessment, plan: PatrolPlan | None = None) -> dict[str, str]:
    """Return the headers that say what an answer is and where it came from."""
    return marking_of(assessment, plan).headers()


async def evidence_marking(service: Service) -> dict[str, str]:
    """Return the marking of the evidence itself: that of the assessment, where there is one."""
    stored = await stored_assessment(service)
    known = marking(stored.assessment) if stored else {"X-Classification": UNASSESSED}
    return {"X-Classification": known["X-Classification"]}


def record_of(request: Request) -> Record:
    """Return the system of record, or answer 503 before the service has opened it."""
    return record_now(service_of(request))


def record_now(service: Service) -> Record:
    """Return the system of record, or answer 503 before the service has opened it."""
    if service.record is None:
        raise ProblemError(still_starting())
    return service.record


async def send_file(
    request: Request, path: Path, media_type: str, headers: Mapping[str, str], etag: str
) -> Response:
    """Send a stored file, or 304 when the client has it already."""
    if has_it(request, etag):
        return with_etag(request, b"", media_type, headers, etag)
    content = await asyncio.to_thread(path.read_bytes)
    return with_etag(request, content, media_type, headers, etag)


def with_etag(
    request: Request, content: bytes, media_type: str, headers: Mapping[str, str], etag: str
) -> Response:
    """Answer with content under its tag, or 304 when the client has it already."""
    sent = {**headers, "ETag": f'"{etag}"', "Vary": "Accept, Authorization, Cookie"}
    if has_it(request, etag):
        return Response(status_code=304, headers=sent)
    return Response(content, headers=sent, media_type=media_type)


def has_it(request: Request, etag: str) -> bool:
    """Return whether a client says that it has the content of a tag (RFC 9110, 13.1.2)."""
    given = request.headers.get("if-none-match", "").split(",")
    tags = [one.strip().removeprefix("W/") for one in given]
    return f'"{etag}"' in tags or tags == ["*"]

"""The assessments of the service: which there are, which is current, what each lacks."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import Path as InPath
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import HANDLING_C_SCOPE, Action, Actor
from api.audit.entry import time_text
from api.files.assessment_folder import ASSESSMENT
from api.pagination import ROWS, CursorQuery, LimitQuery, page_of, position
from api.routes.area_scores import chosen_assessment
from api.routes.bodies import Identifier
from api.routes.documents import Document, problem
from api.routes.endpoint import Endpoint
from api.routes.stored import evidence_marking, marking
from api.service import service_of
from api.store.assessments import KeptAssessment, find_assessment
from api.working.orders import SANITISED
from hotspots.assessment import AreaScore, RiskAssessment

KEPT_SUMMARIES = 512
AssessmentId = Annotated[Identifier, InPath(description="Identifier from the list.")]


class AssessmentLineDocument(Document):
    """One assessment in the list, as the actor may see it."""

    id: str = Field(description="Its address; `assessment_id` in queries.")
    assessment_id: str = Field(description="Another one where a sanitised version is shown.")
    current: bool
    as_of: date
    classification: str
    notice: str
    sanitised: bool
    handling_code: str
    data_gaps: list[str]
    href: str


class AssessmentsDocument(Document):
    """A page of assessments, the latest as-of day first."""

    assessments: list[AssessmentLineDocument]
    links: list[dict[str, str]]


class EvidenceDocument(Document):
    """What one source contributed, and what was set aside."""

    source: str
    title: str
    accepted: int
    used: int
    discovered_shown_only: int
    stale_shown_only: int
    rejected: int
    first_day: date | None
    last_day: date | None
    coverage: str
    effective_weight: float
    merged: int


class AssessmentPartDocument(AssessmentLineDocument):
    """One assessment: how it was made and how its areas are spread over tiers."""

    horizon_days: int
    policy_version: str
    boundary_name: str
    boundary_approximate: bool
    attribution: list[str]
    seed: int
    inputs_sha256: str
    wards_by_tier: dict[str, int]
    wards_by_coverage: dict[str, int]
    boroughs_by_tier: dict[str, int]
    hot_spots: int
    evidence: list[EvidenceDocument]
    in_store: bool = Field(description="True when the store has it with its receipts.")
    made: str | None = Field(description="When the store took it.")
    made_by: str | None
    links: list[dict[str, str]]


@dataclass(frozen=True)
class _Summary:
    """What the list says of an assessment."""

    assessment_id: str
    as_of: str
    classification: str
    notice: str
    sanitised: bool
    handling_code: str
    data_gaps: tuple[str, ...]


async def list_assessments(
    request: Request, limit: LimitQuery = ROWS, cursor: CursorQuery = ""
) -> Response:
    """Return the assessments the actor may see, the latest as-of day first."""
    actor: Actor = request.state.actor
    after = position(cursor, 2)
    workspace = service_of(request).workspace

    def look() -> list[dict[str, Any]]:
        current = workspace.assessment()
        lines = (
            _line(folder, current, HANDLING_C_SCOPE in actor.scopes)
            for folder in workspace.assessments()
        )
        found = sorted((one for one in lines if one is not None), key=_key, reverse=True)
        return [one for one in found if after is None or _key(one) < after]

    found = await asyncio.to_thread(look)
    page = page_of(request, found[: limit + 1], limit, _key)
    body = {"assessments": page.rows, "links": page.links(request)}
    headers = {**await evidence_marking(service_of(request)), **page.headers}
    return JSONResponse(body, headers=headers)


async def read_one_assessment(request: Request, assessment_id: AssessmentId) -> Response:
    """Return how one assessment was made, and where its parts are."""
    service = service_of(request)
    stored, shown = await chosen_assessment(request, assessment_id, Action.READ_ASSESSMENT)
    record, current = service.record, service.workspace.assessment()

    def look() -> tuple[dict[str, Any] | None, KeptAssessment | None]:
        line = _line(stored.folder, current, shown is stored)
        if record is None:
            return line, None
        with record.store.read() as tx:
            return line, find_assessment(tx, shown.assessment.assessment_id)

    line, kept = await asyncio.to_thread(look)
    body = {**(line or {}), **_part(shown.assessment, stored.folder.name, kept)}
    return JSONResponse(body, headers=marking(shown.assessment))


def _line(folder: Path, current: Path | None, whole: bool) -> dict[str, Any] | None:
    """Return an assessment's line, ``None`` where there is nothing the actor may see of it."""
    summary = _summary(folder)
    if summary.handling_code == "C" and not whole:
        if not (folder / SANITISED).is_dir():
            return None
        summary = _summary(folder / SANITISED)
    return {
        "id": folder.name,
        "assessment_id": summary.assessment_id,
        "current": folder == current,
        "as_of": summary.as_of,
        "classification": summary.classification,
        "notice": summary.notice,
        "sanitised": summary.sanitised,
        "handling_code": summary.handling_code,
        "data_gaps": list(summary.data_gaps),
        "href": f"/assessments/{folder.name}",
    }


@lru_cache(maxsize=KEPT_SUMMARIES)
def _summary(folder: Path) -> _Summary:
    """Read what the list says of an assessment; its folder is never altered once published."""
    document = json.loads((folder / ASSESSMENT).read_bytes())
    return _Summary(
        assessment_id=str(document["assessment_id"]),
        as_of=str(document["as_of"]),
        classification=str(document["classification"]),
        notice=str(document["notice"]),
        sanitised=bool(document.get("sanitised", False)),
        handling_code=str(document.get("handling_code", "")),
        data_gaps=tuple(map(str, document["data_gaps"])),
    )


def _key(line: dict[str, Any]) -> tuple[str, str]:
    return str(line["as_of"]), str(line["id"])


def _part(kept: RiskAssessment, name: str, stored: KeptAssessment | None) -> dict[str, Any]:
    parts = ("wards", "boroughs", "hot-spots")
    links = [{"rel": part, "href": f"/{part}?assessment_id={name}"} for part in parts]
    return {
        "horizon_days": kept.horizon_days,
        "policy_version": kept.policy_version,
        "boundary_name": kept.boundary_name,
        "boundary_approximate": kept.boundary_approximate,
        "attribution": list(kept.attribution),
        "seed": kept.seed,
        "inputs_sha256": kept.inputs_sha256,
        "wards_by_tier": _counted(kept.wards, "tier"),
        "wards_by_coverage": _counted(kept.wards, "coverage"),
        "boroughs_by_tier": _counted(kept.boroughs, "tier"),
        "hot_spots": len(kept.clusters),
        "evidence": [
            {
                name: value.isoformat() if isinstance(value, date) else value
                for name, value in vars(one).items()
            }
            for one in kept.evidence
        ],
        "in_store": stored is not None,
        "made": time_text(stored.created) if stored else None,
        "made_by": stored.created_by if stored else None,
        "links": [{"rel": "describedby", "href": f"/assessment?id={name}"}, *links],
    }


def _counted(scores: tuple[AreaScore, ...], what: str) -> dict[str, int]:
    return dict(sorted(Counter(str(getattr(one, what)) for one in scores).items()))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/assessments",
        Action.READ_ASSESSMENT,
        list_assessments,
        "The assessments, the latest first",
        tag="assessment",
        operation="consultation",
        responses={200: {"model": AssessmentsDocument, "description": "A page of assessments."}},
    ),
    Endpoint(
        "GET",
        "/assessments/{assessment_id}",
        Action.READ_ASSESSMENT,
        read_one_assessment,
        "How an assessment was made, and where its parts are",
        tag="assessment",
        operation="consultation",
        responses={
            200: {"model": AssessmentPartDocument, "description": "The assessment."},
            404: problem("There is no such assessment."),
        },
    ),
)

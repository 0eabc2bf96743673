"""The risk assessment: read the current one, or have feeds assessed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import File, Form, Query, UploadFile
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access import Action
from api.calendar_day import parse_day
from api.files.assessment_folder import ASSESSMENT
from api.jobs.door import run_or_accept
from api.jobs.kind import JobKind, Work
from api.negotiation import CSV, HTML, JSON, choose
from api.problems import ProblemError, http_problem
from api.routes.documents import (
    ACCEPTED,
    ASSESSMENT_RESPONSES,
    MADE_RESPONSES,
    problem,
)
from api.routes.endpoint import Endpoint
from api.routes.evidence import evidence, evidence_now, keep_made
from api.routes.map_policy import map_policy
from api.routes.permits import shown_assessment
from api.routes.stored import StoredAssessment, marking, required_assessment, send_file
from api.routes.uploads import COVERAGE_SUFFIX, keep_upload, safe_name
from api.service import Service, service_of
from api.settings import Limits
from api.working.orders import ASSESS, MAP, AssessmentDone, AssessmentOrder
from hotspots.errors import FeedRefusedError

Table = Literal["wards", "boroughs", "rejected"]
IdQuery = Annotated[
    str | None,
    Query(alias="id", max_length=128, description="By default the current assessment."),
]
Classification = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9 :/-]{0,79}$")]
FEEDS, POLICY = "feeds", "policy"


async def read_assessment(request: Request, assessment_id: IdQuery = None) -> Response:
    """Return an assessment: JSON by default, its map for Accept: text/html."""
    stored = await _shown(request, assessment_id)
    media_type = choose(request.headers.get("accept"), (JSON, HTML))
    headers, path = marking(stored.assessment), stored.folder / ASSESSMENT
    if media_type == HTML:
        path = stored.folder / MAP
        document = await service_of(request).kept.get(path, Path.read_bytes)
        headers["Content-Security-Policy"] = map_policy(document)
    etag = f"{stored.assessment.assessment_id}.{path.suffix.lstrip('.')}"
    return await send_file(request, path, media_type, headers, etag)


async def read_table(request: Request, table: Table, assessment_id: IdQuery = None) -> Response:
    """Return the ranked wards or boroughs, or the refused rows, as CSV."""
    stored = await _shown(request, assessment_id)
    headers = {
        **marking(stored.assessment),
        "Content-Disposition": f'attachment; filename="{table}.csv"',
    }
    etag = f"{stored.assessment.assessment_id}.{table}"
    return await send_file(request, stored.folder / f"{table}.csv", CSV, headers, etag)


async def make_assessment(
    request: Request,
    *,
    as_of: Annotated[
        str,
        Form(
            min_length=1,
            max_length=32,
            description="First day not yet known: 2026-11-23 or 23/11/2026.",
        ),
    ],
    incidents: Annotated[
        list[UploadFile] | None,
        File(description="Files of records, any number; NAME.coverage.csv goes with NAME."),
    ] = None,
    counts: Annotated[
        list[UploadFile] | None, File(description="Files of ward-month or borough-month counts.")
    ] = None,
    policy: Annotated[
        UploadFile | None, File(description="Evidence policy (TOML); by default the bundled one.")
    ] = None,
    seed: Annotated[int, Form(ge=0, lt=2**32)] = 0,
    classification: Annotated[Classification, Form()] = "OFFICIAL-SENSITIVE",
    report_rejected: Annotated[
        bool, Form(description="Go on past refused rows and list them, instead of refusing.")
    ] = False,
    drop_personal_columns: Annotated[
        bool, Form(description="Drop columns of personal data unread, instead of refusing.")
    ] = False,
    from_store: Annotated[
        bool,
        Form(description="Assess the files in use in the store (POST /feeds); send none then."),
    ] = False,
) -> Response:
    """Assess feeds, store the assessment and make it the current one."""
    service = service_of(request)
    day = parse_day(as_of, "as_of")
    uploads = [*(incidents or []), *(counts or [])]
    _refuse_too_many(len(uploads), service.settings.limits)
    stored = evidence_now(request, uploads) if from_store else None
    with service.workspace.staging() as folder:
        sent = folder / "sent"
        feeds = await _keep_feeds(uploads, sent / FEEDS)
        asked = assessment_asked(
            day,
            stored,
            feeds=[path.name for path in feeds],
            policy=(await keep_upload(policy, sent / POLICY)).name if policy else None,
            seed=seed,
            classification=classification,
            report_rejected=report_rejected,
            drop_personal_columns=drop_personal_columns,
        )
        sent.mkdir(exist_ok=True)
        return await run_or_accept(request, ASSESSING, asked, files=sent)


def assessment_asked(
    day: date,
    stored: Mapping[str, str] | None,
    *,
    feeds: Sequence[str] = (),
    policy: str | None = None,
    seed: int = 0,
    classification: str = "OFFICIAL-SENSITIVE",
    report_rejected: bool = False,
    drop_personal_columns: bool = False,
) -> dict[str, Any]:
    """Return what is asked of an assessment, as plain JSON values that a job keeps.

    Parameters
    ----------
    day
        First day not yet known.
    stored
        From :func:`api.routes.evidence.evidence_now`; ``None`` when files are sent.
    feeds, policy
        Names of the files sent.
    """
    return {
        "feeds": list(feeds),
        "as_of": day.isoformat(),
        "policy": policy,
        "seed": seed,
        "classification": classification,
        "report_rejected": report_rejected,
        "drop_personal_columns": drop_personal_columns,
        "stored": stored,
    }


async def _assess(service: Service, work: Work) -> dict[str, Any]:
    """Assess the files of a request and publish the result."""
    asked, stored = work.request, work.request.get("stored")
    given = await evidence(service, stored) if stored else ()
    order = AssessmentOrder(
        feeds=tuple(work.folder / FEEDS / name for name in asked["feeds"]),
        as_of=date.fromisoformat(asked["as_of"]),
        policy=work.folder / POLICY / asked["policy"] if asked["policy"] else None,
        seed=asked["seed"],
        classification=asked["classification"],
        report_rejected=asked["report_rejected"],
        drop_personal_columns=asked["drop_personal_columns"],
        stored=given,
    )
    with service.workspace.staging() as folder:
        staged, deadline_s = folder / "assessment", service.settings.limits.assess_s
        done = await service.pool.run(
            ASSESS, order, staged, deadline_s=deadline_s, following=work.following
        )
        if stored:
            await keep_made(service, stored, given, staged)
        async with service.publishing:
            await asyncio.to_thread(
                service.workspace.publish_assessment, staged, done.assessment_id
            )
    return _made(done)


def _made(done: AssessmentDone) -> dict[str, Any]:
    return {
        "assessment_id": done.assessment_id,
        "as_of": done.as_of.isoformat(),
        "classification": done.classification,
        "notice": done.notice,
        "wards": done.wards,
        "rejected_rows": done.rejected_rows,
        "warnings": list(done.warnings),
        "data_gaps": list(done.data_gaps),
    }


async def _deliver(request: Request, result: Mapping[str, Any]) -> Response:
    """Return what an assessment came to; its gaps are those of the version the actor may see."""
    service = service_of(request)
    stored = await required_assessment(service, result["assessment_id"])
    shown = await shown_assessment(request, service, stored, Action.MAKE_ASSESSMENT)
    location = f"/assessment?id={result['assessment_id']}"
    headers = {**marking(shown.assessment), "Location": location}
    body = {**result, "data_gaps": list(shown.assessment.data_gaps)}
    return JSONResponse(body, 201, headers)


async def _shown(request: Request, assessment_id: str | None) -> StoredAssessment:
    service = service_of(request)
    stored = await required_assessment(service, assessment_id)
    return await shown_assessment(request, service, stored, Action.READ_ASSESSMENT)


def _refuse_too_many(uploads: int, limits: Limits) -> None:
    if uploads > limits.upload_files:
        raise ProblemError(
            http_problem(
                413,
                f"{uploads} files were sent and at most {limits.upload_files} are read at once. "
                "Remedy: join files of the same layout.",
            )
        )


async def _keep_feeds(uploads: Sequence[UploadFile], folder: Path) -> tuple[Path, ...]:
    """Keep uploads in one folder and return the feeds; a coverage file lies beside its feed."""
    names = [safe_name(upload.filename) for upload in uploads]
    for name in names:
        if names.count(name) > 1:
            raise FeedRefusedError(
                "two of the files sent have this name",
                remedy="give each file its own name",
                file=name,
            )
    paths = [await keep_upload(upload, folder) for upload in uploads]
    return tuple(path for path in paths if not path.name.endswith(COVERAGE_SUFFIX))


ASSESSING = JobKind(
    "assessment",
    Action.MAKE_ASSESSMENT,
    _assess,
    _deliver,
    steps=(
        ("Reading feeds", 3),
        ("Weighing the evidence", 1),
        ("Drawing the risk surface", 3),
        ("Estimating weekly rates", 3),
        ("Looking for patterns", 2),
        ("Estimating harm", 2),
        ("Backtesting the method", 6),
    ),
)

ENDPOINTS = (
    Endpoint(
        "GET",
        "/assessment",
        Action.READ_ASSESSMENT,
        read_assessment,
        "The current assessment: JSON by default, its map for Accept: text/html",
        tag="assessment",
        operation="consultation",
        responses=ASSESSMENT_RESPONSES,
    ),
    Endpoint(
        "GET",
        "/assessment/{table}.csv",
        Action.READ_ASSESSMENT,
        read_table,
        "Ranked wards or boroughs, or refused rows, as CSV",
        tag="assessment",
        operation="disclosure",
        responses={
            200: {"description": "A table.", "content": {CSV: {}}},
            404: problem("There is no such assessment."),
        },
    ),
    Endpoint(
        "POST",
        "/assessment",
        Action.MAKE_ASSESSMENT,
        make_assessment,
        "Assess feeds and make the result the current assessment",
        tag="assessment",
        operation="combination",
        status=201,
        upload=True,
        responses=MADE_RESPONSES | ACCEPTED,
    ),
)

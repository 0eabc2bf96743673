"""The evidence of an assessment taken from the store, and the assessment kept there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import UploadFile
from starlette.requests import Request

from api.access import Action, Actor
from api.audit.entry import entry, time_text
from api.files.assessment_folder import read as read_assessment
from api.ogc.ground import study_area
from api.problems import ProblemError, http_problem
from api.routes.stored import record_now, record_of
from api.service import Service
from api.store.assessments import keep_assessment
from api.store.incidents import readings
from hotspots.errors import FeedRefusedError
from hotspots.incidents import FeedReading


def evidence_now(request: Request, uploads: Sequence[UploadFile]) -> dict[str, str]:
    """Return which evidence a request means, as plain values: what the store holds now.

    Raises
    ------
    FeedRefusedError
        Files were sent as well.
    """
    if uploads:
        raise FeedRefusedError(
            "files were sent with from_store",
            remedy="take them in with POST /feeds, or leave from_store out",
            file=str(uploads[0].filename)[:120],
        )
    actor: Actor = request.state.actor
    return {"received_by": time_text(record_of(request).clock()), "actor": actor.name}


async def evidence(service: Service, stored: Mapping[str, Any]) -> tuple[FeedReading, ...]:
    """Return the files in use that the store held at the moment of a request.

    Raises
    ------
    ProblemError
        409 when there is none.
    """
    record = record_now(service)

    def look() -> tuple[FeedReading, ...]:
        with record.store.read() as tx:
            return readings(tx, received_by=datetime.fromisoformat(stored["received_by"]))

    found = await asyncio.to_thread(look)
    if not found:
        words = "the store holds no file in use. Remedy: take one in with POST /feeds."
        raise ProblemError(http_problem(409, words))
    return found


async def keep_made(
    service: Service,
    stored: Mapping[str, Any],
    given: Sequence[FeedReading],
    staged: Path,
) -> None:
    """Keep an assessment in the store, with the files behind it and its word in the record.

    Parameters
    ----------
    service
        Whose store it is.
    stored
        From :func:`evidence_now`.
    given
        The files behind it.
    staged
        The folder it lies in, before it is published: what cannot be kept is not published.
    """
    area, actor, record = await study_area(service), stored["actor"], record_now(service)

    def keep() -> None:
        made = read_assessment(staged).assessment
        with record.change() as change:
            kept = keep_assessment(change.tx, made, area, given, actor=actor, now=change.now)
            change.note(
                entry(
                    actor, Action.MAKE_ASSESSMENT, "assessment", made.assessment_id,
                    object_sha256=kept.document_sha256, operation="combination",
                )
            )  # fmt: skip

    await asyncio.to_thread(keep)

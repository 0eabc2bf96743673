"""Published assessments: the document under its digest, its draws, its scores, its lineage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from api.store.errors import UnknownRecordError
from api.store.files import keep_file, read_file
from api.store.ingest import receipt_id_of
from api.store.places import keep_areas
from api.store.schema import (
    assessment_areas,
    assessment_files,
    assessment_receipts,
    assessments,
    receipts,
)
from api.store.types import canonical_text, digest
from hotspots.assessment import AreaScore, RiskAssessment, document, from_document
from hotspots.boundaries.study_area import StudyArea
from hotspots.incidents import FeedReading

DRAWS = "draws.f4"
_DRAWS_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class KeptAssessment:
    """An assessment in the store, without its document."""

    assessment_id: str
    as_of: date
    classification: str
    sanitised: bool
    document_sha256: str
    created: datetime
    created_by: str


def keep_assessment(
    tx: Connection,
    assessment: RiskAssessment,
    study_area: StudyArea,
    given: Sequence[FeedReading],
    *,
    actor: str,
    now: datetime,
) -> KeptAssessment:
    """Store an assessment with its draws, scores and the receipts of the files behind it.

    The same assessment is stored once; storing it again changes nothing.

    Parameters
    ----------
    tx
        A transaction of :meth:`api.store.store.Store.write`.
    study_area, given
        What it was made from; files that are not in the store have no lineage there.
    """
    there = find_assessment(tx, assessment.assessment_id)
    if there is not None:
        return there
    plain = document(assessment)
    sealed = digest(canonical_text(plain))
    keep_areas(tx, study_area)
    tx.execute(
        assessments.insert().values(
            assessment_id=assessment.assessment_id,
            as_of=assessment.as_of,
            classification=assessment.classification,
            handling_code=assessment.handling_code or None,
            sanitised=assessment.sanitised,
            policy_version=assessment.policy_version,
            policy_sha256=assessment.policy_sha256,
            inputs_sha256=assessment.inputs_sha256,
            boundary_sha256=study_area.sha256,
            document=plain,
            document_sha256=sealed,
            created_utc=now,
            created_by=actor,
        )
    )
    tx.execute(assessment_areas.insert(), _score_rows(assessment))
    draws = np.ascontiguousarray(assessment.draws, dtype="<f4").tobytes()
    tx.execute(
        assessment_files.insert().values(
            assessment_id=assessment.assessment_id,
            name=DRAWS,
            content_sha256=keep_file(tx, draws, _DRAWS_TYPE, now=now),
        )
    )
    _keep_lineage(tx, assessment.assessment_id, given)
    kept = find_assessment(tx, assessment.assessment_id)
    if kept is None:  # a row just written in this very transaction
        raise UnknownRecordError("the assessment was not stored", remedy="report this as a defect")
    return kept


def find_assessment(tx: Connection, assessment_id: str) -> KeptAssessment | None:
    """Return what is known of an assessment, or ``None``."""
    row = tx.execute(_query().where(assessments.c.assessment_id == assessment_id)).first()
    return None if row is None else KeptAssessment(*row)


def list_assessments(tx: Connection) -> list[KeptAssessment]:
    """Return the assessments, the latest as-of day first."""
    order = (assessments.c.as_of.desc(), assessments.c.created_utc.desc())
    return [KeptAssessment(*row) for row in tx.execute(_query().order_by(*order))]


def read_assessment(tx: Connection, assessment_id: str) -> RiskAssessment:
    """Return an assessment as it was made, checked against its identifier and its draws.

    Raises
    ------
    UnknownRecordError
        There is none.
    AssessmentRefusedError
        What is stored is not what the identifier stands for.
    """
    query = select(assessments.c.document, assessment_files.c.content_sha256).join(
        assessment_files, assessment_files.c.assessment_id == assessments.c.assessment_id
    )
    row = tx.execute(
        query.where(assessments.c.assessment_id == assessment_id, assessment_files.c.name == DRAWS)
    ).first()
    if row is None:
        raise UnknownRecordError(
            "there is no assessment of this identifier",
            remedy="`arv store assess` makes one",
            value=assessment_id,
        )
    flat = np.frombuffer(read_file(tx, row.content_sha256), dtype="<f4")
    n_draws = int(row.document["n_draws"])
    return from_document(row.document, flat.reshape(n_draws, -1).astype(np.float32))


def _query() -> Any:
    return select(
        assessments.c.assessment_id,
        assessments.c.as_of,
        assessments.c.classification,
        assessments.c.sanitised,
        assessments.c.document_sha256,
        assessments.c.created_utc,
        assessments.c.created_by,
    )


def _score_rows(assessment: RiskAssessment) -> list[dict[str, Any]]:
    groups: tuple[tuple[str, str, tuple[AreaScore, ...]], ...] = (
        ("demand", "ward", assessment.wards),
        ("demand", "borough", assessment.boroughs),
        ("harm", "ward", assessment.harm_wards),
        ("harm", "borough", assessment.harm_boroughs),
    )
    return [
        {
            "assessment_id": assessment.assessment_id,
            "target": target,
            "code": one.code,
            "level": level,
            "expected_per_week": one.expected_per_week,
            "lower_90": one.lower_90,
            "upper_90": one.upper_90,
            "tier": one.tier,
            "rank": one.rank,
        }
        for target, level, scores in groups
        for one in scores
    ]


def _keep_lineage(tx: Connection, assessment_id: str, given: Sequence[FeedReading]) -> None:
    wanted = {receipt_id_of(one) for one in given}
    if not wanted:
        return
    known = tx.execute(
        select(receipts.c.receipt_id).where(receipts.c.receipt_id.in_(wanted))
    ).scalars()
    rows = [{"assessment_id": assessment_id, "receipt_id": one} for one in sorted(known)]
    if rows:
        tx.execute(assessment_receipts.insert(), rows)

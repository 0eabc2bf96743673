"""A plan of the record as an answer: where it stands, who decided, and what it was made from."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.plans.fleet_source import FleetSource, Origin
from api.plans.record import PlanRecord, State
from api.routes.documents import Document


class PlanRecordDocument(Document):
    """A plan as the record keeps it."""

    key: str
    week: str
    plan_id: str
    fleet_origin: Origin | None = Field(
        description="Where its fleet came from: a version of the store, a file, or the request "
        "itself; null when nobody kept that."
    )
    fleet_id: str | None = Field(description="Fleet of the store, or name of the file.")
    fleet_version: int | None = Field(description="Version of the store; a file has none.")
    fleet_sha256: str | None = Field(description="Digest of the fleet's text.")
    state: State
    version: int = Field(description="Counts every change; send it in If-Match.")
    content_version: int
    authors: list[str]
    proposer: str
    approver: str
    papers: dict[str, str] = Field(description="Digests of verdict, backtest card, equality.")
    no_equality_reason: str
    fallback_of: str
    alterations: list[dict[str, str]]


class PlanRecordsDocument(Document):
    """The plans of a week."""

    week: str
    plans: list[PlanRecordDocument]


def record_document(record: PlanRecord) -> dict[str, Any]:
    """Return a plan of the record as plain JSON values."""
    return {
        "key": record.key,
        "week": record.week,
        "plan_id": record.content.plan_id,
        **_fleet(record.content.fleet),
        "state": str(record.state),
        "version": record.version,
        "content_version": record.content_version,
        "authors": list(record.authors),
        "proposer": record.proposer,
        "approver": record.approver,
        "papers": {name: kept for name, kept in vars(record.papers).items() if kept},
        "no_equality_reason": record.no_equality_reason,
        "fallback_of": record.fallback_of,
        "alterations": [vars(one) for one in record.alterations],
    }


def _fleet(source: FleetSource | None) -> dict[str, Any]:
    if source is None:
        return dict.fromkeys(("fleet_origin", "fleet_id", "fleet_version", "fleet_sha256"))
    return {
        "fleet_origin": source.origin,
        "fleet_id": source.fleet_id or None,
        "fleet_version": source.version,
        "fleet_sha256": source.sha256,
    }

"""Retention: every record is reviewed after a time; nothing goes without a decision and a reason.

The rules are the user's. A kind without a rule is never due. A review keeps a record until
another day, or erases it: the identifier, the reason and who decided stay for good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Table, and_, delete, exists, func, select

from api.store.errors import RecordRefusedError, UnknownRecordError
from api.store.reasons import check_reason
from api.store.schema import (
    activity,
    area_counts,
    assessment_areas,
    assessment_files,
    assessment_receipts,
    assessments,
    incidents,
    jobs,
    plan_versions,
    receipt_rows,
    receipts,
    rejected_rows,
    retention_reviews,
    retention_rules,
    stored_files,
)
from api.store.schema import plan_files as plan_file_rows


@dataclass(frozen=True)
class Rule:
    """After how many days a kind of record is reviewed, and on what ground."""

    record_kind: str
    review_after_days: int
    basis: str


@dataclass(frozen=True)
class DueReview:
    """A record whose review is due, and since when."""

    record_kind: str
    record_id: str
    due_on: date
    created: datetime


@dataclass(frozen=True)
class _By:
    actor: str
    reason: str
    now: datetime


@dataclass(frozen=True)
class _Kind:
    table: Table
    key: str
    created: str
    erase: Callable[[Connection, str, _By], None]


def set_rule(tx: Connection, rule: Rule, *, actor: str, now: datetime) -> None:
    """Set, or replace, the rule of a kind of record.

    Raises
    ------
    RecordRefusedError
        No such kind, a number of days that is no term, or no ground.
    """
    _kind(rule.record_kind)
    if not 1 <= rule.review_after_days <= 36_500:
        raise RecordRefusedError(
            "the days until a review are not 1 to 36,500",
            remedy="give the term of your retention schedule",
            value=rule.review_after_days,
        )
    check_reason(rule.basis)
    tx.execute(delete(retention_rules).where(retention_rules.c.record_kind == rule.record_kind))
    tx.execute(retention_rules.insert().values(**vars(rule), changed_utc=now, changed_by=actor))


def rules(tx: Connection) -> list[Rule]:
    """Return the rules, by kind."""
    query = select(retention_rules).order_by(retention_rules.c.record_kind)
    return [Rule(row.record_kind, row.review_after_days, row.basis) for row in tx.execute(query)]


def due_reviews(tx: Connection, *, on: date) -> list[DueReview]:
    """Return the records whose review is due on a day, longest due first.

    Parameters
    ----------
    on
        The day; a record falls due so many days after it was made, or on the day that its
        last review named.
    """
    found = [one for rule in rules(tx) for one in _due(tx, rule, on)]
    return sorted(found, key=lambda one: (one.due_on, one.record_kind, one.record_id))


def keep(
    tx: Connection,
    record_kind: str,
    record_id: str,
    *,
    until: date,
    reason: str,
    actor: str,
    now: datetime,
) -> None:
    """Record a review that keeps a record until another review.

    Raises
    ------
    UnknownRecordError, RecordRefusedError
        No such record; the day is not after today; the reason is empty or too long.
    """
    _existing(tx, record_kind, record_id)
    check_reason(reason)
    if until <= now.date():
        raise RecordRefusedError(
            "the next review is not after today", remedy="name a later day", value=str(until)
        )
    _review(tx, (record_kind, record_id), "keep", until, _By(actor, reason, now))


def erase(
    tx: Connection, record_kind: str, record_id: str, *, reason: str, actor: str, now: datetime
) -> None:
    """Erase a record for good, after a review; its identifier and the reason stay.

    Raises
    ------
    UnknownRecordError, RecordRefusedError
        No such record; another record needs it; the reason is empty or too long.
    """
    kind = _existing(tx, record_kind, record_id)
    check_reason(reason)
    by = _By(actor, reason, now)
    kind.erase(tx, record_id, by)
    _review(tx, (record_kind, record_id), "erase", None, by)


def _due(tx: Connection, rule: Rule, on: date) -> list[DueReview]:
    kind = _kind(rule.record_kind)
    key, created = kind.table.c[kind.key], kind.table.c[kind.created]
    latest = (
        select(retention_reviews.c.record_id, func.max(retention_reviews.c.review_id).label("last"))
        .where(retention_reviews.c.record_kind == rule.record_kind)
        .group_by(retention_reviews.c.record_id)
        .subquery()
    )
    query = (
        select(key.label("key"), created.label("made"), retention_reviews.c.next_review_on)
        .outerjoin(latest, latest.c.record_id == key)
        .outerjoin(retention_reviews, retention_reviews.c.review_id == latest.c.last)
    )
    if kind.table is receipts:
        query = query.where(receipts.c.state != "erased")
    term = timedelta(days=rule.review_after_days)
    return [
        DueReview(rule.record_kind, row.key, day, row.made)
        for row in tx.execute(query)
        if (day := row.next_review_on or row.made.date() + term) <= on
    ]


def _review(
    tx: Connection, record: tuple[str, str], outcome: str, until: date | None, by: _By
) -> None:
    kind, identifier = record
    tx.execute(
        retention_reviews.insert().values(
            record_kind=kind,
            record_id=identifier,
            outcome=outcome,
            next_review_on=until,
            reason=by.reason,
            reviewed_utc=by.now,
            reviewed_by=by.actor,
        )
    )


def _erase_receipt(tx: Connection, receipt_id: str, by: _By) -> None:
    """Erase the rows of a file; versions that another file told of too are kept."""
    for table in (rejected_rows, area_counts):
        tx.execute(delete(table).where(table.c.receipt_id == receipt_id))
    mine = select(receipt_rows.c.incident_id).where(receipt_rows.c.receipt_id == receipt_id)
    others = receipt_rows.alias()
    shared = exists().where(
        and_(others.c.incident_id == incidents.c.incident_id, others.c.receipt_id != receipt_id)
    )
    alone = (
        tx.execute(
            select(incidents.c.incident_id).where(incidents.c.incident_id.in_(mine), ~shared)
        )
        .scalars()
        .all()
    )
    tx.execute(delete(receipt_rows).where(receipt_rows.c.receipt_id == receipt_id))
    for start in range(0, len(alone), 10_000):
        part = alone[start : start + 10_000]
        tx.execute(delete(incidents).where(incidents.c.incident_id.in_(part)))
    tx.execute(
        receipts.update()
        .where(receipts.c.receipt_id == receipt_id)
        .values(
            state="erased", withdrawn_utc=by.now, withdrawn_by=by.actor, withdrawn_reason=by.reason
        )
    )


def _erase_assessment(tx: Connection, assessment_id: str, _by: _By) -> None:
    needed = tx.execute(
        select(plan_versions.c.plan_key).where(plan_versions.c.assessment_id == assessment_id)
    ).first()
    if needed is not None:
        raise RecordRefusedError(
            f"plan {needed.plan_key} was made from this assessment",
            remedy="keep it for as long as the plan is kept",
        )
    for table in (assessment_areas, assessment_receipts, assessment_files, assessments):
        tx.execute(delete(table).where(table.c.assessment_id == assessment_id))
    used = select(assessment_files.c.content_sha256).union(select(plan_file_rows.c.content_sha256))
    tx.execute(delete(stored_files).where(stored_files.c.content_sha256.not_in(used)))


def _erase_activity(tx: Connection, activity_id: str, _by: _By) -> None:
    tx.execute(delete(activity).where(activity.c.activity_id == activity_id))


def _erase_job(tx: Connection, job_id: str, _by: _By) -> None:
    tx.execute(delete(jobs).where(jobs.c.job_id == job_id))


#: What can be reviewed. Plans, decisions and the audit record are kept for good.
KINDS: Mapping[str, _Kind] = {
    "receipt": _Kind(receipts, "receipt_id", "received_utc", _erase_receipt),
    "assessment": _Kind(assessments, "assessment_id", "created_utc", _erase_assessment),
    "activity": _Kind(activity, "activity_id", "recorded_utc", _erase_activity),
    "job": _Kind(jobs, "job_id", "accepted_utc", _erase_job),
}


def _kind(name: str) -> _Kind:
    if name not in KINDS:
        raise RecordRefusedError(
            f"{name!r} is not a kind of record that is reviewed",
            remedy=f"use one of {', '.join(KINDS)}; plans, decisions and the audit record are "
            "kept for good",
        )
    return KINDS[name]


def _existing(tx: Connection, record_kind: str, record_id: str) -> _Kind:
    kind = _kind(record_kind)
    key = kind.table.c[kind.key]
    if tx.execute(select(key).where(key == record_id)).first() is None:
        raise UnknownRecordError(
            f"there is no {record_kind} of this identifier",
            remedy="`arv store retention due` lists what is due",
            value=record_id,
        )
    return kind

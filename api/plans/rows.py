"""Plans of a week out of the store and into it: rows on one side, records on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from allocator.plan import PatrolPlan
from allocator.plan import document as plan_document
from api.audit.log import Change
from api.plans.fleet_source import FleetSource, from_document
from api.plans.record import (
    ENDED,
    STANDS_APPROVED,
    Alteration,
    Papers,
    PlanContent,
    PlanRecord,
    State,
)
from api.refusals import PlanChangedError
from api.store.schema import (
    assessments,
    fleets,
    plan_adjustments,
    plan_areas,
    plan_attachments,
    plan_transitions,
    plan_versions,
    plans,
)
from api.store.types import canonical_text, digest


@dataclass(frozen=True)
class Move:
    """One record to write: what it was (``None`` for a new one), what it is, by whom and why."""

    old: PlanRecord | None
    new: PlanRecord
    actor: str
    reason: str


def plans_of_week(tx: Connection, week: str) -> tuple[PlanRecord, ...]:
    """Return the plans of a week, in the order in which they were made."""
    query = select(plans).where(plans.c.week == week)
    rows = tx.execute(query.order_by(plans.c.created_utc, plans.c.plan_key)).mappings().all()
    return tuple(_record(tx, row) for row in rows)


def latest_standing(tx: Connection, week: str) -> tuple[PlanRecord, ...]:
    """Return the plans of the latest week, up to a week, that has one standing approved."""
    standing = [str(state) for state in STANDS_APPROVED]
    found = tx.execute(
        select(plans.c.week)
        .where(plans.c.state.in_(standing), plans.c.week <= week)
        .order_by(plans.c.week.desc())
        .limit(1)
    ).scalar()
    return plans_of_week(tx, found) if found else ()


def week_of(tx: Connection, key: str) -> str | None:
    """Return the week of a plan."""
    return tx.execute(select(plans.c.week).where(plans.c.plan_key == key)).scalar()


def state_of_content(tx: Connection, week: str, plan_id: str) -> State | None:
    """Return where the latest record with some content stands, ``None`` when there is none."""
    matches = (plan_versions.c.plan_key == plans.c.plan_key) & (
        plan_versions.c.content_version == plans.c.content_version
    )
    found = tx.execute(
        select(plans.c.state)
        .join(plan_versions, matches)
        .where(plans.c.week == week, plan_versions.c.plan_id == plan_id)
        .order_by(plans.c.created_utc.desc())
        .limit(1)
    ).scalar()
    return State(found) if found else None


def content_document(tx: Connection, record: PlanRecord) -> dict[str, Any]:
    """Return the plan document of a record's content."""
    return _content_row(tx, record)["document"]  # type: ignore[no-any-return]  # JSON as it was stored


def content_sha256(tx: Connection, record: PlanRecord) -> str:
    """Return the digest of the plan document of a record's content."""
    return str(_content_row(tx, record)["document_sha256"])


def papers_of(tx: Connection, record: PlanRecord) -> dict[str, Any]:
    """Return the documents attached to a record's content, by kind."""
    rows = _of_content(tx, plan_attachments, record)
    return {row["kind"]: row["document"] for row in rows}


def write_content(change: Change, record: PlanRecord, plan: PatrolPlan, author: str) -> None:
    """Write the content of a new record, or the new content of an altered one."""
    body = plan_document(plan)
    known = select(assessments.c.assessment_id).where(
        assessments.c.assessment_id == plan.assessment_id
    )
    values = {
        **_fleet_values(change.tx, record.content.fleet),
        "plan_id": plan.plan_id,
        "assessment_id": change.tx.execute(known).scalar(),
        "objective": plan.objective,
        "bound": plan.bound,
        "document": body,
        "document_sha256": digest(canonical_text(body)),
    }
    areas = [
        {"unit_id": unit.unit_id, "borough_code": code, "part": part}
        for unit in plan.units
        for part, codes in (("primary", unit.boroughs), ("support", unit.support))
        for code in codes
    ]
    _insert_content(change, record, values, areas, author)


def write_moves(change: Change, moves: Sequence[Move]) -> None:
    """Write records and their transitions; those that end go first, so that one is in force."""
    for move in reversed(moves):
        values = _values(change, move)
        if move.old is None:
            change.tx.execute(
                insert(plans),
                {
                    **values,
                    "plan_key": move.new.key,
                    "week": move.new.week,
                    "created_by": move.actor,
                    "created_utc": change.now,
                },
            )
        else:
            _update(change, move.old, values)
    for move in moves:
        old, new = move.old, move.new
        change.tx.execute(
            insert(plan_transitions),
            {
                "plan_key": new.key,
                "version": new.version,
                "from_state": str(old.state) if old else None,
                "to_state": str(new.state),
                "content_version": new.content_version,
                "at_utc": change.now,
                "actor": move.actor,
                "reason": move.reason or None,
            },
        )


def write_adjustments(change: Change, record: PlanRecord) -> None:
    """Write what the meeting set by hand in a content."""
    rows = [
        {
            "plan_key": record.key,
            "content_version": record.content_version,
            "kind": one.kind,
            "subject": one.subject,
            "reason": one.reason,
            "actor": one.actor,
            "at_utc": change.now,
            "lifted": False,
        }
        for one in record.alterations
    ]
    if rows:
        change.tx.execute(insert(plan_adjustments), rows)


def alteration_times(tx: Connection, week: str) -> dict[Alteration, datetime]:
    """Return when each thing set by hand in the plans of a week was first recorded."""
    columns = [plan_adjustments.c[name] for name in ("kind", "subject", "actor", "reason")]
    query = (
        select(*columns, func.min(plan_adjustments.c.at_utc))
        .join(plans, plans.c.plan_key == plan_adjustments.c.plan_key)
        .where(plans.c.week == week)
        .group_by(*columns)
    )
    return {Alteration(*row[:4]): row[4] for row in tx.execute(query)}


def write_paper(change: Change, record: PlanRecord, kind: str, body: object, actor: str) -> None:
    """Write a document that goes with a record's content."""
    change.tx.execute(
        insert(plan_attachments),
        {
            "plan_key": record.key,
            "content_version": record.content_version,
            "kind": kind,
            "document": body,
            "document_sha256": digest(canonical_text(body)),
            "attached_utc": change.now,
            "attached_by": actor,
        },
    )


def copy_content(change: Change, source: PlanRecord, target: PlanRecord) -> None:
    """Give a fall-back the content, papers and alterations of what it falls back to."""
    row = _content_row(change.tx, source)
    names = (
        "plan_id", "assessment_id", "fleet_id", "fleet_version", "objective", "bound", "document",
        "document_sha256", "request",
    )  # fmt: skip
    areas = [
        {name: one[name] for name in ("unit_id", "borough_code", "part")}
        for one in _of_content(change.tx, plan_areas, source)
    ]
    values = {name: row[name] for name in names}
    _insert_content(change, target, values, areas, row["created_by"])
    for one in _of_content(change.tx, plan_attachments, source):
        write_paper(change, target, one["kind"], one["document"], one["attached_by"])
    write_adjustments(change, target)


def _record(tx: Connection, row: Mapping[Any, Any]) -> PlanRecord:
    bare = PlanRecord(
        key=row["plan_key"],
        week=row["week"],
        content=PlanContent("", ()),
        authors=tuple(row["authors"]),
        state=State(row["state"]),
        version=row["version"],
        content_version=row["content_version"],
        proposer=row["proposed_by"] or "",
        approver=row["approved_by"] or "",
        no_equality_reason=row["no_equality_reason"] or "",
        fallback_of=row["fallback_of"] or "",
    )
    papers = Papers(
        **{
            one["kind"]: one["document_sha256"]
            for one in _of_content(tx, plan_attachments, bare)
            if one["kind"] in Papers.__dataclass_fields__
        }
    )
    return replace(
        bare, content=_content(tx, bare), alterations=_alterations(tx, bare), papers=papers
    )


def _content(tx: Connection, record: PlanRecord) -> PlanContent:
    areas: dict[str, list[str]] = {}
    for one in _of_content(tx, plan_areas, record):
        if one["part"] == "primary":
            areas.setdefault(one["unit_id"], []).append(one["borough_code"])
    listed = tuple((unit, tuple(sorted(areas[unit]))) for unit in sorted(areas))
    row = _content_row(tx, record)
    return PlanContent(row["plan_id"], listed, from_document((row["request"] or {}).get("fleet")))


def _fleet_values(tx: Connection, fleet: FleetSource | None) -> dict[str, object]:
    """Return what a content's row says of its fleet.

    The columns name a version that the store has, text for text; where the fleet came from
    otherwise, the request alone tells of it.
    """
    if fleet is None:
        return {"fleet_id": None, "fleet_version": None, "request": None}
    known = select(fleets.c.version).where(
        fleets.c.fleet_id == fleet.fleet_id,
        fleets.c.version == fleet.version,
        fleets.c.toml_sha256 == fleet.sha256,
    )
    held = fleet.origin == "store" and tx.execute(known).first() is not None
    return {
        "fleet_id": fleet.fleet_id if held else None,
        "fleet_version": fleet.version if held else None,
        "request": {"fleet": fleet.document()},
    }


def _alterations(tx: Connection, record: PlanRecord) -> tuple[Alteration, ...]:
    rows = _of_content(tx, plan_adjustments, record)
    rows.sort(key=lambda one: one["adjustment_id"])
    return tuple(
        Alteration(one["kind"], one["subject"], one["actor"], one["reason"])
        for one in rows
        if not one["lifted"]
    )


def _of_content(tx: Connection, table: Any, record: PlanRecord) -> list[Mapping[Any, Any]]:
    query = select(table).where(
        table.c.plan_key == record.key, table.c.content_version == record.content_version
    )
    return list(tx.execute(query).mappings().all())


def _content_row(tx: Connection, record: PlanRecord) -> Mapping[Any, Any]:
    return _of_content(tx, plan_versions, record)[0]


def _insert_content(
    change: Change,
    record: PlanRecord,
    values: Mapping[str, object],
    areas: Sequence[Mapping[str, object]],
    author: str,
) -> None:
    place = {"plan_key": record.key, "content_version": record.content_version}
    change.tx.execute(
        insert(plan_versions),
        {**place, "created_utc": change.now, "created_by": author, **values},
    )
    change.tx.execute(insert(plan_areas), [{**place, **one} for one in areas])


def _values(change: Change, move: Move) -> dict[str, object]:
    """Return the columns of a record that its step decides."""
    old, new = move.old, move.new
    values: dict[str, object] = {
        "state": str(new.state),
        "version": new.version,
        "content_version": new.content_version,
        "proposed_by": new.proposer or None,
        "approved_by": new.approver or None,
        "approved_content_version": new.content_version if new.approver else None,
        "authors": list(new.authors),
        "no_equality_reason": new.no_equality_reason or None,
        "fallback_of": new.fallback_of or None,
        "ended_utc": change.now if new.state in ENDED else None,
    }
    if new.proposer != (old.proposer if old else ""):
        values["proposed_utc"] = change.now if new.proposer else None
    if new.approver != (old.approver if old else ""):
        values["approved_utc"] = change.now if new.approver else None
    if new.state is State.PUBLISHED and (old is None or old.state is not State.PUBLISHED):
        values |= {"published_by": move.actor, "published_utc": change.now}
    return values


def _update(change: Change, old: PlanRecord, values: Mapping[str, object]) -> None:
    done = change.tx.execute(
        update(plans)
        .where(plans.c.plan_key == old.key, plans.c.version == old.version)
        .values(**values)
    )
    if done.rowcount != 1:
        raise PlanChangedError(
            f"plan {old.key} changed while this was written",
            remedy="read it again, and decide on what it is now",
        )

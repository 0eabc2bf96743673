"""One sound row for every table, so that rules and migrations are tried on data."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from shapely.geometry import MultiPolygon, Point, box
from sqlalchemy import Connection, select

from api.store.schema import metadata

AT = datetime(2026, 11, 21, 23, 5, 17, 123456, tzinfo=UTC)
LATER = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)
SHA, OTHER_SHA = "a" * 64, "b" * 64
DOCUMENT = {"words": ["London — £5", 'quote"', "Robert'); DROP TABLE plans;--"], "n": 0.1}

ROWS: dict[str, dict[str, Any]] = {
    "areas": {
        "boundary_sha256": SHA, "code": "E05000001", "level": "ward", "name": "Abbey",
        "borough_code": "E09000002", "policed": True,
        "geom": MultiPolygon([box(530_000, 180_000, 531_000, 181_000)]),
    },
    "feeds": {"feed_id": "daris_320", "format": "meeting_feed", "first_received_utc": AT},
    "receipts": {
        "receipt_id": SHA, "feed_id": "daris_320", "file": "week.csv", "content_sha256": SHA,
        "received_utc": AT, "received_by": "analyst", "n_records": 1, "n_counts": 1,
        "n_rejected": 1, "n_expected": 0, "n_merged": 0, "n_corrections": 0, "n_handling_c": 0,
        "first_day": DAY, "last_day": DAY, "coverage": {}, "remarks": DOCUMENT, "state": "active",
    },
    "rejected_rows": {
        "receipt_id": SHA, "position": 0, "file": "week.csv", "row": 7, "column_name": "source",
        "value": "x", "reason": "unknown source", "remedy": "use one of …", "expected": False,
    },
    "incidents": {
        "incident_id": 1, "record_id": "R1", "version_sha256": SHA, "source": "daris_320",
        "category": "call_firearm", "occurred_from_utc": AT, "occurred_to_utc": AT,
        "known_from_utc": AT, "x_m": 530_034.25, "y_m": 180_381.1, "basis": "reported",
        "geom": Point(530_034.25, 180_381.1),
    },
    "receipt_rows": {"receipt_id": SHA, "position": 0, "incident_id": 1, "row": 1},
    "area_counts": {
        "receipt_id": SHA, "position": 0, "source": "recorded_gun_crime", "category": "gun_crime",
        "area_type": "ward", "area_code": "E05000001", "month": date(2026, 10, 1), "number": 3,
        "basis": "reported",
    },
    "fleets": {
        "fleet_id": "example", "version": 1, "toml": "turnout_s = 60", "toml_sha256": SHA,
        "created_utc": AT, "created_by": "planner",
    },
    "assessments": {
        "assessment_id": "A1", "as_of": DAY, "classification": "OFFICIAL-SENSITIVE",
        "sanitised": False, "policy_version": "1", "policy_sha256": SHA, "inputs_sha256": SHA,
        "boundary_sha256": SHA, "document": DOCUMENT, "document_sha256": SHA, "created_utc": AT,
        "created_by": "analyst",
    },
    "assessment_areas": {
        "assessment_id": "A1", "target": "demand", "code": "E05000001", "level": "ward",
        "expected_per_week": 0.25, "lower_90": 0.1, "upper_90": 0.5, "tier": "very high",
        "rank": 1,
    },
    "assessment_receipts": {"assessment_id": "A1", "receipt_id": SHA},
    "stored_files": {
        "content_sha256": SHA, "media_type": "text/html", "n_bytes": 4, "content": b"\x00\xff\n\r",
        "stored_utc": AT,
    },
    "assessment_files": {"assessment_id": "A1", "name": "map.html", "content_sha256": SHA},
    "plans": {
        "plan_key": "P1", "week": "2026-W48", "state": "draft", "version": 1,
        "content_version": 1, "created_by": "planner", "created_utc": AT, "authors": ["planner"],
    },
    "plan_versions": {
        "plan_key": "P1", "content_version": 1, "plan_id": "plan-1", "assessment_id": "A1",
        "fleet_id": "example", "fleet_version": 1, "objective": 0.8, "bound": 0.81,
        "document": DOCUMENT, "document_sha256": SHA, "created_utc": AT, "created_by": "planner",
    },
    "plan_areas": {
        "plan_key": "P1", "content_version": 1, "unit_id": "ARV-01", "borough_code": "E09000002",
        "part": "primary",
    },
    "plan_transitions": {
        "plan_key": "P1", "version": 1, "to_state": "draft", "content_version": 1, "at_utc": AT,
        "actor": "planner",
    },
    "plan_attachments": {
        "plan_key": "P1", "content_version": 1, "kind": "verdict", "document": DOCUMENT,
        "document_sha256": SHA, "attached_utc": AT, "attached_by": "planner",
    },
    "plan_adjustments": {
        "plan_key": "P1", "content_version": 1, "kind": "lock", "subject": "ARV-01=E09000012",
        "reason": "Carnival", "actor": "chair", "at_utc": AT, "lifted": False,
    },
    "plan_files": {
        "plan_key": "P1", "content_version": 1, "name": "map.html", "content_sha256": SHA,
    },
    "events": {
        "event_id": "EV1", "title": "Football at Wembley", "kind": "sport", "starts_utc": AT,
        "ends_utc": LATER, "area_codes": ["E09000005"], "geom": Point(519_000, 185_000),
        "version": 1, "recorded_utc": AT, "recorded_by": "planner",
    },
    "decisions": {
        "decision_id": "D1", "meeting": "weekly_arv_tasking", "held_on": DAY, "week": "2026-W48",
        "subject_kind": "plan", "subject_id": "P1", "decision": "Agreed", "reason": "Demand",
        "decided_by": "chair", "decided_utc": AT, "recorded_by": "planner",
    },
    "actions": {
        "action_id": "AC1", "decision_id": "D1", "meeting": "verano", "held_on": DAY,
        "task": "Ask Enfield for its impact assessment", "owner": "chair", "due_on": DAY,
        "state": "open", "version": 1, "recorded_utc": AT, "recorded_by": "planner",
    },
    "tpu_rosters": {
        "roster_id": "T1", "first_day": DAY, "last_day": DAY, "document": DOCUMENT,
        "document_sha256": SHA, "created_utc": AT, "created_by": "planner",
    },
    "tpu_taskings": {
        "tasking_id": "TT1", "roster_id": "T1", "team": "A", "day": DAY,
        "borough_code": "E09000012", "tactic": "mobile_patrol", "authority": "not_required",
        "version": 1, "tasked_utc": AT, "tasked_by": "chair",
    },
    "activity": {
        "activity_id": "AV1", "unit_kind": "arv", "unit_id": "ARV-01", "started_utc": AT,
        "ended_utc": LATER, "borough_code": "E09000012", "category": "patrol_activity",
        "number": 1, "basis": "discovered", "recorded_utc": AT, "recorded_by": "planner",
    },
    "users": {
        "user_id": "U1", "name": "jo bloggs", "display_name": "Jo Bloggs",
        "must_change_password": True, "active": True, "version": 1, "created_utc": AT,
        "created_by": "administrator",
    },
    "user_roles": {"user_id": "U1", "role": "planner"},
    "user_scopes": {"user_id": "U1", "scope": "handling_c"},
    "user_boroughs": {"user_id": "U1", "borough_code": "E09000012"},
    "api_keys": {
        "key_id": "arv_1", "key_sha256": SHA, "user_id": "U1", "label": "notebook", "roles": [],
        "scopes": [], "boroughs": [], "created_utc": AT, "created_by": "U1", "expires_utc": LATER,
    },
    "browser_sessions": {
        "session_sha256": SHA, "user_id": "U1", "actor": "jo bloggs", "form_token": "t",
        "opened_utc": AT, "seen_utc": AT, "expires_utc": LATER,
    },
    "sign_in_failures": {"subject": "jo bloggs", "number": 1, "first_utc": AT, "last_utc": AT},
    "audit": {
        "position": 1, "at_utc": AT, "actor": "planner", "action": "plan.make",
        "object_kind": "plan", "object_id": "P1", "outcome": "done", "reason": "",
        "previous_sha256": SHA, "row_sha256": OTHER_SHA,
    },
    "audit_heads": {
        "position": 1, "row_sha256": OTHER_SHA, "signed_utc": AT, "key_id": "k1",
        "signature": b"\x01\x02",
    },
    "audit_anchors": {
        "anchor_id": "AN1", "position": 1, "row_sha256": OTHER_SHA, "exported_utc": AT,
        "exported_by": "auditor",
    },
    "jobs": {
        "job_id": "J1", "kind": "allocate", "state": "accepted", "version": 1,
        "request": DOCUMENT, "request_sha256": SHA, "share_done": 0.0, "actor": "planner",
        "attempt": 0, "accepted_utc": AT, "cancel_asked": 0,
    },
    "idempotency_keys": {
        "actor": "planner", "key": "k", "operation": "POST /allocate", "request_sha256": SHA,
        "created_utc": AT, "expires_utc": LATER,
    },
    "settings": {
        "key": "classification", "value": "OFFICIAL-SENSITIVE", "version": 1, "changed_utc": AT,
        "changed_by": "administrator",
    },
    "retention_rules": {
        "record_kind": "receipt", "review_after_days": 2190, "basis": "An assumption",
        "changed_utc": AT, "changed_by": "administrator",
    },
    "retention_reviews": {
        "record_kind": "receipt", "record_id": SHA, "outcome": "keep", "next_review_on": DAY,
        "reason": "A live inquiry", "reviewed_utc": AT, "reviewed_by": "auditor",
    },
}  # fmt: skip


def fill(tx: Connection, only: set[str] | None = None) -> None:
    """Insert the row of every table, or of those named."""
    for table in metadata.sorted_tables:
        if only is None or table.name in only:
            tx.execute(table.insert().values(**ROWS[table.name]))


def held(tx: Connection, only: set[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return the one row of every table, limited to the columns that were given."""
    found = {}
    for table in metadata.sorted_tables:
        if only is None or table.name in only:
            given = [table.c[column] for column in ROWS[table.name]]
            row = tx.execute(select(*given)).mappings().one()
            found[table.name] = {name: row[name] for name in ROWS[table.name]}
    return found

"""Tables of fleets and plans: a plan's life is one row, its versions are never altered."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
)
from sqlalchemy import (
    text as sql,
)

from api.store.columns import (
    document,
    identifier,
    metadata,
    moment,
    one_of,
    reason,
    sha256,
    text,
    week,
)
from api.store.types import WHOLE

PLAN_STATES = (
    "draft",
    "proposed",
    "approved",
    "published",
    "superseded",
    "withdrawn",
    "rejected",
)
ATTACHMENTS = ("verdict", "backtest_card", "equality_statement", "comparison")
ADJUSTMENTS = (
    "lock",
    "exclude",
    "support",
    "override",
    "suppressed_hot_spot",
    "added_hot_spot",
    "other",
)

fleets = Table(
    "fleets",
    metadata,
    identifier("fleet_id", key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    text("toml", longest=2**20),
    sha256("toml_sha256"),
    moment("created_utc"),
    identifier("created_by"),
    reason(optional=True),
    CheckConstraint("version >= 1", name="version_counts"),
    comment="Fleet files; a change is a new version",
)

plans = Table(
    "plans",
    metadata,
    identifier("plan_key", key=True),
    week(),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("content_version", Integer, nullable=False),
    identifier("created_by"),
    moment("created_utc"),
    identifier("proposed_by", optional=True),
    moment("proposed_utc", optional=True),
    identifier("approved_by", optional=True),
    moment("approved_utc", optional=True),
    Column("approved_content_version", Integer, nullable=True),
    identifier("published_by", optional=True),
    moment("published_utc", optional=True),
    moment("ended_utc", optional=True),
    document("authors"),
    reason("no_equality_reason", optional=True),
    identifier("fallback_of", ForeignKey("plans.plan_key"), optional=True),
    one_of("state", PLAN_STATES),
    CheckConstraint("version >= 1 AND content_version >= 1", name="versions_count"),
    CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name="second_person"),
    CheckConstraint(
        "state IN ('draft', 'rejected', 'withdrawn') OR proposed_by IS NOT NULL", name="proposer"
    ),
    CheckConstraint(
        "state NOT IN ('approved', 'published', 'superseded') OR (approved_by IS NOT NULL "
        "AND approved_utc IS NOT NULL AND approved_content_version = content_version)",
        name="approval",
    ),
    CheckConstraint(
        "state <> 'published' OR (published_by IS NOT NULL AND published_utc IS NOT NULL)",
        name="publication",
    ),
    Index(
        "uq_plans_one_published_a_week",
        "week",
        unique=True,
        sqlite_where=sql("state = 'published'"),
        postgresql_where=sql("state = 'published'"),
    ),
    Index(
        "uq_plans_one_approved_waits_a_week",
        "week",
        unique=True,
        sqlite_where=sql("state = 'approved'"),
        postgresql_where=sql("state = 'approved'"),
    ),
    Index(None, "week", "state"),
    comment="The life of a plan. version counts every change and is what If-Match compares; "
    "content_version names the row of plan_versions in force.",
)

plan_versions = Table(
    "plan_versions",
    metadata,
    identifier("plan_key", ForeignKey("plans.plan_key"), key=True),
    Column("content_version", Integer, primary_key=True, autoincrement=False),
    identifier("plan_id"),
    identifier("assessment_id", ForeignKey("assessments.assessment_id"), optional=True),
    identifier("fleet_id", optional=True),
    Column("fleet_version", Integer, nullable=True),
    Column("objective", Float(53), nullable=False),
    Column("bound", Float(53), nullable=False),
    document(),
    sha256("document_sha256"),
    document("request", optional=True),
    moment("created_utc"),
    identifier("created_by"),
    reason(optional=True),
    ForeignKeyConstraint(["fleet_id", "fleet_version"], ["fleets.fleet_id", "fleets.version"]),
    CheckConstraint("content_version >= 1", name="version_counts"),
    CheckConstraint("(fleet_id IS NULL) = (fleet_version IS NULL)", name="fleet_pair"),
    Index(None, "plan_id"),
    comment="What a plan said, version by version; never altered",
)

plan_areas = Table(
    "plan_areas",
    metadata,
    identifier("plan_key", key=True),
    Column("content_version", Integer, primary_key=True, autoincrement=False),
    identifier("unit_id", key=True),
    identifier("borough_code", key=True),
    Column("part", Text, primary_key=True),
    ForeignKeyConstraint(
        ["plan_key", "content_version"],
        ["plan_versions.plan_key", "plan_versions.content_version"],
    ),
    one_of("part", ("primary", "support")),
    Index(
        "uq_plan_areas_one_primary_a_borough",
        "plan_key",
        "content_version",
        "borough_code",
        unique=True,
        sqlite_where=sql("part = 'primary'"),
        postgresql_where=sql("part = 'primary'"),
    ),
    comment="Which boroughs each unit patrols; the primary areas never overlap",
)

plan_transitions = Table(
    "plan_transitions",
    metadata,
    identifier("plan_key", ForeignKey("plans.plan_key"), key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("from_state", Text, nullable=True),
    Column("to_state", Text, nullable=False),
    Column("content_version", Integer, nullable=False),
    moment("at_utc"),
    identifier("actor"),
    reason(optional=True),
    one_of("from_state", PLAN_STATES),
    one_of("to_state", PLAN_STATES),
    comment="Every step of a plan's life, numbered by the version it led to; never altered",
)

plan_attachments = Table(
    "plan_attachments",
    metadata,
    identifier("plan_key", key=True),
    Column("content_version", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    document(),
    sha256("document_sha256"),
    moment("attached_utc"),
    identifier("attached_by"),
    ForeignKeyConstraint(
        ["plan_key", "content_version"],
        ["plan_versions.plan_key", "plan_versions.content_version"],
    ),
    one_of("kind", ATTACHMENTS),
    comment="What the approver had before them: verdict, backtest card, equality statement",
)

plan_adjustments = Table(
    "plan_adjustments",
    metadata,
    Column("adjustment_id", WHOLE, primary_key=True, autoincrement=True),
    identifier("plan_key", ForeignKey("plans.plan_key")),
    Column("content_version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    text("subject", longest=400),
    reason(),
    identifier("actor"),
    moment("at_utc"),
    Column("lifted", Boolean, nullable=False),
    one_of("kind", ADJUSTMENTS),
    Index(None, "plan_key", "content_version"),
    comment="Locks, exclusions, overrides and hot spots people added or suppressed, with why",
)

plan_files = Table(
    "plan_files",
    metadata,
    identifier("plan_key", key=True),
    Column("content_version", Integer, primary_key=True, autoincrement=False),
    identifier("name", key=True),
    sha256("content_sha256", ForeignKey("stored_files.content_sha256")),
    ForeignKeyConstraint(
        ["plan_key", "content_version"],
        ["plan_versions.plan_key", "plan_versions.content_version"],
    ),
    comment="Map, briefing and tables of a plan version",
)

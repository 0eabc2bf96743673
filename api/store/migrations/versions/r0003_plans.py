"""The life of plans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.store.migrations.rules import append_only, drop_rules, immutable
from api.store.types import WHOLE, CanonicalJson, UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_plans()
    _make_plan_adjustments()
    _make_plan_transitions()
    _make_plan_versions()
    _make_plan_areas()
    _make_plan_attachments()
    _make_plan_files()
    immutable("plan_versions")
    immutable("plan_areas")
    immutable("plan_attachments")
    append_only("plan_transitions")


def downgrade() -> None:
    """Drop the tables."""
    drop_rules("plan_transitions")
    drop_rules("plan_versions")
    drop_rules("plan_areas")
    drop_rules("plan_attachments")
    op.drop_table("plan_files")
    op.drop_table("plan_attachments")
    op.drop_table("plan_areas")
    op.drop_table("plan_versions")
    op.drop_table("plan_transitions")
    op.drop_table("plan_adjustments")
    op.drop_table("plans")


def _make_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("plan_key", sa.Text(), nullable=False),
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_utc", UtcTime(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=True),
        sa.Column("proposed_utc", UtcTime(), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_utc", UtcTime(), nullable=True),
        sa.Column("approved_content_version", sa.Integer(), nullable=True),
        sa.Column("published_by", sa.Text(), nullable=True),
        sa.Column("published_utc", UtcTime(), nullable=True),
        sa.Column("ended_utc", UtcTime(), nullable=True),
        sa.Column("authors", CanonicalJson(), nullable=False),
        sa.Column("no_equality_reason", sa.Text(), nullable=True),
        sa.Column("fallback_of", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state <> 'published' OR (published_by IS NOT NULL AND published_utc IS NOT NULL)",
            name=op.f("ck_plans_publication"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'proposed', 'approved', 'published', 'superseded', "
            "'withdrawn', 'rejected')",
            name=op.f("ck_plans_state_known"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'rejected', 'withdrawn') OR proposed_by IS NOT NULL",
            name=op.f("ck_plans_proposer"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'published', 'superseded') OR (approved_by IS NOT "
            "NULL AND approved_utc IS NOT NULL AND approved_content_version = "
            "content_version)",
            name=op.f("ck_plans_approval"),
        ),
        sa.CheckConstraint("week LIKE '____-W__'", name=op.f("ck_plans_week_form")),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> proposed_by", name=op.f("ck_plans_second_person")
        ),
        sa.CheckConstraint(
            "length(approved_by) BETWEEN 1 AND 128", name=op.f("ck_plans_approved_by_length")
        ),
        sa.CheckConstraint(
            "length(created_by) BETWEEN 1 AND 128", name=op.f("ck_plans_created_by_length")
        ),
        sa.CheckConstraint(
            "length(fallback_of) BETWEEN 1 AND 128", name=op.f("ck_plans_fallback_of_length")
        ),
        sa.CheckConstraint(
            "length(no_equality_reason) BETWEEN 1 AND 2000",
            name=op.f("ck_plans_no_equality_reason_length"),
        ),
        sa.CheckConstraint(
            "length(plan_key) BETWEEN 1 AND 128", name=op.f("ck_plans_plan_key_length")
        ),
        sa.CheckConstraint(
            "length(proposed_by) BETWEEN 1 AND 128", name=op.f("ck_plans_proposed_by_length")
        ),
        sa.CheckConstraint(
            "length(published_by) BETWEEN 1 AND 128", name=op.f("ck_plans_published_by_length")
        ),
        sa.CheckConstraint(
            "version >= 1 AND content_version >= 1", name=op.f("ck_plans_versions_count")
        ),
        sa.ForeignKeyConstraint(
            ["fallback_of"], ["plans.plan_key"], name=op.f("fk_plans_fallback_of_plans")
        ),
        sa.PrimaryKeyConstraint("plan_key", name=op.f("pk_plans")),
        comment="The life of a plan. version counts every change and is what If-Match "
        "compares; content_version names the row of plan_versions in force.",
    )
    op.create_index(op.f("ix_plans_week_state"), "plans", ["week", "state"], unique=False)
    op.create_index(
        "uq_plans_one_approved_waits_a_week",
        "plans",
        ["week"],
        unique=True,
        sqlite_where=sa.text("state = 'approved'"),
        postgresql_where=sa.text("state = 'approved'"),
    )
    op.create_index(
        "uq_plans_one_published_a_week",
        "plans",
        ["week"],
        unique=True,
        sqlite_where=sa.text("state = 'published'"),
        postgresql_where=sa.text("state = 'published'"),
    )


def _make_plan_adjustments() -> None:
    op.create_table(
        "plan_adjustments",
        sa.Column("adjustment_id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("plan_key", sa.Text(), nullable=False),
        sa.Column("content_version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("lifted", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('lock', 'exclude', 'support', 'override', 'suppressed_hot_spot', "
            "'added_hot_spot', 'other')",
            name=op.f("ck_plan_adjustments_kind_known"),
        ),
        sa.CheckConstraint(
            "length(actor) BETWEEN 1 AND 128", name=op.f("ck_plan_adjustments_actor_length")
        ),
        sa.CheckConstraint(
            "length(plan_key) BETWEEN 1 AND 128", name=op.f("ck_plan_adjustments_plan_key_length")
        ),
        sa.CheckConstraint(
            "length(reason) BETWEEN 1 AND 2000", name=op.f("ck_plan_adjustments_reason_length")
        ),
        sa.CheckConstraint(
            "length(subject) BETWEEN 1 AND 400", name=op.f("ck_plan_adjustments_subject_length")
        ),
        sa.ForeignKeyConstraint(
            ["plan_key"], ["plans.plan_key"], name=op.f("fk_plan_adjustments_plan_key_plans")
        ),
        sa.PrimaryKeyConstraint("adjustment_id", name=op.f("pk_plan_adjustments")),
        comment="Locks, exclusions, overrides and hot spots people added or suppressed, with why",
    )
    op.create_index(
        op.f("ix_plan_adjustments_plan_key_content_version"),
        "plan_adjustments",
        ["plan_key", "content_version"],
        unique=False,
    )


def _make_plan_transitions() -> None:
    op.create_table(
        "plan_transitions",
        sa.Column("plan_key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("content_version", sa.Integer(), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "from_state IN ('draft', 'proposed', 'approved', 'published', 'superseded', "
            "'withdrawn', 'rejected')",
            name=op.f("ck_plan_transitions_from_state_known"),
        ),
        sa.CheckConstraint(
            "to_state IN ('draft', 'proposed', 'approved', 'published', 'superseded', "
            "'withdrawn', 'rejected')",
            name=op.f("ck_plan_transitions_to_state_known"),
        ),
        sa.CheckConstraint(
            "length(actor) BETWEEN 1 AND 128", name=op.f("ck_plan_transitions_actor_length")
        ),
        sa.CheckConstraint(
            "length(plan_key) BETWEEN 1 AND 128", name=op.f("ck_plan_transitions_plan_key_length")
        ),
        sa.CheckConstraint(
            "length(reason) BETWEEN 1 AND 2000", name=op.f("ck_plan_transitions_reason_length")
        ),
        sa.ForeignKeyConstraint(
            ["plan_key"], ["plans.plan_key"], name=op.f("fk_plan_transitions_plan_key_plans")
        ),
        sa.PrimaryKeyConstraint("plan_key", "version", name=op.f("pk_plan_transitions")),
        comment="Every step of a plan's life, numbered by the version it led to; never altered",
    )


def _make_plan_versions() -> None:
    op.create_table(
        "plan_versions",
        sa.Column("plan_key", sa.Text(), nullable=False),
        sa.Column("content_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("assessment_id", sa.Text(), nullable=True),
        sa.Column("fleet_id", sa.Text(), nullable=True),
        sa.Column("fleet_version", sa.Integer(), nullable=True),
        sa.Column("objective", sa.Float(precision=53), nullable=False),
        sa.Column("bound", sa.Float(precision=53), nullable=False),
        sa.Column("document", CanonicalJson(), nullable=False),
        sa.Column("document_sha256", sa.Text(), nullable=False),
        sa.Column("request", CanonicalJson(), nullable=True),
        sa.Column("created_utc", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(fleet_id IS NULL) = (fleet_version IS NULL)", name=op.f("ck_plan_versions_fleet_pair")
        ),
        sa.CheckConstraint("content_version >= 1", name=op.f("ck_plan_versions_version_counts")),
        sa.CheckConstraint(
            "length(assessment_id) BETWEEN 1 AND 128",
            name=op.f("ck_plan_versions_assessment_id_length"),
        ),
        sa.CheckConstraint(
            "length(created_by) BETWEEN 1 AND 128", name=op.f("ck_plan_versions_created_by_length")
        ),
        sa.CheckConstraint(
            "length(document_sha256) = 64", name=op.f("ck_plan_versions_document_sha256_length")
        ),
        sa.CheckConstraint(
            "length(fleet_id) BETWEEN 1 AND 128", name=op.f("ck_plan_versions_fleet_id_length")
        ),
        sa.CheckConstraint(
            "length(plan_id) BETWEEN 1 AND 128", name=op.f("ck_plan_versions_plan_id_length")
        ),
        sa.CheckConstraint(
            "length(plan_key) BETWEEN 1 AND 128", name=op.f("ck_plan_versions_plan_key_length")
        ),
        sa.CheckConstraint(
            "length(reason) BETWEEN 1 AND 2000", name=op.f("ck_plan_versions_reason_length")
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id"],
            ["assessments.assessment_id"],
            name=op.f("fk_plan_versions_assessment_id_assessments"),
        ),
        sa.ForeignKeyConstraint(
            ["fleet_id", "fleet_version"],
            ["fleets.fleet_id", "fleets.version"],
            name=op.f("fk_plan_versions_fleet_id_fleet_version_fleets"),
        ),
        sa.ForeignKeyConstraint(
            ["plan_key"], ["plans.plan_key"], name=op.f("fk_plan_versions_plan_key_plans")
        ),
        sa.PrimaryKeyConstraint("plan_key", "content_version", name=op.f("pk_plan_versions")),
        comment="What a plan said, version by version; never altered",
    )
    op.create_index(op.f("ix_plan_versions_plan_id"), "plan_versions", ["plan_id"], unique=False)


def _make_plan_areas() -> None:
    op.create_table(
        "plan_areas",
        sa.Column("plan_key", sa.Text(), nullable=False),
        sa.Column("content_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit_id", sa.Text(), nullable=False),
        sa.Column("borough_code", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.CheckConstraint("part IN ('primary', 'support')", name=op.f("ck_plan_areas_part_known")),
        sa.CheckConstraint(
            "length(borough_code) BETWEEN 1 AND 128", name=op.f("ck_plan_areas_borough_code_length")
        ),
        sa.CheckConstraint(
            "length(plan_key) BETWEEN 1 AND 128", name=op.f("ck_plan_areas_plan_key_length")
        ),
        sa.CheckConstraint(
            "length(unit_id) BETWEEN 1 AND 128", name=op.f("ck_plan_areas_unit_id_length")
        ),
        sa.ForeignKeyConstraint(
            ["plan_key", "content_version"],
            ["plan_versions.plan_key", "plan_versions.content_version"],
            name=op.f("fk_plan_areas_plan_key_content_version_plan_versions"),
        ),
        sa.PrimaryKeyConstraint(
            "plan_key",
            "content_version",
            "unit_id",
            "borough_code",
            "part",
            name=op.f("pk_plan_areas"),
        ),
        comment="Which boroughs each unit patrols; the primary areas never overlap",
    )
    op.create_index(
        "uq_plan_areas_one_primary_a_borough",
        "plan_areas",
        ["plan_key", "content_version", "borough_code"],
        unique=True,
        sqlite_where=sa.text("part = 'primary'"),
        postgresql_where=sa.text("part = 'primary'"),
    )


def _make_plan_attachments() -> None:
    op.create_table(
        "plan_attachments",
        sa.Column("plan_key", sa.Text(), nullable=False),
        sa.Column("content_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("document", CanonicalJson(), nullable=False),
        sa.Column("document_sha256", sa.Text(), nullable=False),
        sa.Column("attached_utc", UtcTime(), nullable=False),
        sa.Column("attached_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('verdict', 'backtest_card', 'equality_statement', 'comparison')",
            name=op.f("ck_plan_attachments_kind_known"),
        ),
        sa.CheckConstraint(
            "length(attached_by) BETWEEN 1 AND 128",
            name=op.f("ck_plan_attachments_attached_by_length"),
        ),
        sa.CheckConstraint(
            "length(document_sha256) = 64", name=op.f("ck_plan_attachments_document_sha256_length")
        ),
        sa.CheckConstraint(
            "length(plan_key) BETWEEN 1 AND 128", name=op.f("ck_plan_attachments_plan_key_length")
        ),
        sa.ForeignKeyConstraint(
            ["plan_key", "content_version"],
            ["plan_versions.plan_key", "plan_versions.content_version"],
            name=op.f("fk_plan_attachments_plan_key_content_version_plan_versions"),
        ),
        sa.PrimaryKeyConstraint(
            "plan_key", "content_version", "kind", name=op.f("pk_plan_attachments")
        ),
        comment="What the approver had before them: verdict, backtest card, equality statement",
    )


def _make_plan_files() -> None:
    op.create_table(
        "plan_files",
        sa.Column("plan_key", sa.Text(), nullable=False),
        sa.Column("content_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(content_sha256) = 64", name=op.f("ck_plan_files_content_sha256_length")
        ),
        sa.CheckConstraint(
            "length(name) BETWEEN 1 AND 128", name=op.f("ck_plan_files_name_length")
        ),
        sa.CheckConstraint(
            "length(plan_key) BETWEEN 1 AND 128", name=op.f("ck_plan_files_plan_key_length")
        ),
        sa.ForeignKeyConstraint(
            ["content_sha256"],
            ["stored_files.content_sha256"],
            name=op.f("fk_plan_files_content_sha256_stored_files"),
        ),
        sa.ForeignKeyConstraint(
            ["plan_key", "content_version"],
            ["plan_versions.plan_key", "plan_versions.content_version"],
            name=op.f("fk_plan_files_plan_key_content_version_plan_versions"),
        ),
        sa.PrimaryKeyConstraint("plan_key", "content_version", "name", name=op.f("pk_plan_files")),
        comment="Map, briefing and tables of a plan version",
    )

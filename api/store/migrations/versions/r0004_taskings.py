"""Events, decisions, actions, taskings and activity."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.store.migrations.rules import drop_rules, immutable
from api.store.types import CanonicalJson, NationalGrid, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_activity()
    _make_decisions()
    _make_events()
    _make_tpu_rosters()
    _make_actions()
    _make_tpu_taskings()
    immutable("decisions")
    immutable("tpu_rosters")


def downgrade() -> None:
    """Drop the tables."""
    drop_rules("decisions")
    drop_rules("tpu_rosters")
    op.drop_table("tpu_taskings")
    op.drop_table("actions")
    op.drop_table("tpu_rosters")
    op.drop_table("events")
    op.drop_table("decisions")
    op.drop_table("activity")


def _make_activity() -> None:
    op.create_table(
        "activity",
        sa.Column("activity_id", sa.Text(), nullable=False),
        sa.Column("unit_kind", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Text(), nullable=False),
        sa.Column("started_utc", UtcTime(), nullable=False),
        sa.Column("ended_utc", UtcTime(), nullable=False),
        sa.Column("borough_code", sa.Text(), nullable=False),
        sa.Column("ward_code", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("recorded_utc", UtcTime(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("basis = 'discovered'", name=op.f("ck_activity_basis_discovered")),
        sa.CheckConstraint("unit_kind IN ('arv', 'tpu')", name=op.f("ck_activity_unit_kind_known")),
        sa.CheckConstraint(
            "length(activity_id) BETWEEN 1 AND 128", name=op.f("ck_activity_activity_id_length")
        ),
        sa.CheckConstraint(
            "length(borough_code) BETWEEN 1 AND 128", name=op.f("ck_activity_borough_code_length")
        ),
        sa.CheckConstraint(
            "length(category) BETWEEN 1 AND 128", name=op.f("ck_activity_category_length")
        ),
        sa.CheckConstraint(
            "length(recorded_by) BETWEEN 1 AND 128", name=op.f("ck_activity_recorded_by_length")
        ),
        sa.CheckConstraint(
            "length(unit_id) BETWEEN 1 AND 128", name=op.f("ck_activity_unit_id_length")
        ),
        sa.CheckConstraint(
            "length(ward_code) BETWEEN 1 AND 128", name=op.f("ck_activity_ward_code_length")
        ),
        sa.CheckConstraint("number >= 0", name=op.f("ck_activity_number_not_negative")),
        sa.CheckConstraint("started_utc <= ended_utc", name=op.f("ck_activity_span")),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_activity")),
        comment="What ARVs and the TPU did, by place and time. Discovered: shown, never "
        "learned from.",
    )
    op.create_index(
        op.f("ix_activity_borough_code_started_utc"),
        "activity",
        ["borough_code", "started_utc"],
        unique=False,
    )
    op.create_index(op.f("ix_activity_started_utc"), "activity", ["started_utc"], unique=False)


def _make_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("meeting", sa.Text(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("week", sa.Text(), nullable=True),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_utc", UtcTime(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("replaces", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "meeting IN ('weekly_arv_tasking', 'verano', 'between_meetings')",
            name=op.f("ck_decisions_meeting_known"),
        ),
        sa.CheckConstraint("week LIKE '____-W__'", name=op.f("ck_decisions_week_form")),
        sa.CheckConstraint(
            "length(decided_by) BETWEEN 1 AND 128", name=op.f("ck_decisions_decided_by_length")
        ),
        sa.CheckConstraint(
            "length(decision) BETWEEN 1 AND 2000", name=op.f("ck_decisions_decision_length")
        ),
        sa.CheckConstraint(
            "length(decision_id) BETWEEN 1 AND 128", name=op.f("ck_decisions_decision_id_length")
        ),
        sa.CheckConstraint(
            "length(reason) BETWEEN 1 AND 2000", name=op.f("ck_decisions_reason_length")
        ),
        sa.CheckConstraint(
            "length(recorded_by) BETWEEN 1 AND 128", name=op.f("ck_decisions_recorded_by_length")
        ),
        sa.CheckConstraint(
            "length(replaces) BETWEEN 1 AND 128", name=op.f("ck_decisions_replaces_length")
        ),
        sa.CheckConstraint(
            "length(subject_id) BETWEEN 1 AND 128", name=op.f("ck_decisions_subject_id_length")
        ),
        sa.CheckConstraint(
            "length(subject_kind) BETWEEN 1 AND 128", name=op.f("ck_decisions_subject_kind_length")
        ),
        sa.ForeignKeyConstraint(
            ["replaces"], ["decisions.decision_id"], name=op.f("fk_decisions_replaces_decisions")
        ),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decisions")),
        comment="What was decided, by whom and why; never altered, a later one replaces it",
    )
    op.create_index(op.f("ix_decisions_held_on"), "decisions", ["held_on"], unique=False)
    op.create_index(
        op.f("ix_decisions_subject_kind_subject_id"),
        "decisions",
        ["subject_kind", "subject_id"],
        unique=False,
    )


def _make_events() -> None:
    op.create_table(
        "events",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("starts_utc", UtcTime(), nullable=False),
        sa.Column("ends_utc", UtcTime(), nullable=False),
        sa.Column("area_codes", CanonicalJson(), nullable=False),
        sa.Column("geom", NationalGrid("Point"), nullable=True),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_utc", UtcTime(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("cancelled_utc", UtcTime(), nullable=True),
        sa.Column("cancelled_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "length(cancelled_reason) BETWEEN 1 AND 2000",
            name=op.f("ck_events_cancelled_reason_length"),
        ),
        sa.CheckConstraint(
            "length(event_id) BETWEEN 1 AND 128", name=op.f("ck_events_event_id_length")
        ),
        sa.CheckConstraint("length(kind) BETWEEN 1 AND 64", name=op.f("ck_events_kind_length")),
        sa.CheckConstraint(
            "length(recorded_by) BETWEEN 1 AND 128", name=op.f("ck_events_recorded_by_length")
        ),
        sa.CheckConstraint(
            "length(remark) BETWEEN 1 AND 2000", name=op.f("ck_events_remark_length")
        ),
        sa.CheckConstraint("length(title) BETWEEN 1 AND 400", name=op.f("ck_events_title_length")),
        sa.CheckConstraint("starts_utc <= ends_utc", name=op.f("ck_events_span")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_events_version_counts")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_events")),
        comment="Known events that bear on the week: places and times, never persons",
    )
    if op.get_context().dialect.name == "postgresql":
        op.create_index("ix_events_geom", "events", ["geom"], unique=False, postgresql_using="gist")
    op.create_index(op.f("ix_events_starts_utc"), "events", ["starts_utc"], unique=False)


def _make_tpu_rosters() -> None:
    op.create_table(
        "tpu_rosters",
        sa.Column("roster_id", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("document", CanonicalJson(), nullable=False),
        sa.Column("document_sha256", sa.Text(), nullable=False),
        sa.Column("created_utc", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_tpu_rosters_days")),
        sa.CheckConstraint(
            "length(created_by) BETWEEN 1 AND 128", name=op.f("ck_tpu_rosters_created_by_length")
        ),
        sa.CheckConstraint(
            "length(document_sha256) = 64", name=op.f("ck_tpu_rosters_document_sha256_length")
        ),
        sa.CheckConstraint(
            "length(roster_id) BETWEEN 1 AND 128", name=op.f("ck_tpu_rosters_roster_id_length")
        ),
        sa.PrimaryKeyConstraint("roster_id", name=op.f("pk_tpu_rosters")),
        comment="Rosters of the Trojan Proactive Unit; never altered",
    )


def _make_actions() -> None:
    op.create_table(
        "actions",
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=True),
        sa.Column("meeting", sa.Text(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_utc", UtcTime(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("closed_utc", UtcTime(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open' AND closed_utc IS NULL AND closed_by IS NULL AND outcome IS "
            "NULL) OR (state <> 'open' AND closed_utc IS NOT NULL AND closed_by IS NOT "
            "NULL AND outcome IS NOT NULL)",
            name=op.f("ck_actions_closing"),
        ),
        sa.CheckConstraint(
            "meeting IN ('weekly_arv_tasking', 'verano', 'between_meetings')",
            name=op.f("ck_actions_meeting_known"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'done', 'cancelled')", name=op.f("ck_actions_state_known")
        ),
        sa.CheckConstraint(
            "length(action_id) BETWEEN 1 AND 128", name=op.f("ck_actions_action_id_length")
        ),
        sa.CheckConstraint(
            "length(closed_by) BETWEEN 1 AND 128", name=op.f("ck_actions_closed_by_length")
        ),
        sa.CheckConstraint(
            "length(decision_id) BETWEEN 1 AND 128", name=op.f("ck_actions_decision_id_length")
        ),
        sa.CheckConstraint(
            "length(outcome) BETWEEN 1 AND 2000", name=op.f("ck_actions_outcome_length")
        ),
        sa.CheckConstraint("length(owner) BETWEEN 1 AND 128", name=op.f("ck_actions_owner_length")),
        sa.CheckConstraint(
            "length(recorded_by) BETWEEN 1 AND 128", name=op.f("ck_actions_recorded_by_length")
        ),
        sa.CheckConstraint("length(task) BETWEEN 1 AND 2000", name=op.f("ck_actions_task_length")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_actions_version_counts")),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decisions.decision_id"],
            name=op.f("fk_actions_decision_id_decisions"),
        ),
        sa.PrimaryKeyConstraint("action_id", name=op.f("pk_actions")),
        comment="Actions arising: an owner, a day, and how each ended",
    )
    op.create_index(op.f("ix_actions_state_due_on"), "actions", ["state", "due_on"], unique=False)


def _make_tpu_taskings() -> None:
    op.create_table(
        "tpu_taskings",
        sa.Column("tasking_id", sa.Text(), nullable=False),
        sa.Column("roster_id", sa.Text(), nullable=True),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("borough_code", sa.Text(), nullable=False),
        sa.Column("issue", sa.Text(), nullable=True),
        sa.Column("tactic", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("authority_reference", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tasked_utc", UtcTime(), nullable=False),
        sa.Column("tasked_by", sa.Text(), nullable=False),
        sa.Column("cancelled_utc", UtcTime(), nullable=True),
        sa.Column("cancelled_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "authority <> 'authorised' OR authority_reference IS NOT NULL",
            name=op.f("ck_tpu_taskings_authority_named"),
        ),
        sa.CheckConstraint(
            "authority IN ('not_required', 'proposed', 'authorised', 'refused')",
            name=op.f("ck_tpu_taskings_authority_known"),
        ),
        sa.CheckConstraint(
            "tactic = 'mobile_patrol' OR authority <> 'not_required'",
            name=op.f("ck_tpu_taskings_authority"),
        ),
        sa.CheckConstraint(
            "tactic IN ('mobile_patrol', 'tactic_1', 'tactic_2', 'tactic_3')",
            name=op.f("ck_tpu_taskings_tactic_known"),
        ),
        sa.CheckConstraint(
            "length(authority_reference) BETWEEN 1 AND 128",
            name=op.f("ck_tpu_taskings_authority_reference_length"),
        ),
        sa.CheckConstraint(
            "length(borough_code) BETWEEN 1 AND 128",
            name=op.f("ck_tpu_taskings_borough_code_length"),
        ),
        sa.CheckConstraint(
            "length(cancelled_reason) BETWEEN 1 AND 2000",
            name=op.f("ck_tpu_taskings_cancelled_reason_length"),
        ),
        sa.CheckConstraint(
            "length(issue) BETWEEN 1 AND 2000", name=op.f("ck_tpu_taskings_issue_length")
        ),
        sa.CheckConstraint(
            "length(roster_id) BETWEEN 1 AND 128", name=op.f("ck_tpu_taskings_roster_id_length")
        ),
        sa.CheckConstraint(
            "length(tasked_by) BETWEEN 1 AND 128", name=op.f("ck_tpu_taskings_tasked_by_length")
        ),
        sa.CheckConstraint(
            "length(tasking_id) BETWEEN 1 AND 128", name=op.f("ck_tpu_taskings_tasking_id_length")
        ),
        sa.CheckConstraint(
            "length(team) BETWEEN 1 AND 128", name=op.f("ck_tpu_taskings_team_length")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_tpu_taskings_version_counts")),
        sa.ForeignKeyConstraint(
            ["roster_id"],
            ["tpu_rosters.roster_id"],
            name=op.f("fk_tpu_taskings_roster_id_tpu_rosters"),
        ),
        sa.PrimaryKeyConstraint("tasking_id", name=op.f("pk_tpu_taskings")),
        comment="Where the Verano meeting tasked a team; a set piece needs command authority",
    )
    op.create_index(op.f("ix_tpu_taskings_day_team"), "tpu_taskings", ["day", "team"], unique=False)

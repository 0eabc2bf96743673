"""Audit, jobs, settings and retention."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.store.migrations.rules import append_only, drop_rules
from api.store.types import WHOLE, CanonicalJson, UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_audit()
    _make_audit_anchors()
    _make_audit_heads()
    _make_idempotency_keys()
    _make_jobs()
    _make_retention_reviews()
    _make_retention_rules()
    _make_settings()
    append_only("audit")
    append_only("audit_anchors")
    append_only("audit_heads")
    append_only("retention_reviews")


def downgrade() -> None:
    """Drop the tables."""
    drop_rules("audit")
    drop_rules("audit_anchors")
    drop_rules("audit_heads")
    drop_rules("retention_reviews")
    op.drop_table("settings")
    op.drop_table("retention_rules")
    op.drop_table("retention_reviews")
    op.drop_table("jobs")
    op.drop_table("idempotency_keys")
    op.drop_table("audit_heads")
    op.drop_table("audit_anchors")
    op.drop_table("audit")


def _make_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("position", WHOLE, autoincrement=False, nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("object_sha256", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", CanonicalJson(), nullable=True),
        sa.Column("previous_sha256", sa.Text(), nullable=False),
        sa.Column("row_sha256", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('done', 'denied', 'failed')", name=op.f("ck_audit_outcome_known")
        ),
        sa.CheckConstraint("length(action) BETWEEN 1 AND 128", name=op.f("ck_audit_action_length")),
        sa.CheckConstraint("length(actor) BETWEEN 1 AND 200", name=op.f("ck_audit_actor_length")),
        sa.CheckConstraint("length(object_id) <= 400", name=op.f("ck_audit_object_id_length")),
        sa.CheckConstraint(
            "length(object_kind) BETWEEN 1 AND 128", name=op.f("ck_audit_object_kind_length")
        ),
        sa.CheckConstraint(
            "length(object_sha256) = 64", name=op.f("ck_audit_object_sha256_length")
        ),
        sa.CheckConstraint(
            "length(previous_sha256) = 64", name=op.f("ck_audit_previous_sha256_length")
        ),
        sa.CheckConstraint("length(reason) <= 2000", name=op.f("ck_audit_reason_length")),
        sa.CheckConstraint("length(row_sha256) = 64", name=op.f("ck_audit_row_sha256_length")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_audit_position_counts")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit")),
        sa.UniqueConstraint("row_sha256", name=op.f("uq_audit_row_sha256")),
        comment="Who did what, when and why, each row bound to the one before; append only",
    )
    op.create_index(op.f("ix_audit_actor_at_utc"), "audit", ["actor", "at_utc"], unique=False)
    op.create_index(
        op.f("ix_audit_object_kind_object_id"), "audit", ["object_kind", "object_id"], unique=False
    )


def _make_audit_anchors() -> None:
    op.create_table(
        "audit_anchors",
        sa.Column("anchor_id", sa.Text(), nullable=False),
        sa.Column("position", WHOLE, nullable=False),
        sa.Column("row_sha256", sa.Text(), nullable=False),
        sa.Column("exported_utc", UtcTime(), nullable=False),
        sa.Column("exported_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(anchor_id) BETWEEN 1 AND 128", name=op.f("ck_audit_anchors_anchor_id_length")
        ),
        sa.CheckConstraint(
            "length(exported_by) BETWEEN 1 AND 128",
            name=op.f("ck_audit_anchors_exported_by_length"),
        ),
        sa.CheckConstraint(
            "length(row_sha256) = 64", name=op.f("ck_audit_anchors_row_sha256_length")
        ),
        sa.PrimaryKeyConstraint("anchor_id", name=op.f("pk_audit_anchors")),
        comment="Ends of the chain that were handed out to be kept elsewhere; append only",
    )


def _make_audit_heads() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("position", WHOLE, autoincrement=False, nullable=False),
        sa.Column("row_sha256", sa.Text(), nullable=False),
        sa.Column("signed_utc", UtcTime(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "length(key_id) BETWEEN 1 AND 128", name=op.f("ck_audit_heads_key_id_length")
        ),
        sa.CheckConstraint(
            "length(row_sha256) = 64", name=op.f("ck_audit_heads_row_sha256_length")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_heads")),
        comment="Signatures over the end of the audit chain; append only",
    )


def _make_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("response", CanonicalJson(), nullable=True),
        sa.Column("created_utc", UtcTime(), nullable=False),
        sa.Column("expires_utc", UtcTime(), nullable=False),
        sa.CheckConstraint("created_utc < expires_utc", name=op.f("ck_idempotency_keys_span")),
        sa.CheckConstraint(
            "length(actor) BETWEEN 1 AND 128", name=op.f("ck_idempotency_keys_actor_length")
        ),
        sa.CheckConstraint(
            "length(key) BETWEEN 1 AND 128", name=op.f("ck_idempotency_keys_key_length")
        ),
        sa.CheckConstraint(
            "length(operation) BETWEEN 1 AND 400", name=op.f("ck_idempotency_keys_operation_length")
        ),
        sa.CheckConstraint(
            "length(request_sha256) = 64", name=op.f("ck_idempotency_keys_request_sha256_length")
        ),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_idempotency_keys")),
        comment="Answers kept so that a repeated request is not done twice",
    )
    op.create_index(
        op.f("ix_idempotency_keys_expires_utc"), "idempotency_keys", ["expires_utc"], unique=False
    )


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("request", CanonicalJson(), nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("result", CanonicalJson(), nullable=True),
        sa.Column("problem", CanonicalJson(), nullable=True),
        sa.Column("share_done", sa.Float(precision=53), nullable=False),
        sa.Column("progress", CanonicalJson(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("accepted_utc", UtcTime(), nullable=False),
        sa.Column("started_utc", UtcTime(), nullable=True),
        sa.Column("ended_utc", UtcTime(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until_utc", UtcTime(), nullable=True),
        sa.Column("cancel_asked", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('accepted', 'running', 'successful', 'failed', 'dismissed')",
            name=op.f("ck_jobs_state_known"),
        ),
        sa.CheckConstraint("cancel_asked IN (0, 1)", name=op.f("ck_jobs_cancel")),
        sa.CheckConstraint("length(actor) BETWEEN 1 AND 128", name=op.f("ck_jobs_actor_length")),
        sa.CheckConstraint("length(job_id) BETWEEN 1 AND 128", name=op.f("ck_jobs_job_id_length")),
        sa.CheckConstraint("length(kind) BETWEEN 1 AND 128", name=op.f("ck_jobs_kind_length")),
        sa.CheckConstraint(
            "length(lease_owner) BETWEEN 1 AND 128", name=op.f("ck_jobs_lease_owner_length")
        ),
        sa.CheckConstraint(
            "length(request_sha256) = 64", name=op.f("ck_jobs_request_sha256_length")
        ),
        sa.CheckConstraint("share_done BETWEEN 0 AND 1", name=op.f("ck_jobs_share")),
        sa.CheckConstraint("version >= 1 AND attempt >= 0", name=op.f("ck_jobs_counted")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_jobs")),
        comment="Long work: who asked for what, how far it is and what came of it",
    )
    op.create_index(
        op.f("ix_jobs_state_accepted_utc"), "jobs", ["state", "accepted_utc"], unique=False
    )


def _make_retention_reviews() -> None:
    op.create_table(
        "retention_reviews",
        sa.Column("review_id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("record_kind", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("next_review_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reviewed_utc", UtcTime(), nullable=False),
        sa.Column("reviewed_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'keep') = (next_review_on IS NOT NULL)",
            name=op.f("ck_retention_reviews_next_review"),
        ),
        sa.CheckConstraint(
            "outcome IN ('keep', 'erase')", name=op.f("ck_retention_reviews_outcome_known")
        ),
        sa.CheckConstraint(
            "length(reason) BETWEEN 1 AND 2000", name=op.f("ck_retention_reviews_reason_length")
        ),
        sa.CheckConstraint(
            "length(record_id) BETWEEN 1 AND 128",
            name=op.f("ck_retention_reviews_record_id_length"),
        ),
        sa.CheckConstraint(
            "length(record_kind) BETWEEN 1 AND 128",
            name=op.f("ck_retention_reviews_record_kind_length"),
        ),
        sa.CheckConstraint(
            "length(reviewed_by) BETWEEN 1 AND 128",
            name=op.f("ck_retention_reviews_reviewed_by_length"),
        ),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_retention_reviews")),
        comment="Reviews held: kept until another day, or erased and why; append only",
    )
    op.create_index(
        op.f("ix_retention_reviews_record_kind_record_id"),
        "retention_reviews",
        ["record_kind", "record_id"],
        unique=False,
    )


def _make_retention_rules() -> None:
    op.create_table(
        "retention_rules",
        sa.Column("record_kind", sa.Text(), nullable=False),
        sa.Column("review_after_days", sa.Integer(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("changed_utc", UtcTime(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(basis) BETWEEN 1 AND 2000", name=op.f("ck_retention_rules_basis_length")
        ),
        sa.CheckConstraint(
            "length(changed_by) BETWEEN 1 AND 128",
            name=op.f("ck_retention_rules_changed_by_length"),
        ),
        sa.CheckConstraint(
            "length(record_kind) BETWEEN 1 AND 128",
            name=op.f("ck_retention_rules_record_kind_length"),
        ),
        sa.CheckConstraint(
            "review_after_days BETWEEN 1 AND 36500", name=op.f("ck_retention_rules_days")
        ),
        sa.PrimaryKeyConstraint("record_kind", name=op.f("pk_retention_rules")),
        comment="After how long each kind of record is reviewed, and on what ground",
    )


def _make_settings() -> None:
    op.create_table(
        "settings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", CanonicalJson(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_utc", UtcTime(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(changed_by) BETWEEN 1 AND 128", name=op.f("ck_settings_changed_by_length")
        ),
        sa.CheckConstraint("length(key) BETWEEN 1 AND 128", name=op.f("ck_settings_key_length")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_settings_version_counts")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_settings")),
        comment="Configuration kept with the record",
    )

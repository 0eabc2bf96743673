"""Risk assessments, stored files and fleets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.store.migrations.rules import drop_rules, immutable
from api.store.types import WHOLE, CanonicalJson, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_assessments()
    _make_fleets()
    _make_stored_files()
    _make_assessment_areas()
    _make_assessment_files()
    _make_assessment_receipts()
    immutable("assessments")
    immutable("fleets")
    immutable("stored_files")


def downgrade() -> None:
    """Drop the tables."""
    drop_rules("assessments")
    drop_rules("fleets")
    drop_rules("stored_files")
    op.drop_table("assessment_receipts")
    op.drop_table("assessment_files")
    op.drop_table("assessment_areas")
    op.drop_table("stored_files")
    op.drop_table("fleets")
    op.drop_table("assessments")


def _make_assessments() -> None:
    op.create_table(
        "assessments",
        sa.Column("assessment_id", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("classification", sa.Text(), nullable=False),
        sa.Column("handling_code", sa.Text(), nullable=True),
        sa.Column("sanitised", sa.Boolean(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("policy_sha256", sa.Text(), nullable=False),
        sa.Column("inputs_sha256", sa.Text(), nullable=False),
        sa.Column("boundary_sha256", sa.Text(), nullable=False),
        sa.Column("document", CanonicalJson(), nullable=False),
        sa.Column("document_sha256", sa.Text(), nullable=False),
        sa.Column("created_utc", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(assessment_id) BETWEEN 1 AND 128",
            name=op.f("ck_assessments_assessment_id_length"),
        ),
        sa.CheckConstraint(
            "length(boundary_sha256) = 64", name=op.f("ck_assessments_boundary_sha256_length")
        ),
        sa.CheckConstraint(
            "length(classification) BETWEEN 1 AND 200",
            name=op.f("ck_assessments_classification_length"),
        ),
        sa.CheckConstraint(
            "length(created_by) BETWEEN 1 AND 128", name=op.f("ck_assessments_created_by_length")
        ),
        sa.CheckConstraint(
            "length(document_sha256) = 64", name=op.f("ck_assessments_document_sha256_length")
        ),
        sa.CheckConstraint(
            "length(inputs_sha256) = 64", name=op.f("ck_assessments_inputs_sha256_length")
        ),
        sa.CheckConstraint(
            "length(policy_sha256) = 64", name=op.f("ck_assessments_policy_sha256_length")
        ),
        sa.CheckConstraint(
            "length(policy_version) BETWEEN 1 AND 200",
            name=op.f("ck_assessments_policy_version_length"),
        ),
        sa.PrimaryKeyConstraint("assessment_id", name=op.f("pk_assessments")),
        comment="Published risk assessments; never altered",
    )
    op.create_index(op.f("ix_assessments_as_of"), "assessments", ["as_of"], unique=False)


def _make_fleets() -> None:
    op.create_table(
        "fleets",
        sa.Column("fleet_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("toml", sa.Text(), nullable=False),
        sa.Column("toml_sha256", sa.Text(), nullable=False),
        sa.Column("created_utc", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "length(created_by) BETWEEN 1 AND 128", name=op.f("ck_fleets_created_by_length")
        ),
        sa.CheckConstraint(
            "length(fleet_id) BETWEEN 1 AND 128", name=op.f("ck_fleets_fleet_id_length")
        ),
        sa.CheckConstraint(
            "length(reason) BETWEEN 1 AND 2000", name=op.f("ck_fleets_reason_length")
        ),
        sa.CheckConstraint(
            "length(toml) BETWEEN 1 AND 1048576", name=op.f("ck_fleets_toml_length")
        ),
        sa.CheckConstraint("length(toml_sha256) = 64", name=op.f("ck_fleets_toml_sha256_length")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_fleets_version_counts")),
        sa.PrimaryKeyConstraint("fleet_id", "version", name=op.f("pk_fleets")),
        comment="Fleet files; a change is a new version",
    )


def _make_stored_files() -> None:
    op.create_table(
        "stored_files",
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("n_bytes", WHOLE, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("stored_utc", UtcTime(), nullable=False),
        sa.CheckConstraint(
            "length(content_sha256) = 64", name=op.f("ck_stored_files_content_sha256_length")
        ),
        sa.CheckConstraint(
            "length(media_type) BETWEEN 1 AND 200", name=op.f("ck_stored_files_media_type_length")
        ),
        sa.PrimaryKeyConstraint("content_sha256", name=op.f("pk_stored_files")),
        comment="Content of drawn and tabulated results, kept once by digest",
    )


def _make_assessment_areas() -> None:
    op.create_table(
        "assessment_areas",
        sa.Column("assessment_id", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("expected_per_week", sa.Float(precision=53), nullable=False),
        sa.Column("lower_90", sa.Float(precision=53), nullable=False),
        sa.Column("upper_90", sa.Float(precision=53), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "level IN ('ward', 'borough')", name=op.f("ck_assessment_areas_level_known")
        ),
        sa.CheckConstraint(
            "target IN ('demand', 'harm')", name=op.f("ck_assessment_areas_target_known")
        ),
        sa.CheckConstraint(
            "length(assessment_id) BETWEEN 1 AND 128",
            name=op.f("ck_assessment_areas_assessment_id_length"),
        ),
        sa.CheckConstraint(
            "length(code) BETWEEN 1 AND 128", name=op.f("ck_assessment_areas_code_length")
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id"],
            ["assessments.assessment_id"],
            name=op.f("fk_assessment_areas_assessment_id_assessments"),
        ),
        sa.PrimaryKeyConstraint(
            "assessment_id", "target", "code", name=op.f("pk_assessment_areas")
        ),
        comment="The scores of an assessment, one row an area, for queries and a GIS",
    )


def _make_assessment_files() -> None:
    op.create_table(
        "assessment_files",
        sa.Column("assessment_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(assessment_id) BETWEEN 1 AND 128",
            name=op.f("ck_assessment_files_assessment_id_length"),
        ),
        sa.CheckConstraint(
            "length(content_sha256) = 64", name=op.f("ck_assessment_files_content_sha256_length")
        ),
        sa.CheckConstraint(
            "length(name) BETWEEN 1 AND 128", name=op.f("ck_assessment_files_name_length")
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id"],
            ["assessments.assessment_id"],
            name=op.f("fk_assessment_files_assessment_id_assessments"),
        ),
        sa.ForeignKeyConstraint(
            ["content_sha256"],
            ["stored_files.content_sha256"],
            name=op.f("fk_assessment_files_content_sha256_stored_files"),
        ),
        sa.PrimaryKeyConstraint("assessment_id", "name", name=op.f("pk_assessment_files")),
        comment="Draws, cells, tables and maps of an assessment",
    )


def _make_assessment_receipts() -> None:
    op.create_table(
        "assessment_receipts",
        sa.Column("assessment_id", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(assessment_id) BETWEEN 1 AND 128",
            name=op.f("ck_assessment_receipts_assessment_id_length"),
        ),
        sa.CheckConstraint(
            "length(receipt_id) = 64", name=op.f("ck_assessment_receipts_receipt_id_length")
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id"],
            ["assessments.assessment_id"],
            name=op.f("fk_assessment_receipts_assessment_id_assessments"),
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"],
            ["receipts.receipt_id"],
            name=op.f("fk_assessment_receipts_receipt_id_receipts"),
        ),
        sa.PrimaryKeyConstraint("assessment_id", "receipt_id", name=op.f("pk_assessment_receipts")),
        comment="Which files an assessment was made from",
    )

"""Places and evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.store.migrations.rules import drop_rule_function, drop_rules, immutable
from api.store.types import WHOLE, CanonicalJson, NationalGrid, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_areas()
    _make_feeds()
    _make_incidents()
    _make_receipts()
    _make_area_counts()
    _make_receipt_rows()
    _make_rejected_rows()
    immutable("incidents")


def downgrade() -> None:
    """Drop the tables."""
    drop_rules("incidents")
    op.drop_table("rejected_rows")
    op.drop_table("receipt_rows")
    op.drop_table("area_counts")
    op.drop_table("receipts")
    op.drop_table("incidents")
    op.drop_table("feeds")
    op.drop_table("areas")
    drop_rule_function()


def _make_areas() -> None:
    op.create_table(
        "areas",
        sa.Column("boundary_sha256", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("borough_code", sa.Text(), nullable=False),
        sa.Column("policed", sa.Boolean(), nullable=False),
        sa.Column("geom", NationalGrid("MultiPolygon"), nullable=True),
        sa.CheckConstraint("level IN ('ward', 'borough')", name=op.f("ck_areas_level_known")),
        sa.CheckConstraint(
            "length(borough_code) BETWEEN 1 AND 128", name=op.f("ck_areas_borough_code_length")
        ),
        sa.CheckConstraint(
            "length(boundary_sha256) = 64", name=op.f("ck_areas_boundary_sha256_length")
        ),
        sa.CheckConstraint("length(code) BETWEEN 1 AND 128", name=op.f("ck_areas_code_length")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 200", name=op.f("ck_areas_name_length")),
        sa.PrimaryKeyConstraint("boundary_sha256", "code", name=op.f("pk_areas")),
        comment="Wards and boroughs of a study area, one set a boundary file",
    )
    if op.get_context().dialect.name == "postgresql":
        op.create_index("ix_areas_geom", "areas", ["geom"], unique=False, postgresql_using="gist")


def _make_feeds() -> None:
    op.create_table(
        "feeds",
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("first_received_utc", UtcTime(), nullable=False),
        sa.CheckConstraint(
            "length(feed_id) BETWEEN 1 AND 128", name=op.f("ck_feeds_feed_id_length")
        ),
        sa.CheckConstraint("length(format) BETWEEN 1 AND 64", name=op.f("ck_feeds_format_length")),
        sa.PrimaryKeyConstraint("feed_id", name=op.f("pk_feeds")),
        comment="A stream of files from one source in one layout",
    )


def _make_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("version_sha256", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("occurred_from_utc", UtcTime(), nullable=False),
        sa.Column("occurred_to_utc", UtcTime(), nullable=False),
        sa.Column("known_from_utc", UtcTime(), nullable=False),
        sa.Column("x_m", sa.Float(precision=53), nullable=True),
        sa.Column("y_m", sa.Float(precision=53), nullable=True),
        sa.Column("area_code", sa.Text(), nullable=True),
        sa.Column("source_grade", sa.Text(), nullable=True),
        sa.Column("information_grade", sa.Text(), nullable=True),
        sa.Column("handling_code", sa.Text(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("corrects", sa.Text(), nullable=True),
        sa.Column("correction", sa.Text(), nullable=True),
        sa.Column("notice", sa.Text(), nullable=True),
        sa.Column("geom", NationalGrid("Point"), nullable=True),
        sa.CheckConstraint(
            "basis IN ('reported', 'discovered')", name=op.f("ck_incidents_basis_known")
        ),
        sa.CheckConstraint(
            "handling_code IN ('P', 'C')", name=op.f("ck_incidents_handling_code_known")
        ),
        sa.CheckConstraint(
            "(corrects IS NULL) = (correction IS NULL)", name=op.f("ck_incidents_correction_pair")
        ),
        sa.CheckConstraint("(x_m IS NULL) = (y_m IS NULL)", name=op.f("ck_incidents_point")),
        sa.CheckConstraint(
            "length(area_code) BETWEEN 1 AND 128", name=op.f("ck_incidents_area_code_length")
        ),
        sa.CheckConstraint(
            "length(category) BETWEEN 1 AND 128", name=op.f("ck_incidents_category_length")
        ),
        sa.CheckConstraint(
            "length(corrects) BETWEEN 1 AND 128", name=op.f("ck_incidents_corrects_length")
        ),
        sa.CheckConstraint(
            "length(record_id) BETWEEN 1 AND 128", name=op.f("ck_incidents_record_id_length")
        ),
        sa.CheckConstraint(
            "length(source) BETWEEN 1 AND 128", name=op.f("ck_incidents_source_length")
        ),
        sa.CheckConstraint(
            "length(version_sha256) = 64", name=op.f("ck_incidents_version_sha256_length")
        ),
        sa.CheckConstraint(
            "x_m IS NOT NULL OR area_code IS NOT NULL", name=op.f("ck_incidents_placed")
        ),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_incidents")),
        sa.UniqueConstraint(
            "record_id", "version_sha256", name=op.f("uq_incidents_record_id_version_sha256")
        ),
        comment="One version of one record. A later version names the earlier one in corrects.",
    )
    op.create_index(
        "ix_incidents_corrects",
        "incidents",
        ["corrects"],
        unique=False,
        sqlite_where=sa.text("corrects IS NOT NULL"),
        postgresql_where=sa.text("corrects IS NOT NULL"),
    )
    if op.get_context().dialect.name == "postgresql":
        op.create_index(
            "ix_incidents_geom", "incidents", ["geom"], unique=False, postgresql_using="gist"
        )
    op.create_index(
        op.f("ix_incidents_known_from_utc"), "incidents", ["known_from_utc"], unique=False
    )
    op.create_index(
        op.f("ix_incidents_occurred_from_utc"), "incidents", ["occurred_from_utc"], unique=False
    )
    op.create_index(
        op.f("ix_incidents_source_occurred_from_utc"),
        "incidents",
        ["source", "occurred_from_utc"],
        unique=False,
    )


def _make_receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=False),
        sa.Column("n_records", sa.Integer(), nullable=False),
        sa.Column("n_counts", sa.Integer(), nullable=False),
        sa.Column("n_rejected", sa.Integer(), nullable=False),
        sa.Column("n_expected", sa.Integer(), nullable=False),
        sa.Column("n_merged", sa.Integer(), nullable=False),
        sa.Column("n_corrections", sa.Integer(), nullable=False),
        sa.Column("n_handling_c", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("newest_known_utc", UtcTime(), nullable=True),
        sa.Column("coverage", CanonicalJson(), nullable=False),
        sa.Column("remarks", CanonicalJson(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("withdrawn_utc", UtcTime(), nullable=True),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'active' AND withdrawn_utc IS NULL AND withdrawn_by IS NULL AND "
            "withdrawn_reason IS NULL) OR (state <> 'active' AND withdrawn_utc IS NOT "
            "NULL AND withdrawn_by IS NOT NULL AND withdrawn_reason IS NOT NULL)",
            name=op.f("ck_receipts_withdrawal"),
        ),
        sa.CheckConstraint(
            "state IN ('active', 'withdrawn', 'erased')", name=op.f("ck_receipts_state_known")
        ),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_receipts_days")),
        sa.CheckConstraint(
            "length(content_sha256) = 64", name=op.f("ck_receipts_content_sha256_length")
        ),
        sa.CheckConstraint(
            "length(feed_id) BETWEEN 1 AND 128", name=op.f("ck_receipts_feed_id_length")
        ),
        sa.CheckConstraint("length(file) BETWEEN 1 AND 400", name=op.f("ck_receipts_file_length")),
        sa.CheckConstraint("length(receipt_id) = 64", name=op.f("ck_receipts_receipt_id_length")),
        sa.CheckConstraint(
            "length(received_by) BETWEEN 1 AND 128", name=op.f("ck_receipts_received_by_length")
        ),
        sa.CheckConstraint(
            "length(withdrawn_by) BETWEEN 1 AND 128", name=op.f("ck_receipts_withdrawn_by_length")
        ),
        sa.CheckConstraint(
            "length(withdrawn_reason) BETWEEN 1 AND 2000",
            name=op.f("ck_receipts_withdrawn_reason_length"),
        ),
        sa.CheckConstraint(
            "n_records >= 0 AND n_counts >= 0 AND n_rejected >= 0 AND n_expected >= 0 AND "
            "n_merged BETWEEN 0 AND n_records",
            name=op.f("ck_receipts_counted"),
        ),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feeds.feed_id"], name=op.f("fk_receipts_feed_id_feeds")
        ),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_receipts")),
        comment="One file taken in: what was accepted, refused, merged, and what it covers. "
        "The receipt_id is the digest of the file and of its statement of coverage.",
    )
    op.create_index(
        op.f("ix_receipts_feed_id_received_utc"),
        "receipts",
        ["feed_id", "received_utc"],
        unique=False,
    )


def _make_area_counts() -> None:
    op.create_table(
        "area_counts",
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("area_type", sa.Text(), nullable=False),
        sa.Column("area_code", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "area_type IN ('ward', 'borough')", name=op.f("ck_area_counts_area_type_known")
        ),
        sa.CheckConstraint(
            "basis IN ('reported', 'discovered')", name=op.f("ck_area_counts_basis_known")
        ),
        sa.CheckConstraint(
            "length(area_code) BETWEEN 1 AND 128", name=op.f("ck_area_counts_area_code_length")
        ),
        sa.CheckConstraint(
            "length(category) BETWEEN 1 AND 128", name=op.f("ck_area_counts_category_length")
        ),
        sa.CheckConstraint(
            "length(receipt_id) = 64", name=op.f("ck_area_counts_receipt_id_length")
        ),
        sa.CheckConstraint(
            "length(source) BETWEEN 1 AND 128", name=op.f("ck_area_counts_source_length")
        ),
        sa.CheckConstraint("number >= 0", name=op.f("ck_area_counts_number_not_negative")),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipts.receipt_id"], name=op.f("fk_area_counts_receipt_id_receipts")
        ),
        sa.PrimaryKeyConstraint("receipt_id", "position", name=op.f("pk_area_counts")),
        comment="Counts by area, month and category, as a file gave them",
    )
    op.create_index(
        op.f("ix_area_counts_area_code_category_month"),
        "area_counts",
        ["area_code", "category", "month"],
        unique=False,
    )


def _make_receipt_rows() -> None:
    op.create_table(
        "receipt_rows",
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("incident_id", WHOLE, nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "length(receipt_id) = 64", name=op.f("ck_receipt_rows_receipt_id_length")
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.incident_id"],
            name=op.f("fk_receipt_rows_incident_id_incidents"),
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"],
            ["receipts.receipt_id"],
            name=op.f("fk_receipt_rows_receipt_id_receipts"),
        ),
        sa.PrimaryKeyConstraint("receipt_id", "position", name=op.f("pk_receipt_rows")),
        comment="Which row of which file told of a version; file is the member of an archive",
    )
    op.create_index(
        op.f("ix_receipt_rows_incident_id"), "receipt_rows", ["incident_id"], unique=False
    )


def _make_rejected_rows() -> None:
    op.create_table(
        "rejected_rows",
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("expected", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "length(receipt_id) = 64", name=op.f("ck_rejected_rows_receipt_id_length")
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"],
            ["receipts.receipt_id"],
            name=op.f("fk_rejected_rows_receipt_id_receipts"),
        ),
        sa.PrimaryKeyConstraint("receipt_id", "position", name=op.f("pk_rejected_rows")),
        comment="Rows of a file that were not accepted, each with its reason",
    )

"""Tables of places and evidence: areas, feeds, receipts, rows, incidents in versions, counts."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from api.store.columns import (
    document,
    identifier,
    metadata,
    moment,
    one_of,
    reason,
    sha256,
    shape,
    shape_index,
    text,
)
from api.store.types import WHOLE

RECEIPT_STATES = ("active", "withdrawn", "erased")

areas = Table(
    "areas",
    metadata,
    sha256("boundary_sha256", key=True),
    identifier("code", key=True),
    Column("level", Text, nullable=False),
    text("name", longest=200),
    identifier("borough_code"),
    Column("policed", Boolean, nullable=False),
    shape("MultiPolygon"),
    one_of("level", ("ward", "borough")),
    shape_index("areas"),
    comment="Wards and boroughs of a study area, one set a boundary file",
)

feeds = Table(
    "feeds",
    metadata,
    identifier("feed_id", key=True),
    text("format", longest=64),
    moment("first_received_utc"),
    comment="A stream of files from one source in one layout",
)

receipts = Table(
    "receipts",
    metadata,
    sha256("receipt_id", key=True),
    identifier("feed_id", ForeignKey("feeds.feed_id")),
    text("file", longest=400),
    sha256("content_sha256"),
    moment("received_utc"),
    identifier("received_by"),
    Column("n_records", Integer, nullable=False),
    Column("n_counts", Integer, nullable=False),
    Column("n_rejected", Integer, nullable=False),
    Column("n_expected", Integer, nullable=False),
    Column("n_merged", Integer, nullable=False),
    Column("n_corrections", Integer, nullable=False),
    Column("n_handling_c", Integer, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    moment("newest_known_utc", optional=True),
    document("coverage"),
    document("remarks"),
    Column("state", Text, nullable=False),
    moment("withdrawn_utc", optional=True),
    identifier("withdrawn_by", optional=True),
    reason("withdrawn_reason", optional=True),
    one_of("state", RECEIPT_STATES),
    CheckConstraint(
        "n_records >= 0 AND n_counts >= 0 AND n_rejected >= 0 AND n_expected >= 0 "
        "AND n_merged BETWEEN 0 AND n_records",
        name="counted",
    ),
    CheckConstraint("first_day <= last_day", name="days"),
    CheckConstraint(
        "(state = 'active' AND withdrawn_utc IS NULL AND withdrawn_by IS NULL "
        "AND withdrawn_reason IS NULL) OR (state <> 'active' AND withdrawn_utc IS NOT NULL "
        "AND withdrawn_by IS NOT NULL AND withdrawn_reason IS NOT NULL)",
        name="withdrawal",
    ),
    Index(None, "feed_id", "received_utc"),
    comment="One file taken in: what was accepted, refused, merged, and what it covers. The "
    "receipt_id is the digest of the file and of its statement of coverage.",
)

rejected_rows = Table(
    "rejected_rows",
    metadata,
    sha256("receipt_id", ForeignKey("receipts.receipt_id"), key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("file", Text, nullable=False),
    Column("row", Integer, nullable=False),
    Column("column_name", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("expected", Boolean, nullable=False),
    comment="Rows of a file that were not accepted, each with its reason",
)

incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", WHOLE, primary_key=True, autoincrement=False),
    identifier("record_id"),
    sha256("version_sha256"),
    identifier("source"),
    identifier("category"),
    moment("occurred_from_utc"),
    moment("occurred_to_utc"),
    moment("known_from_utc"),
    Column("x_m", Float(53), nullable=True),
    Column("y_m", Float(53), nullable=True),
    identifier("area_code", optional=True),
    Column("source_grade", Text, nullable=True),
    Column("information_grade", Text, nullable=True),
    Column("handling_code", Text, nullable=True),
    Column("basis", Text, nullable=False),
    identifier("corrects", optional=True),
    Column("correction", Text, nullable=True),
    Column("notice", Text, nullable=True),
    shape("Point"),
    Column("ward_code", Text, nullable=True),
    Column("borough_code", Text, nullable=True),
    UniqueConstraint("record_id", "version_sha256"),
    one_of("basis", ("reported", "discovered")),
    one_of("handling_code", ("P", "C")),
    CheckConstraint("(x_m IS NULL) = (y_m IS NULL)", name="point"),
    CheckConstraint("x_m IS NOT NULL OR area_code IS NOT NULL", name="placed"),
    CheckConstraint("(corrects IS NULL) = (correction IS NULL)", name="correction_pair"),
    Index(None, "occurred_from_utc"),
    Index(None, "known_from_utc"),
    Index(None, "source", "occurred_from_utc"),
    Index(None, "borough_code", "occurred_from_utc"),
    Index(
        "ix_incidents_corrects",
        "corrects",
        sqlite_where=sql("corrects IS NOT NULL"),
        postgresql_where=sql("corrects IS NOT NULL"),
    ),
    shape_index("incidents"),
    comment="One version of one record. A later version names the earlier one in corrects.",
)

receipt_rows = Table(
    "receipt_rows",
    metadata,
    sha256("receipt_id", ForeignKey("receipts.receipt_id"), key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("incident_id", WHOLE, ForeignKey("incidents.incident_id"), nullable=False),
    Column("file", Text, nullable=True),
    Column("row", Integer, nullable=False),
    Index(None, "incident_id"),
    comment="Which row of which file told of a version; file is the member of an archive",
)

area_counts = Table(
    "area_counts",
    metadata,
    sha256("receipt_id", ForeignKey("receipts.receipt_id"), key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    identifier("source"),
    identifier("category"),
    Column("area_type", Text, nullable=False),
    identifier("area_code"),
    Column("month", Date, nullable=False),
    Column("number", Integer, nullable=False),
    Column("basis", Text, nullable=False),
    Column("notice", Text, nullable=True),
    one_of("area_type", ("ward", "borough")),
    one_of("basis", ("reported", "discovered")),
    CheckConstraint("number >= 0", name="number_not_negative"),
    Index(None, "area_code", "category", "month"),
    comment="Counts by area, month and category, as a file gave them",
)

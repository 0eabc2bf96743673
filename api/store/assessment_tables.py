"""Tables of risk assessments: the document, its scores, its lineage and its files."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from api.store.columns import document, identifier, metadata, moment, one_of, sha256, text
from api.store.types import WHOLE

assessments = Table(
    "assessments",
    metadata,
    identifier("assessment_id", key=True),
    Column("as_of", Date, nullable=False),
    text("classification", longest=200),
    Column("handling_code", Text, nullable=True),
    Column("sanitised", Boolean, nullable=False),
    text("policy_version", longest=200),
    sha256("policy_sha256"),
    sha256("inputs_sha256"),
    sha256("boundary_sha256"),
    document(),
    sha256("document_sha256"),
    moment("created_utc"),
    identifier("created_by"),
    Index(None, "as_of"),
    comment="Published risk assessments; never altered",
)

assessment_areas = Table(
    "assessment_areas",
    metadata,
    identifier("assessment_id", ForeignKey("assessments.assessment_id"), key=True),
    Column("target", Text, primary_key=True),
    identifier("code", key=True),
    Column("level", Text, nullable=False),
    Column("expected_per_week", Float(53), nullable=False),
    Column("lower_90", Float(53), nullable=False),
    Column("upper_90", Float(53), nullable=False),
    Column("tier", Text, nullable=False),
    Column("rank", Integer, nullable=False),
    one_of("target", ("demand", "harm")),
    one_of("level", ("ward", "borough")),
    comment="The scores of an assessment, one row an area, for queries and a GIS",
)

assessment_receipts = Table(
    "assessment_receipts",
    metadata,
    identifier("assessment_id", ForeignKey("assessments.assessment_id"), key=True),
    sha256("receipt_id", ForeignKey("receipts.receipt_id"), key=True),
    comment="Which files an assessment was made from",
)

stored_files = Table(
    "stored_files",
    metadata,
    sha256("content_sha256", key=True),
    text("media_type", longest=200),
    Column("n_bytes", WHOLE, nullable=False),
    Column("content", LargeBinary, nullable=False),
    moment("stored_utc"),
    comment="Content of drawn and tabulated results, kept once by digest",
)

assessment_files = Table(
    "assessment_files",
    metadata,
    identifier("assessment_id", ForeignKey("assessments.assessment_id"), key=True),
    identifier("name", key=True),
    sha256("content_sha256", ForeignKey("stored_files.content_sha256")),
    comment="Draws, cells, tables and maps of an assessment",
)

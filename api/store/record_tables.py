"""Tables of the record itself: audit chain, jobs, idempotency keys, settings, retention."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
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
)
from api.store.types import WHOLE

OUTCOMES = ("done", "denied", "failed")
JOB_STATES = ("accepted", "running", "successful", "failed", "dismissed")

audit = Table(
    "audit",
    metadata,
    Column("position", WHOLE, primary_key=True, autoincrement=False),
    moment("at_utc"),
    text("actor", longest=200),
    identifier("action"),
    identifier("object_kind"),
    Column("object_id", Text, nullable=False),
    sha256("object_sha256", optional=True),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    document("detail", optional=True),
    sha256("previous_sha256"),
    sha256("row_sha256"),
    one_of("outcome", OUTCOMES),
    CheckConstraint("position >= 1", name="position_counts"),
    CheckConstraint("length(object_id) <= 400", name="object_id_length"),
    CheckConstraint("length(reason) <= 2000", name="reason_length"),
    UniqueConstraint("row_sha256"),
    Index(None, "object_kind", "object_id"),
    Index(None, "actor", "at_utc"),
    comment="Who did what, when and why, each row bound to the one before; append only",
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("position", WHOLE, primary_key=True, autoincrement=False),
    sha256("row_sha256"),
    moment("signed_utc"),
    identifier("key_id"),
    Column("signature", LargeBinary, nullable=False),
    comment="Signatures over the end of the audit chain; append only",
)

audit_anchors = Table(
    "audit_anchors",
    metadata,
    identifier("anchor_id", key=True),
    Column("position", WHOLE, nullable=False),
    sha256("row_sha256"),
    moment("exported_utc"),
    identifier("exported_by"),
    comment="Ends of the chain that were handed out to be kept elsewhere; append only",
)

jobs = Table(
    "jobs",
    metadata,
    identifier("job_id", key=True),
    identifier("kind"),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    document("request"),
    sha256("request_sha256"),
    document("result", optional=True),
    document("problem", optional=True),
    Column("share_done", Float(53), nullable=False),
    document("progress", optional=True),
    identifier("actor"),
    Column("attempt", Integer, nullable=False),
    moment("accepted_utc"),
    moment("started_utc", optional=True),
    moment("ended_utc", optional=True),
    identifier("lease_owner", optional=True),
    moment("lease_until_utc", optional=True),
    Column("cancel_asked", Integer, nullable=False),
    one_of("state", JOB_STATES),
    CheckConstraint("share_done BETWEEN 0 AND 1", name="share"),
    CheckConstraint("cancel_asked IN (0, 1)", name="cancel"),
    CheckConstraint("version >= 1 AND attempt >= 0", name="counted"),
    Index(None, "state", "accepted_utc"),
    comment="Long work: who asked for what, how far it is and what came of it",
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    identifier("actor", key=True),
    identifier("key", key=True),
    text("operation", longest=400),
    sha256("request_sha256"),
    Column("status", Integer, nullable=True),
    document("response", optional=True),
    moment("created_utc"),
    moment("expires_utc"),
    CheckConstraint("created_utc < expires_utc", name="span"),
    Index(None, "expires_utc"),
    comment="Answers kept so that a repeated request is not done twice",
)

settings = Table(
    "settings",
    metadata,
    identifier("key", key=True),
    document("value"),
    Column("version", Integer, nullable=False),
    moment("changed_utc"),
    identifier("changed_by"),
    CheckConstraint("version >= 1", name="version_counts"),
    comment="Configuration kept with the record",
)

retention_rules = Table(
    "retention_rules",
    metadata,
    identifier("record_kind", key=True),
    Column("review_after_days", Integer, nullable=False),
    text("basis", longest=2_000),
    moment("changed_utc"),
    identifier("changed_by"),
    CheckConstraint("review_after_days BETWEEN 1 AND 36500", name="days"),
    comment="After how long each kind of record is reviewed, and on what ground",
)

retention_reviews = Table(
    "retention_reviews",
    metadata,
    Column("review_id", WHOLE, primary_key=True, autoincrement=True),
    identifier("record_kind"),
    identifier("record_id"),
    Column("outcome", Text, nullable=False),
    Column("next_review_on", Date, nullable=True),
    reason(),
    moment("reviewed_utc"),
    identifier("reviewed_by"),
    one_of("outcome", ("keep", "erase")),
    CheckConstraint("(outcome = 'keep') = (next_review_on IS NOT NULL)", name="next_review"),
    Index(None, "record_kind", "record_id"),
    comment="Reviews held: kept until another day, or erased and why; append only",
)

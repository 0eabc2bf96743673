"""Tables of the meetings: events, decisions, actions arising, TPU taskings and activity."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Index, Integer, Table, Text

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
    week,
)

MEETINGS = ("weekly_arv_tasking", "verano", "between_meetings")
ACTION_STATES = ("open", "done", "cancelled")
TACTICS = ("mobile_patrol", "tactic_1", "tactic_2", "tactic_3")
AUTHORITIES = ("not_required", "proposed", "authorised", "refused")
UNIT_KINDS = ("arv", "tpu")

events = Table(
    "events",
    metadata,
    identifier("event_id", key=True),
    text("title", longest=400),
    text("kind", longest=64),
    moment("starts_utc"),
    moment("ends_utc"),
    document("area_codes"),
    shape("Point"),
    text("remark", longest=2_000, optional=True),
    Column("version", Integer, nullable=False),
    moment("recorded_utc"),
    identifier("recorded_by"),
    moment("cancelled_utc", optional=True),
    reason("cancelled_reason", optional=True),
    document("effect", optional=True),
    CheckConstraint("starts_utc <= ends_utc", name="span"),
    CheckConstraint("version >= 1", name="version_counts"),
    Index(None, "starts_utc"),
    shape_index("events"),
    comment="Known events that bear on the week: places and times, never persons",
)

decisions = Table(
    "decisions",
    metadata,
    identifier("decision_id", key=True),
    Column("meeting", Text, nullable=False),
    Column("held_on", Date, nullable=False),
    week(optional=True),
    identifier("subject_kind"),
    identifier("subject_id"),
    text("decision", longest=2_000),
    reason(),
    identifier("decided_by"),
    moment("decided_utc"),
    identifier("recorded_by"),
    identifier("replaces", ForeignKey("decisions.decision_id"), optional=True),
    one_of("meeting", MEETINGS),
    Index(None, "held_on"),
    Index(None, "subject_kind", "subject_id"),
    comment="What was decided, by whom and why; never altered, a later one replaces it",
)

actions = Table(
    "actions",
    metadata,
    identifier("action_id", key=True),
    identifier("decision_id", ForeignKey("decisions.decision_id"), optional=True),
    Column("meeting", Text, nullable=False),
    Column("held_on", Date, nullable=False),
    text("task", longest=2_000),
    identifier("owner"),
    Column("due_on", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    moment("recorded_utc"),
    identifier("recorded_by"),
    moment("closed_utc", optional=True),
    identifier("closed_by", optional=True),
    reason("outcome", optional=True),
    Column("plan_key", Text, nullable=True),
    one_of("meeting", MEETINGS),
    one_of("state", ACTION_STATES),
    CheckConstraint("version >= 1", name="version_counts"),
    CheckConstraint(
        "(state = 'open' AND closed_utc IS NULL AND closed_by IS NULL AND outcome IS NULL) OR "
        "(state <> 'open' AND closed_utc IS NOT NULL AND closed_by IS NOT NULL "
        "AND outcome IS NOT NULL)",
        name="closing",
    ),
    Index(None, "state", "due_on"),
    Index(None, "plan_key"),
    comment="Actions arising: an owner, a day, and how each ended",
)

tpu_rosters = Table(
    "tpu_rosters",
    metadata,
    identifier("roster_id", key=True),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    document(),
    sha256("document_sha256"),
    moment("created_utc"),
    identifier("created_by"),
    CheckConstraint("first_day <= last_day", name="days"),
    comment="Rosters of the Trojan Proactive Unit; never altered",
)

tpu_taskings = Table(
    "tpu_taskings",
    metadata,
    identifier("tasking_id", key=True),
    identifier("roster_id", ForeignKey("tpu_rosters.roster_id"), optional=True),
    identifier("team"),
    Column("day", Date, nullable=False),
    identifier("borough_code"),
    text("issue", longest=2_000, optional=True),
    Column("tactic", Text, nullable=False),
    Column("authority", Text, nullable=False),
    identifier("authority_reference", optional=True),
    Column("version", Integer, nullable=False),
    moment("tasked_utc"),
    identifier("tasked_by"),
    moment("cancelled_utc", optional=True),
    reason("cancelled_reason", optional=True),
    one_of("tactic", TACTICS),
    one_of("authority", AUTHORITIES),
    CheckConstraint(
        "authority <> 'authorised' OR authority_reference IS NOT NULL", name="authority_named"
    ),
    CheckConstraint("tactic = 'mobile_patrol' OR authority <> 'not_required'", name="authority"),
    CheckConstraint("version >= 1", name="version_counts"),
    Index(None, "day", "team"),
    comment="Where the Verano meeting tasked a team; a set piece needs command authority",
)

activity = Table(
    "activity",
    metadata,
    identifier("activity_id", key=True),
    Column("unit_kind", Text, nullable=False),
    identifier("unit_id"),
    moment("started_utc"),
    moment("ended_utc"),
    identifier("borough_code"),
    identifier("ward_code", optional=True),
    identifier("category"),
    Column("number", Integer, nullable=False),
    Column("basis", Text, nullable=False),
    moment("recorded_utc"),
    identifier("recorded_by"),
    one_of("unit_kind", UNIT_KINDS),
    CheckConstraint("basis = 'discovered'", name="basis_discovered"),
    CheckConstraint("number >= 0", name="number_not_negative"),
    CheckConstraint("started_utc <= ended_utc", name="span"),
    Index(None, "started_utc"),
    Index(None, "borough_code", "started_utc"),
    comment="What ARVs and the TPU did, by place and time. Discovered: shown, never learned from.",
)

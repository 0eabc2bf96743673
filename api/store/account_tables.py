"""Tables of who may do what: users, their roles and boroughs, keys and browser sessions."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from api.store.columns import document, identifier, metadata, moment, reason, sha256, text

users = Table(
    "users",
    metadata,
    identifier("user_id", key=True),
    identifier("name"),
    text("display_name", longest=200),
    identifier("unit", optional=True),
    Column("password_hash", Text, nullable=True),
    Column("must_change_password", Boolean, nullable=False),
    moment("password_changed_utc", optional=True),
    text("oidc_issuer", longest=400, optional=True),
    text("oidc_subject", longest=400, optional=True),
    Column("active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    moment("created_utc"),
    identifier("created_by"),
    moment("last_seen_utc", optional=True),
    moment("ended_utc", optional=True),
    reason("ended_reason", optional=True),
    UniqueConstraint("name"),
    UniqueConstraint("oidc_issuer", "oidc_subject"),
    CheckConstraint("(oidc_issuer IS NULL) = (oidc_subject IS NULL)", name="oidc_pair"),
    CheckConstraint("version >= 1", name="version_counts"),
    comment="People who sign in; name is the normalised form that is compared",
)

user_roles = Table(
    "user_roles",
    metadata,
    identifier("user_id", ForeignKey("users.user_id"), key=True),
    identifier("role", key=True),
    comment="Roles held",
)

user_scopes = Table(
    "user_scopes",
    metadata,
    identifier("user_id", ForeignKey("users.user_id"), key=True),
    identifier("scope", key=True),
    comment="Scopes held beyond the roles, for example handling code C",
)

user_boroughs = Table(
    "user_boroughs",
    metadata,
    identifier("user_id", ForeignKey("users.user_id"), key=True),
    identifier("borough_code", key=True),
    comment="Boroughs a borough user may see",
)

api_keys = Table(
    "api_keys",
    metadata,
    identifier("key_id", key=True),
    sha256("key_sha256"),
    identifier("user_id", ForeignKey("users.user_id"), optional=True),
    text("label", longest=200),
    document("roles"),
    document("scopes"),
    document("boroughs"),
    moment("created_utc"),
    identifier("created_by"),
    moment("expires_utc"),
    moment("last_used_utc", optional=True),
    moment("revoked_utc", optional=True),
    identifier("revoked_by", optional=True),
    reason("revoked_reason", optional=True),
    UniqueConstraint("key_sha256"),
    CheckConstraint("created_utc < expires_utc", name="span"),
    CheckConstraint("(revoked_utc IS NULL) = (revoked_by IS NULL)", name="revocation"),
    Index(None, "user_id"),
    comment="Keys of programs; only the digest is kept, key_id is what people see",
)

browser_sessions = Table(
    "browser_sessions",
    metadata,
    sha256("session_sha256", key=True),
    identifier("user_id", ForeignKey("users.user_id"), optional=True),
    text("actor", longest=200),
    text("form_token", longest=200),
    moment("opened_utc"),
    moment("seen_utc"),
    moment("expires_utc"),
    moment("ended_utc", optional=True),
    Index(None, "user_id"),
    Index(None, "expires_utc"),
    comment="Signed-in browsers, found by the digest of their identifier",
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    text("subject", longest=200),
    Column("number", Integer, nullable=False),
    moment("first_utc"),
    moment("last_utc"),
    UniqueConstraint("subject"),
    CheckConstraint("number >= 1", name="number_counts"),
    comment="Failed attempts in a row by account or address, for slowing them down",
)

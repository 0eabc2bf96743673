"""Accounts, keys and sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.store.types import CanonicalJson, UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_sign_in_failures()
    _make_users()
    _make_api_keys()
    _make_browser_sessions()
    _make_user_boroughs()
    _make_user_roles()
    _make_user_scopes()


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("user_scopes")
    op.drop_table("user_roles")
    op.drop_table("user_boroughs")
    op.drop_table("browser_sessions")
    op.drop_table("api_keys")
    op.drop_table("users")
    op.drop_table("sign_in_failures")


def _make_sign_in_failures() -> None:
    op.create_table(
        "sign_in_failures",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first_utc", UtcTime(), nullable=False),
        sa.Column("last_utc", UtcTime(), nullable=False),
        sa.CheckConstraint(
            "length(subject) BETWEEN 1 AND 200", name=op.f("ck_sign_in_failures_subject_length")
        ),
        sa.CheckConstraint("number >= 1", name=op.f("ck_sign_in_failures_number_counts")),
        sa.UniqueConstraint("subject", name=op.f("uq_sign_in_failures_subject")),
        comment="Failed attempts in a row by account or address, for slowing them down",
    )


def _make_users() -> None:
    op.create_table(
        "users",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("password_changed_utc", UtcTime(), nullable=True),
        sa.Column("oidc_issuer", sa.Text(), nullable=True),
        sa.Column("oidc_subject", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_utc", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("last_seen_utc", UtcTime(), nullable=True),
        sa.Column("ended_utc", UtcTime(), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(oidc_issuer IS NULL) = (oidc_subject IS NULL)", name=op.f("ck_users_oidc_pair")
        ),
        sa.CheckConstraint(
            "length(created_by) BETWEEN 1 AND 128", name=op.f("ck_users_created_by_length")
        ),
        sa.CheckConstraint(
            "length(display_name) BETWEEN 1 AND 200", name=op.f("ck_users_display_name_length")
        ),
        sa.CheckConstraint(
            "length(ended_reason) BETWEEN 1 AND 2000", name=op.f("ck_users_ended_reason_length")
        ),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 128", name=op.f("ck_users_name_length")),
        sa.CheckConstraint(
            "length(oidc_issuer) BETWEEN 1 AND 400", name=op.f("ck_users_oidc_issuer_length")
        ),
        sa.CheckConstraint(
            "length(oidc_subject) BETWEEN 1 AND 400", name=op.f("ck_users_oidc_subject_length")
        ),
        sa.CheckConstraint("length(unit) BETWEEN 1 AND 128", name=op.f("ck_users_unit_length")),
        sa.CheckConstraint(
            "length(user_id) BETWEEN 1 AND 128", name=op.f("ck_users_user_id_length")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_users_version_counts")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
        sa.UniqueConstraint(
            "oidc_issuer", "oidc_subject", name=op.f("uq_users_oidc_issuer_oidc_subject")
        ),
        comment="People who sign in; name is the normalised form that is compared",
    )


def _make_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("key_sha256", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("roles", CanonicalJson(), nullable=False),
        sa.Column("scopes", CanonicalJson(), nullable=False),
        sa.Column("boroughs", CanonicalJson(), nullable=False),
        sa.Column("created_utc", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_utc", UtcTime(), nullable=False),
        sa.Column("last_used_utc", UtcTime(), nullable=True),
        sa.Column("revoked_utc", UtcTime(), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(revoked_utc IS NULL) = (revoked_by IS NULL)", name=op.f("ck_api_keys_revocation")
        ),
        sa.CheckConstraint("created_utc < expires_utc", name=op.f("ck_api_keys_span")),
        sa.CheckConstraint(
            "length(created_by) BETWEEN 1 AND 128", name=op.f("ck_api_keys_created_by_length")
        ),
        sa.CheckConstraint(
            "length(key_id) BETWEEN 1 AND 128", name=op.f("ck_api_keys_key_id_length")
        ),
        sa.CheckConstraint("length(key_sha256) = 64", name=op.f("ck_api_keys_key_sha256_length")),
        sa.CheckConstraint(
            "length(label) BETWEEN 1 AND 200", name=op.f("ck_api_keys_label_length")
        ),
        sa.CheckConstraint(
            "length(revoked_by) BETWEEN 1 AND 128", name=op.f("ck_api_keys_revoked_by_length")
        ),
        sa.CheckConstraint(
            "length(revoked_reason) BETWEEN 1 AND 2000",
            name=op.f("ck_api_keys_revoked_reason_length"),
        ),
        sa.CheckConstraint(
            "length(user_id) BETWEEN 1 AND 128", name=op.f("ck_api_keys_user_id_length")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.user_id"], name=op.f("fk_api_keys_user_id_users")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_sha256", name=op.f("uq_api_keys_key_sha256")),
        comment="Keys of programs; only the digest is kept, key_id is what people see",
    )
    op.create_index(op.f("ix_api_keys_user_id"), "api_keys", ["user_id"], unique=False)


def _make_browser_sessions() -> None:
    op.create_table(
        "browser_sessions",
        sa.Column("session_sha256", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("form_token", sa.Text(), nullable=False),
        sa.Column("opened_utc", UtcTime(), nullable=False),
        sa.Column("seen_utc", UtcTime(), nullable=False),
        sa.Column("expires_utc", UtcTime(), nullable=False),
        sa.Column("ended_utc", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "length(actor) BETWEEN 1 AND 200", name=op.f("ck_browser_sessions_actor_length")
        ),
        sa.CheckConstraint(
            "length(form_token) BETWEEN 1 AND 200",
            name=op.f("ck_browser_sessions_form_token_length"),
        ),
        sa.CheckConstraint(
            "length(session_sha256) = 64", name=op.f("ck_browser_sessions_session_sha256_length")
        ),
        sa.CheckConstraint(
            "length(user_id) BETWEEN 1 AND 128", name=op.f("ck_browser_sessions_user_id_length")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.user_id"], name=op.f("fk_browser_sessions_user_id_users")
        ),
        sa.PrimaryKeyConstraint("session_sha256", name=op.f("pk_browser_sessions")),
        comment="Signed-in browsers, found by the digest of their identifier",
    )
    op.create_index(
        op.f("ix_browser_sessions_expires_utc"), "browser_sessions", ["expires_utc"], unique=False
    )
    op.create_index(
        op.f("ix_browser_sessions_user_id"), "browser_sessions", ["user_id"], unique=False
    )


def _make_user_boroughs() -> None:
    op.create_table(
        "user_boroughs",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("borough_code", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(borough_code) BETWEEN 1 AND 128",
            name=op.f("ck_user_boroughs_borough_code_length"),
        ),
        sa.CheckConstraint(
            "length(user_id) BETWEEN 1 AND 128", name=op.f("ck_user_boroughs_user_id_length")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.user_id"], name=op.f("fk_user_boroughs_user_id_users")
        ),
        sa.PrimaryKeyConstraint("user_id", "borough_code", name=op.f("pk_user_boroughs")),
        comment="Boroughs a borough user may see",
    )


def _make_user_roles() -> None:
    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(role) BETWEEN 1 AND 128", name=op.f("ck_user_roles_role_length")
        ),
        sa.CheckConstraint(
            "length(user_id) BETWEEN 1 AND 128", name=op.f("ck_user_roles_user_id_length")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.user_id"], name=op.f("fk_user_roles_user_id_users")
        ),
        sa.PrimaryKeyConstraint("user_id", "role", name=op.f("pk_user_roles")),
        comment="Roles held",
    )


def _make_user_scopes() -> None:
    op.create_table(
        "user_scopes",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(scope) BETWEEN 1 AND 128", name=op.f("ck_user_scopes_scope_length")
        ),
        sa.CheckConstraint(
            "length(user_id) BETWEEN 1 AND 128", name=op.f("ck_user_scopes_user_id_length")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.user_id"], name=op.f("fk_user_scopes_user_id_users")
        ),
        sa.PrimaryKeyConstraint("user_id", "scope", name=op.f("pk_user_scopes")),
        comment="Scopes held beyond the roles, for example handling code C",
    )

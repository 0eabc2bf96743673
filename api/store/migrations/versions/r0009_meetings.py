"""What an event is assumed to change, and the plan that an action arises from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; events and actions recorded before have neither."""
    op.add_column("events", sa.Column("effect", sa.Text(), nullable=True))
    op.add_column("actions", sa.Column("plan_key", sa.Text(), nullable=True))
    op.create_index(op.f("ix_actions_plan_key"), "actions", ["plan_key"])


def downgrade() -> None:
    """Drop the columns."""
    op.drop_index(op.f("ix_actions_plan_key"), table_name="actions")
    op.execute("ALTER TABLE actions DROP COLUMN plan_key")
    op.execute("ALTER TABLE events DROP COLUMN effect")

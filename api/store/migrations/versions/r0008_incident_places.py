"""The ward and borough of each incident, for lists by place and for borough users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; rows taken in before stay unplaced until their file comes again."""
    for name in ("ward_code", "borough_code"):
        op.add_column("incidents", sa.Column(name, sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_incidents_borough_code_occurred_from_utc"),
        "incidents",
        ["borough_code", "occurred_from_utc"],
    )


def downgrade() -> None:
    """Drop the columns."""
    op.drop_index(op.f("ix_incidents_borough_code_occurred_from_utc"), table_name="incidents")
    for name in ("borough_code", "ward_code"):
        op.execute(f"ALTER TABLE incidents DROP COLUMN {name}")

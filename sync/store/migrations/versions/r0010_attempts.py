"""How many attempts to triage a delivery did not end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0010"
down_revision = "r0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "deliveries", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0")
    )

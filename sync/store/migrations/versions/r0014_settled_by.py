"""By which rule the last walk of a ticket found nothing left to do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0014"
down_revision = "r0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "tickets", sa.Column("settled_by", sa.String(32), nullable=False, server_default="")
    )

"""The subjects that moved from a ticket to a following one, kept on the ticket they left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add the column."""
    column = sa.Column("departed", _JSON, nullable=False, server_default="[]")
    op.add_column("tickets", column)

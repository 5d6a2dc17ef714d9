"""Since when each rule in force has told upstream what it tells now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0016"
down_revision = "r0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. No rule told anything before."""
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    op.add_column("rule_sets", sa.Column("telling", json, nullable=False, server_default="{}"))

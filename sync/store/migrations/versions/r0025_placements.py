"""Where a person, and not a rule, has put a subject; and which tickets were merged into others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0025"
down_revision = "r0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two columns. Nobody decided so before."""
    kind = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
    op.add_column("links", sa.Column("placed", kind))
    op.add_column("tickets", sa.Column("merged", kind))

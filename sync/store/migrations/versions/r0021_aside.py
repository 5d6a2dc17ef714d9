"""Tickets that a person took out of our hands: set aside, or let go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0021"
down_revision = "r0020"
branch_labels = None
depends_on = None

_ASIDE = sa.text("aside IS NOT NULL")


def upgrade() -> None:
    """Add the column and its index. Nobody did so before."""
    kind = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
    op.add_column("tickets", sa.Column("aside", kind))
    op.create_index(
        "ix_tickets_aside", "tickets", ["id"], sqlite_where=_ASIDE, postgresql_where=_ASIDE
    )

"""Pauses that people ask for, and an index that tells due tickets of a paused rule from others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0026"
down_revision = "r0025"
branch_labels = None
depends_on = None

_DUE = sa.text("due_at IS NOT NULL")
_SECONDS = sa.Float(53)


def upgrade() -> None:
    """Add the table, empty, and build the index anew with the rule."""
    op.create_table(
        "pauses",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("until", _SECONDS, nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", _SECONDS, nullable=False),
        sa.Column(
            "rules",
            sa.JSON().with_variant(JSONB(), "postgresql"),
            nullable=False,
            server_default="[]",
        ),
        sa.PrimaryKeyConstraint("kind", "site", "name"),
    )
    op.drop_index("ix_tickets_site_due", table_name="tickets")
    op.create_index(
        "ix_tickets_site_due",
        "tickets",
        ["site", "due_at", "project", "lease_until", "parked_at", "rule"],
        sqlite_where=_DUE,
        postgresql_where=_DUE,
    )

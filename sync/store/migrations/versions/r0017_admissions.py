"""Which tickets wait, or are held, before upstream is told of them; and what was told lately."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0017"
down_revision = "r0016"
branch_labels = None
depends_on = None

_ADMITTED = sa.text("admission IS NOT NULL")


def upgrade() -> None:
    """Add the columns and the table. Nothing waited before."""
    op.add_column("tickets", sa.Column("admission", sa.String(16)))
    op.add_column("tickets", sa.Column("admission_at", sa.Float(53)))
    op.add_column("tickets", sa.Column("untold", sa.Integer, nullable=False, server_default="0"))
    op.create_index(
        "ix_tickets_admission",
        "tickets",
        ["admission", "rule", "id", "untold"],
        sqlite_where=_ADMITTED,
        postgresql_where=_ADMITTED,
    )
    op.create_table(
        "told",
        sa.Column(
            "ticket_id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("act", sa.String(64), primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
    )
    op.create_index("ix_told_at", "told", ["at"])

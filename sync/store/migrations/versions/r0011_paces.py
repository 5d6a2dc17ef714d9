"""What each daemon knows of Jira's rate limits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0011"
down_revision = "r0010"
branch_labels = None
depends_on = None

_NUMBER = sa.Float(53)


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "paces",
        sa.Column("owner", sa.String(100), primary_key=True),
        sa.Column("site", sa.String(64), primary_key=True),
        sa.Column("endpoint", sa.String(300), primary_key=True),
        sa.Column("rate", _NUMBER, nullable=False),
        sa.Column("met_at", _NUMBER, nullable=False),
        sa.Column("empty", sa.Boolean(), nullable=False),
        sa.Column("used", _NUMBER, nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
    )

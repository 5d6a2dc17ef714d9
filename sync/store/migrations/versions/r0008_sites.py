"""Since when the store holds every ticket on a site, and the tickets that it lacks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0008"
down_revision = "r0007"
branch_labels = None
depends_on = None

_SECONDS = sa.Float(53)


def upgrade() -> None:
    """Add the tables. A store from before has no row of its sites, and is looked at as a new one."""
    op.create_table(
        "sites",
        sa.Column("site", sa.String(64), primary_key=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("place", sa.String(200), nullable=False),
        sa.Column("since", _SECONDS, nullable=False),
        sa.Column("whole_since", _SECONDS, nullable=False),
        sa.Column("surveyed_at", _SECONDS, nullable=True),
        sa.Column("older", sa.Boolean(), nullable=False),
        sa.Column("alive_at", _SECONDS, nullable=False),
    )
    op.create_table(
        "strays",
        sa.Column("site", sa.String(64), primary_key=True),
        sa.Column("marker", sa.String(64), primary_key=True),
        sa.Column("jira_id", sa.String(64), nullable=False),
        sa.Column("jira_key", sa.String(255), nullable=False),
    )

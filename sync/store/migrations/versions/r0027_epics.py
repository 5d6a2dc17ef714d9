"""Epics that rules name: which ticket each one is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0027"
down_revision = "r0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "epics",
        sa.Column("site", sa.String(64), primary_key=True),
        sa.Column("project", sa.String(255), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("jira_id", sa.String(64)),
        sa.Column("jira_key", sa.String(255), nullable=False, server_default=""),
        sa.Column("begun", sa.Float(53)),
        sa.Column("said", sa.Text(), nullable=False, server_default=""),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
    )

"""Subjects that are not known yet, with the tickets that are to be theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0023"
down_revision = "r0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and the count of its rows."""
    op.create_table(
        "expected",
        sa.Column("subject_id", sa.String(200), primary_key=True),
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("jira_id", sa.String(64), nullable=False),
        sa.Column("jira_key", sa.String(255), nullable=False),
        sa.Column("project", sa.String(255), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("words", sa.Text(), nullable=False, server_default=""),
    )
    op.add_column("triage", sa.Column("expected", sa.Integer(), nullable=False, server_default="0"))

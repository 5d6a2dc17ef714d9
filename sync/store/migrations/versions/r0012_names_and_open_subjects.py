"""Indexes by which a large store finds a ticket by its Jira key, a subject by its id, and open subjects
among all that have ended; and parked tickets in the order in which they are told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0012"
down_revision = "r0011"
branch_labels = None
depends_on = None

_OPEN = sa.text("ended_at IS NULL")
_PARKED = sa.text("parked IS NOT NULL")


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("ix_tickets_jira_key", "tickets", ["jira_key"])
    op.create_index("ix_subjects_first_seen", "subjects", ["first_seen_at"])
    op.create_index(
        "ix_subjects_open", "subjects", ["ref"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index(
        "ix_subjects_id", "subjects", [sa.text("substr(ref, length(source) + length(kind) + 3)")]
    )
    op.drop_index("ix_tickets_parked", table_name="tickets")
    op.create_index(
        "ix_tickets_parked",
        "tickets",
        ["parked_at", "id"],
        sqlite_where=_PARKED,
        postgresql_where=_PARKED,
    )

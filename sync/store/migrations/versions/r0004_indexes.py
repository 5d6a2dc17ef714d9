"""Indexes for frequent queries on a large store: a rule's newest tickets, a site's due tickets, how many
tickets stand where."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None

_DUE = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("ix_tickets_rule", "tickets", ["rule", "created_at"])
    op.create_index("ix_tickets_standing", "tickets", ["state", "site", "parked_at", "due_at"])
    op.create_index(
        "ix_tickets_site_due",
        "tickets",
        ["site", "due_at", "project", "lease_until"],
        sqlite_where=_DUE,
        postgresql_where=_DUE,
    )

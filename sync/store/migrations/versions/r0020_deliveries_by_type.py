"""An index by which people find the deliveries of one type, the newest first."""

from __future__ import annotations

from alembic import op

revision = "r0020"
down_revision = "r0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_deliveries_type", "deliveries", ["event_type", "seq"])

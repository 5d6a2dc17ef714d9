"""The further subjects of a delivery that brings several events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0007"
down_revision = "r0004"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "delivery_subjects",
        sa.Column(
            "delivery", _BIG, sa.ForeignKey("deliveries.seq", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("subject", sa.String(300), primary_key=True),
    )
    op.create_index("ix_delivery_subjects_subject", "delivery_subjects", ["subject"])

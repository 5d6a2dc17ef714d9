"""Whether the rules in force are those that come with the program."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0009"
down_revision = "r0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Of rules that are in force already it is not known (NULL)."""
    op.add_column("rule_sets", sa.Column("shipped", sa.Boolean(), nullable=True))

"""Which edit of the rules a ticket followed last, and which one it puts back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0024"
down_revision = "r0023"
branch_labels = None
depends_on = None

_EDITED = sa.text("edit IS NOT NULL")


def upgrade() -> None:
    """Add the columns and the index. Of earlier edits nothing was kept."""
    op.add_column("tickets", sa.Column("edit", sa.BigInteger))
    op.add_column(
        "tickets", sa.Column("edit_open", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("tickets", sa.Column("undoes", sa.BigInteger))
    op.add_column("rule_sets", sa.Column("undoes", sa.BigInteger))
    op.create_index(
        "ix_tickets_edit", "tickets", ["edit", "id"], sqlite_where=_EDITED, postgresql_where=_EDITED
    )

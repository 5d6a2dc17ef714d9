"""Tickets that were let go are called forgotten, as the verb is called that does so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0022"
down_revision = "r0021"
branch_labels = None
depends_on = None


# What is stored has no space between name and value on SQLite, and one on PostgreSQL.
_ON_SQLITE = """
UPDATE tickets SET aside = replace(aside, '"how":"let_go"', '"how":"forget"')
WHERE aside IS NOT NULL
"""
_ON_POSTGRESQL = """
UPDATE tickets SET aside = replace(aside::text, '"how": "let_go"', '"how": "forget"')::jsonb
WHERE aside IS NOT NULL
"""


def upgrade() -> None:
    """Rename what is stored of them. The words of the journal stay as they were written."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute(sa.text(_ON_SQLITE if on_sqlite else _ON_POSTGRESQL))
    op.execute(sa.text("UPDATE journal SET action = 'forget' WHERE action = 'let_go'"))
    op.execute(sa.text("UPDATE log SET act = 'forget' WHERE act = 'let-go'"))

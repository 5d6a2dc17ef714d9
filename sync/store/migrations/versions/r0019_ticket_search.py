"""How people search tickets: titles folded for comparison, and indexes in the order of lists."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "r0019"
down_revision = "r0018"
branch_labels = None
depends_on = None

_TOGETHER = 500
_APART = sa.text("state IN ('spared', 'gone', 'unplaced')")


def upgrade() -> None:
    """Add the column, fill it from the snapshots, and add the indexes."""
    op.add_column(
        "subjects", sa.Column("title_folded", sa.String(300), nullable=False, server_default="")
    )
    _fill()
    op.create_index("ix_subjects_title", "subjects", ["title_folded", "ref"])
    op.create_index("ix_tickets_of_rule", "tickets", ["rule", "id"])
    op.create_index("ix_tickets_of_project", "tickets", ["site", "project", "id"])
    op.create_index(
        "ix_tickets_apart", "tickets", ["state", "id"], sqlite_where=_APART, postgresql_where=_APART
    )


def _fill() -> None:
    connection = op.get_bind()
    write = sa.text("UPDATE subjects SET title_folded = :folded WHERE ref = :ref")
    after = ""
    while rows := connection.execute(
        sa.text(
            "SELECT ref, payload FROM subjects WHERE ref > :after ORDER BY ref LIMIT :together"
        ),
        {"after": after, "together": _TOGETHER},
    ).all():
        connection.execute(write, [{"ref": ref, "folded": _folded(load)} for ref, load in rows])
        after = rows[-1][0]


def _folded(payload: Any) -> str:
    read = json.loads(payload) if isinstance(payload, str) else payload
    return str((read or {}).get("title") or "").replace("\x00", "").casefold()[:300]

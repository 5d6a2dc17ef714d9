"""Sweeps: their runs, the lease on a watermark, which issues belong to an incident, what was seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_SECONDS = sa.Float(53)


def upgrade() -> None:
    """Add the tables and columns."""
    op.add_column("watermarks", sa.Column("lease_owner", sa.String(100), nullable=True))
    op.add_column("watermarks", sa.Column("lease_until", _SECONDS, nullable=True))
    op.add_column("tickets", sa.Column("seen", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "memberships",
        sa.Column("incident", sa.String(300), nullable=False),
        sa.Column("issue", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("incident", "issue"),
    )
    op.create_index("ix_memberships_issue", "memberships", ["issue"])
    _sweep_runs()


def _sweep_runs() -> None:
    numbers = ("looked", "missing", "stale", "wrong", "repaired", "failed", "calls")
    op.create_table(
        "sweep_runs",
        sa.Column("id", _ID, nullable=False),
        sa.Column("sweep", sa.String(100), nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("started_at", _SECONDS, nullable=False),
        sa.Column("seconds", _SECONDS, nullable=True),
        sa.Column("window_from", _SECONDS, nullable=False),
        sa.Column("window_to", _SECONDS, nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in numbers),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("detail", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sweep_runs_started", "sweep_runs", ["started_at"])
    op.create_index("ix_sweep_runs_sweep", "sweep_runs", ["sweep", "id"])

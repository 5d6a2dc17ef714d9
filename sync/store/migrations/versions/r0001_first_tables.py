"""The first tables: deliveries, subjects, tickets, links, journal, watermarks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_SECONDS = sa.Float(53)


def upgrade() -> None:
    """Make all tables."""
    _deliveries()
    _subjects()
    _tickets()
    _links()
    _journal()
    _watermarks()
    if op.get_context().dialect.name == "postgresql":
        _tune_for_churn()


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("seq", _ID, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("event_id", sa.String(200), nullable=False),
        sa.Column("event_type", sa.String(64), nullable=False),
        sa.Column("received_at", _SECONDS, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id", name="uq_deliveries_id"),
    )
    _partial_index("ix_deliveries_accepted", "deliveries", ["seq"], "state = 'accepted'")
    _partial_index("ix_deliveries_dead", "deliveries", ["seq"], "state = 'dead'")
    op.create_index("ix_deliveries_received", "deliveries", ["received_at"])
    op.create_index("ix_deliveries_subject", "deliveries", ["subject"])


def _subjects() -> None:
    op.create_table(
        "subjects",
        sa.Column("ref", sa.String(300), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("workspace", sa.String(200), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("event_type", sa.String(64), nullable=False),
        sa.Column("event_time", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(200), nullable=False),
        sa.Column("payload", _JSON, nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("issue_ids", _JSON, nullable=False),
        sa.Column("first_seen_at", _SECONDS, nullable=False),
        sa.Column("ended_at", _SECONDS, nullable=True),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_index("ix_subjects_event_time", "subjects", ["event_time"])


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", _ID, nullable=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("project", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("jira_id", sa.String(64), nullable=True),
        sa.Column("jira_key", sa.String(255), nullable=False),
        sa.Column("base", _JSON, nullable=False),
        sa.Column("due_at", _SECONDS, nullable=True),
        sa.Column("due_reason", sa.String(200), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("look", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(100), nullable=True),
        sa.Column("lease_until", _SECONDS, nullable=True),
        sa.Column("intent_at", _SECONDS, nullable=True),
        sa.Column("searches", sa.Integer(), nullable=False),
        sa.Column("comment_intent", _JSON, nullable=True),
        sa.Column("parked", _JSON, nullable=True),
        sa.Column("parked_at", _SECONDS, nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("settled_at", _SECONDS, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key", name="uq_tickets_key"),
        sa.UniqueConstraint("site", "jira_id", name="uq_tickets_site_jira_id"),
    )
    _partial_index("ix_tickets_due", "tickets", ["due_at"], "due_at IS NOT NULL")
    _partial_index("ix_tickets_parked", "tickets", ["id"], "parked IS NOT NULL")
    _partial_index("ix_tickets_lease", "tickets", ["lease_until"], "lease_until IS NOT NULL")


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("ticket_id", _ID, nullable=False),
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("subject"),
        sa.ForeignKeyConstraint(["subject"], ["subjects.ref"]),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"]),
    )
    op.create_index("ix_links_ticket", "links", ["ticket_id"])


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("id", _ID, nullable=False),
        sa.Column("ticket_id", _ID, nullable=True),
        sa.Column("at", _SECONDS, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("detail", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_journal_ticket", "journal", ["ticket_id", "id"])
    op.create_index("ix_journal_at", "journal", ["at"])


def _watermarks() -> None:
    op.create_table(
        "watermarks",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("value", _JSON, nullable=False),
        sa.Column("at", _SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _tune_for_churn() -> None:
    # Every walk rewrites its ticket's row a few times, and every delivery's row is written twice. Dead
    # rows slow the partial indexes down long before they make up PostgreSQL's default of 20 %.
    for table in ("tickets", "deliveries"):
        op.execute(
            f"ALTER TABLE {table} SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, "
            "autovacuum_vacuum_threshold = 500, autovacuum_analyze_scale_factor = 0.02, "
            "autovacuum_vacuum_cost_delay = 0)"
        )

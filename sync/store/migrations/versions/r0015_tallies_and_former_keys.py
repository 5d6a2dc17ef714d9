"""How many tickets stand where, counted by the database as they change, so that nobody counts all of
them; and the keys by which tickets were known before, so that a moved ticket is found by its old key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0015"
down_revision = "r0014"
branch_labels = None
depends_on = None

_DUE = sa.text("due_at IS NOT NULL")
_CREATING = sa.text("state = 'creating'")
# Of a ticket that is parked, of one with parked fields, and of any other.
_PARKED = (
    "CASE WHEN {0}parked IS NULL THEN '' WHEN {0}parked_at IS NULL THEN 'fields' ELSE 'ticket' END"
)
_MOVED = (
    "OLD.site <> NEW.site OR OLD.state <> NEW.state "
    f"OR {_PARKED.format('OLD.')} <> {_PARKED.format('NEW.')}"
)

_ON_SQLITE = (
    "CREATE TRIGGER tickets_added AFTER INSERT ON tickets BEGIN {plus} END",
    "CREATE TRIGGER tickets_removed AFTER DELETE ON tickets BEGIN {minus} END",
    "CREATE TRIGGER tickets_standing AFTER UPDATE OF site, state, parked, parked_at ON tickets "
    f"WHEN {_MOVED} BEGIN {{minus}} {{plus}} END",
    "CREATE TRIGGER tickets_renamed AFTER UPDATE OF jira_key ON tickets "
    "WHEN OLD.jira_key <> '' AND OLD.jira_key <> NEW.jira_key BEGIN {former} END",
)
_ON_POSTGRESQL = (
    # Transactions that ran at once would wait for each other's rows, or lock each other out for good.
    # Each therefore counts in a lane that no other has: the first that is free.
    """
    CREATE FUNCTION tally_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        free integer = 0;
    BEGIN
        WHILE NOT pg_try_advisory_xact_lock('tallies'::regclass::integer, free) LOOP
            free = free + 1;
        END LOOP;
        IF TG_OP <> 'INSERT' THEN {minus} END IF;
        IF TG_OP <> 'DELETE' THEN {plus} END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION keep_former_key() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {former}
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER tickets_added AFTER INSERT OR DELETE ON tickets "
    "FOR EACH ROW EXECUTE FUNCTION tally_ticket()",
    "CREATE TRIGGER tickets_standing AFTER UPDATE OF site, state, parked, parked_at ON tickets "
    f"FOR EACH ROW WHEN ({_MOVED}) EXECUTE FUNCTION tally_ticket()",
    "CREATE TRIGGER tickets_renamed AFTER UPDATE OF jira_key ON tickets FOR EACH ROW "
    "WHEN (OLD.jira_key <> '' AND OLD.jira_key <> NEW.jira_key) "
    "EXECUTE FUNCTION keep_former_key()",
    # A few rows that change all the time.
    "ALTER TABLE tallies SET (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, "
    "autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0)",
)


def upgrade() -> None:
    """Add the tables, let the database keep them, and count what is there."""
    op.create_table(
        "tallies",
        sa.Column("site", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(16), primary_key=True),
        sa.Column("parked", sa.String(16), primary_key=True),
        sa.Column("lane", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tickets", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "former_keys",
        sa.Column("jira_key", sa.String(255), primary_key=True),
        sa.Column(
            "ticket_id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            sa.ForeignKey("tickets.id", ondelete="CASCADE"),
            primary_key=True,
        ),
    )
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _ON_SQLITE if on_sqlite else _ON_POSTGRESQL:
        op.execute(
            statement.format(
                plus=_counted("NEW", 1, "0" if on_sqlite else "free"),
                minus=_counted("OLD", -1, "0" if on_sqlite else "free"),
                former="INSERT INTO former_keys (jira_key, ticket_id) "
                "VALUES (OLD.jira_key, OLD.id) ON CONFLICT DO NOTHING;",
            )
        )
    # Nobody else writes tickets between the triggers and the end of this transaction.
    parked = _PARKED.format("")
    op.execute(f"""
        INSERT INTO tallies (site, state, parked, lane, tickets)
        SELECT site, state, {parked}, 0, count(*) FROM tickets GROUP BY site, state, {parked}
    """)  # noqa: S608
    op.drop_index("ix_tickets_standing", table_name="tickets")
    op.drop_index("ix_tickets_site_due", table_name="tickets")
    for name, columns, where in (
        ("ix_tickets_site_due", ["site", "due_at", "project", "lease_until", "parked_at"], _DUE),
        ("ix_tickets_creating", ["id"], _CREATING),
    ):
        op.create_index(name, "tickets", columns, sqlite_where=where, postgresql_where=where)


def _counted(row: str, by: int, lane: str) -> str:
    """The statement that counts a row of a trigger in (1) or out (-1)."""
    return f"""
        INSERT INTO tallies (site, state, parked, lane, tickets)
        VALUES ({row}.site, {row}.state, {_PARKED.format(f"{row}.")}, {lane}, {by})
        ON CONFLICT (site, state, parked, lane) DO UPDATE SET tickets = tallies.tickets + {by};
    """  # noqa: S608

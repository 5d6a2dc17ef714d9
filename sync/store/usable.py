"""Finds out whether the store can be used now: every table written to, and no table locked."""

from __future__ import annotations

import time

from sqlalchemy import Connection, exc, text
from sqlmodel import SQLModel

import sync.store.admin_tables  # noqa: F401  (fills the metadata, with sync.store.tables)
from sync.store.engine import Store, insert_into
from sync.store.errors import StoreMisconfigured, StoreUnavailable
from sync.store.tables import WriteProbeRow

# How long (seconds) a table may be locked by another session before that counts as trouble.
_LOCKED_SECONDS = 2
_NEEDED = ("SELECT", "INSERT", "UPDATE", "DELETE")
_GRANT = (
    "Let the owner of the tables run: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "
    '{schema} TO "{user}"; GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO "{user}"'
)


def check_usable(store: Store) -> None:
    """Write one row and commit. Raises StoreUnavailable, which says what is wrong.

    A read would prove too little: a store on a full disk or a read-only standby still answers reads. One
    table would prove too little as well: privileges and locks of PostgreSQL differ from table to table.
    """
    row = insert_into(store.dialect, WriteProbeRow).values(id=1, at=time.time())
    newer = {"at": row.excluded.at}
    if store.damage is not None:
        raise store.damage
    with store.write_connection() as connection:
        if store.dialect == "postgresql":
            _check_privileges(connection)
            _check_locks(connection)
        connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=newer))


def _check_privileges(connection: Connection) -> None:
    tables = sorted(SQLModel.metadata.tables)
    asked = text(
        "SELECT name, needed FROM unnest(CAST(:names AS text[])) AS name, "
        "unnest(CAST(:needed AS text[])) AS needed WHERE NOT has_table_privilege(name, needed) "
        "UNION ALL SELECT pg_get_serial_sequence(table_name, column_name), 'USAGE' "
        "FROM information_schema.columns WHERE table_schema = current_schema() "
        "AND table_name = ANY(:names) AND column_default LIKE 'nextval(%' "
        "AND NOT has_sequence_privilege(pg_get_serial_sequence(table_name, column_name), 'USAGE') "
        "ORDER BY 1, 2"
    )
    missing = connection.execute(asked, {"names": tables, "needed": list(_NEEDED)}).all()
    if missing:
        user, schema = connection.execute(text("SELECT current_user, current_schema()")).one()
        lacking = ", ".join(f"{needed} on {name}" for name, needed in missing)
        raise StoreMisconfigured(
            f"the database user {user!r} lacks privileges that ticket-sync needs ({lacking}). "
            + _GRANT.format(schema=schema, user=user)
        )


def _check_locks(connection: Connection) -> None:
    # Only for this transaction: a setting of the session would reach others through a pooler.
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCKED_SECONDS}s'"))
    for table in sorted(SQLModel.metadata.tables):
        try:
            connection.execute(text(f'LOCK TABLE "{table}" IN ROW EXCLUSIVE MODE'))
        except exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", "") != "55P03":
                raise
            raise StoreUnavailable(
                f"the table {table} has been locked by another session for {_LOCKED_SECONDS} s. Find "
                "that session in pg_locks and pg_stat_activity, and let it end"
            ) from error

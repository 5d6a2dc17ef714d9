"""Whether the store takes writes now, found out by writing."""

from __future__ import annotations

import time

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from sync.store.engine import Store

_TABLE = SQLModel.metadata.tables["watermarks"]
_NAME = "probe"


def check_writable(store: Store) -> None:
    """Write one row and commit. Raises StoreUnavailable, with what is wrong.

    Reading says little: a full disk and a database that became a read-only standby still answer.
    """
    insert = sqlite.insert if store.dialect == "sqlite" else postgresql.insert
    statement = insert(_TABLE).values(name=_NAME, value={}, at=time.time())
    with store.write_connection() as connection:
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["name"], set_={"at": statement.excluded.at}
            )
        )

"""Whether the store takes writes now, found out by writing."""

from __future__ import annotations

import time

from sync.store.engine import Store, insert_into
from sync.store.tables import WriteProbeRow


def check_writable(store: Store) -> None:
    """Write one row and commit. Raises StoreUnavailable, which says what is wrong.

    A read would prove too little: a full disk and a read-only standby still answer reads.
    """
    statement = insert_into(store.dialect, WriteProbeRow).values(id=1, at=time.time())
    with store.write_connection() as connection:
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["id"], set_={"at": statement.excluded.at}
            )
        )

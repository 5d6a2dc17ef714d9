"""Finds out by a write whether the store takes writes now."""

from __future__ import annotations

import time

from sync.store.engine import Store, insert_into
from sync.store.tables import WriteProbeRow


def check_writable(store: Store) -> None:
    """Write one row and commit. Raises StoreUnavailable, which says what is wrong.

    A read would prove too little: a store on a full disk or a read-only standby still answers reads.
    """
    row = insert_into(store.dialect, WriteProbeRow).values(id=1, at=time.time())
    newer = {"at": row.excluded.at}
    with store.write_connection() as connection:
        connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=newer))

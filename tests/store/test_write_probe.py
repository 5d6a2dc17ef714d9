"""Whether the store takes writes is found out by writing."""

from __future__ import annotations

import pytest
from sqlmodel import select

from sync.store.engine import Store, StoreUnavailable
from sync.store.tables import WriteProbeRow
from sync.store.write_probe import check_writable
from tests.postgres import Postgres
from tests.store.faults import GoneServer, ReadOnlyFile


def test_a_store_that_works_is_found_to_and_keeps_one_row_of_it(store: Store) -> None:
    for _ in range(3):
        check_writable(store)
    with store.read() as session:
        assert len(session.exec(select(WriteProbeRow)).all()) == 1


def test_a_file_that_takes_no_writes_is_found_to(sqlite_store: Store) -> None:
    fault = ReadOnlyFile(sqlite_store)
    fault.on = True
    with pytest.raises(StoreUnavailable, match="read-only"):
        check_writable(sqlite_store)
    fault.on = False
    check_writable(sqlite_store)


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_server_that_is_away_is_found_to_be(store: Store, postgres: Postgres) -> None:
    gone = GoneServer(store, postgres)
    gone.on = True
    with pytest.raises(StoreUnavailable):
        check_writable(store)
    gone.on = False
    check_writable(store)


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_database_that_takes_no_writes_is_found_to(store: Store, postgres: Postgres) -> None:
    name = store.engine.url.database
    postgres.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    postgres.disconnect_all(store)
    with pytest.raises(StoreUnavailable, match="does not take writes"):
        check_writable(store)
    postgres.run(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    postgres.disconnect_all(store)
    check_writable(store)

"""The clock that all daemons on one database share."""

from __future__ import annotations

import pytest

from sync.bootstrap.clock import SharedClock
from sync.ports import SystemClock
from sync.store.engine import Store
from sync.store.time import ask_time


class Fast(SystemClock):
    """Some minutes ahead of everybody else's."""

    def time(self) -> float:
        return super().time() + 400


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_daemons_whose_clocks_differ_agree_on_the_time_of_their_database(store: Store) -> None:
    one, other = SharedClock(SystemClock()), SharedClock(Fast())
    assert abs(one.time() - other.time()) > 300
    one.follow(store)
    other.follow(store)
    assert abs(one.time() - other.time()) < 5
    assert abs(one.time() - ask_time(store)) < 5


def test_a_store_on_this_machine_alone_goes_by_this_machines_clock(sqlite_store: Store) -> None:
    clock = SharedClock(Fast())
    clock.follow(sqlite_store)
    clock.align()
    assert clock.time() - SystemClock().time() > 300

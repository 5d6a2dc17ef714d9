"""Which of several daemons makes an epic."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sync.store import epics
from sync.store.engine import Store

KEY = ("main", "DATA", "0123")


def test_of_many_daemons_at_once_one_begins_and_the_ticket_stays_the_first_one(
    store: Store,
) -> None:
    with ThreadPoolExecutor(8) as pool:
        began = list(pool.map(lambda n: epics.begin(store, KEY, "Orders", 100.0 + n), range(8)))
    assert sum(began) == 1
    begun = 100.0 + began.index(True)
    row = epics.get(store, KEY)
    assert row is not None
    assert (row.begun, row.jira_id) == (begun, None)
    epics.not_made(store, KEY, begun + 1)
    assert not epics.begin(store, KEY, "Orders", 200.0)
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(
                lambda n: epics.made(store, KEY, "Orders", f"{n}", f"DATA-{n}", 300.0), range(8)
            )
        )
    assert sum(made) == 1
    row = epics.get(store, KEY)
    assert row is not None
    assert (row.jira_id, row.begun) == (f"{made.index(True)}", None)
    assert not epics.begin(store, KEY, "Orders", 400.0)


def test_a_call_that_made_nothing_may_be_made_again_and_failures_are_counted(store: Store) -> None:
    assert epics.begin(store, KEY, "Orders", 1.0)
    epics.said(store, KEY, 1.0, "HTTP 500")
    epics.not_made(store, KEY, 1.0, failures=1)
    row = epics.get(store, KEY)
    assert row is not None
    assert (row.begun, row.failures, row.said) == (None, 1, "HTTP 500")
    assert epics.begin(store, KEY, "Orders", 2.0)


def test_a_ticket_that_is_gone_makes_room_for_another(store: Store) -> None:
    epics.made(store, KEY, "Orders", "10", "DATA-10", 1.0)
    epics.gone(store, KEY, "9")
    assert not epics.begin(store, KEY, "Orders", 2.0)
    epics.gone(store, KEY, "10")
    assert epics.begin(store, KEY, "Orders", 3.0)


def test_an_open_call_is_never_forgotten_and_what_is_used_is_kept(store: Store) -> None:
    unused, used, open_, refused = (("main", "DATA", digest) for digest in "0123")
    for key in (unused, used):
        epics.made(store, key, "Orders", f"1{key[2]}", f"DATA-1{key[2]}", 1.0)
    for key in (open_, refused):
        assert epics.begin(store, key, "Orders", 1.0)
    epics.not_made(store, refused, 1.0)
    epics.used(store, used, 50.0)
    with store.write() as session:
        assert epics.prune(session, older_than=50.0, batch=1) == 1
        assert epics.prune(session, older_than=50.0, batch=10) == 1
        assert epics.prune(session, older_than=50.0, batch=10) == 0
    kept = [epics.get(store, key) is not None for key in (unused, used, open_, refused)]
    assert kept == [False, True, True, False]

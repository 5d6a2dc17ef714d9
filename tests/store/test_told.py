"""How many acts upstream was told lately is counted once for all daemons on a store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlmodel import select

from sync.store import told
from sync.store.engine import Store, open_store
from sync.store.tables import ToldRow

NOW = 1_790_000_000.0


def admit(store: Store, ticket: int, *acts: str, at: float = NOW, most: int = 3) -> bool:
    return told.admit(store, ticket, acts or ("mark",), now=at, window=600.0, most=most)


def test_acts_are_let_through_up_to_the_limit_and_again_once_the_window_has_passed(
    store: Store,
) -> None:
    assert [admit(store, n, at=NOW + n) for n in range(5)] == [True] * 3 + [False] * 2
    assert not admit(store, 9, at=NOW + 599)
    assert admit(store, 9, at=NOW + 600)
    assert not admit(store, 10, at=NOW + 600)
    assert admit(store, 10, at=NOW + 601)


def test_the_acts_of_a_ticket_are_let_through_all_or_none(store: Store) -> None:
    assert admit(store, 1, "a", "b")
    assert not admit(store, 2, "a", "b")
    assert admit(store, 3, "a")


def test_an_act_that_is_tried_again_counts_once_from_its_last_try(store: Store) -> None:
    assert admit(store, 1, "a", "b", "c")
    assert admit(store, 1, "b", "c", at=NOW + 500)
    assert not admit(store, 1, "b", "c", "d", "e", at=NOW + 599)
    assert admit(store, 2, at=NOW + 700)
    assert not admit(store, 3, at=NOW + 700)


def test_where_none_is_allowed_none_is_let_through(store: Store) -> None:
    assert not admit(store, 1, most=0)


def test_no_more_are_let_through_when_several_daemons_ask_at_once(
    store: Store, store_url: str
) -> None:
    other = open_store(store_url)
    try:
        with ThreadPoolExecutor(6) as pool:
            found = pool.map(lambda n: admit([store, other][n % 2], n, most=7), range(40))
            assert sum(found) == 7
    finally:
        other.close()


def test_only_what_was_told_lately_is_kept(store: Store) -> None:
    for n in range(20):
        admit(store, n, at=NOW + 300 * n)
    with store.read() as session:
        assert len(session.exec(select(ToldRow)).all()) == 2

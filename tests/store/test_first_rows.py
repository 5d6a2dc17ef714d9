"""Rows that several daemons write for the first time at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from sync.domain.ticket import TicketRef
from sync.store import continuity, rulebook
from sync.store.engine import Session, Store
from sync.store.rulebook import Edition, Problem, Waiting
from sync.store.tables import SiteRow

Write = Callable[[Session, str], object]


def _in_force(session: Session, word: str) -> None:
    rulebook.put_in_force(session, Edition(word, {}, "the first start", 1.0))


def _waiting(session: Session, word: str) -> None:
    rulebook.put_waiting(session, Waiting(word, 1, 1, 1, 1.0))


def _problem(session: Session, word: str) -> None:
    rulebook.put_problem(session, Problem((word,), 1.0))


def _stray(session: Session, word: str) -> None:
    continuity.surveyed(session, "main", 1.0, {"marker": TicketRef("1", word)})


def _a_statement_waits_for_a_lock(store: Store) -> bool:
    with store.read() as session:
        waiting = text(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE NOT granted AND datname = current_database()"
        )
        return bool(session.execute(waiting).scalar_one())


def _meanwhile(store: Store, write: Write, other: Callable[[], object]) -> None:
    """Do ``other`` in a thread while a transaction has written and not yet committed."""
    with ThreadPoolExecutor(1) as pool:
        with store.write() as session:
            write(session, "first")
            session.flush()
            begun = threading.Event()
            second = pool.submit(lambda: (begun.set(), other()))
            assert begun.wait(30)
            # On SQLite the other one waits for the writers' lock, which nothing shows.
            while store.dialect == "postgresql" and not second.done():
                if _a_statement_waits_for_a_lock(store):
                    break
                time.sleep(0.01)
        second.result(30)


@pytest.mark.parametrize("write", [_in_force, _waiting, _problem, _stray])
def test_of_two_daemons_that_write_a_first_row_at_once_both_go_on(
    store: Store, write: Write
) -> None:
    def other() -> None:
        with store.write() as session:
            write(session, "second")

    _meanwhile(store, write, other)
    with store.read() as session:
        left = {
            _in_force: lambda: getattr(rulebook.in_force(session), "digest", None),
            _waiting: lambda: getattr(rulebook.waiting(session), "digest", None),
            _problem: lambda: getattr(rulebook.problem(session), "words", [None])[0],
            _stray: lambda: session.execute(text("SELECT jira_key FROM strays")).scalar_one(),
        }[write]()
    assert left == "second"


def test_two_daemons_that_begin_on_a_new_store_at_once_know_it_as_new(store: Store) -> None:
    def site(session: Session, _: str) -> None:
        session.add(SiteRow(site="main", address="https://j", place="", whole_since=5, alive_at=5))

    _meanwhile(store, site, lambda: continuity.check(store, {"main": "https://j"}, 6.0))
    with store.read() as session:
        row = session.get_one(SiteRow, "main")
        assert (row.address, row.alive_at, row.surveyed_at) == ("https://j", 6.0, None)

"""Pauses by people: the tickets that wait are left out of claims, and counted, from indexes alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from sync.domain.pause import Pause, PauseKind
from sync.store import claims, counts, paused, tickets
from sync.store.claims import OPEN, Closed
from sync.store.engine import Store
from sync.store.tables import TicketRow
from tests.transactions import transactions

NOW = 1_790_000_000.0
SITES = frozenset({"main", "other"})


def _pause(kind: PauseKind, name: str, site: str = "", *rules: str) -> Pause:
    return Pause(kind, name, site, NOW + 60, "dana", "a move", NOW, rules)


RULE = _pause(PauseKind.RULE, "paused")
PROJECT = _pause(PauseKind.PROJECT, "OPS", "main", "to OPS")
SITE = _pause(PauseKind.SITE, "other", "other")


@pytest.fixture
def filled(store: Store) -> Store:
    """Due tickets of a rule, a project and a site that may be paused, and two others."""
    rows = [
        *[("paused", "main", "DATA")] * 40,
        *[("to OPS", "main", "OPS")] * 30,
        *[("to OPS", "main", "")] * 20,
        *[("open", "other", "DATA")] * 10,
        ("open", "main", "DATA"),
        ("open", "main", ""),
    ]
    with store.write() as session:
        for number, (rule, site, project) in enumerate(rows):
            row = TicketRow(key=f"k{number}", rule=rule, site=site, project=project, created_at=NOW)
            row.due_at = NOW - 1000 + number
            tickets.add(session, row)
    return store


def _claimed(store: Store, *pauses: Pause) -> int:
    closed = Closed(among=SITES, paused=pauses)
    found = claims.claim(store, owner="me", now=NOW, lease=60, limit=500, closed=closed)
    claims.give_back(store, "me", [one.ticket_id for one in found])
    return len(found)


def test_each_pause_leaves_out_its_tickets_and_no_other(filled: Store) -> None:
    assert _claimed(filled) == 102
    assert _claimed(filled, RULE) == 62
    assert _claimed(filled, PROJECT) == 52
    assert _claimed(filled, SITE) == 92
    assert _claimed(filled, RULE, PROJECT, SITE) == 2


def test_what_waits_is_counted_once_in_all_and_for_each_pause(filled: Store) -> None:
    overlapping = _pause(PauseKind.PROJECT, "DATA", "main")
    with filled.write() as session:
        for one in (RULE, PROJECT, SITE, overlapping):
            paused.put(session, one)
    with filled.read() as session:
        found = paused.waiting(session, paused.load(session), NOW)
    assert {one.name: count for one, count in found.by_pause.items()} == {
        "paused": 40,
        "OPS": 50,
        "other": 10,
        "DATA": 41,
    }
    assert found.total == 101
    seen = counts.overall(filled, now=NOW)
    assert (seen.due, seen.paused, seen.oldest_due) == (1, 101, NOW - 1000 + 101)
    later = counts.overall(filled, now=NOW + 90)
    assert (later.due, later.paused, later.oldest_due) == (102, 0, NOW - 1000 + 101)


def test_nothing_costs_a_statement_more_while_nothing_is_paused(filled: Store) -> None:
    with transactions(filled) as made:
        claims.next_due(filled, now=NOW, closed=OPEN)
        claims.next_due(filled, now=NOW, closed=Closed(among=SITES))
    assert [len(one) for one in made] == [1, 1]
    with transactions(filled) as made:
        claims.next_due(filled, now=NOW, closed=Closed(among=SITES, paused=(RULE, PROJECT)))
    # One for each site.
    assert [len(one) for one in made] == [2]


def test_tickets_that_wait_are_passed_over_in_the_index_alone(sqlite_store: Store) -> None:
    closed = Closed(among=frozenset({"main"}), paused=(RULE, PROJECT))
    with _plans(sqlite_store) as plans:
        claims.next_due(sqlite_store, now=NOW, closed=closed)
        with sqlite_store.write() as session:
            claims._longest_due(session, NOW, 5, closed)
        counts.overall(sqlite_store, now=NOW)
        with sqlite_store.read() as session:
            paused.waiting(session, [RULE, PROJECT], NOW)
            paused.left(session, RULE, [PROJECT])
    assert len(plans) == 5
    for plan in plans:
        assert "COVERING INDEX" in plan, plan


@contextmanager
def _plans(store: Store) -> Iterator[list[str]]:
    """How SQLite reads tickets in each statement of the block."""
    sent: list[tuple[str, object]] = []
    found: list[str] = []

    @event.listens_for(store.engine, "before_cursor_execute")
    def note(*given: object) -> None:
        if "FROM tickets" in str(given[2]):
            sent.append((str(given[2]), given[3]))

    try:
        yield found
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    with store.read_connection() as connection:
        for statement, parameters in sent:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found.append("; ".join(str(row[3]) for row in rows))

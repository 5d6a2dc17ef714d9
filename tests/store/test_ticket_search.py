"""Tickets as people look for them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sync.store import ticket_search, tickets
from sync.store.engine import Store
from sync.store.tables import SubjectRow, TicketRow, TicketState
from sync.store.ticket_search import Standing, Wanted, standing_of

NOW = 1_000.0


@pytest.fixture
def many(store: Store) -> Store:
    """300 tickets that stand in every way, each with a subject."""
    chance = random.Random(5)
    with store.write() as session:
        for number in range(1, 301):
            parked = chance.random() < 0.1
            row = TicketRow(
                key=f"k{number}",
                rule=f"rule {number % 3}",
                site=f"site {number % 2}",
                project=f"P{number % 5}",
                state=chance.choice(list(TicketState)),
                jira_id=str(number),
                jira_key=f"P{number % 5}-{number}",
                due_at=chance.choice([None, None, NOW - 1, NOW, NOW + 1]),
                created_at=float(number),
                parked={"words": "no such field"} if parked else None,
                parked_at=1.0 if parked else None,
            )
            id_ = tickets.add(session, row).id
            assert id_ is not None
            session.add(
                SubjectRow(
                    ref=f"coalesce:issue:{number}",
                    source="coalesce",
                    kind="issue",
                    workspace="w",
                    status="open",
                    event_type="issue_created",
                    event_time=0,
                    event_id="e",
                    payload={"title": f"Table {number} is stale"},
                    title_folded=f"table {number} is stale",
                    first_seen_at=0.0,
                )
            )
            session.flush()
            tickets.link(session, f"coalesce:issue:{number}", id_, 0.0)
    return store


def _all(store: Store, wanted: Wanted, **how: Any) -> list[TicketRow]:
    with store.read() as session:
        return ticket_search.page(session, wanted, NOW, limit=1000, **how)


def test_every_ticket_stands_in_one_way_and_is_found_by_it(many: Store) -> None:
    rows = _all(many, Wanted())
    assert len(rows) == 300
    for standing in Standing:
        found = {row.id for row in _all(many, Wanted(standing=standing))}
        assert found == {row.id for row in rows if standing_of(row, NOW) is standing}, standing


def test_words_and_filters_narrow_what_is_found(many: Store) -> None:
    assert [row.jira_key for row in _all(many, Wanted(words="TABLE 17 IS"))] == ["P2-17"]
    found = _all(many, Wanted(words="stale", rule="rule 1", site="site 0", project="P2"))
    assert found
    assert {(row.rule, row.site, row.project) for row in found} == {("rule 1", "site 0", "P2")}
    with many.read() as session:
        assert ticket_search.count(session, Wanted(words="stale"), NOW, most=100) == 101
        assert ticket_search.count(session, Wanted(words="table 17 "), NOW) == 1
        assert sum(number for _, number in ticket_search.rules(session)) == 300
        assert ticket_search.titles(session, [row.id or 0 for row in found])[
            found[0].id or 0
        ].startswith("Table")


def test_pages_are_cut_by_the_last_ticket_in_either_order(many: Store) -> None:
    ids = [row.id for row in _all(many, Wanted())]
    assert ids == sorted(ids, key=lambda one: -(one or 0))
    last = ids[99] or 0
    assert [row.id for row in _all(many, Wanted(), after=last)] == ids[100:]
    assert [row.id for row in _all(many, Wanted(), after=last, oldest_first=True)] == ids[98::-1]

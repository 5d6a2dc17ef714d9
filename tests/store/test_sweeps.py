"""Sweeps in the store: leases by the database's clock, upgrades of a store that is in use."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import text

from sync.store import memberships, migrations, sweeps, tickets
from sync.store.engine import Store, open_store
from sync.store.sweeps import SweepLost
from sync.store.tables import SubjectRow
from tests.store.test_tickets import put, ticket

INCIDENT, ISSUE = "coalesce:incident:9", "coalesce:issue:1"


def test_a_store_with_tickets_from_before_the_sweeps_is_upgraded(bare_store_url: str) -> None:
    store = open_store(bare_store_url)
    with store.write_connection() as connection:
        command.upgrade(migrations._config(connection), "r0001")
        connection.execute(
            text(
                "INSERT INTO tickets (key, rule, site, project, state, jira_key, base, due_reason, "
                "wanted, look, attempts, searches, error, created_at) VALUES "
                "('k', 'r', 'main', 'DATA', 'linked', 'DATA-1', '{}', '', 0, false, 0, 0, '', 1.0)"
            )
        )
        connection.execute(text("INSERT INTO watermarks (name, value, at) VALUES ('w', '{}', 1.0)"))
    migrations.upgrade(store)
    with store.read_connection() as connection:
        assert connection.execute(text("SELECT seen FROM tickets")).scalar_one() == ""
        assert connection.execute(text("SELECT lease_owner FROM watermarks")).scalar_one() is None
    assert sweeps.take(store, "own", "me", 60.0) == {}
    store.close()


def test_a_lease_is_one_owners_until_it_is_released(store: Store) -> None:
    assert sweeps.take(store, "own", "a", 60.0) == {}
    assert sweeps.take(store, "own", "b", 60.0) is None
    assert sweeps.take(store, "own", "a", 60.0) is None, "not even a second time its own"
    assert not sweeps.renew(store, "own", "b", 60.0)
    sweeps.release(store, "own", "b")
    assert sweeps.renew(store, "own", "a", 60.0)
    assert sweeps.lease_owners(store) == ["a"]
    sweeps.release(store, "own", "a")
    assert sweeps.take(store, "own", "b", 60.0) == {}


def test_only_the_owner_moves_the_watermark(store: Store) -> None:
    sweeps.take(store, "own", "a", 60.0)
    with pytest.raises(SweepLost), store.write() as session:
        sweeps.advance(session, "own", "b", {"until": 9.0}, 9.0)
    assert sweeps.value(store, "own") == {}
    with store.write() as session:
        sweeps.advance(session, "own", "a", {"until": 5.0, "cursor": {"after": 3}}, 5.0)
    assert sweeps.value(store, "own") == {"until": 5.0, "cursor": {"after": 3}}


def test_the_leases_of_the_dead_are_freed_and_no_others(store: Store) -> None:
    sweeps.take(store, "own", "dead", 60.0)
    sweeps.take(store, "issues", "alive", 60.0)
    assert sweeps.release_leases_of(store, ["dead"]) == 1
    assert sweeps.lease_owners(store) == ["alive"]


def test_members_join_and_leave(store: Store) -> None:
    (id_,) = put(store, ticket("k", jira_id="7", jira_key="DATA-7"))
    with store.write() as session:
        assert memberships.put(session, INCIDENT, {ISSUE, "x"}) == ({ISSUE, "x"}, set())
        session.add(
            SubjectRow(
                ref=ISSUE,
                source="coalesce",
                kind="issue",
                workspace="acme",
                status="open",
                event_type="issue_created",
                event_time=1,
                event_id="e",
                payload={},
                first_seen_at=0.0,
            )
        )
        session.flush()
        tickets.link(session, ISSUE, id_, 0.0)
    with store.write() as session:
        assert [row.jira_key for row in memberships.tickets_of_issues(session, [INCIDENT])] == [
            "DATA-7"
        ]
        assert memberships.incidents_of(session, [ISSUE, "y"]) == {ISSUE: [INCIDENT]}
        assert memberships.put(session, INCIDENT, {"x", "y"}) == ({"y"}, {ISSUE})
    with store.read() as session:
        assert memberships.issues_of(session, INCIDENT) == {"x", "y"}
        assert memberships.tickets_of_issues(session, [INCIDENT]) == []

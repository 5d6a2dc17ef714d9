"""Sweeps in the store: how far each has come, its runs, and who belongs to an incident."""

from __future__ import annotations

import pytest

from sync.store import leases, memberships, sweeps, tickets
from sync.store.engine import Store
from sync.store.slate import Slate
from sync.store.sweeps import SweepLost
from sync.store.tables import SubjectRow, SweepRunRow
from tests.store.test_tickets import put, ticket

INCIDENT, ISSUE = "coalesce:incident:9", "coalesce:issue:1"


def _run(owner: str) -> SweepRunRow:
    return SweepRunRow(sweep="own", owner=owner, started_at=1.0, window_from=0.0, window_to=1.0)


def test_only_the_owner_of_the_lease_moves_the_watermark(store: Store) -> None:
    assert leases.take(store, sweeps.lease_name("own"), "a", 60.0)
    with pytest.raises(SweepLost), store.write() as session:
        sweeps.advance(session, "own", "b", {"until": 9.0}, 9.0)
    assert sweeps.value(store, "own") == {}
    for value in ({"until": 3.0}, {"until": 5.0, "cursor": {"after": 3}}):
        with store.write() as session:
            sweeps.advance(session, "own", "a", value, 5.0)
        assert sweeps.value(store, "own") == value


def test_a_run_that_begins_marks_earlier_ones_that_never_ended_as_died(store: Store) -> None:
    with store.write() as session:
        first = sweeps.begin(session, _run("a"))
    with store.write() as session:
        second = sweeps.begin(session, _run("b"))
        sweeps.end(session, first, result="ok")
        sweeps.end(session, second, result="ok")
    with store.read() as session:
        runs = [(row.owner, row.result) for row in sweeps.recent(session, sweep="own")]
    assert runs == [("b", "ok"), ("a", "died")]


def test_members_join_and_leave(store: Store) -> None:
    (id_,) = put(store, ticket("k", jira_id="7", jira_key="DATA-7", state="linked"))
    with store.write() as session:
        slate = Slate(session)
        assert slate.set_issues(INCIDENT, {ISSUE, "x"}) == ({ISSUE, "x"}, set())
        slate.write(session)
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
        linked = memberships.linked_of_issues(session, [INCIDENT])
        assert [key for _, _, key in linked[INCIDENT]] == ["DATA-7"]
        slate = Slate(session)
        assert slate.incidents_of([ISSUE, "y"]) == {ISSUE: [INCIDENT]}
        assert slate.set_issues(INCIDENT, {"x", "y"}) == ({"y"}, {ISSUE})
        slate.write(session)
    with store.read() as session:
        assert Slate(session).issues_of([INCIDENT])[INCIDENT] == {"x", "y"}
        assert not memberships.linked_of_issues(session, [INCIDENT])

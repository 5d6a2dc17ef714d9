"""Tickets in the store: one per key, claimed by one at a time, settled only by what was seen."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sync.store import claims, counts, tickets
from sync.store.claims import Claim, LeaseLost
from sync.store.counts import Counts, SiteCounts
from sync.store.engine import Store
from sync.store.tables import SubjectRow, TicketRow


def ticket(key: str = "coalesce:issue:1", **kwargs) -> TicketRow:
    defaults = {"rule": "r", "site": "main", "project": "", "created_at": 0.0}
    return TicketRow(key=key, **{**defaults, **kwargs})


def put(store: Store, *rows: TicketRow) -> list[int]:
    with store.write() as session:
        ids = [tickets.add(session, row).id for row in rows]
    return [id_ for id_ in ids if id_ is not None]


def claim(
    store: Store, now: float = 10.0, owner: str = "a", limit: int = 10, **kwargs
) -> list[Claim]:
    return claims.claim(store, owner=owner, now=now, lease=60, limit=limit, **kwargs)


def test_a_second_ticket_for_a_key_cannot_be_recorded(store: Store) -> None:
    put(store, ticket())
    with pytest.raises(IntegrityError), store.write() as session:
        tickets.add(session, ticket())


def test_one_jira_ticket_cannot_be_recorded_under_two_keys(store: Store) -> None:
    put(store, ticket("a", jira_id="10001"))
    with pytest.raises(IntegrityError), store.write() as session:
        tickets.add(session, ticket("b", jira_id="10001"))


def test_the_longest_due_ticket_is_claimed_first(store: Store) -> None:
    late, early, _future = put(
        store, ticket("a", due_at=9.0), ticket("b", due_at=1.0), ticket("c", due_at=99.0)
    )
    assert [c.ticket_id for c in claim(store, limit=1)] == [early]
    assert [c.ticket_id for c in claim(store)] == [late]


def test_a_claimed_ticket_is_nobody_elses_until_the_lease_ends(store: Store) -> None:
    put(store, ticket(due_at=1.0))
    assert claim(store, now=10, owner="a")
    assert not claim(store, now=60, owner="b")
    assert claim(store, now=71, owner="b")


def test_a_walk_whose_lease_ran_out_changes_nothing_though_its_own_process_claimed_it_again(
    store: Store,
) -> None:
    put(store, ticket(due_at=1.0))
    (slow,) = claim(store, now=10, owner="a")
    (again,) = claim(store, now=71, owner="a")
    with pytest.raises(LeaseLost), store.write() as session:
        claims.claimed(session, slow)
    with store.write() as session:
        assert claims.claimed(session, again).lease_owner == "a"


def test_leases_given_back_are_free_at_once_and_only_ones_own(store: Store) -> None:
    first, second = put(store, ticket("a", due_at=1.0), ticket("b", due_at=2.0))
    claim(store, now=10, owner="a", limit=1)
    claim(store, now=10, owner="b", limit=1)
    claims.give_back(store, "a", [first, second])
    assert [one.ticket_id for one in claim(store, now=11, owner="c")] == [first]


def test_many_workers_at_once_never_claim_the_same_ticket(store: Store) -> None:
    put(store, *(ticket(str(n), due_at=1.0) for n in range(60)))
    claimed: list[int] = []
    lock = threading.Lock()

    def work(owner: str) -> None:
        while mine := claim(store, owner=owner, limit=3):
            with lock:
                claimed.extend(c.ticket_id for c in mine)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 60


def test_tickets_of_a_site_that_is_down_are_left_alone(store: Store) -> None:
    put(store, ticket("a", due_at=1.0, site="broken"), ticket("b", due_at=1.0))
    closed = claims.Closed(sites=frozenset({"broken"}), among=frozenset({"main", "broken"}))
    assert len(claim(store, closed=closed)) == 1
    assert claims.next_due(store, now=10, closed=closed) is None
    assert claims.next_due(store, now=10) == 1.0


def test_tickets_of_a_project_whose_calls_hang_are_left_alone(store: Store) -> None:
    put(
        store,
        ticket("a", due_at=1.0, project="SLOW"),
        ticket("b", due_at=2.0, project="DATA"),
        ticket("c", due_at=3.0, project="SLOW", site="other"),
        ticket("d", due_at=4.0),
    )
    projects = frozenset({("main", "SLOW"), ("main", "DEAD")})
    closed = claims.Closed(projects=projects, among=frozenset({"main", "other"}))
    assert claims.next_due(store, now=10, closed=closed) == 2.0
    assert len(claim(store, closed=closed)) == 3
    assert claims.next_due(store, now=10, closed=closed) is None
    assert len(claim(store)) == 1


def test_a_wish_that_came_in_during_a_walk_is_not_settled_away(store: Store) -> None:
    put(store, ticket(due_at=1.0))
    (mine,) = claim(store)
    with store.write() as session:
        tickets.make_due(tickets.by_ids(session, [mine.ticket_id])[mine.ticket_id], 11.0, "updated")
    with store.write() as session:
        claims.release(claims.claimed(session, mine), mine, again_at=None, now=12.0)
    assert len(claim(store, now=13.0)) == 1


def test_a_walk_whose_lease_was_taken_over_changes_nothing(store: Store) -> None:
    put(store, ticket(due_at=1.0))
    (mine,) = claim(store, now=10, owner="a")
    claim(store, now=100, owner="b")
    with pytest.raises(LeaseLost), store.write() as session:
        claims.claimed(session, mine)


def test_a_ticket_is_found_by_its_jira_key_its_own_key_and_its_subject(store: Store) -> None:
    (id_,) = put(store, ticket("group:x", jira_id="7", jira_key="DATA-7"))
    ref = "coalesce:issue:0b9f"
    with store.write() as session:
        session.add(
            SubjectRow(
                ref=ref,
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
        tickets.link(session, ref, id_, 0.0)
    with store.read() as session:
        found = [tickets.find(session, name) for name in ("DATA-7", "group:x", ref, "0b9f")]
        assert [row.id for row in found if row] == [id_] * 4
        assert tickets.find(session, "9f") is None
        assert tickets.find(session, "%") is None


def test_counts_tell_due_from_held_and_parked(store: Store) -> None:
    put(
        store,
        ticket("a", due_at=1.0),
        ticket("b", due_at=99.0),
        ticket("c", due_at=99.0, parked_at=5.0, parked={"reason": "no"}),
        ticket("d", state="linked", jira_id="1"),
    )
    found = counts.overall(store, now=10.0)
    assert (found.due, found.held, found.parked, found.linked, found.total) == (1, 1, 1, 1, 4)
    assert found.oldest_due == 1.0


def test_the_tickets_are_counted_by_where_they_stand(store: Store) -> None:
    put(
        store,
        ticket("due", due_at=3.0),
        ticket("longest due", due_at=2.0, state="creating"),
        ticket("held", due_at=99.0),
        ticket("parked", due_at=1.0, parked_at=1.0, parked={"reason": "no"}, state="linked"),
        ticket("a field", parked={"fields": {"labels": {}}}, state="linked"),
        ticket("settled", state="linked"),
        ticket("spared", state="spared"),
    )
    assert counts.overall(store, now=10.0) == Counts(
        due=2,
        held=1,
        parked=1,
        unsure=1,
        linked=3,
        spared=1,
        total=7,
        oldest_due=2.0,
        fields_parked=1,
    )


def test_each_site_has_counts_of_its_own(store: Store) -> None:
    put(
        store,
        ticket("a", due_at=3.0, error="no way", attempts=2),
        ticket("b", due_at=99.0, state="creating"),
        ticket("c", site="other", parked_at=5.0, parked={"reason": "no"}, state="linked"),
    )
    with store.read() as session:
        whole, sites = counts.in_all_and_by_site(session, now=10.0)
    assert whole.total == 3
    assert sites == [
        SiteCounts("main", tickets=2, due=1, held=1, parked=0, unsure=1, trouble="no way"),
        SiteCounts("other", tickets=1, due=0, held=0, parked=1, unsure=0, trouble=""),
    ]


def test_tickets_are_counted_however_they_change(store: Store) -> None:
    ids = put(store, *(ticket(str(n)) for n in range(6)))
    for statement in (
        f"UPDATE tickets SET state = 'creating' WHERE id IN ({ids[0]}, {ids[1]})",
        f"UPDATE tickets SET state = 'linked', site = 'other' WHERE id = {ids[1]}",
        f"UPDATE tickets SET site = 'other' WHERE id = {ids[2]}",
        f"UPDATE tickets SET rule = 'another', state = 'new' WHERE id = {ids[3]}",
        f"DELETE FROM tickets WHERE id = {ids[4]}",
        f"UPDATE tickets SET parked = '{{}}', parked_at = 1 WHERE id IN ({ids[0]}, {ids[1]}, {ids[2]})",
        f"UPDATE tickets SET parked_at = NULL WHERE id IN ({ids[1]}, {ids[2]})",
        f"UPDATE tickets SET parked = NULL, error = '' WHERE id = {ids[2]}",
    ):
        with store.write_connection() as connection:
            connection.exec_driver_sql(statement)
    with suppress(ZeroDivisionError), store.write_connection() as connection:
        connection.exec_driver_sql("UPDATE tickets SET state = 'gone'")
        raise ZeroDivisionError
    assert tallies(store) == {
        ("main", "new", False, False): 2,
        ("main", "creating", True, True): 1,
        ("other", "linked", True, False): 1,
        ("other", "new", False, False): 1,
    }


def tallies(store: Store) -> dict[tuple[str, str, bool, bool], int]:
    """What the database has counted, which is what counting would find: by site, state, whether anything
    is parked, and whether the ticket is."""
    queries = (
        "SELECT site, state, parked <> '', parked = 'ticket', sum(tickets) FROM tallies "
        "GROUP BY 1, 2, 3, 4",
        "SELECT site, state, parked IS NOT NULL, parked_at IS NOT NULL, count(*) FROM tickets "
        "GROUP BY 1, 2, 3, 4",
    )
    with store.read_connection() as connection:
        kept, real = (
            {tuple(row[:4]): row[4] for row in rows if row[4]}
            for rows in map(connection.exec_driver_sql, queries)
        )
    assert kept == real
    return kept


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_writers_that_run_at_once_count_without_waiting_for_each_other(store: Store) -> None:
    ids = put(store, *(ticket(str(n)) for n in range(3)))
    with ExitStack() as stack:
        writers = [stack.enter_context(store.write_connection()) for _ in ids]
        # Each changes the same two counts, in another order.
        for id_, writer, states in zip(
            ids, writers, (("linked", "gone"), ("gone", "linked"), ("spared", "gone")), strict=True
        ):
            writer.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            for state in states:
                writer.exec_driver_sql(f"UPDATE tickets SET state = '{state}' WHERE id = {id_}")
    assert tallies(store) == {
        ("main", "gone", False, False): 2,
        ("main", "linked", False, False): 1,
    }
    with store.read_connection() as connection:
        assert connection.exec_driver_sql("SELECT max(lane) FROM tallies").scalar_one() == 2


def test_a_ticket_is_found_by_each_jira_key_that_it_had(store: Store) -> None:
    id_, other = put(store, ticket("a", jira_key="DATA-7"), ticket("b", jira_key="DATA-8"))
    for key in ("OPS-1", "WEB-1", "OPS-1"):
        with store.write_connection() as connection:
            connection.exec_driver_sql(f"UPDATE tickets SET jira_key = '{key}' WHERE id = {id_}")
    with store.read() as session:
        found = [tickets.find(session, key) for key in ("OPS-1", "DATA-7", "WEB-1", "DATA-8")]
        assert [row.id for row in found if row] == [id_, id_, id_, other]
        assert tickets.find(session, "") is None


def test_a_rules_new_tickets_are_counted_without_those_that_were_spared(store: Store) -> None:
    put(
        store,
        ticket("old", created_at=10.0),
        ticket("new", created_at=11.0),
        ticket("spared", created_at=11.0, state="spared"),
        ticket("another's", created_at=11.0, rule="other"),
    )
    with store.read() as session:
        assert tickets.made_since(session, "r", 10.0) == 1


QUESTIONS = {
    "ix_tickets_rule": "SELECT count(*) FROM tickets WHERE rule = 'r' AND created_at > 5",
    "COVERING INDEX ix_tickets_site_due": "SELECT site, count(*) FROM tickets"
    " WHERE due_at IS NOT NULL AND parked_at IS NULL GROUP BY site",
    "ix_tickets_site_due": "SELECT id FROM tickets WHERE site = 'main' AND due_at <= 5"
    " AND (lease_until IS NULL OR lease_until < 5) AND project NOT IN ('P') ORDER BY due_at",
}


@pytest.mark.parametrize("index", sorted(QUESTIONS))
def test_what_is_asked_often_of_a_large_store_is_answered_by_an_index(
    sqlite_store: Store, index: str
) -> None:
    with sqlite_store.read_connection() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {QUESTIONS[index]}"))
        assert index in next(iter(plan)).detail

"""A store of every earlier revision is upgraded, and nothing that is in it is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from sync.domain.intent import Intent, IntentKind, Intents
from sync.domain.subject import Status, SubjectRef
from sync.domain.ticket import Base, FieldBase
from sync.store import (
    admissions,
    api_tokens,
    asides,
    counts,
    deliveries,
    journal,
    leases,
    log,
    migrations,
    pauses,
    rulebook,
    subjects,
    sweeps,
    tickets,
    web_sessions,
)
from sync.store.engine import Store, open_store
from sync.store.migrations import REVISIONS
from sync.store.rulebook import Edition, Problem, Waiting
from sync.store.slate import Slate
from sync.store.tables import DeliveryRow, SubjectRow
from sync.store.usable import check_usable
from tests.conftest import DIALECTS, NewStore
from tests.store import earlier
from tests.store.earlier import DEAD_OWNER, ENDED, INCIDENT, OPEN

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module", params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """Each database in turn, for a whole row of tests."""
    return str(request.param)


@pytest.fixture(scope="module", params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    """Each revision in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def upgraded(new_store: NewStore, dialect: str, revision: str) -> Iterator[Store]:
    """A store as the versions of that revision left it, upgraded. Tests share it, and only read."""
    with new_store(dialect) as url, closing(open_store(url)) as store:
        upgrade(store, revision)
        yield store


def upgrade(store: Store, revision: str) -> None:
    """Fill a store without tables as the versions of ``revision`` did, and upgrade it."""
    earlier.build(store, revision)
    assert migrations.upgrade(store) == (revision, migrations.head())
    migrations.check(store)


def since(first: str, revision: str) -> bool:
    """Whether the versions of ``revision`` knew what ``first`` brought."""
    return REVISIONS.index(revision) >= REVISIONS.index(first)


def test_deliveries_stay_as_they_came(upgraded: Store) -> None:
    with upgraded.read() as session:
        rows = list(session.exec(select(DeliveryRow).order_by(col(DeliveryRow.seq))))
        assert [row.state for row in rows] == ["triaged", "dead", "accepted"]
        assert [row.event_id for row in deliveries.next_batch(session, 10)] == ["e3"]
        assert [row.outcome for row in deliveries.dead(session)] == ["no JSON"]
    assert {row.body for row in rows} == {b'{"title": "\xff"}'}
    assert rows[0].subject == OPEN


def test_a_delivery_is_found_for_each_of_its_subjects(upgraded: Store, revision: str) -> None:
    with upgraded.read() as session:
        found = [deliveries.for_subject(session, ref) for ref in (OPEN, ENDED)]
    further = ["e1"] if since("r0007", revision) else []
    assert [[row.event_id for row in rows] for rows in found] == [["e1"], further]


def test_snapshots_stay_and_belong_to_their_tickets(upgraded: Store) -> None:
    with upgraded.read() as session:
        rows = {row.ref: row for row in session.exec(select(SubjectRow))}
        linked = subjects.ticket_ids(session, rows)
    assert linked == {OPEN: 1, ENDED: 2, INCIDENT: 3}
    snapshot = subjects.to_snapshot(rows[OPEN])
    assert snapshot.ref == SubjectRef.parse(OPEN)
    assert snapshot.status is Status.OPEN
    assert snapshot.event_time == 1_790_000_000_123_456_789
    assert snapshot.payload == {"title": "orders is stale", "issue_id": "1", "tags": ["x", None]}
    assert snapshot.severity == "error"
    assert subjects.to_snapshot(rows[INCIDENT]).issue_ids == ("1", "2")
    assert (rows[ENDED].ended_at, rows[ENDED].occurrences) == (1_790_000_000.5, 2)
    assert rows[OPEN].ended_at is None


def test_tickets_stay_where_they_were(upgraded: Store) -> None:
    with upgraded.read() as session:
        rows = [tickets.find(session, f"key-{n}") for n in (1, 2, 3, 4)]
        assert [subject.ref for subject in subjects.of_ticket(session, 1)] == [OPEN]
    settled, unsure, walked, parked = (row for row in rows if row is not None)
    assert (settled.state, settled.jira_id, settled.jira_key) == ("linked", "10001", "DATA-1")
    assert (settled.due_at, settled.wanted, settled.parked) == (None, 3, None)
    assert (unsure.state, unsure.jira_id, unsure.due_at) == ("creating", None, 1_790_000_060.0)
    assert (unsure.attempts, unsure.error) == (1, "the call to create was not answered")
    assert (walked.lease_owner, walked.lease_until) == (DEAD_OWNER, 1_790_000_120.0)
    assert (parked.parked, parked.parked_at) == (earlier.PARKED, 1_790_000_004.0)
    assert parked.look


def test_a_ticket_that_a_person_let_go_is_forgotten(upgraded: Store, revision: str) -> None:
    with upgraded.read() as session:
        row = tickets.find(session, "key-1")
    assert row is not None
    wanted = asides.Aside.FORGET if since("r0021", revision) else None
    assert asides.how(row) is wanted


def test_what_waits_to_be_told_upstream_still_waits(upgraded: Store, revision: str) -> None:
    with upgraded.read() as session:
        found = admissions.counts(admissions.grouped(session))
    assert (found.acts, found.tickets) == ((2, 1) if since("r0017", revision) else (0, 0))


def test_a_former_key_still_leads_to_its_ticket(upgraded: Store, revision: str) -> None:
    with upgraded.read() as session:
        found = tickets.find(session, "OPS-7")
    assert (found.jira_key if found else None) == ("DATA-1" if since("r0015", revision) else None)


def test_the_tickets_that_were_there_are_counted(upgraded: Store) -> None:
    found = counts.overall(upgraded, now=1_790_000_030.0)
    assert (found.linked, found.unsure, found.total, found.parked) == (3, 1, 4, 1)
    assert (found.due, found.held) == (1, 1)


def test_what_was_agreed_with_jira_is_remembered(upgraded: Store) -> None:
    with upgraded.read() as session:
        row = tickets.find(session, "DATA-1")
    assert row is not None
    base = Base.from_json(row.base)
    assert base.fields == {
        "summary": FieldBase("orders is stale", "orders is stale", looked=True),
        "labels": FieldBase(["a", "b"]),
    }
    assert (base.status, base.jira_status, base.closed_by_us) == (Status.OPEN, "10001", False)
    assert (base.commented, base.running) == ("open@1", "30001")
    assert base.remote_links == {"https://coalesce.example/1": "a3f5"}
    assert base.ticket_links == ("Relates:INC-9",)


def test_calls_whose_end_is_not_known_stay_on_record(upgraded: Store, revision: str) -> None:
    with upgraded.read() as session:
        unsure, walked = tickets.find(session, "key-2"), tickets.find(session, "key-3")
    assert unsure is not None
    assert walked is not None
    assert Intents.from_json(unsure.intents).open == (
        Intent(IntentKind.CREATE, begun=1_790_000_003.5, looks=2, payload={"base": {}}),
    )
    intents = Intents.from_json(walked.intents)
    assert intents.of(IntentKind.COMMENT) == Intent(
        IntentKind.COMMENT,
        "open@2",
        begun=1790.5,
        looks=1 if since("r0002", revision) else 0,
        payload={"text": "again", "edit": ""},
    )
    if not since("r0002", revision):
        assert len(intents.open) == 1
        return
    assert intents.of(IntentKind.LINK, "Blocks:INC-9") is not None
    update, move = intents.of(IntentKind.UPDATE), intents.of(IntentKind.MOVE, "10002")
    assert update is not None
    assert move is not None
    assert update.payload == {"summary": {"wished": "new", "before": "old", "after": "new"}}
    assert move.payload == {"arrives": True}
    until = 1_790_000_090.0 if since("r0004", revision) else 0.0
    assert (update.until, move.until) == (until, until)
    base = Base.from_json(walked.base)
    assert (base.way, base.walked) == ("done", ("10001",))


def test_what_the_sweeps_saw_and_who_left_a_ticket_is_remembered(
    upgraded: Store, revision: str
) -> None:
    with upgraded.read() as session:
        row = tickets.find(session, "DATA-1")
        members = Slate(session).issues_of([INCIDENT])[INCIDENT]
    assert row is not None
    assert row.seen == ("closed by a person" if since("r0002", revision) else "")
    left = [one.ref for one in subjects.departed(row)]
    assert left == (["coalesce:issue:7"] if since("r0003", revision) else [])
    assert members == ({OPEN} if since("r0002", revision) else set())


def test_the_journal_stays_word_for_word(upgraded: Store) -> None:
    with upgraded.read() as session:
        entries = journal.of_ticket(session, 1)
    assert [(one.at, one.action, one.result, one.words, one.detail) for one in entries] == [
        (1_790_000_002.0, "create", "ok", "create DATA Bug: DATA-1", {"key": "DATA-1"}),
        (1_790_000_002.5, "hold", "held", "hold: a person closed it", {}),
    ]


def test_sweeps_go_on_where_they_were(upgraded: Store, revision: str) -> None:
    with upgraded.read() as session:
        runs = [(run.owner, run.result, run.looked) for run in sweeps.recent(session)]
    if not since("r0002", revision):
        assert (runs, sweeps.value(upgraded, "own")) == ([], {})
        return
    assert runs == [(DEAD_OWNER, "running", 9), ("me", "ok", 9)]
    assert sweeps.value(upgraded, "own") == {"until": 1_790_000_000.0, "cursor": {"after": 3}}
    disabled = {"until": 5.0, "disabled_until": 9.0, "disabled": "no scope"}
    assert sweeps.value(upgraded, "deliveries") == disabled
    assert sweeps.value(upgraded, "issues") == {}


def test_the_rules_in_force_stay_and_an_edit_goes_on_waiting(
    upgraded: Store, revision: str
) -> None:
    with upgraded.read() as session:
        found = (
            rulebook.in_force(session),
            rulebook.waiting(session),
            rulebook.problem(session),
            rulebook.changed_at(session),
        )
    if not since("r0002", revision):
        assert found == (None, None, None, None)
        return
    at = 1_790_000_000.0
    shipped = False if since("r0009", revision) else None
    telling = {"both ways": "digest@1790000000.0"} if since("r0016", revision) else {}
    assert found == (
        Edition("d1", earlier.RULES, "an edit", at, earlier.RULES_BEFORE, "new", shipped, telling),
        Waiting("d2", changed=70, made=2, looked_at=90, at=at),
        Problem(("rules.toml:3: no such key",), at),
        at,
    )


def test_acts_logins_and_tokens_stay(upgraded: Store, revision: str) -> None:
    there = since("r0018", revision)
    with upgraded.read() as session:
        assert [row.account for row in log.page(session)] == (["dana"] if there else [])
        assert (web_sessions.find(session, "a" * 64, 0.0) is not None) == there
        assert (api_tokens.find(session, "d" * 64, 0.0) is not None) == there


def test_a_site_that_asked_for_a_pause_still_has_it(upgraded: Store, revision: str) -> None:
    with upgraded.read() as session:
        expected = {"main": 1_790_000_033.0} if since("r0004", revision) else {}
        assert pauses.load(session) == expected


def test_an_upgraded_store_takes_writes(bare_store_url: str, revision: str) -> None:
    with closing(open_store(bare_store_url)) as store:
        upgrade(store, revision)
        check_usable(store)
        # A pause only grows.
        with store.write() as session:
            pauses.put(session, "main", 1_790_000_100.0)
            pauses.put(session, "main", 1_790_000_050.0)
        with store.read() as session:
            assert pauses.load(session) == {"main": 1_790_000_100.0}
        # Leases are held until they run out.
        assert leases.owners(store) == {DEAD_OWNER}
        assert leases.take(store, "rules", "me", 60.0) is True, "its time was over long ago"
        held = leases.renew(store, sweeps.lease_name("own"), DEAD_OWNER, 60.0)
        assert held is since("r0002", revision)
        assert leases.release_all_of(store, [DEAD_OWNER]) == 1


def test_an_upgrade_lets_those_who_use_the_tables_go_first(new_store: NewStore) -> None:
    """They take them in another order: one that both wait for would be undone by the database."""
    waiting = text(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE NOT granted AND datname = current_database()"
    )
    with new_store("postgresql") as url, closing(open_store(url)) as store:
        earlier.build(store, REVISIONS[0])
        begun, trouble = threading.Event(), []

        def use() -> None:
            try:
                with closing(open_store(url)) as other, other.write_connection() as connection:
                    connection.execute(text("UPDATE tickets SET attempts = attempts"))
                    begun.set()
                    # Until the upgrade waits for the tickets, and has tables of names before.
                    end = time.monotonic() + 60
                    while not connection.execute(waiting).scalar_one():
                        assert time.monotonic() < end, "the upgrade waits for nobody"
                        time.sleep(0.02)
                    connection.execute(text("UPDATE deliveries SET state = state"))
            except Exception as error:
                trouble.append(error)

        using = threading.Thread(target=use)
        using.start()
        assert begun.wait(20)
        assert migrations.upgrade(store) == (REVISIONS[0], REVISIONS[-1])
        using.join()
        assert trouble == []


def test_a_revision_that_the_rows_do_not_know_is_named(
    bare_store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(earlier.CHANGES, "r0003")
    store = open_store(bare_store_url)
    with pytest.raises(AssertionError, match=r"r0003 has other columns in tickets: say in CHANGES"):
        earlier.build(store, "r0003")
    store.close()

"""Triage decides without a lock and writes in one short transaction, whatever others do meanwhile."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import col, select, update

import sync
from sync.adapters.coalesce import CoalesceSource
from sync.domain.subject import merge_from_api
from sync.rules import RuleSet
from sync.store import claims, subjects, tickets
from sync.store.engine import Store
from sync.store.slate import TRIES, decided
from sync.store.tables import LinkRow, TicketRow
from sync.worker.rulebook.impact import route_unrouted
from sync.worker.triage.batch import Triage
from tests.transactions import transactions
from tests.walks.world import RULES, World, issue_event

SYNC = Path(sync.__file__).parent
# What may be slow: rules with their templates and patterns, reading, and every call to the outside.
SLOW = tuple(str(SYNC / room) for room in ("rules", "adapters", "sandbox"))


def created(*ids: str, at: float = 1) -> list[dict[str, object]]:
    return [issue_event("issue_created", id_, at=at, title=f"{id_} at {at}") for id_ in ids]


def all_tickets(world: World) -> list[TicketRow]:
    with world.store.read() as session:
        return list(session.exec(select(TicketRow)))


def ticket_of(world: World, id_: str) -> TicketRow:
    with world.store.read() as session:
        (ticket_id,) = subjects.ticket_ids(session, [f"coalesce:issue:{id_}"]).values()
        return tickets.by_ids(session, [ticket_id], lock=False)[ticket_id]


def title_of(world: World, id_: str) -> str:
    with world.store.read() as session:
        ref = f"coalesce:issue:{id_}"
        return str(subjects.load(session, [ref])[ref].payload["title"])


@pytest.mark.parametrize("type_", ["issue_created", "issue_updated", "issue_closed"])
def test_a_batch_of_any_size_takes_the_same_statements(
    world_on_each_store: World, type_: str
) -> None:
    world = world_on_each_store
    ids = [f"i{n}" for n in range(221)]
    # The first batch of a store makes the row of triage's turns as well.
    world.deliver(*created("first", *(ids if type_ != "issue_created" else [])))
    while world.triage.batch():
        pass
    counts = []
    for some in (ids[:1], ids[1:21], ids[21:]):
        world.deliver(*(issue_event(type_, id_, at=5, title="late") for id_ in some))
        with transactions(world.store) as found:
            assert world.triage.batch() == len(some)
        counts.append([len(one) for one in found])
    assert counts[0] == counts[1] == counts[2]
    reading, writing = counts[0]
    assert reading <= 8
    assert writing <= 6


@contextmanager
def slow_calls_while_writing(store: Store) -> Iterator[list[str]]:
    """The calls of this thread into what may be slow, while it has a transaction that writes."""
    found: list[str] = []
    writing: list[object] = []
    seen: list[object] = []
    me = threading.current_thread()

    @event.listens_for(store.engine, "begin")
    def begin(connection: object) -> None:
        options = connection.get_execution_options()  # type: ignore[attr-defined]
        if threading.current_thread() is me and options.get("ticket_sync_writes"):
            writing.append(connection)
            seen.append(connection)

    def over(connection: object) -> None:
        if connection in writing:
            writing.remove(connection)

    def watch(frame: FrameType, happening: str, _argument: object) -> None:
        name = frame.f_code.co_filename
        if happening == "call" and writing and name.startswith(SLOW):
            found.append(f"{Path(name).relative_to(SYNC)}: {frame.f_code.co_name}")

    for name in ("commit", "rollback"):
        event.listen(store.engine, name, over)
    sys.setprofile(watch)
    try:
        yield found
        assert seen, "no transaction was watched"
    finally:
        sys.setprofile(None)
        event.remove(store.engine, "begin", begin)
        for name in ("commit", "rollback"):
            event.remove(store.engine, name, over)


def test_no_transaction_that_writes_waits_for_rules_for_reading_or_for_a_call(world: World) -> None:
    with slow_calls_while_writing(world.store) as found:
        world.deliver(*created("a", "b"), b"not JSON")
        world.settle()
        world.deliver(issue_event("issue_updated", "a", at=2, title="other"))
        world.deliver(issue_event("issue_closed", "b", at=3))
        world.settle()
        world.write_rules(RULES.replace("[[rule]]", '[[rule]]\nwhen = { title = "none such" }', 1))
        world.deliver(*created("c", at=4))
        world.settle()
        world.write_rules(RULES)
        assert route_unrouted(world.store, world.rules(), world.clock.time()) == 1
        world.settle()
        with world.store.read() as session:
            told = [
                subjects.to_snapshot(row)
                for row in subjects.load(session, ["coalesce:issue:a"]).values()
            ]
        told = [replace(one, event_id="", severity="error") for one in told]
        world.triage.decided(lambda slate: world.triage.merge(slate, told, merge=merge_from_api))
        world.settle()
    assert not found
    assert {row.state for row in all_tickets(world)} == {"linked"}
    assert sorted(row.state for row in world.deliveries()) == ["dead", *["triaged"] * 5]


class Meanwhile:
    """The triage of another process, which runs already. Things happen between its reading and its
    writing: one of ``happenings`` each time."""

    def __init__(self, world: World, *happenings: Callable[[World], object]) -> None:
        self._world = world
        self.left: list[Callable[[World], object]] = []
        source = {"coalesce": CoalesceSource()}
        self.triage = Triage(world.store, source, self._rules, world.clock)
        # Of what is older than a process, the attempts are counted, one process at a time.
        for one in (world.triage, self.triage):
            one.batch()
        self.left = list(happenings)

    def _rules(self) -> RuleSet:
        # Asked for once all deliveries and subjects are read.
        if self.left and sys._getframe(1).f_code.co_name == "merge":
            self.left.pop(0)(self._world)
        return self._world.rules()


def test_deliveries_that_another_process_triages_meanwhile_are_triaged_once(
    world_on_each_store: World,
) -> None:
    world = world_on_each_store
    other = Meanwhile(world, other_triage).triage
    world.deliver(*created("a", "b"))
    assert other.batch() == 0, "nothing is left for it"
    assert [row.wanted for row in all_tickets(world)] == [1, 1]
    assert {row.state for row in world.deliveries()} == {"triaged"}


def test_a_newer_snapshot_that_comes_meanwhile_stays(world_on_each_store: World) -> None:
    world = world_on_each_store

    def newer(_world: World) -> None:
        told = CoalesceSource().read(json.dumps(created("a", at=9)[0]).encode())
        snapshots = [one.snapshot for one in told if one.snapshot]
        world.triage.decided(lambda slate: world.triage.merge(slate, snapshots))

    other = Meanwhile(world, newer).triage
    world.deliver(*created("a", at=1))
    assert other.batch() == 1
    assert title_of(world, "a") == "a at 9"
    assert ticket_of(world, "a").wanted == 1, "the older one brings no news"


def test_triage_that_is_overtaken_again_and_again_gets_on_within_its_lock(
    world_on_each_store: World,
) -> None:
    world = world_on_each_store
    number = iter(range(1000))

    def somebody_else(_world: World) -> None:
        world.deliver(*created(f"other{next(number)}"))
        decided(
            world.store, lambda slate: slate.set_issues("s:incident:1", {f"s:issue:{next(number)}"})
        )

    other = Meanwhile(world, *[somebody_else] * TRIES).triage
    world.deliver(*created(*(f"i{n}" for n in range(100))))
    taken = other.batch()
    assert 0 < taken < 100, "each try was for fewer"
    while other.batch():
        pass
    assert {row.state for row in world.deliveries()} == {"triaged"}
    assert all(row.wanted == 1 for row in all_tickets(world))


def walk_begins(world: World) -> None:
    """A worker claims all that is due."""
    claims.claim(world.store, owner="w", now=world.clock.time(), lease=120, limit=20)


def walk_ends(world: World) -> None:
    """All leases end, with nothing due, as after walks that went well."""
    with world.store.write() as session:
        over = update(TicketRow).where(col(TicketRow.lease_owner).is_not(None))
        session.execute(over.values(lease_owner=None, lease_until=None, due_at=None))


def made_in_jira(world: World) -> None:
    """Every new ticket is linked, as a walk does it."""
    with world.store.write() as session:
        for row in session.exec(select(TicketRow).where(TicketRow.state == "new")):
            row.state, row.jira_id, row.jira_key = "linked", f"{row.id}", f"DATA-{row.id}"


def parked(world: World) -> None:
    """Every ticket is parked, and due much later."""
    with world.store.write() as session:
        for row in session.exec(select(TicketRow)):
            row.parked, row.parked_at, row.attempts = {"reason": "x"}, 1.0, 3
            row.due_at = world.clock.time() + 3600


def other_triage(world: World) -> None:
    """Another process triages what waits."""
    while world.triage.batch():
        pass


def spared(world: World) -> None:
    """Every new ticket is spared."""
    with world.store.write() as session:
        for row in session.exec(select(TicketRow).where(TicketRow.state == "new")):
            row.state, row.due_at = "spared", None


HAPPENINGS = [walk_begins, walk_ends, made_in_jira, parked, other_triage, spared]
TYPES = ("issue_created", "issue_updated", "issue_status_updated", "issue_closed")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rounds=st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.sampled_from("abc"), st.sampled_from(TYPES)), min_size=1, max_size=4
            ),
            st.lists(st.sampled_from(HAPPENINGS), max_size=3),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_happens_between_reading_and_writing_no_change_of_a_subject_is_missed(
    world_on_each_store: World,
    rounds: list[tuple[list[tuple[str, str]], list[Callable[[World], None]]]],
) -> None:
    world = world_on_each_store
    # Each example has subjects of its own.
    mark = len(world.deliveries())
    newest: dict[str, str] = {}
    at = 0.0
    other = Meanwhile(world)
    for told, happenings in rounds:
        before = {row.id: row.wanted for row in all_tickets(world)}
        concerned = set()
        for subject, type_ in told:
            at += 1
            id_ = f"{subject}{mark}"
            concerned.add(id_)
            newest[id_] = f"{id_} at {at}"
            extra = {"status": "ISSUE_STATUS_INVESTIGATING"} if "status" in type_ else {}
            world.deliver(issue_event(type_, id_, at=at, title=newest[id_], **extra))
        other.left = list(happenings)
        while other.triage.batch():
            pass
        while other.left:
            other.left.pop(0)(world)
        assert {row.state for row in world.deliveries()} == {"triaged"}
        for id_ in concerned:
            row = ticket_of(world, id_)
            assert row.wanted > before.get(row.id, 0), (
                "a walk that is under way is followed by another"
            )
    for id_, title in newest.items():
        assert title_of(world, id_) == title
    with world.store.read() as session:
        links = tickets.links(session)
        assert len(set(links.values())) == len(links), "each subject has a ticket of its own"
        assert set(session.exec(select(LinkRow.ticket_id))) == {
            row.id for row in all_tickets(world)
        }

"""Subjects that are recorded ahead of their first delivery take the tickets that were there before."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest
from sqlalchemy import event
from sqlmodel import select

from sync.domain.subject import Status
from sync.domain.ticket import Block, Document, TicketRef
from sync.operations.accounts import on_command_line
from sync.operations.errors import NotFound
from sync.operations.recorded import recorded, recorded_for, take_back
from sync.operations.ticket_acts import forget
from sync.operations.ticket_moves import Merging, merge
from sync.rules import Defaults
from sync.rules.load import parse
from sync.sandbox.jira import JiraSandbox
from sync.sandbox.memory import DONE, TO_DO, MemoryTicket, MemoryTracker
from sync.store import subjects
from sync.store.tables import ExpectedRow, JournalRow, TicketState
from sync.worker.adoption import Adoption
from sync.worker.ahead import Ahead, Pair
from sync.worker.sweeps.retention import Keep, prune
from tests.clock import START
from tests.walks.test_asking import ON_INCIDENT
from tests.walks.test_generations import ruled
from tests.walks.test_jira import real as real
from tests.walks.test_jira import sandbox as sandbox
from tests.walks.world import World, issue_event
from tests.worker.sweeps.build import incident

A, B, C, D, E = (f"{n}" * 8 + "-0000-4000-8000-" + "0" * 12 for n in "abcde")
ME = on_command_line()
NOBODY = '[[rule]]\nname = "none"\nproject = "DATA"\nwhen = { title = "no such" }\n'


def ref(id_: str) -> str:
    return f"coalesce:issue:{id_}"


def of_others(jira: MemoryTracker, number: int, text: str = "") -> MemoryTicket:
    """A ticket that a person or another tool made."""
    at = TicketRef(str(500 + number), f"DATA-{500 + number}")
    fields = {
        "summary": "orders look old",
        "description": Document((Block(text, text),)),
        "labels": ["elsewhere"],
    }
    ticket = MemoryTicket(at, "DATA", "Bug", fields, START - 3600)
    jira.tickets[at.id] = ticket
    return ticket


def record(world: World, *pairs: tuple[str, str], apply: bool = True) -> list[Pair]:
    ahead = Ahead(world.store, world.clock, "coalesce", "main", "ada")
    adoption = Adoption(
        world.store, world.tracker, world.rules(), world.clock, "coalesce", apply=apply, ahead=ahead
    )
    return adoption.pairs(pairs)


def fates(pairs: list[Pair]) -> list[str]:
    return [pair.fate.value for pair in pairs]


def ticket_of(world: World, id_: str) -> str:
    """The Jira key of the ticket that a subject belongs to."""
    with world.store.read() as session:
        on = subjects.ticket_ids(session, [ref(id_)])[ref(id_)]
    return next(row.jira_key for row in world.rows() if row.id == on)


def journal(world: World) -> list[JournalRow]:
    with world.store.read() as session:
        return [row for row in session.exec(select(JournalRow)) if row.action == "adopt"]


def test_a_subject_takes_the_ticket_when_it_is_first_heard_of(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    world, theirs = world_on_each_store, of_others(jira, 1)
    assert fates(record(world, (A.upper(), "DATA-501"), apply=False)) == ["ahead"]
    assert recorded(world.store) == [], "a dry run writes nothing"
    assert fates(record(world, (A.upper(), "DATA-501"))) == ["ahead"]
    assert fates(record(world, (A, "DATA-501"))) == ["already"]
    assert f"{A} takes DATA-501 once it is heard of" in recorded(world.store)[0].sentence
    assert world.rows() == []
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    assert jira.alive == [theirs]
    assert (ticket_of(world, A), world.rows()[0].key) == ("DATA-501", ref(A))
    assert journal(world)[0].words == f"DATA-501 was recorded ahead for {ref(A)} by ada"
    assert recorded(world.store) == [], "it was used up"
    world.deliver(issue_event("issue_closed", A, at=9))
    world.settle()
    assert theirs.status == DONE, "it follows its subject"
    before = dict(jira.calls)
    world.deliver(issue_event("issue_closed", A, at=9))
    world.settle()
    assert jira.calls == before


def test_it_takes_it_in_both_dialects(real: World, sandbox: JiraSandbox) -> None:
    key = sandbox.person.create("DATA", "Bug", "somebody's words")
    # Data Center reads many tickets by its search, which lags.
    real.clock.sleep(30)
    record(real, (A, key))
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    (ticket,) = sandbox.tickets()
    assert (ticket.key, ticket.summary) == (key, "somebody's words")
    assert any(label.startswith("ticket-sync") for label in ticket.labels)


def test_a_second_subject_joins_the_ticket_also_within_one_batch(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    world, theirs = world_on_each_store, of_others(jira, 1)
    pairs = [(A, "DATA-501"), (B, "DATA-501"), (C, "DATA-501")]
    assert fates(record(world, *pairs)) == ["ahead"] * 3
    world.deliver(*(issue_event("issue_created", id_, at=1) for id_ in (A, B)))
    world.settle()
    world.deliver(issue_event("issue_created", C, at=2))
    world.settle()
    assert jira.alive == [theirs]
    assert {ticket_of(world, id_) for id_ in (A, B, C)} == {"DATA-501"}
    world.deliver(*(issue_event("issue_closed", id_, at=5) for id_ in (A, B)))
    world.settle()
    assert theirs.status != DONE, "one of them is open"


def test_two_tickets_for_one_subject_are_a_conflict(world: World, jira: MemoryTracker) -> None:
    of_others(jira, 1)
    of_others(jira, 2)
    for apply in (False, True):
        found = record(world, (A, "DATA-501"), (A, "DATA-502"), apply=apply)
        assert fates(found) == ["ahead", "conflict"]
    (again,) = record(world, (A, "DATA-502"))
    assert "DATA-501 is recorded ahead for it; take that back first" in again.words


def test_a_subject_of_a_group_that_has_its_ticket_stays_with_the_group_in_words(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(ruled('group_by = "trigger"'))
    of_others(jira, 1)
    world.deliver(issue_event("issue_created", A, at=1, trigger_name="t"))
    world.settle()
    record(world, (B, "DATA-501"))
    world.deliver(issue_event("issue_created", B, at=2, trigger_name="t"))
    world.settle()
    theirs = ticket_of(world, A)
    assert ticket_of(world, B) == theirs != "DATA-501"
    why = f"rule 'everything' puts it on {theirs}"
    assert (journal(world)[0].result, why in journal(world)[0].words) == ("warning", True)
    (left,) = recorded_for(world.store, "data-501")
    assert left.sentence == f"{B} did not get DATA-501: {why}"


def test_a_ticket_that_is_deleted_meanwhile_is_not_made_twice(
    world: World, jira: MemoryTracker
) -> None:
    theirs = of_others(jira, 1)
    record(world, (A, "DATA-501"))
    theirs.deleted = True
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    assert len(jira.alive) <= 1
    assert len(world.rows()) == 1


def test_what_is_recorded_can_be_taken_back_and_goes_after_its_time(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    world = world_on_each_store
    of_others(jira, 1)
    record(world, (A, "DATA-501"), (B, "DATA-501"))
    with pytest.raises(NotFound):
        take_back(world.store, on_command_line(), [A, C], world.clock.time())
    assert len(recorded(world.store)) == 2, "nothing is taken back where one name is wrong"
    done = take_back(world.store, on_command_line(), [ref(A)], world.clock.time())
    assert done.words == f"Taken back: {A}, DATA-501"
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    assert ticket_of(world, A) != "DATA-501"
    world.clock.sleep(8 * 86_400)
    assert prune(world.store, world.clock, Keep(journal=7 * 86_400))["expected"] == 1
    assert recorded(world.store) == []


def test_an_empty_list_costs_no_query(world: World) -> None:
    sent: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(world.store.engine, "before_cursor_execute", note)
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    event.remove(world.store.engine, "before_cursor_execute", note)
    assert sent
    assert not [one for one in sent if "FROM expected" in one]


def test_a_ticket_that_was_merged_since_gives_the_subject_to_the_other(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    world = world_on_each_store
    for id_ in (B, C):
        world.deliver(issue_event("issue_created", id_, at=1))
        world.settle()
    record(world, (A, "DATA-1"))
    merge(world.store, ME, Merging("DATA-1", "DATA-2"), world.clock.time())
    world.settle()
    world.deliver(issue_event("issue_created", A, at=30))
    world.settle()
    assert ticket_of(world, A) == "DATA-2"
    words = f"DATA-1 was recorded ahead for {ref(A)} by ada, and is DATA-2 now"
    assert words in [row.words for row in journal(world)]
    world.deliver(*(issue_event("issue_closed", id_, at=60) for id_ in (B, C)))
    world.settle()
    assert jira.alive[1].status != DONE, "one of them is open"


def test_an_issue_without_a_rule_goes_on_its_incidents_ticket_all_the_same(
    world: World, jira: MemoryTracker
) -> None:
    of_others(jira, 1)
    record(world, (A, "DATA-501"))
    world.write_rules(ON_INCIDENT)
    world.triage.learn([incident(B, issues=(A,))])
    world.settle()
    world.deliver(issue_event("issue_created", A, at=2))
    world.settle()
    assert ticket_of(world, A) == world.rows()[0].jira_key
    (left,) = recorded(world.store)
    assert left.words == "no rule matches, and it is on its incident's ticket"


def test_an_incident_does_not_come_to_a_ticket_of_issues_that_would_end_with_it(
    world: World, jira: MemoryTracker
) -> None:
    world.deliver(issue_event("issue_created", B, at=1))
    world.settle()
    record(world, (A, "DATA-1"))
    world.triage.learn([incident(A, at=20)])
    world.triage.learn([incident(A, at=90, status=Status.CLOSED)])
    world.settle()
    assert jira.alive[0].status != DONE
    (left,) = recorded(world.store)
    assert left.words == "that is a ticket of issues, which would end with the incident"


def test_what_a_person_decided_about_a_subject_stands_against_a_list(
    world: World, jira: MemoryTracker
) -> None:
    theirs = [of_others(jira, number) for number in (1, 2)]
    world.write_rules(ruled('group_by = "trigger"'))
    world.deliver(*(issue_event("issue_created", id_, at=1, trigger_name="x") for id_ in (A, B)))
    world.settle()
    (own,) = (row.jira_key for row in world.rows())
    forget(world.store, ME, A, world.clock.time())
    world.deliver(issue_event("issue_created", C, at=2, trigger_name="y"))
    while world.triage.batch():
        pass
    merge(world.store, ME, Merging(C, own), world.clock.time())
    world.settle()
    # Others of the same groups, that no rule matched until now.
    world._rules = parse({"rules.toml": NOBODY}, Defaults({"main": "DATA"}, "main"))
    for id_, group in ((D, "y"), (E, "x")):
        world.deliver(issue_event("issue_created", id_, at=3, trigger_name=group))
    world.settle()
    world.write_rules(ruled('group_by = "trigger"'))
    found = record(world, (A, "DATA-501"), (D, "DATA-502"))
    assert [(pair.fate.value, pair.words) for pair in found] == [
        (
            "conflict",
            "its ticket was forgotten by a person; to put it on DATA-501 all the same: "
            f"ticket-sync link {ref(A)} DATA-501",
        ),
        (
            "conflict",
            f"its ticket was merged into {own} by a person; to put it on DATA-502 all the same: "
            f"ticket-sync link {ref(D)} DATA-502",
        ),
    ]
    forget(world.store, ME, own, world.clock.time())
    (pair,) = record(world, (E, own))
    assert pair.words == f"it is forgotten by a person; first: ticket-sync retry {own}"
    world.settle()
    assert [one.status for one in theirs] == [TO_DO, TO_DO]


def test_whatever_the_order_a_subject_has_one_ticket(world: World, jira: MemoryTracker) -> None:
    """Each order of recording A ahead for one ticket and for another, of A's deliveries and of B's."""
    of_others(jira, 1)
    of_others(jira, 2)
    for number, order in enumerate(list(permutations(range(5)))[::7]):
        a, b = (f"{number:08x}-0000-4000-8000-{n:012x}" for n in (1, 2))
        first, second = f"DATA-{501 + 2 * number}", f"DATA-{502 + 2 * number}"
        for at in (1, 2):
            of_others(jira, at + 2 * number)
        acts: list[Callable[[], object]] = [
            lambda a=a, key=first: record(world, (a, key)),  # type: ignore[misc]
            lambda a=a, key=second: record(world, (a, key)),  # type: ignore[misc]
            lambda b=b, key=first: record(world, (b, key)),  # type: ignore[misc]
            lambda a=a: world.deliver(issue_event("issue_created", a, at=1)),  # type: ignore[misc]
            lambda b=b: world.deliver(issue_event("issue_created", b, at=1)),  # type: ignore[misc]
        ]
        made = len(jira.alive)
        for one in order:
            acts[one]()
            world.step()
        world.settle()
        heard, recorded_a = order.index(3), min(order.index(0), order.index(1))
        if recorded_a < heard:
            wanted = first if order.index(0) < order.index(1) else second
            assert ticket_of(world, a) == wanted, order
        else:
            assert ticket_of(world, a) not in (first, second), order
        expected = (recorded_a > heard) + (order.index(2) > order.index(4))
        assert len(jira.alive) - made == expected, order
    with world.store.read() as session:
        assert list(session.exec(select(ExpectedRow))) == []
    assert {row.state for row in world.rows()} == {TicketState.LINKED}

"""People merge tickets and split them: rules, groups and later events leave it at that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sync.domain.errors import Unknown
from sync.domain.ticket import Base, Document, Draft, TicketRef, marker_label
from sync.operations.accounts import on_command_line
from sync.operations.errors import NotFound, Refused
from sync.operations.parked import try_one_again
from sync.operations.ticket_acts import forget, set_aside
from sync.operations.ticket_moves import Linking, Merging, Splitting, link, merge, split
from sync.operations.tickets import TicketQuery, listed
from sync.rules import Defaults
from sync.rules.load import parse
from sync.sandbox.memory import MemoryTicket, MemoryTracker
from sync.sandbox.memory_ticket import TO_DO
from sync.store import claims, epics, subjects
from sync.store.engine import Store
from sync.worker.foresight.forecast import forecast_all
from sync.worker.foresight.why import authors
from sync.worker.triage import by_hand
from tests.walks.world import RULES, SimulatedClock, World, issue_event

ME = on_command_line()
GROUPED = RULES.replace(
    'issue_type = "Bug"', 'issue_type = "Bug"\ngroup_by = "{{ subject.title }}"'
)


@pytest.fixture
def two(world: World) -> World:
    """Two tickets in Jira, DATA-1 and DATA-2, each of one issue."""
    return with_two(world)


@pytest.fixture
def two_on_each_store(world_on_each_store: World) -> World:
    """The same on both databases."""
    return with_two(world_on_each_store)


def with_two(world: World) -> World:
    """A world with two tickets."""
    world.deliver(issue_event("issue_created", "one", at=1))
    world.settle()
    world.deliver(issue_event("issue_created", "two", at=2, title="customers is stale"))
    world.settle()
    return world


def merged(world: World, ticket: str, into: str, *, leave: bool = False, why: str = "") -> str:
    """Merge, and let the walks do the rest; what the person is told."""
    world.clock.sleep(10)
    done = merge(world.store, ME, Merging(ticket, into, why, leave), world.clock.time())
    world.settle()
    return done.words


def split_off(world: World, ticket: str, names: Sequence[str], to: str = "") -> str:
    """Split, and let the walks do the rest; what the person is told."""
    world.clock.sleep(10)
    wish = Splitting(ticket, names, to)
    done = split(world.store, world.rules(), ME, wish, world.clock.time())
    world.settle()
    return done.words


def ticket_of(world: World, ref: str) -> str:
    """The Jira key of a subject's ticket, or our key."""
    with world.store.read() as session:
        id_ = subjects.ticket_ids(session, [ref])[ref]
    (row,) = (row for row in world.rows() if row.id == id_)
    return row.jira_key or row.key


def at_rest(world: World, jira: MemoryTracker) -> None:
    """Nothing is left to do, and no ticket was made twice."""
    found = forecast_all(
        world.store, world.rules(), {"main": world.tracker}, world.clock.time()
    ).whole()
    assert list(found.tickets) == []


def named(jira: MemoryTracker, key: str) -> MemoryTicket:
    """The ticket of a Jira key."""
    (ticket,) = (one for one in jira.alive if one.ref.key == key)
    return ticket


def test_a_merged_ticket_is_closed_as_a_duplicate_and_its_subjects_follow(
    two_on_each_store: World, jira: MemoryTracker
) -> None:
    two = two_on_each_store
    words = merged(two, "DATA-1", "DATA-2", why="same cause")
    assert words == (
        "DATA-1 was merged into DATA-2, with coalesce:issue:one. Whatever comes for it goes to DATA-2. "
        "DATA-1 is linked with it as a duplicate and closed in a moment. To undo it: ticket-sync split "
        "DATA-2 coalesce:issue:one --to DATA-1"
    )
    one, other = jira.alive
    assert one.status.name == "Done"
    assert other.status.name == "To Do"
    assert list(jira.links) == [("Duplicate", one.ref.id, other.ref.id)]
    (said,) = one.comments.values()
    assert said[1] == f"Merged into DATA-2 by {ME.name}: same cause"
    assert other.fields["summary"] == "customers is stale"
    assert set(other.remote_links) == {
        "ticket-sync:coalesce:issue:one",
        "ticket-sync:coalesce:issue:two",
    }
    at_rest(two, jira)
    two.deliver(issue_event("issue_closed", "two", at=60))
    two.settle()
    assert other.status.name == "To Do"
    two.deliver(issue_event("issue_closed", "one", at=61))
    two.settle()
    assert other.status.name == "Done"
    two.deliver(issue_event("issue_created", "one", at=90))
    two.settle()
    assert (one.status.name, other.status.name) == ("Done", "To Do")
    assert len(jira.alive) == 2


def test_a_merge_is_undone_by_a_split_back_to_the_ticket(two: World, jira: MemoryTracker) -> None:
    merged(two, "DATA-1", "DATA-2")
    one, other = jira.alive
    split_off(two, "DATA-2", ["one"], "DATA-1")
    assert (one.status.name, other.status.name) == ("To Do", "To Do")
    assert not jira.links
    at_rest(two, jira)
    two.deliver(issue_event("issue_closed", "one", at=60))
    two.settle()
    assert (one.status.name, other.status.name) == ("Done", "To Do")


def test_an_emptied_ticket_may_be_left_as_it_is(two: World, jira: MemoryTracker) -> None:
    words = merged(two, "DATA-1", "DATA-2", leave=True)
    assert "DATA-1 stays in Jira as it is." in words
    one, _ = jira.alive
    assert (one.status.name, one.comments, jira.links) == ("To Do", {}, {})
    at_rest(two, jira)


def test_a_person_who_opens_the_emptied_ticket_again_wins(two: World, jira: MemoryTracker) -> None:
    merged(two, "DATA-1", "DATA-2")
    one, _ = jira.alive
    one.status = TO_DO
    try_one_again(two.store, ME, "DATA-1", two.clock.time())
    two.settle()
    assert one.status.name == "To Do"
    at_rest(two, jira)


def test_a_site_without_the_type_of_link_goes_without_it(
    two: World, jira: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.sandbox.memory.LINK_TYPES", ("Relates",))
    merged(two, "DATA-1", "DATA-2")
    one, _ = jira.alive
    assert (one.status.name, jira.links) == ("Done", {})
    assert all(row.parked_at is None and row.due_at is None for row in two.rows())


def test_a_group_of_an_emptied_ticket_goes_on_on_the_other(two: World, jira: MemoryTracker) -> None:
    two.write_rules(GROUPED)
    for name, title in (("three", "a"), ("four", "b")):
        two.deliver(issue_event("issue_created", name, at=10, title=title))
        two.settle()
    merged(two, "DATA-3", "DATA-4")
    two.deliver(issue_event("issue_created", "five", at=70, title="a"))
    two.settle()
    assert ticket_of(two, "coalesce:issue:five") == "DATA-4"
    assert len(jira.alive) == 4
    at_rest(two, jira)


def test_split_off_subjects_get_a_ticket_that_no_group_takes_them_from(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    world = world_on_each_store
    world.write_rules(GROUPED)
    world.deliver(*(issue_event("issue_created", f"i{n}", at=n) for n in (1, 2, 3)))
    world.settle()
    (group,) = jira.alive
    words = split_off(world, "DATA-1", ["i1", "i2"])
    assert words.startswith(
        "coalesce:issue:i1, coalesce:issue:i2 left DATA-1 for a ticket of its own."
    )
    _, own = jira.alive
    assert "ticket-sync:coalesce:issue:i1" in own.remote_links
    world.deliver(issue_event("issue_updated", "i1", at=60, description="more"))
    world.deliver(issue_event("issue_closed", "i3", at=61))
    world.write_rules(GROUPED.replace('subject.title }}"', 'subject.title|upper }}"', 1))
    world.settle()
    assert (group.status.name, own.status.name) == ("Done", "To Do")
    world.deliver(
        issue_event("issue_closed", "i1", at=90), issue_event("issue_closed", "i2", at=91)
    )
    world.settle()
    world.deliver(issue_event("issue_created", "i2", at=120))
    world.settle()
    assert own.status.name == "To Do"
    assert len(jira.alive) == 2
    at_rest(world, jira)


def test_what_was_split_off_twice_comes_back_to_a_ticket_of_its_own(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(GROUPED.replace("group_by", 'reopen_within = "1m"\ngroup_by'))
    world.deliver(*(issue_event("issue_created", f"i{n}", at=n) for n in (1, 2)))
    world.settle()
    split_off(world, "DATA-1", ["i1"])
    merged(world, "DATA-2", "DATA-1")
    split_off(world, "DATA-1", ["coalesce:issue:i1"])
    assert ticket_of(world, "coalesce:issue:i1") == "DATA-3"
    world.deliver(issue_event("issue_closed", "i1", at=600))
    world.settle()
    world.clock.sleep(1200)
    world.deliver(issue_event("issue_created", "i1", at=1800))
    world.settle()
    assert ticket_of(world, "coalesce:issue:i1") == "DATA-4"
    at_rest(world, jira)


def test_a_walk_under_way_makes_no_ticket_for_what_was_merged_away(
    two: World, jira: MemoryTracker
) -> None:
    two.deliver(issue_event("issue_created", "three", at=20))
    while two.triage.batch():
        pass
    now = two.clock.time()
    (claim,) = claims.claim(two.store, owner="test", now=now, lease=120, limit=1)
    merge(two.store, ME, Merging("three", "DATA-1"), now)
    two.converger.walk(claim)
    two.settle()
    assert len(jira.alive) == 2
    assert ticket_of(two, "coalesce:issue:three") == "DATA-1"
    at_rest(two, jira)


def test_a_rule_that_holds_does_not_hold_what_a_person_asks_for(
    two: World, jira: MemoryTracker
) -> None:
    merged(two, "DATA-1", "DATA-2")
    two.write_rules(RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nhold = "1h"'))
    split_off(two, "DATA-2", ["one"])
    assert len(jira.alive) == 3


def test_a_reply_that_is_lost_on_the_way_makes_nothing_twice(
    two: World, jira: MemoryTracker
) -> None:
    for call in ("transition", "comment", "link_tickets"):
        jira.fail(call, lambda: Unknown("the reply was lost"), "after")
    merged(two, "DATA-1", "DATA-2")
    one, _ = jira.alive
    assert (one.status.name, len(one.comments), len(jira.links)) == ("Done", 1, 1)
    at_rest(two, jira)


def test_a_merge_costs_no_call_to_tickets_that_it_does_not_change(
    two: World, jira: MemoryTracker
) -> None:
    two.deliver(issue_event("issue_created", "three", at=20))
    two.settle()
    merged(two, "DATA-1", "DATA-2")
    before = jira.calls.total()
    two.deliver(issue_event("issue_updated", "three", at=60))
    two.deliver(issue_event("issue_updated", "one", at=61))
    two.settle()
    assert jira.calls.total() == before


REFUSED = {
    ("nothing", "DATA-2"): "There is no ticket 'nothing'",
    ("DATA-1", "DATA-9"): "There is no ticket 'DATA-9'",
    ("DATA-1", " "): "Name the ticket by its Jira key",
    ("DATA-1", "one"): "DATA-1 cannot be merged into itself",
    ("DATA-1", "three"): "is not in Jira, so no subject can be put on it. It is still to be made",
    ("DATA-1", "four"): " is forgotten, so nothing is written to it. First: .*, or the button",
}


def test_what_cannot_be_merged_is_refused_in_words(two: World, jira: MemoryTracker) -> None:
    two.deliver(issue_event("issue_created", "four", at=16))
    two.settle()
    forget(two.store, ME, "four", two.clock.time())
    two.deliver(issue_event("issue_created", "three", at=20))
    while two.triage.batch():
        pass
    for names, words in REFUSED.items():
        with pytest.raises((Refused, NotFound), match=words):
            merge(two.store, ME, Merging(*names), two.clock.time())


@pytest.mark.parametrize(
    "act",
    [
        lambda store, now: merge(store, ME, Merging("DATA-1", "DATA-9"), now),
        lambda store, now: merge(store, ME, Merging("data-9", "DATA-1"), now),
        lambda store, now: forget(store, ME, "DATA-9", now),
        lambda store, now: set_aside(store, ME, "DATA-9", now),
        lambda store, now: try_one_again(store, ME, "DATA-9", now),
    ],
)
def test_who_names_an_epic_is_told_that_it_is_one(
    two: World, act: Callable[[Store, float], object]
) -> None:
    epic = "main", "DATA", "digest"
    epics.begin(two.store, epic, "Data quality", 1.0)
    epics.made(two.store, epic, "Data quality", "10009", "DATA-9", 1.0)
    with pytest.raises(NotFound, match=r"DATA-9 is the epic 'Data quality'.*one of its tickets"):
        act(two.store, two.clock.time())


def test_an_emptied_ticket_is_listed_with_the_title_of_what_it_was_made_for(two: World) -> None:
    merged(two, "DATA-1", "DATA-2")
    found = listed(two.store, TicketQuery(), two.clock.time()).tickets
    assert {one.ticket: one.title for one in found}["DATA-1"] == "orders is stale"


def test_an_emptied_ticket_that_is_deleted_is_not_made_anew(
    two: World, jira: MemoryTracker
) -> None:
    two.write_rules(
        RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\non_deleted = "recreate"')
    )
    merged(two, "DATA-1", "DATA-2")
    jira.alive[0].deleted = True
    try_one_again(two.store, ME, "DATA-1", two.clock.time())
    two.settle()
    assert [one.ref.key for one in jira.alive] == ["DATA-2"]
    at_rest(two, jira)


def test_who_merges_into_a_parked_ticket_is_told_so(two: World, jira: MemoryTracker) -> None:
    jira.alive[1].deleted = True
    two.deliver(issue_event("issue_updated", "two", at=60, title="late"))
    two.settle()
    assert "DATA-2 is parked: nothing is written to it" in merged(two, "DATA-1", "DATA-2")


def test_a_repeated_merge_says_already(two: World, jira: MemoryTracker) -> None:
    merged(two, "DATA-1", "DATA-2")
    assert merged(two, "DATA-1", "DATA-2").startswith("Already done by")
    with pytest.raises(Refused, match="DATA-1 is merged into DATA-2 already"):
        merged(two, "data-1", "DATA-2")
    two.deliver(issue_event("issue_created", "three", at=80))
    two.settle()
    with pytest.raises(
        Refused, match=r"DATA-1 was merged into DATA-2 itself\. Name DATA-2 instead"
    ):
        merged(two, "DATA-3", "DATA-1")


def test_what_cannot_be_split_off_is_refused_in_words(two: World, jira: MemoryTracker) -> None:
    merged(two, "DATA-1", "DATA-2")
    two.deliver(issue_event("issue_closed", "one", at=60))
    two.settle()
    for names, words in (
        ([], "Name the subjects that are to leave"),
        (["none"], "No issue or incident 'none' is known"),
        (["one", "two"], "All that DATA-2 has is"),
        (["one"], "What has ended needs no ticket of its own: coalesce:issue:one"),
    ):
        with pytest.raises((Refused, NotFound), match=words):
            split_off(two, "DATA-2", names)
    with pytest.raises(Refused, match="DATA-1 does not have coalesce:issue:two: it is on DATA-2"):
        split_off(two, "DATA-1", ["two"])
    with pytest.raises(Refused, match="DATA-2 is the ticket that they are to leave"):
        split_off(two, "DATA-2", ["one"], "DATA-2")


def linked(world: World, name: str, key: str, *, instead: bool = False) -> str:
    """Link, and let the walks do the rest; what the person is told."""
    world.clock.sleep(10)
    wish, sites = Linking(name, key, instead=instead), ({"main": world.tracker}, world.rules())
    done = link(world.store, sites, ME, wish, world.clock.time())
    world.settle()
    return done.words


@pytest.fixture
def theirs(jira: MemoryTracker, world: World) -> MemoryTicket:
    """A ticket that a person made."""
    jira.tickets["77"] = a_ticket_of_a_person(world.clock.time())
    return jira.tickets["77"]


def a_ticket_of_a_person(at: float) -> MemoryTicket:
    """OPS-77, which nobody asked us for."""
    fields = {"summary": "look into orders", "labels": ["mine"], "description": Document()}
    return MemoryTicket(TicketRef("77", "OPS-77"), "OPS", "Bug", fields, at)


def test_a_ticket_of_a_person_becomes_that_of_a_subject_instead_of_one_still_to_be_made(
    world: World, jira: MemoryTracker, theirs: MemoryTicket
) -> None:
    world.write_rules(RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nhold = "1h"'))
    world.deliver(issue_event("issue_created", "one", at=1))
    world.settle()
    assert linked(world, "one", "ops-77").startswith("coalesce:issue:one was linked to OPS-77.")
    assert jira.alive == [theirs]
    assert theirs.fields["summary"] == "look into orders"
    assert "mine" in theirs.fields["labels"]
    assert marker_label("coalesce:issue:one") in theirs.fields["labels"]
    world.deliver(issue_event("issue_closed", "one", at=60, title="all of orders"))
    world.settle()
    assert (theirs.status.name, theirs.fields["summary"]) == ("Done", "all of orders")
    at_rest(world, jira)


def test_one_subject_of_a_group_is_linked_and_the_others_stay(
    world: World, jira: MemoryTracker, theirs: MemoryTicket
) -> None:
    world.write_rules(GROUPED)
    world.deliver(*(issue_event("issue_created", f"i{n}", at=n) for n in (1, 2)))
    world.settle()
    with pytest.raises(Refused, match="The ticket of coalesce:issue:i1 is DATA-2"):
        linked(world, "i1", "OPS-77")
    linked(world, "i1", "OPS-77", instead=True)
    assert [ticket_of(world, f"coalesce:issue:i{n}") for n in (1, 2)] == ["OPS-77", "DATA-2"]
    world.deliver(issue_event("issue_updated", "i1", at=60, description="more"))
    world.settle()
    assert ticket_of(world, "coalesce:issue:i1") == "OPS-77"
    assert len(jira.alive) == 2
    at_rest(world, jira)


def test_what_a_linked_ticket_said_is_credited_to_us_only_once_we_wrote_it(
    world: World, jira: MemoryTracker, theirs: MemoryTicket
) -> None:
    world.deliver(issue_event("issue_created", "one", at=1))
    while world.triage.batch():
        pass
    linked(world, "one", "OPS-77")

    def title() -> str:
        (row,) = (one for one in world.rows() if one.jira_key == "OPS-77")
        return {one.id: one.by for one in authors(Base.from_json(row.base))}["summary"]

    assert theirs.fields["summary"] == "look into orders"
    assert title() == "whoever wrote it before the ticket was taken over"
    world.deliver(issue_event("issue_updated", "one", at=60, title="orders is late"))
    world.settle()
    assert theirs.fields["summary"] != "look into orders"
    assert title().startswith("ticket-sync")


def test_a_ticket_that_its_only_subject_leaves_for_a_persons_is_closed(
    two: World, jira: MemoryTracker, theirs: MemoryTicket
) -> None:
    words = linked(two, "one", "OPS-77", instead=True)
    assert words.endswith("DATA-1 is closed as a duplicate in a moment.")
    assert [(one.ref.key, one.status.name) for one in jira.alive] == [
        ("DATA-1", "Done"),
        ("DATA-2", "To Do"),
        ("OPS-77", "To Do"),
    ]
    at_rest(two, jira)
    # The ticket is ours by now, so another subject joins it.
    linked(two, "two", "OPS-77", instead=True)
    assert ticket_of(two, "coalesce:issue:two") == "OPS-77"
    at_rest(two, jira)


def test_of_two_subjects_that_are_linked_to_a_ticket_at_once_one_is_told_to_try_again(
    two_on_each_store: World, jira: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, draft = two_on_each_store, jira.draft
    jira.tickets["77"] = a_ticket_of_a_person(world.clock.time())

    def overtaken(*args: Any, **given: Any) -> Draft:
        monkeypatch.setattr(jira, "draft", draft)
        linked(world, "two", "OPS-77", instead=True)
        return draft(*args, **given)

    monkeypatch.setattr(jira, "draft", overtaken)
    with pytest.raises(Refused, match="OPS-77 has just become a ticket of ours"):
        linked(world, "one", "OPS-77", instead=True)
    linked(world, "one", "OPS-77", instead=True)
    assert [ticket_of(world, f"coalesce:issue:{name}") for name in ("one", "two")] == ["OPS-77"] * 2
    at_rest(world, jira)


@pytest.mark.parametrize("made", [True, False])
def test_a_ticket_that_is_linked_is_on_the_site_where_it_was_read(
    world: World, clock: SimulatedClock, jira: MemoryTracker, made: bool
) -> None:
    held = RULES if made else RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nhold = "1h"')
    world.write_rules(held)
    world.deliver(issue_event("issue_created", "one", at=1))
    world.settle()
    # Since then, the rule makes its tickets on another site.
    rules = parse({"rules.toml": RULES}, Defaults({"main": "DATA", "other": "DATA"}, "other"))
    sites = {"main": jira, "other": MemoryTracker(clock, site="other")}
    read_on = "main" if made else "other"
    sites[read_on].tickets["77"] = a_ticket_of_a_person(clock.time())
    wish = Linking("one", "OPS-77", instead=made)
    link(world.store, (sites, rules), ME, wish, clock.time())
    assert [(row.jira_key, row.site) for row in world.rows() if row.jira_id == "77"] == [
        ("OPS-77", read_on)
    ]


def test_what_cannot_be_linked_is_refused_in_words(
    two: World, jira: MemoryTracker, theirs: MemoryTicket
) -> None:
    for name, key, words in (
        ("one", "OPS-1", "There is no ticket OPS-1 on main, or our account may not see it"),
        ("one", "DATA-1", "The ticket of coalesce:issue:one is DATA-1 already"),
        ("none", "OPS-77", "No issue or incident 'none' is known"),
        ("one", " ", "Name the ticket in Jira by its key"),
    ):
        with pytest.raises((Refused, NotFound), match=words):
            linked(two, name, key, instead=True)
    jira.hidden.add("OPS")
    with pytest.raises(Refused, match="may not see it"):
        linked(two, "one", "OPS-77", instead=True)


def test_a_subject_of_several_is_forgotten_alone_and_taken_up_again(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    world = world_on_each_store
    world.write_rules(GROUPED)
    world.deliver(*(issue_event("issue_created", f"i{n}", at=n) for n in (1, 2)))
    world.settle()
    done = forget(world.store, ME, "i1", world.clock.time(), why="not ours")
    assert done.words.startswith("coalesce:issue:i1 left DATA-1 and is forgotten")
    world.deliver(issue_event("issue_closed", "i2", at=60))
    world.deliver(issue_event("issue_updated", "i1", at=61, description="more"))
    world.settle()
    (group,) = jira.alive
    assert group.status.name == "Done"
    at_rest(world, jira)
    try_one_again(world.store, ME, "i1", world.clock.time())
    world.settle()
    _, own = jira.alive
    assert "ticket-sync:coalesce:issue:i1" in own.remote_links
    at_rest(world, jira)


def test_a_forgotten_subject_is_merged_back(world: World, jira: MemoryTracker) -> None:
    world.write_rules(GROUPED)
    world.deliver(*(issue_event("issue_created", f"i{n}", at=n) for n in (1, 2)))
    world.settle()
    forget(world.store, ME, "i1", world.clock.time())
    world.settle()
    merged(world, "own:coalesce:issue:i1", "DATA-1")
    assert ticket_of(world, "coalesce:issue:i1") == "DATA-1"
    assert len(jira.alive) == 1
    at_rest(world, jira)


def test_a_merge_that_triage_overtakes_takes_what_came_meanwhile_along(
    world_on_each_store: World, jira: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_on_each_store
    world.write_rules(GROUPED)
    world.deliver(*(issue_event("issue_created", f"i{n}", at=n, title="ab"[n % 2]) for n in (1, 2)))
    world.settle()
    decide, meanwhile = by_hand.merge, [issue_event("issue_created", "i3", at=60, title="a")]

    def overtaken(*args: Any, **more: Any) -> str:
        words = decide(*args, **more)
        while meanwhile:
            world.deliver(meanwhile.pop())
            world.triage.batch()
        return words

    monkeypatch.setattr(by_hand, "merge", overtaken)
    source, into = (ticket_of(world, f"coalesce:issue:i{n}") for n in (2, 1))
    assert "with 2 subjects" in merged(world, source, into)
    assert {ticket_of(world, f"coalesce:issue:i{n}") for n in (1, 2, 3)} == {into}
    assert len(jira.alive) == 2
    at_rest(world, jira)


def test_plan_foresees_that_the_group_of_an_emptied_ticket_goes_to_the_other(
    two: World, jira: MemoryTracker
) -> None:
    two.write_rules(GROUPED)
    for name, title in (("three", "a"), ("four", "b")):
        two.deliver(issue_event("issue_created", name, at=10, title=title))
        two.settle()
    merged(two, "DATA-3", "DATA-4")
    two.write_rules(GROUPED.replace("[rule.fields]", 'when = { kind = "incident" }\n[rule.fields]'))
    two.deliver(issue_event("issue_created", "five", at=70, title="a"))
    two.settle()
    two.write_rules(GROUPED)
    found = forecast_all(two.store, two.rules(), {"main": two.tracker}, two.clock.time()).whole()
    assert [one.ticket for one in found.tickets] == ["DATA-4"]

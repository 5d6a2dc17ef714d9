"""Turned on, off and on again, an edit, a new store, a second daemon: nothing from before is told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.domain.ticket import TicketRef
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, TO_DO
from sync.store.engine import Store, open_store
from sync.worker.adoption import Adoption, Fate
from tests.walks.both_ways import BothWays, both_ways, quiet, telling

ALL = 'comments = "all"\ncopy_comments = true\nannounce = true'
BEN = {"name": "Ben", "email": {"user_email": "ben@example.com"}}


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules", ALL) as made:
        yield made


@pytest.fixture
def new_store(tmp_path: Path, sqlite_template: Path) -> Iterator[Store]:
    file = tmp_path / "new.db"
    shutil.copy(sqlite_template, file)
    store = open_store(f"sqlite:///{file}")
    yield store
    store.close()


def written(world: BothWays) -> tuple[object, ...]:
    """All that was written on either side."""
    return (
        len(world.sandbox.events),
        [world.remarks(one) for one in world.sandbox.issues.values()],
        [(one.ref.key, len(one.acts), len(one.talk)) for one in world.jira.alive],
    )


def learn(world: BothWays) -> None:
    """Ask upstream for all issues with their comments, and read all tickets."""
    world.triage.learn(world.upstream.api.issues(list(world.sandbox.issues)))
    world.look()
    world.settle()


def adopt(world: BothWays) -> list[Fate]:
    """Take over the tickets that bear our markers."""
    adoption = Adoption(
        world.store,
        world.jira,
        world.rules(),
        world.clock,
        "coalesce",
        api=world.upstream.api,
        apply=True,
    )
    return [pair.fate for pair in adoption.marked()]


def test_turning_it_on_off_and_on_over_many_tickets_writes_nothing_on_either_side(
    world: BothWays,
) -> None:
    world.edit(None)
    pairs = [world.opened() for _ in range(30)]
    for number, (issue, ticket) in enumerate(pairs):
        if number % 3 == 0:
            world.act(ticket, DONE, resolution="Done")
        if number % 5 == 0:
            world.say(ticket, "here")
            world.sandbox.comment(issue.id, "there", BEN)
        if number % 7 == 0:
            world.sandbox.mark(issue.id, "expected")
    world.settle()
    before = written(world)
    for more in (ALL, None, ALL):
        world.clock.sleep(86_400)
        world.edit(more)
        world.settle()
        learn(world)
        assert written(world) == before
    quiet(world)
    issue, ticket = pairs[3]
    world.act(ticket, IN_PROGRESS, resolution="")
    world.settle()
    assert issue.status == "investigating"
    world.say(ticket, "now")
    world.settle()
    assert world.remarks(issue)[-1].startswith("Anna in Jira:\n\nnow")
    quiet(world)


def test_another_meaning_of_done_marks_nothing_until_the_next_close(world: BothWays) -> None:
    pairs = [world.opened() for _ in range(5)]
    for _, ticket in pairs:
        world.act(ticket, DONE, resolution="Done")
    world.settle()
    before = written(world)
    world.edit(ALL, done="expected")
    world.settle()
    assert written(world) == before
    _, ticket = pairs[0]
    world.clock.sleep(60)
    world.act(ticket, TO_DO, resolution="")
    world.settle()
    world.clock.sleep(60)
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    assert [one.status for one, _ in pairs] == ["expected", *["fixed"] * 4]
    quiet(world)


@pytest.mark.parametrize("by_hand", [True, False], ids=["adopted", "found by its marker"])
def test_a_new_store_copies_no_comment_again(
    world: BothWays, new_store: Store, by_hand: bool
) -> None:
    issue, ticket = world.opened()
    world.say(ticket, "here")
    world.sandbox.comment(issue.id, "there", BEN)
    world.settle()
    learn(world)
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    world.clock.sleep(86_400)
    before = written(world)
    again = BothWays(new_store, world.folder, world.upstream, ALL, before=world)
    if by_hand:
        assert adopt(again) == [Fate.ADOPT]
    else:
        world.sandbox.update_issue(issue.id)
    again.settle(within=300)
    learn(again)
    assert written(again)[1:] == before[1:]
    assert issue.status == "fixed"
    quiet(again)
    world.clock.sleep(60)
    again.say(ticket, "once more")
    again.act(ticket, IN_PROGRESS, resolution="")
    again.settle()
    assert issue.status == "investigating"
    assert len(issue.remarks) == 4
    quiet(again)
    again.inbox.close()


def test_two_daemons_with_stores_of_their_own_do_not_answer_each_other(
    world: BothWays, new_store: Store
) -> None:
    issue, ticket = world.opened()
    world.clock.sleep(60)
    other = BothWays(new_store, world.folder, world.upstream, ALL, before=world)
    assert adopt(other) == [Fate.ADOPT]

    def both() -> None:
        for _ in range(60):
            for one in (world, other):
                one.look()
                one.send()
                one.step()
            world.clock.sleep(5)

    both()
    for to, resolution, status in (
        (DONE, "Done", "fixed"),
        (IN_PROGRESS, "", "investigating"),
        (DONE, "Won't Do", "no_action_needed"),
    ):
        events = len(world.sandbox.events)
        world.act(ticket, to, resolution=resolution)
        both()
        assert (issue.status, ticket.status) == (status, to)
        assert len(world.sandbox.events) == events + 1
    world.say(ticket, "here")
    world.sandbox.comment(issue.id, "there", BEN)
    for one in (world, other):
        one.triage.learn(one.upstream.api.issues([issue.id]))
    both()
    copies = [text for _, text in ticket.comments.values() if text.endswith("there")]
    told = [text for text in world.remarks(issue) if "\n\nhere\n\n" in text]
    assert (len(copies), len(told)) == (1, 1)
    before = written(world)
    both()
    assert written(world) == before
    other.inbox.close()


def test_a_ticket_that_is_moved_is_announced_no_more_and_one_made_anew_is(world: BothWays) -> None:
    world.write_rules(
        telling(ALL).replace('issue_type = "Bug"', 'issue_type = "Bug"\non_deleted = "recreate"', 1)
    )
    issue, ticket = world.opened()
    assert len(issue.remarks) == 1
    ticket.ref, ticket.project = TicketRef(ticket.ref.id, "OPS-7"), "OPS"
    world.look()
    world.settle()
    assert len(issue.remarks) == 1
    ticket.deleted = True
    world.look()
    world.settle()
    (other,) = world.jira.alive
    address = world.jira.browse_url(other.ref.key)
    assert world.remarks(issue)[1:] == [f"Jira ticket {other.ref.key}:\n\n{address}"]
    quiet(world)


def test_a_close_that_waits_while_it_is_turned_on_is_still_carried_out(world: BothWays) -> None:
    world.edit(None)
    issue, ticket = world.opened()
    world.sandbox.close_issue(issue.id)
    world.send()
    world.edit(ALL)
    world.settle()
    assert ticket.status == DONE
    quiet(world)

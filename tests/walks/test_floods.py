"""More acts than a person would expect wait until a person accepts or rejects them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from sync.adapters.coalesce import ApiUpstream
from sync.domain.admission import Admission
from sync.sandbox.coalesce.subjects import Issue
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, TO_DO, MemoryTicket
from sync.store import admissions, claims, parking, tickets
from sync.store.admissions import Counts
from sync.store.engine import Store
from sync.worker.walk.converge import Converger
from sync.worker.walk.guard import Guard
from sync.worker.walk.telling import Ways
from tests.walks.both_ways import STAND_IN, BothWays, both_ways, telling

ALL = 'comments = "all"\ncopy_comments = true'
Pairs = list[tuple[Issue, MemoryTicket]]


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules", ALL) as made:
        yield made


@pytest.fixture
def world_on_each_store(store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(store, tmp_path / "rules", ALL) as made:
        yield made


def daemon(world: BothWays, most: int = 50) -> Converger:
    """The walks of a daemon that has just started on the world's store."""
    way = ApiUpstream(world.upstream.api, STAND_IN, world.clock)
    ways = Ways({"coalesce": way}, {"coalesce": world.upstream.api}, guard=Guard(most))
    trackers = {world.jira.site: world.jira}
    return Converger(world.store, trackers, world.rules, world.clock, jitter=lambda: 0.5, ways=ways)


def opened(world: BothWays, count: int) -> Pairs:
    """So many issues, each with its ticket."""
    issues = [world.sandbox.open_issue() for _ in range(count)]
    world.settle()
    with world.store.read() as session:
        rows = [tickets.find(session, issue.id) for issue in issues]
    by_key = {ticket.ref.key: ticket for ticket in world.jira.alive}
    return [(i, by_key[row.jira_key]) for i, row in zip(issues, rows, strict=True) if row]


def close(world: BothWays, pairs: Pairs) -> None:
    """A person closes all the tickets at once."""
    for _, ticket in pairs:
        world.act(ticket, DONE, resolution="Done", heard=False)
    world.look()
    world.settle()


def marked(pairs: Pairs, status: str = "fixed") -> int:
    """How many of the issues have that mark."""
    return sum(issue.status == status for issue, _ in pairs)


def counted(world: BothWays) -> Counts:
    with world.store.read() as session:
        return admissions.counts(admissions.grouped(session))


def decide(world: BothWays, decision: Admission) -> Counts:
    done = admissions.decide(world.store, decision, world.clock.time())
    world.settle()
    return done


@pytest.mark.proof
def test_of_500_tickets_closed_at_once_50_are_told_and_the_rest_wait_over_a_restart(
    world: BothWays,
) -> None:
    pairs = opened(world, 500)
    close(world, pairs)
    assert (marked(pairs), counted(world)) == (50, Counts(450, 450))
    world.converger = daemon(world)
    for _ in range(2):
        world.clock.sleep(700)
        world.look()
        world.settle()
    assert (marked(pairs), counted(world)) == (50, Counts(450, 450))
    assert {ticket.status for _, ticket in pairs} == {DONE}
    again = [pair for pair in pairs if not pair[0].status][:20]
    for _, ticket in again:
        world.act(ticket, TO_DO)
    assert decide(world, Admission.ACCEPTED) == Counts(450, 450)
    assert (marked(pairs), counted(world)) == (480, Counts())
    assert {(issue.status or "", ticket.status) for issue, ticket in again} == {("", TO_DO)}


def test_what_is_rejected_is_never_told_and_the_next_act_is(world: BothWays) -> None:
    world.converger = daemon(world, most=2)
    pairs = opened(world, 6)
    for _, ticket in pairs:
        world.say(ticket, "closing all of these")
    close(world, pairs)
    told = [pair for pair in pairs if pair[0].status]
    rest = [pair for pair in pairs if pair not in told]
    assert (len(told), counted(world)) == (1, Counts(acts=10, tickets=5))
    assert decide(world, Admission.REJECTED) == Counts(10, 5)
    world.clock.sleep(700)
    world.look()
    world.settle()
    assert (marked(rest, ""), counted(world)) == (5, Counts())
    assert not any(world.remarks(issue) for issue, _ in rest)
    for issue, ticket in rest:
        world.clock.sleep(700)
        world.act(ticket, IN_PROGRESS, resolution="")
        world.say(ticket, "back")
        world.settle()
        assert issue.status == "investigating"
        assert [text.split("\n\n")[1] for text in world.remarks(issue)] == ["back"]


def test_an_act_after_the_rejection_is_told_although_no_daemon_ran_then(world: BothWays) -> None:
    world.converger = daemon(world, most=0)
    [(issue, ticket)] = opened(world, 1)
    close(world, [(issue, ticket)])
    world.converger = daemon(world)
    admissions.decide(world.store, Admission.REJECTED, world.clock.time())
    world.clock.sleep(60)
    world.act(ticket, IN_PROGRESS, resolution="")
    world.say(ticket, "back")
    world.settle()
    assert issue.status == "investigating"
    assert len(world.remarks(issue)) == 1


def test_while_tickets_wait_the_acts_of_others_are_told_once_ten_minutes_have_passed(
    world: BothWays,
) -> None:
    world.converger = daemon(world, most=2)
    pairs = opened(world, 5)
    close(world, pairs[:4])
    world.act(pairs[4][1], IN_PROGRESS)
    world.settle()
    assert counted(world) == Counts(3, 3)
    other = opened(world, 1)
    world.clock.sleep(700)
    close(world, other)
    assert (marked(other), counted(world)) == (1, Counts(3, 3))


def test_a_ticket_that_waits_stays_where_it_is_until_somebody_acts_upstream(
    world: BothWays,
) -> None:
    world.converger = daemon(world, most=0)
    [(issue, ticket)] = opened(world, 1)
    close(world, [(issue, ticket)])
    world.sandbox.comment(issue.id, "looking into it", {"name": "Ben"})
    world.sandbox.update_issue(issue.id, title="orders is stale again")
    world.settle()
    assert [one.text.split("\n\n")[1] for one in ticket.talk.values()] == ["looking into it"]
    assert (ticket.status, issue.status or "") == (DONE, "")
    assert counted(world) == Counts(1, 1)
    world.clock.sleep(30)
    world.sandbox.mark(issue.id, "investigating")
    world.settle()
    assert (ticket.status, counted(world)) == (IN_PROGRESS, Counts())


def test_a_ticket_waits_as_a_whole_and_is_told_as_a_whole(world: BothWays) -> None:
    world.converger = daemon(world, most=2)
    [(issue, ticket)] = opened(world, 1)
    for text in ("one", "two"):
        world.say(ticket, text)
    close(world, [(issue, ticket)])
    world.say(ticket, "three")
    world.settle()
    assert (world.remarks(issue), counted(world)) == ([], Counts(4, 1))
    decide(world, Admission.ACCEPTED)
    said = [text.split("\n\n")[1] for text in world.remarks(issue)]
    assert (issue.status, said, counted(world)) == ("fixed", ["one", "two", "three"], Counts())


def test_what_a_person_accepted_does_not_count(world: BothWays) -> None:
    world.converger = daemon(world, most=2)
    pairs = opened(world, 6)
    close(world, pairs)
    world.clock.sleep(700)
    decide(world, Admission.ACCEPTED)
    assert marked(pairs) == 6
    others = opened(world, 2)
    close(world, others)
    assert marked(others) == 2


def test_what_was_accepted_is_told_although_upstream_fails_meanwhile(world: BothWays) -> None:
    world.converger = daemon(world, most=0)
    pairs = opened(world, 3)
    close(world, pairs)
    world.upstream.rest.faults.add(path="mark-fixed", count=4, status=503)
    admissions.decide(world.store, Admission.ACCEPTED, world.clock.time())
    world.settle(within=3600)
    assert (marked(pairs), counted(world)) == (3, Counts())


def test_an_act_whose_call_is_tried_again_counts_once(world: BothWays) -> None:
    world.converger = daemon(world, most=2)
    pairs = opened(world, 2)
    world.upstream.rest.faults.add(path="mark-fixed", count=4, status=503)
    close(world, pairs)
    world.settle(within=3600)
    assert marked(pairs) == 2


def test_two_daemons_on_one_store_share_the_count(world_on_each_store: BothWays) -> None:
    world = world_on_each_store
    both = [daemon(world, most=5), daemon(world, most=5)]
    pairs = opened(world, 12)
    for _, ticket in pairs:
        world.act(ticket, DONE, resolution="Done", heard=False)
    world.look()
    for time in (0, 20, 20, 20):
        world.clock.sleep(time)
        found = claims.claim(world.store, owner="both", now=world.clock.time(), lease=120, limit=50)
        for number, claim in enumerate(found):
            both[number % 2].walk(claim)
    world.settle()
    assert (marked(pairs), counted(world)) == (5, Counts(7, 7))
    with world.store.read() as session:
        groups = admissions.grouped(session)
    assert [(one.admission, one.rule, one.acts) for one in groups] == [
        (Admission.WAITING, "everything", 7)
    ]
    decide(world, Admission.ACCEPTED)
    assert (marked(pairs), counted(world)) == (12, Counts())


def test_the_log_says_once_that_acts_begin_to_wait(world: BothWays) -> None:
    world.converger = daemon(world, most=1)
    pairs = opened(world, 4)
    with structlog.testing.capture_logs() as logged:
        close(world, pairs)
        world.converger = daemon(world, most=1)
        close(world, opened(world, 2))
    said = [one for one in logged if one["event"] == "acts wait to be told upstream"]
    assert [one["why"] for one in said] == ["more than 1 (large_upstream) in ten minutes"]


def test_turning_announcements_on_floods_nobody(sqlite_store: Store, tmp_path: Path) -> None:
    with both_ways(sqlite_store, tmp_path / "rules") as world:
        world.converger = daemon(world, most=2)
        pairs = opened(world, 6)
        world.edit("announce = true")
        world.settle()
        assert not any(world.remarks(issue) for issue, _ in pairs)
        assert counted(world) == Counts()
        (new,) = opened(world, 1)
        assert len(world.remarks(new[0])) == 1


def test_when_telling_is_turned_off_nothing_waits_any_more(world: BothWays) -> None:
    world.converger = daemon(world, most=0)
    pairs = opened(world, 3)
    close(world, pairs)
    assert counted(world) == Counts(3, 3)
    world.edit(None)
    world.settle()
    assert (marked(pairs, ""), counted(world)) == (3, Counts())
    world.edit(ALL)
    world.settle()
    assert (marked(pairs, ""), counted(world)) == (3, Counts())


def test_older_comments_are_told_when_a_person_asks_for_that(world: BothWays) -> None:
    world.edit(None)
    pairs = opened(world, 3)
    for _, ticket in pairs:
        world.say(ticket, "from before")
    world.settle()
    world.edit(ALL)
    world.settle()
    world.converger = daemon(world, most=2)
    assert not any(world.remarks(issue) for issue, _ in pairs)
    with world.store.read() as session:
        ids = admissions.ids_of_rule(session, "everything")
    assert admissions.tell_older(world.store, ids, world.clock.time()) == 3
    world.settle()
    told = [world.remarks(issue) for issue, _ in pairs]
    assert (sorted(map(len, told)), counted(world)) == ([0, 1, 1], Counts(1, 1))
    decide(world, Admission.ACCEPTED)
    assert admissions.tell_older(world.store, ids, world.clock.time()) == 3
    world.settle()
    assert [len(world.remarks(issue)) for issue, _ in pairs] == [1, 1, 1]


def test_older_comments_are_told_also_where_nothing_was_agreed_yet(world: BothWays) -> None:
    world.edit(None)
    [(issue, ticket)] = opened(world, 1)
    world.say(ticket, "from before")
    close(world, [(issue, ticket)])
    world.write_rules(telling(ALL))
    with world.store.read() as session:
        ids = admissions.ids_of_rule(session, "everything")
    admissions.tell_older(world.store, ids, world.clock.time())
    world.settle()
    assert (issue.status or "", ticket.status, len(world.remarks(issue))) == ("", DONE, 1)


def test_a_comment_that_was_told_before_an_edit_of_the_rule_is_not_told_again(
    world: BothWays,
) -> None:
    [(issue, ticket)] = opened(world, 1)
    world.say(ticket, "told")
    world.settle()
    world.edit(ALL + '\nignore = ["nobody"]')
    world.settle()
    with world.store.read() as session:
        ids = admissions.ids_of_rule(session, "everything")
    said = world.rows()[0].base["agreement"]["heard"]
    admissions.tell_older(world.store, ids, world.clock.time())
    world.settle()
    assert (len(said), len(world.remarks(issue))) == (1, 1)


def held_ticket(world: BothWays) -> tuple[Issue, MemoryTicket]:
    """A ticket that Jira and upstream have turned round and round."""
    [(issue, ticket)] = opened(world, 1)
    world.act(ticket, IN_PROGRESS)
    world.settle()
    for _ in range(6):
        world.clock.sleep(20)
        world.act(ticket, DONE, resolution="Done")
        world.settle()
        world.clock.sleep(20)
        world.sandbox.mark(issue.id, "investigating")
        world.settle()
    return issue, ticket


def test_a_held_ticket_is_found_and_let_go_by_a_retry(world: BothWays) -> None:
    issue, ticket = held_ticket(world)
    assert counted(world) == Counts(held=1)
    with world.store.read() as session:
        found = admissions.some(session, Admission.HELD, 10)
    assert [row.jira_key for row in found] == [ticket.ref.key]
    world.act(ticket, TO_DO)
    world.say(ticket, "while it is held")
    world.settle()
    assert len([words for words in world.journal() if "held: Jira" in words]) == 1
    ids = [row.id or 0 for row in found]
    parking.retry_all(world.store, ids, world.clock.time(), "the site is up again")
    world.settle()
    assert counted(world) == Counts(held=1)
    with world.store.write() as session:
        parking.retry(session, found, world.clock.time(), "asked for by hand")
    world.settle()
    assert (counted(world), ticket.status, issue.status) == (Counts(), TO_DO, "investigating")
    assert world.remarks(issue) == []
    world.clock.sleep(60)
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    assert issue.status == "fixed"

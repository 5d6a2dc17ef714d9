"""What people, robots and we do in Jira, told by notices: read once, never answered without end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from sync.domain.errors import Unknown
from sync.domain.notice import Notice
from sync.domain.ticket import marker_label
from sync.sandbox.memory import DONE, MemoryTicket, MemoryTracker
from sync.store import claims
from sync.store.engine import Store
from sync.store.notices import FREE, LONGEST, STILL, Notices
from tests.walks.test_lifecycle import A
from tests.walks.world import RULES, SimulatedClock, World, issue_event

B = "another-issue"
WRITES = ("create", "update", "transition", "comment", "edit_comment", "link_remote")


@pytest.fixture
def notices(world: World, clock: SimulatedClock) -> Notices:
    return Notices(world.store, lambda: clock.time())


@pytest.fixture
def ticket(world: World, jira: MemoryTracker) -> MemoryTicket:
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    return jira.alive[0]


def tell(notices: Notices, *tickets: MemoryTicket, event: str = "jira:issue_updated") -> int:
    """Have the site tell of tickets; how many are ours."""
    return len(notices.write([("main", Notice(one.ref.id, event, 1.0)) for one in tickets]))


def calls_of(jira: MemoryTracker, work: Callable[[], object]) -> Counter[str]:
    """What is asked of Jira meanwhile."""
    before = Counter(jira.calls)
    work()
    return Counter(jira.calls) - before


def test_a_marker_that_a_person_took_off_is_put_back_within_seconds(
    world: World, ticket: MemoryTicket, notices: Notices, clock: SimulatedClock
) -> None:
    began = clock.time()
    ticket.fields["labels"] = []
    tell(notices, ticket)
    world.settle()
    assert ticket.carries(marker_label(world.rows()[0].key))
    assert clock.time() - began < 10


def test_a_ticket_that_a_person_deleted_is_made_anew_where_the_rule_says_so(
    world: World, jira: MemoryTracker, ticket: MemoryTicket, notices: Notices
) -> None:
    world.write_rules(
        RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\non_deleted = "recreate"')
    )
    ticket.deleted = True
    tell(notices, ticket, event="jira:issue_deleted")
    world.settle()
    (again,) = jira.alive
    assert again is not ticket


def test_a_ticket_that_a_person_closed_stays_closed(
    world: World, jira: MemoryTracker, ticket: MemoryTicket, notices: Notices
) -> None:
    ticket.status = DONE
    tell(notices, ticket)
    asked = calls_of(jira, world.settle)
    assert (asked["read"], sum(asked[name] for name in WRITES)) == (1, 0)
    assert ticket.status == DONE


def test_a_parked_ticket_whose_cause_a_person_removed_is_tried_again_at_once(
    world: World, jira: MemoryTracker, ticket: MemoryTicket, notices: Notices
) -> None:
    jira.hidden.add("DATA")
    world.deliver(issue_event("issue_updated", A, at=2, title="later"))
    world.settle()
    assert world.rows()[0].parked_at is not None
    jira.hidden.clear()
    tell(notices, ticket)
    world.settle(within=30)
    assert world.rows()[0].parked_at is None
    assert ticket.fields["summary"] == "later"


def test_our_own_write_is_read_once_and_nothing_is_written_for_it(
    world: World, jira: MemoryTracker, ticket: MemoryTicket, notices: Notices
) -> None:
    world.deliver(issue_event("issue_closed", A, at=2))
    world.settle()
    # The update, the move and the comment of one walk.
    for event in ("jira:issue_updated", "jira:issue_updated", "comment_created"):
        tell(notices, ticket, event=event)
    asked = calls_of(jira, world.settle)
    assert (asked["read"], sum(asked[name] for name in WRITES)) == (1, 0)
    assert world.rows()[0].due_at is None


def test_a_notice_that_is_there_before_our_writes_reply_costs_one_read(
    world: World,
    jira: MemoryTracker,
    ticket: MemoryTicket,
    notices: Notices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transition = jira.transition

    def told_first(*given: Any) -> None:
        transition(*given)
        tell(notices, ticket)

    monkeypatch.setattr(jira, "transition", told_first)
    world.deliver(issue_event("issue_closed", A, at=2))
    asked = calls_of(jira, world.settle)
    # One read is of the walk that closes the ticket, the other of the notice.
    assert (asked["read"], asked["transition"], asked["comment"]) == (2, 1, 1)
    assert ticket.status == DONE
    assert world.rows()[0].due_at is None


def test_a_notice_between_a_lost_reply_and_its_repair_makes_no_second_comment(
    world: World, jira: MemoryTracker, ticket: MemoryTicket, notices: Notices
) -> None:
    jira.fail("comment", lambda: Unknown("no answer came"), "after")
    world.deliver(issue_event("issue_closed", A, at=2))
    world.step()
    tell(notices, ticket, event="comment_created")
    world.settle()
    assert [text for _, text in ticket.comments.values()] == ["Closed upstream."]


def test_a_robot_that_undoes_what_a_rule_insists_on_is_answered_ever_less_often(
    world: World, ticket: MemoryTicket, notices: Notices, clock: SimulatedClock, jira: MemoryTracker
) -> None:
    insisting = '[rule.ownership]\nsummary = "source"\n\n[rule.fields]'
    world.write_rules(RULES.replace("[rule.fields]", insisting))
    end, reads = clock.time() + 3600, jira.calls["read"]
    written: list[float] = []
    while clock.time() < end:
        if ticket.fields["summary"] != "robot":
            ticket.fields["summary"] = "robot"
            tell(notices, ticket)
            written.append(clock.time())
        world.step()
        clock.sleep(1.0)
    # Without a bound it would be 1,200 times.
    assert 3600 / LONGEST / 2 <= len(written) <= 6 * (FREE + 10)
    assert jira.calls["read"] - reads <= len(written)
    assert ticket.fields["summary"] in ("robot", "orders is stale")


def test_each_further_look_waits_longer_until_the_ticket_has_been_calm(
    ticket: MemoryTicket, notices: Notices, world: World, clock: SimulatedClock
) -> None:
    waits = []
    for _ in range(FREE + 9):
        now = clock.time()
        tell(notices, ticket)
        waits.append((world.rows()[0].due_at or 0.0) - now)
        clock.sleep(waits[-1] + 0.001)
        world.step()
    assert waits[:FREE] == pytest.approx([STILL] * FREE)
    assert waits[FREE:] == pytest.approx([4, 8, 16, 32, 64, LONGEST, LONGEST, LONGEST, LONGEST])
    clock.sleep(600)
    now = clock.time()
    tell(notices, ticket)
    assert (world.rows()[0].due_at or 0.0) - now == pytest.approx(STILL)


def test_later_notices_do_not_put_off_the_look(
    ticket: MemoryTicket, notices: Notices, world: World, clock: SimulatedClock
) -> None:
    began = clock.time()
    for _ in range(10):
        tell(notices, ticket)
        clock.sleep(0.15)
    assert world.rows()[0].due_at == pytest.approx(began + STILL)


def test_a_notice_counts_although_a_walk_for_another_reason_came_first(
    world: World, jira: MemoryTracker, ticket: MemoryTicket, notices: Notices, clock: SimulatedClock
) -> None:
    for _ in range(FREE + 6):
        tell(notices, ticket)
        clock.sleep((world.rows()[0].due_at or 0.0) - clock.time() + 0.001)
        world.step()
    tell(notices, ticket)
    # The look waits for two minutes, but upstream has news now.
    world.deliver(issue_event("issue_updated", A, at=900, title="later"))
    world.step()
    assert world.rows()[0].due_at is None
    ticket.fields["labels"] = []
    tell(notices, ticket)
    world.settle()
    assert ticket.carries(marker_label(world.rows()[0].key))


def test_a_thousand_notices_of_two_tickets_are_two_walks(
    world: World, jira: MemoryTracker, ticket: MemoryTicket, notices: Notices
) -> None:
    world.deliver(issue_event("issue_created", B, at=1))
    world.settle()
    told = [("main", Notice(one.ref.id)) for one in jira.alive] * 500
    assert len(notices.write(told)) == 2
    assert calls_of(jira, world.settle)["read"] == 2


def test_a_look_of_another_claim_is_not_lost(
    store: Store, clock: SimulatedClock, tmp_path: Any
) -> None:
    jira = MemoryTracker(clock)
    world = World(store, jira, clock, tmp_path / "rules")
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    notices = Notices(store, lambda: clock.time())
    tell(notices, jira.alive[0])
    clock.sleep(STILL + 1)
    (claim,) = claims.claim(store, owner="one", now=clock.time(), lease=60, limit=5)
    # While it is walked, a person takes the label off.
    world.converger.walk(claim)
    (row,) = world.rows()
    assert (row.due_at, row.look) == (None, False)
    tell(notices, jira.alive[0])
    assert [(row.due_at is not None, row.look) for row in world.rows()] == [(True, True)]
    world.close()

"""Lost replies: one ticket, one comment, one move, whatever became of the answer."""

from __future__ import annotations

import pytest

from sync.domain.errors import Cause, Missing, Outage, Refused, Rejected, Scope, SiteDown, Unknown
from sync.sandbox.memory import MemoryTracker
from sync.store import leases, tickets
from tests.walks.test_lifecycle import A
from tests.walks.world import World, issue_event


def lost() -> Unknown:
    return Unknown("the reply was lost")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_create_whose_reply_is_lost_makes_one_ticket_although_the_index_lags(
    world_on_each_store: World, jira: MemoryTracker, moment
) -> None:
    jira.fail("create", lost, moment)
    world_on_each_store.deliver(issue_event("issue_created", A, at=1))
    world_on_each_store.settle()
    assert len(jira.alive) == 1
    assert world_on_each_store.rows()[0].jira_key == jira.alive[0].ref.key
    assert jira.calls["create"] == (1 if moment == "after" else 2)


def test_nothing_is_created_again_before_the_index_must_have_caught_up(
    world: World, jira: MemoryTracker
) -> None:
    jira.fail("create", lost)
    world.deliver(issue_event("issue_created", A, at=1))
    begun = world.clock.time()
    world.step()
    while jira.calls["create"] == 1:
        world.clock.sleep(0.5)
        world.step()
    assert world.clock.time() - begun >= jira.index_lag
    assert jira.calls["find"] >= 3


def test_of_two_tickets_with_one_marker_the_older_is_adopted_and_the_other_reported(
    world: World, jira: MemoryTracker
) -> None:
    jira.fail("create", lost, "after")
    world.deliver(issue_event("issue_created", A, at=1))
    world.step()
    (first,) = jira.alive
    copy = type(first)(
        type(first.ref)("99999", "DATA-99999"), "DATA", "Bug", dict(first.fields), first.created_at
    )
    jira.tickets[copy.ref.id] = copy
    world.settle()
    assert world.rows()[0].jira_key == first.ref.key
    assert any("DATA-99999" in line for line in world.journal())
    assert not copy.deleted


def test_a_person_who_was_faster_than_the_adoption_keeps_their_edit(
    world: World, jira: MemoryTracker
) -> None:
    jira.fail("create", lost, "after")
    world.deliver(issue_event("issue_created", A, at=1))
    world.step()
    jira.alive[0].fields["summary"] = "mine"
    world.settle()
    world.deliver(issue_event("issue_updated", A, at=2, description="Something else."))
    world.settle()
    assert jira.alive[0].fields["summary"] == "mine"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", ["transition", "comment", "update", "link_remote", "read"])
def test_any_lost_reply_on_the_way_to_closed_leaves_one_closed_ticket_with_one_comment(
    world: World, jira: MemoryTracker, call: str, moment
) -> None:
    jira.fail(call, lost, moment)
    world.deliver(issue_event("issue_created", A, at=1))
    if call == "update":
        world.settle()
    world.deliver(issue_event("issue_closed", A, at=2, title="changed"))
    world.settle()
    (ticket,) = jira.alive
    assert ticket.status.name == "Done"
    assert [text for _, text in ticket.comments.values()] == ["Closed upstream."]
    assert len(ticket.remote_links) == 1
    assert ticket.fields["summary"] == "changed"


def test_a_close_of_ours_whose_reply_was_lost_is_taken_back_when_upstream_does(
    world: World, jira: MemoryTracker
) -> None:
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    jira.fail("transition", lost, "after")
    world.deliver(issue_event("issue_closed", A, at=2))
    world.step()
    (ticket,) = jira.alive
    assert ticket.status.name == "Done"
    world.deliver(issue_event("issue_updated", A, at=3))
    world.settle()
    (ticket,) = jira.alive
    assert ticket.status.name == "To Do"


@pytest.mark.parametrize(
    "fault",
    [
        lambda: Refused("too many requests", retry_after=30),
        lambda: SiteDown("maintenance", outage=Outage.MAINTENANCE, retry_after=30),
    ],
    ids=["rate limit", "maintenance"],
)
def test_a_refusal_waits_and_then_succeeds(world: World, jira: MemoryTracker, fault) -> None:
    jira.fail("create", fault)
    world.deliver(issue_event("issue_created", A, at=1))
    begun = world.clock.time()
    world.settle()
    assert len(jira.alive) == 1
    assert jira.calls["create"] == 2
    assert world.clock.time() - begun >= 30


def test_a_rejection_parks_in_words_and_an_update_tries_again(
    world: World, jira: MemoryTracker
) -> None:
    jira.fail(
        "create", lambda: Rejected("Priority is required", field="Priority", remedy="Set it.")
    )
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    (row,) = world.rows()
    assert row.parked is not None
    assert "Priority is required" in row.parked["words"]
    assert "rules.toml:2" in row.parked["words"]
    assert "Set it." in row.parked["words"]
    world.deliver(issue_event("issue_updated", A, at=2))
    world.settle()
    (row,) = world.rows()
    assert row.parked is None
    assert len(jira.alive) == 1


def test_a_parked_ticket_holds_up_no_other(world: World, jira: MemoryTracker) -> None:
    jira.fail("create", lambda: Rejected("no"))
    world.deliver(*(issue_event("issue_created", f"i{n}", at=1) for n in range(5)))
    world.settle()
    assert len(jira.alive) == 4
    assert sum(row.parked is not None for row in world.rows()) == 1


def test_a_parked_ticket_is_tried_again_by_itself_in_time(
    world: World, jira: MemoryTracker
) -> None:
    jira.fail("create", lambda: Rejected("no"))
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle(within=86_400)
    assert len(jira.alive) == 1
    assert world.rows()[0].parked is None


def test_after_a_crash_the_search_waits_for_a_call_that_jira_may_still_be_carrying_out(
    world: World, jira: MemoryTracker
) -> None:
    jira.fail("create", lambda: KeyboardInterrupt())
    world.deliver(issue_event("issue_created", A, at=1))
    with pytest.raises(KeyboardInterrupt):
        world.step()
    crashed = world.clock.time()
    leases.release_all_of(world.store, leases.owners(world.store))
    while jira.calls["create"] == 1:
        world.clock.sleep(0.5)
        world.step()
    assert world.clock.time() - crashed >= jira.longest_call + jira.index_lag


def test_a_project_that_refuses_everything_is_not_asked_for_each_of_its_tickets(
    world: World, jira: MemoryTracker
) -> None:
    denied = Rejected("no permission to create", cause=Cause.PERMISSION, scope=Scope.PROJECT)
    for _ in range(40):
        jira.fail("create", lambda: denied)
    world.deliver(*(issue_event("issue_created", f"i{n}", at=1) for n in range(40)))
    while world.step():
        pass
    assert jira.calls["create"] == 1
    assert all(row.parked and "no permission" in row.parked["words"] for row in world.rows())


def test_what_one_ticket_was_refused_for_does_not_set_others_aside(
    world: World, jira: MemoryTracker
) -> None:
    jira.fail("create", lambda: Rejected("you may not name that team", cause=Cause.PERMISSION))
    world.deliver(*(issue_event("issue_created", f"i{n}", at=1) for n in range(3)))
    while world.step():
        pass
    assert len(jira.alive) == 2
    assert [row.parked is not None for row in world.rows()].count(True) == 1


def test_a_ticket_that_is_gone_when_written_to_is_read_before_it_counts_as_deleted(
    world: World, jira: MemoryTracker
) -> None:
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    jira.fail("update", lambda: Missing("HTTP 404"))
    world.deliver(issue_event("issue_updated", A, at=2, title="new"))
    world.settle()
    (row,) = world.rows()
    assert row.parked is None
    assert jira.alive[0].fields["summary"] == "new"


@pytest.mark.parametrize(
    "written",
    [{"status": "of a newer version"}, {"fields": {"summary": {"sent": "x", "newer": 1}}}],
    ids=["status", "field"],
)
def test_a_record_that_cannot_be_read_is_told_of_and_tried_again(
    world: World, jira: MemoryTracker, written: dict[str, object]
) -> None:
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    with world.store.write() as session:
        row = tickets.find(session, jira.alive[0].ref.key)
        assert row is not None
        kept, row.base = row.base, written
    world.deliver(issue_event("issue_updated", A, at=2, title="new"))
    world.settle()
    (row,) = world.rows()
    assert row.parked is not None
    assert "cannot be read" in row.error
    with world.store.write() as session:
        session.merge(row).base = kept
    world.settle(within=3600)
    assert jira.alive[0].fields["summary"] == "new"
    assert world.rows()[0].parked is None

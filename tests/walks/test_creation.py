"""Creating exactly once where others are at it too: processes that stood still, people who adopt, an
index that still shows what is gone, a Jira that does not know us."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sync.domain.errors import Missing, Outage, Rejected, SiteDown, Unknown
from sync.domain.ticket import TicketRef, marker_label
from sync.sandbox.memory import MemoryTracker
from sync.store import claims, tickets
from sync.store.engine import Store
from sync.worker.adoption import Adoption
from tests.walks.world import RULES, SimulatedClock, World, issue_event
from tests.worker.sweeps.build import issue

RECREATING = RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\non_deleted = "recreate"')


def _meanwhile(others: Callable[[], object], call: Callable[..., object]) -> Callable[..., object]:
    """``call``, before which others do something, the first time."""
    done: list[bool] = []

    def wrapped(*how: object, **more: object) -> object:
        if not done:
            done.append(True)
            there = threading.Thread(target=others)
            there.start()
            there.join()
        return call(*how, **more)

    return wrapped


@pytest.mark.parametrize("call", ["draft", "health.ready"])
def test_a_ticket_that_is_adopted_while_a_worker_is_about_to_make_it_stays_the_only_one(
    world: World, jira: MemoryTracker, call: str
) -> None:
    wish = world.rules().rules[0].project_ticket("theirs", [issue("i1")])
    theirs = jira.create(jira.draft(wish))
    jira.tickets[theirs.id].fields["labels"] = []
    world.deliver(issue_event("issue_created", "i1", at=1))

    def adopt() -> None:
        rules, clock = world.rules(), world.clock
        adoption = Adoption(world.store, jira, rules, clock, "coalesce", apply=True)
        adoption.pairs([("i1", theirs.key)])

    part, name = (jira.health, "ready") if call == "health.ready" else (jira, call)
    setattr(part, name, _meanwhile(adopt, getattr(part, name)))
    world.settle()
    assert [ticket.ref.key for ticket in jira.alive] == [theirs.key]
    assert marker_label("coalesce:issue:i1") in jira.alive[0].fields["labels"]


def test_a_create_of_a_process_that_stood_still_is_not_sent_any_more(
    world: World, jira: MemoryTracker, clock: SimulatedClock
) -> None:
    """As after a suspend, between the intent on record and the call."""
    world.deliver(issue_event("issue_created", "i1", at=1))

    def others() -> None:
        clock.sleep(1000)
        world.settle()

    jira.create = _meanwhile(others, jira.create)  # type: ignore[method-assign, assignment]
    world.settle()
    assert len(jira.alive) == 1
    assert world.rows()[0].jira_key == jira.alive[0].ref.key


class Lagging(MemoryTracker):
    """Its search shows what was deleted for as long as it does not show what was made."""

    def find(self, key: str) -> list[TicketRef]:
        found = super().find(key)
        gone = [ticket.ref for ticket in self.tickets.values() if ticket.deleted]
        return found or gone


def test_what_the_index_still_shows_is_not_adopted_when_it_is_gone(
    sqlite_store: Store, clock: SimulatedClock, tmp_path: Path
) -> None:
    jira = Lagging(clock)
    world = World(sqlite_store, jira, clock, tmp_path / "rules", RECREATING)
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    clock.sleep(100)
    jira.alive[0].deleted = True
    jira.fail("create", lambda: Unknown("the reply was lost"), "after")
    world.deliver(issue_event("issue_updated", "i1", at=2, title="new title"))
    world.settle()
    world.close()
    assert len(jira.alive) == 1
    assert world.rows()[0].jira_key == jira.alive[0].ref.key


class Forgetful(MemoryTracker):
    """Shows nothing to somebody it does not know, and answers all the same."""

    fault: Exception | None = None

    def find(self, key: str) -> list[TicketRef]:
        return [] if self.fault else super().find(key)

    def verify(self, project: str) -> None:
        if self.fault:
            raise self.fault


@pytest.mark.parametrize(
    "fault",
    [SiteDown("who are you?", outage=Outage.AUTHENTICATION), Rejected("project DATA is hidden")],
    ids=["logged out", "project hidden"],
)
def test_a_search_that_shows_nothing_because_jira_hides_it_proves_nothing(
    sqlite_store: Store, clock: SimulatedClock, tmp_path: Path, fault: Exception
) -> None:
    jira = Forgetful(clock)
    world = World(sqlite_store, jira, clock, tmp_path / "rules")
    jira.fail("create", lambda: Unknown("the reply was lost"), "after")
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.step()
    jira.fault = fault
    for _ in range(40):
        clock.sleep(30)
        world.step()
    assert world.rows()[0].state == "creating"
    jira.fault = None
    world.settle(within=86_400)
    world.close()
    assert len(jira.alive) == 1
    assert world.rows()[0].jira_key == jira.alive[0].ref.key


def test_what_is_not_there_but_is_not_the_ticket_makes_no_second_one(
    world: World, jira: MemoryTracker
) -> None:
    world.write_rules(RECREATING)
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    real = jira.draft
    asked = []

    def draft(desired: object, **how: object) -> object:
        asked.append(desired)
        if len(asked) < 8:
            raise Missing("looking up a user: HTTP 404")
        return real(desired, **how)  # type: ignore[arg-type]

    jira.draft = draft  # type: ignore[method-assign, assignment]
    world.deliver(issue_event("issue_updated", "i1", at=2, title="new"))
    world.settle()
    assert world.rows()[0].parked is not None
    assert "404" in world.rows()[0].error
    world.settle(within=7 * 86_400)
    assert [ticket.fields["summary"] for ticket in jira.alive] == ["new"]


def test_a_write_that_is_always_answered_404_is_told_to_people(
    world: World, jira: MemoryTracker
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()

    def comment(*how: object, **more: object) -> str:
        raise Missing("commenting on DATA-1: HTTP 404")

    jira.comment = comment  # type: ignore[method-assign]
    world.deliver(issue_event("issue_closed", "i1", at=2))
    world.settle()
    (row,) = world.rows()
    assert row.parked is not None
    assert "commenting on DATA-1" in row.error
    assert "although DATA-1 itself is there" in row.error


def test_a_claim_is_not_made_for_what_became_anothers(world: World, jira: MemoryTracker) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1))
    while world.triage.batch():
        pass
    (claim,) = claims.claim(world.store, owner="a", now=world.clock.time(), lease=60, limit=1)

    def others() -> None:
        with world.store.write() as session:
            row = tickets.by_ids(session, [claim.ticket_id])[claim.ticket_id]
            row.state, row.jira_id, row.jira_key = "linked", "77", "DATA-77"

    jira.health.ready = _meanwhile(others, jira.health.ready)  # type: ignore[method-assign]
    world.converger.walk(claim)
    assert jira.alive == []
    assert world.rows()[0].jira_key == "DATA-77"

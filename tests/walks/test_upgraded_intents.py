"""Calls that were open when an older program stopped: the upgraded store settles each of them right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from sync.domain.errors import Unknown
from sync.domain.rule import TicketLink
from sync.sandbox.memory import DONE, TO_DO, MemoryTracker
from sync.store.engine import Store
from sync.store.tables import TicketState
from tests.walks.aged import aged
from tests.walks.world import SimulatedClock, World, issue_event
from tests.worker.sweeps.build import Scene, incident, issue
from tests.worker.test_incidents import LINK, linked, ticket, told

pytestmark = pytest.mark.proof

MOMENTS = pytest.mark.parametrize("moment", ["before", "after"])
Moment = Literal["before", "after"]


def lost() -> Unknown:
    return Unknown("the reply was lost")


@pytest.fixture
def upgrade(
    world: World, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path, bare_store_url: str
) -> Iterator[Callable[[], World]]:
    """Stops the world and starts it on a store that an older program left as it stands now."""
    later: list[World] = []

    def restart() -> World:
        store = aged(world.store, bare_store_url, jira.longest_call)
        later.append(World(store, jira, clock, tmp_path / "rules"))
        return later[0]

    yield restart
    for one in later:
        one.close()
        one.store.close()


@MOMENTS
def test_an_open_create_makes_one_ticket(
    world: World, jira: MemoryTracker, upgrade: Callable[[], World], moment: Moment
) -> None:
    jira.fail("create", lost, moment)
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.step()
    later = upgrade()
    (row,) = later.rows()
    assert row.state == TicketState.CREATING
    later.settle()
    assert len(jira.alive) == 1
    (row,) = later.rows()
    assert (row.jira_key, row.intents) == (jira.alive[0].ref.key, [])
    assert jira.calls["create"] == (1 if moment == "after" else 2)
    later.deliver(issue_event("issue_updated", "i1", at=2, title="new"))
    later.settle()
    assert jira.alive[0].fields["summary"] == "new"


@MOMENTS
def test_an_open_comment_is_made_once(
    world: World, jira: MemoryTracker, upgrade: Callable[[], World], moment: Moment
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    jira.fail("comment", lost, moment)
    world.deliver(issue_event("issue_closed", "i1", at=2))
    world.step()
    assert jira.calls["comment"] == 1
    later = upgrade()
    later.settle()
    (made,) = jira.alive
    assert [text for _, text in made.comments.values()] == ["Closed upstream."]
    assert later.rows()[0].intents == []


@MOMENTS
def test_what_became_of_an_open_update_is_recognised(
    world: World, jira: MemoryTracker, upgrade: Callable[[], World], moment: Moment
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1, title="first"))
    world.settle()
    jira.fail("update", lost, moment)
    world.deliver(issue_event("issue_updated", "i1", at=2, title="second"))
    world.step()
    later = upgrade()
    later.settle()
    assert jira.alive[0].fields["summary"] == "second"
    assert jira.calls["update"] == (1 if moment == "after" else 2)
    assert later.rows()[0].intents == []


@MOMENTS
def test_an_open_close_is_ours_when_the_subject_comes_back(
    world: World, jira: MemoryTracker, upgrade: Callable[[], World], moment: Moment
) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1))
    world.settle()
    jira.fail("transition", lost, moment)
    world.deliver(issue_event("issue_closed", "i1", at=2))
    world.step()
    later = upgrade()
    later.settle()
    assert jira.alive[0].status == DONE
    assert jira.calls["transition"] == (1 if moment == "after" else 2)
    later.deliver(issue_event("issue_updated", "i1", at=3))
    later.settle()
    assert jira.alive[0].status == TO_DO
    assert later.rows()[0].intents == []


@MOMENTS
def test_an_open_link_between_tickets_is_there_once(
    sqlite_store: Store, bare_store_url: str, tmp_path: Path, moment: Moment
) -> None:
    scene = Scene(sqlite_store, tmp_path / "rules", issues=LINK)
    told(scene, issue(1), incident(9, []))
    jira = scene.jira
    for _ in range(20):
        jira.fail("link_tickets", lost, moment)
    told(scene, incident(9, [1]))
    store = aged(sqlite_store, bare_store_url, jira.longest_call)
    jira.heal()
    later = Scene(store, tmp_path / "rules", issues=LINK, tracker=jira)
    later.clock.now = scene.clock.now
    assert "link" in {one["kind"] for row in later.rows() for one in row.intents}
    for _ in range(3):
        later.settle()
        later.clock.now += 3600
    key = ticket(later, "coalesce:issue:1").ref.key
    assert linked(later, "coalesce:incident:9") == {TicketLink("Relates", key)}
    assert all(row.intents == [] for row in later.rows())
    store.close()

"""A site that a person has paused gets no call, whatever wants one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync.domain.errors import SiteDown, SitePaused, Unknown
from sync.domain.ticket import Draft, TicketRef
from tests.adapters.jira.world import LINK, World, desired

ASKS: list[Callable[[World, Draft], object]] = [
    lambda world, draft: world.tracker.health.ready(),
    lambda world, draft: world.tracker.create(draft),
    lambda world, draft: world.tracker.read("10001", "DATA"),
    lambda world, draft: list(world.tracker.changed_since(0.0)),
    lambda world, draft: world.tracker.find("coalesce:issue:1"),
    lambda world, draft: world.tracker.verify("DATA"),
    lambda world, draft: world.tracker.link_remote(TicketRef("10001", "DATA-1"), LINK),
]


@pytest.mark.parametrize("kind", ["cloud", "datacenter"])
def test_no_method_calls_a_site_that_is_paused(kind: str) -> None:
    world = World(kind)
    draft = world.tracker.draft(desired())
    world.make()
    world.tracker.health.rest("site main is paused")
    for ask in ASKS:
        before = len(world.exchanges)
        with pytest.raises(SitePaused, match="site main is paused"):
            ask(world, draft)
        assert len(world.exchanges) == before
    world.tracker.health.rest("")
    world.tracker.health.ready()
    assert world.tracker.create(draft)


def test_a_site_that_was_down_is_not_probed_while_it_is_paused_and_then_is() -> None:
    world = World("cloud")
    world.jira.faults.add("maintenance")
    with pytest.raises(SiteDown):
        world.make()
    world.tracker.health.rest("site main is paused")
    before = len(world.exchanges)
    for _ in range(20):
        world.clock.sleep(60)
        with pytest.raises(SitePaused):
            world.tracker.health.ready()
    assert len(world.exchanges) == before
    world.jira.faults.clear()
    world.tracker.health.rest("")
    world.tracker.health.ready()
    assert world.tracker.health.down() == ""


def test_a_write_that_may_have_worked_before_the_pause_began_stays_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World("cloud")
    ref = world.make()
    # The link is made, and its reply is lost; the pause begins before the call is repeated.
    world.jira.faults.add("drop", method="POST", after=True)
    sleep = world.clock.sleep

    def slept(seconds: float) -> None:
        sleep(seconds)
        world.tracker.health.rest("site main is paused")

    monkeypatch.setattr(world.clock, "sleep", slept)
    with pytest.raises(Unknown):
        world.tracker.link_remote(ref, LINK)
    assert world.tracker.health.resting()

"""Nothing is told upstream because a person merges tickets; what people do afterwards is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.operations.accounts import on_command_line
from sync.operations.ticket_moves import Merging, Splitting, merge, split
from sync.sandbox.memory_ticket import IN_PROGRESS, TO_DO
from sync.store.engine import Store
from tests.walks.both_ways import BothWays, both_ways, quiet

ME = on_command_line()


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules", 'comments = "all"') as made:
        yield made


def test_a_subject_that_was_put_on_a_ticket_is_told_what_is_done_there_from_then_on(
    world: BothWays,
) -> None:
    moved, emptied = world.opened()
    staying, ticket = world.opened()
    world.act(ticket, IN_PROGRESS)
    world.say(ticket, "looking into it")
    world.clock.sleep(2)
    world.step()
    assert (moved.status, staying.status) == ("", ""), "an act is told once it is over"
    wish = Merging(emptied.ref.key, ticket.ref.key)
    merge(world.store, ME, wish, world.clock.time())
    world.settle()
    assert emptied.status.category == "done"
    assert (moved.status, staying.status) == ("", "investigating")
    assert any("looking into it" in text for text in world.remarks(staying))
    assert world.remarks(moved) == []
    quiet(world)
    world.act(ticket, TO_DO)
    world.settle()
    world.act(ticket, IN_PROGRESS)
    world.say(ticket, "both now")
    world.settle()
    assert moved.status == "investigating"
    assert any("both now" in text for text in world.remarks(moved))
    assert not any("looking into it" in text for text in world.remarks(moved))
    world.clock.sleep(60)
    wish = Splitting(ticket.ref.key, [moved.id], emptied.ref.key)
    split(world.store, world.rules(), ME, wish, world.clock.time())
    world.settle()
    assert (moved.status, staying.status) == ("investigating", "investigating")
    quiet(world)

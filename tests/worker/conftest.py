"""Worlds with rules that are edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync.sandbox.memory import MemoryTracker
from sync.store.engine import Store
from sync.worker.rulebook.in_force import Guard
from tests.walks.world import RULES, SimulatedClock
from tests.worker.edited import EditedWorld

Make = Callable[..., EditedWorld]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def jira(clock: SimulatedClock) -> MemoryTracker:
    return MemoryTracker(clock)


@pytest.fixture
def make(
    sqlite_store: Store, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path
) -> Iterator[Make]:
    """Builds a world; each further one is another replica on the same store and folder."""
    made: list[EditedWorld] = []

    def build(
        rules: str = RULES,
        *,
        guard: Guard | None = None,
        store: Store | None = None,
        folder: str = "rules",
    ) -> EditedWorld:
        world = EditedWorld(
            store or sqlite_store, jira, clock, tmp_path / folder, rules=rules, guard=guard
        )
        made.append(world)
        return world

    yield build
    for world in made:
        world.close()

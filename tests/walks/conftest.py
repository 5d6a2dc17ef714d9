"""Worlds for the walks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.sandbox.memory import MemoryTracker
from sync.store.engine import Store
from tests.walks.world import SimulatedClock, World


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def jira(clock: SimulatedClock) -> MemoryTracker:
    """The tracker in memory: what happens in it is what the tests assert."""
    return MemoryTracker(clock)


@pytest.fixture
def world(
    sqlite_store: Store, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path
) -> Iterator[World]:
    made = World(sqlite_store, jira, clock, tmp_path / "rules")
    yield made
    made.close()


@pytest.fixture
def world_on_each_store(
    store: Store, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path
) -> Iterator[World]:
    made = World(store, jira, clock, tmp_path / "rules")
    yield made
    made.close()

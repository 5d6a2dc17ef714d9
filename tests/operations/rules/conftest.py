"""A world whose rules are edited by people: a store, a folder of rules, and a daemon's rulebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sync.operations.accounts import Account, Role
from sync.operations.rules.editing import Editing
from sync.sandbox.memory import MemoryTracker
from sync.store.engine import Store
from sync.worker.rulebook.in_force import Guard
from tests.walks.world import SimulatedClock
from tests.worker.edited import EditedWorld

DANA = Account("dana", Role.EDITOR, "users")
ALEX = Account("alex", Role.EDITOR, "users")


class Bench:
    """People at work on the rules of a world."""

    def __init__(self, world: EditedWorld) -> None:
        self.world = world

    def __call__(self, account: Account = DANA) -> Editing:
        return Editing(self.world.store, self.world.files, account, self.world.clock.time())

    def disk(self) -> dict[str, str]:
        """What the files say."""
        return {p.name: p.read_text() for p in sorted(self.world.folder.glob("*.toml"))}

    def on_disk(self, name: str, text: str) -> None:
        """Edit a file by hand."""
        (self.world.folder / name).write_text(text)


def bench_of(store: Store, folder: Path) -> Bench:
    clock = SimulatedClock()
    world = EditedWorld(store, MemoryTracker(clock), clock, folder, guard=Guard(most=2))
    return Bench(world)


@pytest.fixture
def bench(sqlite_store: Store, tmp_path: Path) -> Iterator[Bench]:
    made = bench_of(sqlite_store, tmp_path / "rules")
    yield made
    made.world.close()


@pytest.fixture
def bench_on_each(store: Store, tmp_path: Path) -> Iterator[Bench]:
    made = bench_of(store, tmp_path / "rules")
    yield made
    made.world.close()


def as_(at: Editing, account: Account) -> Editing:
    return replace(at, account=account)

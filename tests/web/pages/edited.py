"""Pages over a world whose rules are edited: three tickets are open, an edit of more than two waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from litestar.testing import TestClient

from sync.adapters.coalesce import CoalesceSource
from sync.operations.deployment import Deployment
from sync.sandbox.memory import MemoryTracker
from sync.settings import load
from sync.store.engine import Store
from sync.web.app import create_admin
from sync.web.gate.entry import Gate
from sync.web.health import Insight
from sync.web.pages.frame import Desk
from sync.worker.rulebook.impact import Sites
from sync.worker.rulebook.in_force import Guard
from tests.walks.world import RULES, SimulatedClock, issue_event
from tests.web.pages.conftest import CONFIG, OpenGate, Pages
from tests.worker.edited import EditedWorld

URGENT = RULES.replace('"data-quality"', '"urgent"')
SLIP = RULES.replace("issue_type", "isue_type")


def edited_world(store: Store, folder: Path) -> EditedWorld:
    """Three open tickets."""
    clock = SimulatedClock()
    made = EditedWorld(store, MemoryTracker(clock), clock, folder, guard=Guard(most=2))
    for number in range(3):
        made.deliver(issue_event("issue_created", f"i{number}", at=1))
    made.settle()
    return made


def edited_desk(world: EditedWorld, config: Path, gate: Gate) -> Desk:
    """The pages of this world."""
    config.write_text(CONFIG + "[mappings]\nlarge_edit = 2\n", "utf-8")
    trackers = {"main": world.tracker}
    deployment = Deployment(
        settings=load(config),
        store=world.store,
        sources={"coalesce": CoalesceSource()},
        trackers=trackers,
        clock=world.clock,
        rules=world.rules,
        files=world.files,
        wake=lambda: None,
        sites=Sites(trackers),
    )
    return Desk(deployment, gate)


@contextmanager
def edited_pages(store: Store, folder: Path) -> Iterator[Pages]:
    """The pages of such a world for the block. Files are kept below ``folder``."""
    world, gate = edited_world(store, folder / "rules"), OpenGate()
    desk = edited_desk(world, folder / "config.toml", gate)
    try:
        with TestClient(create_admin(Insight(desk=desk))) as client:
            yield Pages(world, gate, desk, client)
        desk.deployment.runs.close()
    finally:
        world.close()

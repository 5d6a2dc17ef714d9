"""A log that cannot be written loses its lines and nothing else: deliveries, walks and tickets go on."""

from __future__ import annotations

import io
import logging
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from sync.domain.errors import Refused
from sync.sandbox.memory import MemoryTracker
from sync.store.engine import Store
from sync.telemetry import configure_logs
from tests.test_telemetry import STREAMS
from tests.walks.world import SimulatedClock, World, issue_event


class NowAndThen(io.StringIO):
    """Fails at lines by chance, as a disk does that fills up and is cleared."""

    def __init__(self) -> None:
        super().__init__()
        self._pick = random.Random(7)

    def write(self, text: str) -> int:
        if self._pick.random() < 0.5:
            raise OSError(28, "No space left on device")
        return super().write(text)


class Crashing(io.StringIO):
    """Fails in a way that no stream should."""

    def write(self, text: str) -> int:
        raise RuntimeError("a defect of the stream")


def _full() -> Any:
    return open("/dev/full", "w", buffering=1)


FAILING: dict[str, Callable[[], Any]] = {
    **STREAMS,
    "a device that is full": _full,
    "now and then": NowAndThen,
    "a defect": Crashing,
}


@pytest.fixture
def _configured_again() -> Iterator[None]:
    before = structlog.get_config()
    handlers = list(logging.getLogger().handlers)
    yield
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


def life(store: Store, folder: Path) -> tuple[list[Any], list[str], list[str]]:
    """The life of some issues, with trouble in between: the tickets, the journal, and what became of the
    deliveries."""
    clock = SimulatedClock()
    jira = MemoryTracker(clock)
    world = World(store, jira, clock, folder)
    try:
        for n in range(4):
            world.deliver(issue_event("issue_created", f"i{n}", at=n, title=f"check {n}"))
        world.deliver(b"\xff no JSON", {"event_type": "EVENT_TYPE_NEW", "event_id": "odd"})
        jira.fail("create", lambda: Refused("503 from the site"))
        world.settle()
        world.deliver(issue_event("issue_updated", "i1", at=10, title="check 1, worse"))
        jira.fail("update", lambda: RuntimeError("a defect of ours"))
        world.settle(within=7200)
        world.deliver(issue_event("issue_closed", "i2", at=20, title="check 2"))
        world.settle(within=7200)
        tickets = [
            (ticket.fields["summary"], ticket.status.name, [t for _, t in ticket.comments.values()])
            for ticket in sorted(jira.alive, key=lambda one: str(one.fields["summary"]))
        ]
        became = sorted(f"{row.event_type} {row.state}" for row in world.deliveries())
        return tickets, sorted(world.journal()), became
    finally:
        world.close()


@pytest.fixture(scope="module")
def with_a_log(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the same life comes to with a log that works."""
    from sync.store.engine import open_store
    from sync.store.migrations import upgrade

    folder = tmp_path_factory.mktemp("with_a_log")
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    upgrade(store)
    found = life(store, folder / "rules")
    store.close()
    return found


@pytest.mark.usefixtures("_configured_again")
@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("stream", FAILING.values(), ids=FAILING)
def test_tickets_come_out_the_same_whatever_becomes_of_the_log(
    sqlite_store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    with_a_log: Any,
    stream: Callable[[], Any],
    form: str,
) -> None:
    monkeypatch.setattr(sys, "stderr", stream())
    configure_logs(level="debug", form=form)
    # The loggers of modules would keep the stream beyond this test.
    structlog.configure(cache_logger_on_first_use=False)
    assert life(sqlite_store, tmp_path / "rules") == with_a_log
    tickets, _, became = with_a_log
    assert [summary for summary, *_ in tickets] == [
        "check 0",
        "check 1, worse",
        "check 2",
        "check 3",
    ]
    assert len(became) == 8

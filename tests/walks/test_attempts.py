"""Deliveries on which the program dies: found after restarts, and set aside; the others are triaged."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlmodel import col, select

from sync.store import attempts, deliveries
from sync.store.engine import Store, StoreUnavailable
from sync.store.inbox import Accepted, Inbox
from sync.store.tables import DeliveryRow
from tests.walks.world import World, issue_event

# A process that triages as the daemon does, and dies as by the kernel on a body that says so.
PROCESS = """
import os, signal, sys
from sync.adapters.coalesce import CoalesceSource
from sync.ports import SystemClock
from sync.rules import RuleSet
from sync.store.engine import open_store
from sync.worker.triage.batch import Triage

class Dying(CoalesceSource):
    def read(self, body):
        if b"deadly" in body:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(body)

triage = Triage(open_store(sys.argv[1]), {"coalesce": Dying()}, lambda: RuleSet([]), SystemClock())
while triage.batch():
    pass
"""


def accept(store: Store, *titles: str) -> None:
    inbox = Inbox(store)
    try:
        for number, title in enumerate(titles):
            body = f'{{"title": "{title}", "number": {number}}}'.encode()
            inbox.accept(Accepted("coalesce", f"e{number}", "", body, 1.0)).result(30)
    finally:
        inbox.close()


def run(url: str) -> int:
    """Start the process once; how it ended."""
    return subprocess.run([sys.executable, "-c", PROCESS, url], timeout=60, check=False).returncode


def rows(store: Store) -> list[DeliveryRow]:
    with store.read() as session:
        return list(session.exec(select(DeliveryRow).order_by(col(DeliveryRow.seq))))


@pytest.mark.parametrize("place", [0, 3])
def test_a_delivery_on_which_the_program_dies_is_set_aside_after_some_restarts(
    store: Store, store_url: str, place: int
) -> None:
    titles = ["fine"] * 6
    titles[place] = "deadly"
    accept(store, *titles)
    ends = [run(store_url) for _ in range(attempts.MOST)]
    assert ends == [-9] * attempts.MOST
    assert run(store_url) == 0
    found = rows(store)
    assert "triage did not end 4 times" in found[place].outcome
    assert all("did not end" not in row.outcome for row in found if row is not found[place])
    assert {row.state for row in found} == {"dead"}, "the others cannot be read, and are done with"
    with store.write() as session:
        deliveries.replay(session, found[place].id)
    assert run(store_url) == -9, "it is tried again once a person asks for it"


def test_a_stop_between_does_no_harm(world_on_each_store: World) -> None:
    world = world_on_each_store
    bodies = [issue_event("issue_created", f"i{n}", at=n, title=f"t{n}") for n in range(1, 6)]
    world.deliver(*bodies)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), attempts.attempt(world.store, 200):
            raise KeyboardInterrupt
    assert [row.attempts for row in rows(world.store)] == [2, 1, 1, 1, 1]
    while world.triage.batch():
        pass
    assert {row.state for row in rows(world.store)} == {"triaged"}


def test_trouble_of_the_database_is_no_attempt(world_on_each_store: World) -> None:
    world = world_on_each_store
    world.deliver(issue_event("issue_created", "i1", at=1))
    for _ in range(2 * attempts.MOST):
        with pytest.raises(StoreUnavailable), attempts.attempt(world.store, 200):
            raise StoreUnavailable("the database is away")
    world.settle()
    (row,) = rows(world.store)
    assert (row.state, row.attempts) == ("triaged", 0)


def test_triage_leaves_no_attempt_behind(world_on_each_store: World) -> None:
    world = world_on_each_store
    world.deliver(*(issue_event("issue_created", f"i{n}", at=n) for n in range(1, 9)))
    world.settle()
    assert [row.attempts for row in rows(world.store)] == [0] * 8

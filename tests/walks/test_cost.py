"""What a walk costs the store, with its claim: transactions, statements and, on PostgreSQL, round trips.

What each count stands for is said beside the limits. A count that rises is a step, a read or a lock that
was not there before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sync.sandbox.memory import MemoryTracker
from sync.store import claims
from sync.store.engine import Store, open_store
from tests.round_trips import RoundTrips, round_trips
from tests.transactions import transactions
from tests.walks.world import SimulatedClock, World, issue_event

BURST = 8


@dataclass(frozen=True)
class Most:
    """Upper bounds for one ticket."""

    transactions: float
    statements: float
    round_trips: float


ALONE = {"created": Most(7, 18, 39), "updated": Most(5, 14, 28), "closed": Most(6, 17, 34)}
IN_A_BURST = {
    "created": Most(5.25, 15.4, 31.2),
    "updated": Most(3.25, 11.4, 20.2),
    "closed": Most(4.25, 14.4, 26.2),
}


@pytest.fixture
def trips(dialect: str, store_url: str) -> Iterator[RoundTrips | None]:
    if dialect == "sqlite":
        yield None
        return
    with round_trips(store_url) as counting:
        yield counting


@pytest.fixture
def store(store_url: str, trips: RoundTrips | None) -> Iterator[Store]:
    opened = open_store(trips.url(store_url) if trips else store_url)
    yield opened
    opened.close()


@pytest.fixture
def world(
    store: Store, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path
) -> Iterator[World]:
    made = World(store, jira, clock, tmp_path / "rules")
    yield made
    made.close()


def _event(step: str, id_: str) -> dict[str, object]:
    at = ("created", "updated", "closed").index(step) + 1
    words = "Some." if step == "created" else "More."
    return issue_event(f"issue_{step}", id_, at=at, description=words)


def _walked(world: World, trips: RoundTrips | None, step: str, ids: list[str]) -> Most:
    """What one ticket of these cost."""
    world.deliver(*(_event(step, id_) for id_ in ids))
    while world.triage.batch():
        pass
    before = trips.count if trips else 0
    with transactions(world.store) as found:
        taken = claims.claim(
            world.store, owner="test", now=world.clock.time(), lease=120, limit=len(ids)
        )
        assert [world.converger.walk(claim) for claim in taken] == ["settled"] * len(ids)
    return Most(
        len(found) / len(ids),
        sum(map(len, found)) / len(ids),
        ((trips.count if trips else 0) - before) / len(ids),
    )


@pytest.mark.parametrize(
    "most, ids",
    [(ALONE, ["one"]), (IN_A_BURST, [f"i{number}" for number in range(BURST)])],
    ids=["alone", "burst"],
)
def test_a_walk_takes_no_more_than_it_must(
    world: World, trips: RoundTrips | None, most: dict[str, Most], ids: list[str]
) -> None:
    for step in most:
        _walked(world, trips, step, [f"warm{number}" for number in range(len(ids))])
    for step, limit in most.items():
        cost = _walked(world, trips, step, ids)
        assert cost.transactions <= limit.transactions, (step, cost)
        assert cost.statements <= limit.statements, (step, cost)
        assert cost.round_trips <= limit.round_trips, (step, cost)
    assert len(world.tracker.alive) == 2 * len(ids)  # type: ignore[attr-defined]

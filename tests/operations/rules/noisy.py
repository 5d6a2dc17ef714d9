"""Ninety days of history with monitors that flap and one that is right, lived through by a daemon."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sync.sandbox.memory_ticket import IN_PROGRESS
from sync.store import claims
from tests.walks.world import START, World

DAY, HOUR, MINUTE = 86_400.0, 3600.0, 60.0
LENGTH = 90 * DAY


@dataclass(frozen=True, slots=True, order=True)
class Heard:
    """A delivery of the history, ``at`` seconds after its beginning. ``person``: somebody takes the
    ticket in hand afterwards."""

    at: float
    type: str
    issue: str
    monitor: str
    table: str
    owner: str
    person: bool = False


def life(
    began: float, lasts: float, issue: str, about: tuple[str, str, str], *, person: bool = False
) -> list[Heard]:
    """An issue that opens and closes again. ``about``: monitor, table and owner."""
    return [
        Heard(began, "issue_created", issue, *about, person=person),
        Heard(began + lasts, "issue_closed", issue, *about),
    ]


def known_flappers() -> list[Heard]:
    """A monitor that flaps 40 times, an hour apart; one that flaps under a new issue each time; and one
    that is right three times, for days, and that people act on."""
    hourly, volume, schema = (
        ("orders freshness", "orders", "Sales"),
        ("payments volume", "payments", "Finance"),
        ("customers schema", "customers", "Sales"),
    )
    found: list[Heard] = []
    for n in range(40):
        found += life(50 * DAY + n * HOUR, 6 * MINUTE, "hourly", hourly)
    for n in range(12):
        found += life(20 * DAY + n * 3 * DAY, 25 * MINUTE, f"volume{n}", volume)
    for n in range(3):
        found += life(10 * DAY + n * 20 * DAY, 3 * DAY, f"schema{n}", schema, person=True)
    return sorted(found)


def any_history(seed: int) -> list[Heard]:
    """Some issues of a few monitors that open and close at random within the ninety days."""
    rng = random.Random(seed)
    found: list[Heard] = []
    for number in range(rng.randint(2, 4)):
        monitor = rng.randint(1, 3)
        about = (f"monitor {monitor}", rng.choice(("orders", "payments")), f"team {monitor % 2}")
        at = rng.uniform(0, 80) * DAY
        for _ in range(rng.randint(1, 4)):
            lasts = rng.choice((2 * MINUTE, 40 * MINUTE, 5 * HOUR, 2 * DAY))
            found += life(at, lasts, f"issue{number}", about, person=rng.random() < 0.2)
            at += lasts + rng.choice((3 * MINUTE, HOUR, DAY))
    return sorted(found)


def body(one: Heard) -> dict[str, Any]:
    """The webhook of a delivery."""
    stamp = datetime.fromtimestamp(START + one.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
    name = f"{one.type}{one.issue}{one.at}"
    issue = {
        "issue_id": one.issue,
        "issue_url": f"https://app.example.com/issues/{one.issue}",
        "title": f"{one.table} is stale",
        "description": "No new rows.",
        "trigger_name": one.monitor,
        "trigger_entity": {"name": one.table},
        "owners": [{"id": one.owner, "title": one.owner}],
    }
    return {
        "workspace": "acme",
        "event_id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "event_time": stamp,
        "event_type": f"EVENT_TYPE_{one.type.upper()}",
        one.type: {"issue": issue},
    }


def live(world: World, history: Iterable[Heard], until: float = LENGTH) -> None:
    """Let a world live through a history, up to the end of the ninety days, or ``until``."""
    for one in history:
        pass_time(world, START + one.at)
        world.deliver(body(one))
        while world.step():
            pass
        if one.person:
            # The memory tracker's last ticket is that of the delivery.
            world.tracker.alive[-1].status = IN_PROGRESS  # type: ignore[attr-defined]
    pass_time(world, START + until)


def pass_time(world: World, until: float) -> None:
    """Walk what is due until then, each at its time."""
    while (
        due := claims.next_due(world.store, now=world.clock.time())
    ) is not None and due <= until:
        world.clock.sleep(max(0.0, due - world.clock.time()))
        world.step()
    world.clock.sleep(until - world.clock.time())

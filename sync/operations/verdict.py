"""Whether all is well, in one number for monitoring, from what the store says alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from sync.domain.times import lasting
from sync.operations.needs import Need, needs_of
from sync.operations.overview import sentence
from sync.operations.status import Status
from sync.store.tables import RunResult

# After so long, deliveries that nobody has read mean that nothing is worked on.
UNREAD_SECONDS = 300.0
# After so long, tickets that are due mean that something stands in their way.
DUE_SECONDS = 1800.0


class Verdict(IntEnum):
    """``WELL``: nothing needs a person. ``NEEDS``: work goes on, and something needs a person. ``DOWN``:
    nothing is received or worked on."""

    WELL = 0
    NEEDS = 1
    DOWN = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict as a number and in words, and what it rests on."""

    code: int
    sentence: str
    needs: list[Need]


def judged(status: Status, now: float) -> Judged:
    """Whether all is well at ``now`` (seconds since the epoch). Sites count by what stands in the way of
    their tickets, because Jira is not asked."""
    since = dict.fromkeys(("parked", "dead", "edit", "mistakes"))
    stops = list(_stops(status))
    needs = [*needs_of(status, [], stops, since, now), *_waits(status)]
    down = stops or status.damage or not status.running
    code = Verdict.DOWN if down else Verdict.NEEDS if needs else Verdict.WELL
    return Judged(int(code), sentence(status, needs), needs)


def _stops(status: Status) -> Iterator[str]:
    unread = status.deliveries.oldest_waiting_seconds
    if unread is not None and unread > UNREAD_SECONDS:
        number = status.deliveries.waiting
        what = "1 delivery waits" if number == 1 else f"{number:,} deliveries wait"
        yield f"{what} to be read, the oldest for {lasting(unread)}"


def _waits(status: Status) -> Iterator[Need]:
    due = status.tickets.oldest_due_seconds
    if due is not None and due > DUE_SECONDS:
        number = status.tickets.due
        what = "1 ticket is" if number == 1 else f"{number:,} tickets are"
        words = f"{what} due, the oldest for {lasting(due)}"
        detail = "; ".join(f"{one.site}: {one.trouble}" for one in status.sites if one.trouble)
        yield Need("Due", "wait", words, detail, "/tickets?standing=due", "See the tickets")
    for line in status.sweeps:
        if line.result == RunResult.FAILED:
            words = f"The last run of the sweep {line.name} failed"
            yield Need("Sweep", "wait", words, line.found, "/sweeps", "See the sweeps", line.at)
    for source, how in status.upstream.standing.items():
        if trouble := how["trouble"]:
            words = f"{source} cannot be told: {trouble}"
            yield Need("Upstream", "wait", words, "", f"/connections/{source}", "Open connection")

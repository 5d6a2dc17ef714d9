"""Retention: old rows are deleted in small batches, so that no other writer waits long. Links stay.

The pages of a SQLite file that become free are given back in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sync.ports import Clock
from sync.store import deliveries, journal, space, sweeps
from sync.store.engine import Session, Store
from sync.store.tables import DeliveryState

log = structlog.get_logger("retention")

BATCH = 500
# A round ends after this many seconds at most. Rounds begin so often that the next goes on at once.
ROUND_SECONDS = 50.0
# The share of its time for which retention may hold the store, however much there is to delete.
SHARE = 0.2
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Keep:
    """How long rows are kept, in seconds. Runs of sweeps are kept as long as the journal."""

    deliveries: float = 90 * 86400.0
    journal: float = 180 * 86400.0


# Removes up to ``BATCH`` things; how many.
_Remove = Callable[[Session], int]


def prune(store: Store, clock: Clock, keep: Keep) -> dict[str, int]:
    """Delete rows that are too old, for one round; how many of each kind, and of pages given back."""
    now = clock.time()
    end = clock.monotonic() + ROUND_SECONDS

    def old_deliveries(state: DeliveryState) -> _Remove:
        return lambda session: deliveries.prune(
            session, older_than=now - keep.deliveries, batch=BATCH, state=state
        )

    rows: dict[str, _Remove] = {
        "deliveries": old_deliveries(DeliveryState.TRIAGED),
        "dead letters": old_deliveries(DeliveryState.DEAD),
        "journal": lambda s: journal.prune(s, older_than=now - keep.journal, batch=BATCH),
        "sweep runs": lambda s: sweeps.prune(s, older_than=now - keep.journal, batch=BATCH),
    }
    pages: dict[str, _Remove] = {"pages": lambda s: space.give_back(s, batch=BATCH)}
    gone = {**_by_turns(store, clock, end, rows), **_by_turns(store, clock, end, pages)}
    if any(gone.values()):
        log.info("pruned", **{kind.replace(" ", "_"): count for kind, count in gone.items()})
    return gone


def _by_turns(store: Store, clock: Clock, end: float, kinds: dict[str, _Remove]) -> dict[str, int]:
    """Remove until nothing is left, or until ``end`` (monotonic); how many of each kind. By turns, so
    that a kind with very much to remove does not keep the others waiting."""
    gone = dict.fromkeys(kinds, 0)
    while kinds and clock.monotonic() < end:
        for kind, remove in list(kinds.items()):
            began = clock.monotonic()
            with store.write() as session:
                count = remove(session)
            took = clock.monotonic() - began
            gone[kind] += count
            if count < BATCH:
                del kinds[kind]
            else:
                clock.sleep(max(PAUSE_SECONDS, took * (1 / SHARE - 1)))
    return gone

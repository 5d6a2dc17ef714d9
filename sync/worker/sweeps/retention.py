"""Retention: old rows are deleted in small batches, so that no other writer waits long. Links stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sync.ports import Clock
from sync.store import deliveries, journal, sweeps
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


def prune(store: Store, clock: Clock, keep: Keep) -> dict[str, int]:
    """Delete rows that are too old, for one round; how many of each kind."""
    now = clock.time()
    end = clock.monotonic() + ROUND_SECONDS

    def old_deliveries(state: DeliveryState) -> Callable[[Session], int]:
        return lambda session: deliveries.prune(
            session, older_than=now - keep.deliveries, batch=BATCH, state=state
        )

    kinds: dict[str, Callable[[Session], int]] = {
        "deliveries": old_deliveries(DeliveryState.TRIAGED),
        "dead letters": old_deliveries(DeliveryState.DEAD),
        "journal": lambda s: journal.prune(s, older_than=now - keep.journal, batch=BATCH),
        "sweep runs": lambda s: sweeps.prune(s, older_than=now - keep.journal, batch=BATCH),
    }
    gone = dict.fromkeys(kinds, 0)
    # By turns, so that a kind with very many old rows does not keep the others waiting.
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
    if any(gone.values()):
        log.info("pruned", **{kind.replace(" ", "_"): count for kind, count in gone.items()})
    return gone

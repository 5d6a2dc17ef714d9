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
# Most batches of each kind in one round. A first round over years of history is followed by more.
BATCHES = 40
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Keep:
    """How long rows are kept, in seconds. Runs of sweeps are kept as long as the journal."""

    deliveries: float = 90 * 86400.0
    journal: float = 180 * 86400.0


def prune(store: Store, clock: Clock, keep: Keep) -> dict[str, int]:
    """Delete rows that are too old; how many of each kind. Dead letters count as deliveries."""
    now = clock.time()

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
    gone: dict[str, int] = {}
    for kind, remove in kinds.items():
        gone[kind] = 0
        for _ in range(BATCHES):
            with store.write() as session:
                count = remove(session)
            gone[kind] += count
            if count < BATCH:
                break
            clock.sleep(PAUSE_SECONDS)
    if any(gone.values()):
        log.info("pruned", **{kind.replace(" ", "_"): count for kind, count in gone.items()})
    return gone

"""Retention: old rows are deleted in small batches, so that no other writer waits long. Links stay.

The pages of a SQLite file that become free are given back in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sync.ports import Clock
from sync.store import deliveries, epics, expected, journal, rule_drafts, space, sweeps
from sync.store import log as acts_log
from sync.store.engine import Session, Store
from sync.store.tables import DeliveryState

log = structlog.get_logger("retention")

# The most that one transaction removes. A round begins with few, and goes on with more as long as they
# take less than half of ``HOLD_SECONDS``, because deliveries wait meanwhile.
BATCH = 500
SMALLEST = 25
HOLD_SECONDS = 0.05
# A round ends after this many seconds at most. Rounds begin so often that the next goes on at once.
ROUND_SECONDS = 50.0
# The share of its time for which retention may hold the store, however much there is to delete.
SHARE = 0.2
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Keep:
    """How long rows are kept, in seconds. Runs of sweeps, the log of acts, what was recorded ahead and
    epics that no ticket asks for are kept as long as the journal."""

    deliveries: float = 90 * 86400.0
    journal: float = 180 * 86400.0
    # Drafts of rules, since they were changed last.
    drafts: float = 30 * 86400.0


# Removes up to so many things; how many.
_Remove = Callable[[Session, int], int]


def prune(store: Store, clock: Clock, keep: Keep) -> dict[str, int]:
    """Delete rows that are too old, for one round; how many of each kind, and of pages given back."""
    now = clock.time()
    end = clock.monotonic() + ROUND_SECONDS

    def old_deliveries(state: DeliveryState) -> _Remove:
        return lambda session, batch: deliveries.prune(
            session, older_than=now - keep.deliveries, batch=batch, state=state
        )

    rows: dict[str, _Remove] = {
        "deliveries": old_deliveries(DeliveryState.TRIAGED),
        "dead letters": old_deliveries(DeliveryState.DEAD),
        "journal": lambda s, n: journal.prune(s, older_than=now - keep.journal, batch=n),
        "sweep runs": lambda s, n: sweeps.prune(s, older_than=now - keep.journal, batch=n),
        "acts": lambda s, n: acts_log.prune(s, older_than=now - keep.journal, batch=n),
    }
    rows["expected"] = lambda s, n: expected.prune(s, older_than=now - keep.journal, batch=n)
    rows["epics"] = lambda s, n: epics.prune(s, older_than=now - keep.journal, batch=n)
    rows["drafts"] = lambda s, n: rule_drafts.prune(s, older_than=now - keep.drafts, batch=n)
    pages: dict[str, _Remove] = {"pages": lambda s, n: space.give_back(s, batch=n)}
    gone = {**_by_turns(store, clock, end, rows), **_by_turns(store, clock, end, pages)}
    if any(gone.values()):
        log.info("pruned", **{kind.replace(" ", "_"): count for kind, count in gone.items()})
    return gone


def _by_turns(store: Store, clock: Clock, end: float, kinds: dict[str, _Remove]) -> dict[str, int]:
    """Remove until nothing is left, or until ``end`` (monotonic); how many of each kind. By turns, so
    that a kind with very much to remove does not keep the others waiting."""
    gone = dict.fromkeys(kinds, 0)
    batches = dict.fromkeys(kinds, min(SMALLEST, BATCH))
    while kinds and clock.monotonic() < end:
        for kind, remove in list(kinds.items()):
            began = clock.monotonic()
            with store.write() as session:
                turn = clock.monotonic()
                count = remove(session, batches[kind])
            took, held = clock.monotonic() - began, clock.monotonic() - turn
            gone[kind] += count
            if count < batches[kind]:
                del kinds[kind]
            else:
                # A batch that is twice as large takes twice as long.
                wish = int(batches[kind] * min(2.0, HOLD_SECONDS / 2 / max(held, 1e-6)))
                batches[kind] = min(BATCH, max(SMALLEST, wish))
                clock.sleep(max(PAUSE_SECONDS, took * (1 / SHARE - 1)))
    return gone

"""Triage: accepted deliveries become snapshots, and the tickets they concern become due.

One transaction a batch. Everything a batch says of a subject is merged before anything is written,
so a burst costs one update and one walk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from sync.domain.errors import Unreadable
from sync.domain.subject import Event, Kind, Snapshot, newest, says_the_same
from sync.ports import Clock, Source
from sync.rules import RuleSet
from sync.store import deliveries, subjects
from sync.store.engine import Session, Store, StoreUnavailable
from sync.store.tables import DeliveryRow
from sync.worker.triage.incidents import follow_incident
from sync.worker.triage.routing import Router

log = structlog.get_logger("triage")

BATCH = 200

# What is known (or nothing) and what came in, brought together.
Merge = Callable[[Snapshot | None, Snapshot], Snapshot]


@dataclass(frozen=True, slots=True)
class Read:
    """One delivery of a batch that could be read."""

    row: DeliveryRow
    event: Event


class Triage:
    """Takes batches of accepted deliveries through reading, merging and routing."""

    def __init__(
        self,
        store: Store,
        sources: Mapping[str, Source],
        rules: Callable[[], RuleSet],
        clock: Clock,
    ) -> None:
        self._store = store
        self._sources = sources
        self._rules = rules
        self._clock = clock

    def batch(self, limit: int = BATCH) -> int:
        """Triage up to ``limit`` deliveries; how many there were. Raises StoreUnavailable.

        A batch that fails for another reason is taken one by one, so that the delivery at fault can
        be set aside and never holds up the rest.
        """
        try:
            return self._batch(limit)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("a batch failed; taking its deliveries one by one")
        return sum(self._single() for _ in range(limit))

    def _single(self) -> int:
        try:
            return self._batch(1)
        except StoreUnavailable:
            raise
        except Exception as error:
            words = (
                f"storing what it says failed ({type(error).__name__}); this is a defect of ours"
            )
            with self._store.write() as session:
                deliveries.lock_triage(session)
                for row in deliveries.next_batch(session, 1):
                    deliveries.mark_dead(session, row, words)
                    log.exception("dead letter", delivery=row.id, reason=words)
            return 1

    def _batch(self, limit: int) -> int:
        with self._store.write() as session:
            deliveries.lock_triage(session)
            rows = deliveries.next_batch(session, limit)
            if not rows:
                return 0
            read = [known for row in rows if (known := self._read(session, row)) is not None]
            outcomes = self.absorb(session, [r.event.snapshot for r in read if r.event.snapshot])
            for r in read:
                snapshot = r.event.snapshot
                subject = str(snapshot.ref) if snapshot else ""
                outcome = outcomes[subject] if snapshot else _without_subject(r.event)
                deliveries.mark_triaged(
                    session, r.row, subject=subject, event_type=r.event.type.value, outcome=outcome
                )
        log.info("triaged", deliveries=len(rows), readable=len(read), subjects=len(outcomes))
        return len(rows)

    def absorb(
        self,
        session: Session,
        snapshots: list[Snapshot],
        *,
        merge: Merge = newest,
        slots: Callable[[], float] | None = None,
    ) -> dict[str, str]:
        """Merge snapshots into the store and make the tickets of those that changed due.

        The one way in for webhooks and sweeps alike. ``merge`` brings what is known (None for nothing)
        together with what came in. ``slots`` gives each ticket its own time to be due at (backfill,
        behind live traffic); without it they are due now. Returns what became of each subject, in
        words.
        """
        deliveries.lock_triage(session)
        merged: dict[str, Snapshot] = {}
        for snapshot in snapshots:
            ref = str(snapshot.ref)
            merged[ref] = newest(merged.get(ref), snapshot)
        known = subjects.load(session, merged)
        rules = self._rules()
        router = Router(session, rules, self._clock.time(), merged, slots)
        outcomes: dict[str, str] = {}
        for ref, snapshot in sorted(merged.items()):
            row = known.get(ref)
            before = subjects.to_snapshot(row) if row else None
            after = merge(before, snapshot)
            if before == after:
                outcomes[ref] = "older than what is known"
                continue
            came_back = bool(row and row.ended_at is not None and not after.status.ended)
            over = subjects.copy_of(row) if row and came_back else None
            row = subjects.put(session, row, after, self._clock.time())
            if before is not None and merge is not newest and says_the_same(before, after):
                outcomes[ref] = "nothing new"
                continue
            outcomes[ref] = router.route(after, row, over=over)
            if after.ref.kind is Kind.INCIDENT:
                follow_incident(session, router, rules, before, after)
        return outcomes

    def _read(self, session: Session, row: DeliveryRow) -> Read | None:
        source = self._sources.get(row.source)
        if source is None:
            deliveries.mark_dead(session, row, f"no source named {row.source!r} is configured")
            return None
        try:
            return Read(row, source.read(row.body))
        except Unreadable as error:
            words = str(error)
        except Exception as error:
            # One body that trips the reader must not hold up the rest; it can be replayed.
            log.exception("reading a delivery failed", delivery=row.id)
            words = f"the reader failed on it ({type(error).__name__}); this is a defect of ours"
        deliveries.mark_dead(session, row, words)
        log.warning("dead letter", delivery=row.id, reason=words)
        return None


def _without_subject(event: Event) -> str:
    return f"ping: {event.message}" if event.type.value == "ping" else "names no subject we follow"

"""Sweep of heads: of deliveries larger than ``max_body``, the rest is fetched from the source's API.

Where the API does not keep the body, it is asked for the subject that the head names.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from sync.domain.errors import Fault, Missing, Rejected
from sync.domain.subject import Event, Kind
from sync.ports import Clock, Source, SourceApi
from sync.store import deliveries
from sync.store.engine import Store
from sync.store.inbox import Accepted
from sync.store.tables import DeliveryRow
from sync.worker.sweeps.findings import FindingKind
from sync.worker.sweeps.intake import take_in
from sync.worker.sweeps.run import Run
from sync.worker.triage.batch import Triage

# Most heads in one run; the next run goes on.
BATCH = 100
# Seconds after which the API surely lists a delivery that it made.
LISTED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class HeadsSweep:
    """``wake`` wakes triage after a delivery was fetched."""

    store: Store
    triage: Triage
    source: Source
    api: SourceApi
    clock: Clock
    wake: Callable[[], None] = lambda: None
    name: str = "heads"
    overlap: float = 0.0

    def sweep(self, run: Run) -> None:
        """Fill or end the dead letters of which only the head is kept."""
        with self.store.read() as session:
            after = run.cursor.get("after", 0)
            rows = deliveries.heads(session, after=after, limit=BATCH)
            if after and not rows:
                rows = deliveries.heads(session, limit=BATCH)
        run.cursor["after"] = 0
        for row in rows:
            if row.source != self.source.name:
                continue
            run.check()
            run.looked(1)
            try:
                self._fill(run, row)
            except Fault as fault:
                run.failed(f"the rest of delivery {row.id} could not be fetched: {fault}")
                # The API may take none: the next run goes on with the next head.
                run.cursor["after"] = row.seq
                break
        else:
            if len(rows) == BATCH:
                run.cursor["after"] = rows[-1].seq
        if run.tally.repaired and not run.dry:
            self.wake()

    def _fill(self, run: Run, row: DeliveryRow) -> None:
        body = self._body(run, row)
        if body is not None:
            if not run.dry:
                event_id, event_type = self.source.identify(body)
                one = Accepted(row.source, event_id, event_type, body, row.received_at)
                with self.store.write() as session:
                    deliveries.recover(session, [one])
                    deliveries.drop_heads_of_whole(session, [row])
            run.found(FindingKind.MISSING, f"delivery {row.id}", "its whole body was fetched")
            return
        shown = self.source.outline(row.body)
        if self._asked(run, shown):
            words = "the API does not keep its body, and was asked for the state of its subject"
            run.found(FindingKind.MISSING, f"delivery {row.id}", words)
            if not run.dry:
                with self.store.write() as session:
                    deliveries.end_head(session, row.id, words)
        elif row.received_at < self.clock.time() - LISTED_SECONDS:
            words = (
                f"only its first {len(row.body)} bytes are kept, and the API knows neither the rest"
            )
            words += " nor its subject"
            run.found(FindingKind.MISSING, f"delivery {row.id}", words, repaired=False)
            if not run.dry:
                with self.store.write() as session:
                    for found in filter(None, [deliveries.get(session, row.id)]):
                        deliveries.mark_dead(session, found, words)

    def _body(self, run: Run, row: DeliveryRow) -> bytes | None:
        """The whole body, None where the API does not have it or does not tell us."""
        if not row.event_id:
            return None
        run.called(2)
        with suppress(Missing, Rejected):
            for body in self.api.bodies(row.event_id):
                if self.source.identify(body)[0] == row.event_id:
                    return body
        return None

    def _asked(self, run: Run, shown: Event) -> bool:
        """Whether the API knows the subject of a delivery, whose state is then taken in."""
        if shown.about is None:
            return False
        run.called()
        ask = self.api.issues if shown.about.kind is Kind.ISSUE else self.api.incidents
        found = [replace(one, workspace=shown.workspace) for one in ask([shown.about.id])]
        take_in(run, self.store, self.triage, found)
        return bool(found)

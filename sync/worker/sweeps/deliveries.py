"""Sweep of failed deliveries: those that the sender has given up are fetched, and why they failed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from sync.domain.errors import Cause, Missing, Refused, Rejected, Unknown
from sync.ports import Attempt, Clock, FailedDelivery, Source, SourceApi
from sync.store import deliveries
from sync.store.engine import Store
from sync.store.inbox import Accepted, delivery_id
from sync.worker.sweeps.findings import FindingKind
from sync.worker.sweeps.run import Run

log = structlog.get_logger("sweep")

# A delivery is listed under the time of its event, and fails for good after about 30 minutes of
# retries: one that failed since the last run may be listed that much earlier.
RETRIES_SECONDS = 45 * 60.0
ANSWERED_401 = (
    "we answered them 401: the signing secret here is not the integration's. Correct "
    "signing_secrets in [coalesce]; while a secret is being changed, list the old and the new one."
)


@dataclass(frozen=True, slots=True)
class DeliveriesSweep:
    """``wake`` wakes triage after a delivery was recovered. ``lag`` is in seconds."""

    store: Store
    source: Source
    api: SourceApi
    clock: Clock
    lag: float = 600.0
    wake: Callable[[], None] = lambda: None
    name: str = "deliveries"

    @property
    def overlap(self) -> float:
        """The lag, and the time that the sender's retries take."""
        return self.lag + RETRIES_SECONDS

    def sweep(self, run: Run) -> None:
        """Recover deliveries that failed. Raises the faults of the API."""
        asked = {
            id_: at
            for id_, at in dict(run.cursor.get("redelivered", {})).items()
            if at > run.window.since - self.overlap
        }
        run.cursor["redelivered"] = asked
        refused, pages = 0, 0
        later: list[Refused] = []
        for page in self.api.failed_deliveries(run.window.since, run.window.until + self.lag):
            run.check()
            run.called()
            pages += 1
            run.looked(len(page))
            for failed in self._unknown(page, asked):
                refused += int(failed.status_code == 401)
                self._bring_in(run, failed, asked, later)
        if not pages:
            run.called()
        if refused:
            run.note(f"{refused} deliveries failed because {ANSWERED_401}")
            if not run.dry:
                log.error("the signing secret is wrong", deliveries=refused, remedy=ANSWERED_401)
        if run.tally.repaired and not run.dry:
            self.wake()
        if later:
            # A run that fails leaves the watermark where it is, so the next run asks for the rest.
            raise later[0]

    def _unknown(self, page: list[FailedDelivery], asked: dict[str, float]) -> list[FailedDelivery]:
        """Those whose event has not reached us otherwise and has not been asked for already."""
        ids = {one.id: delivery_id(self.source.name, one.event_id, b"") for one in page}
        with self.store.read() as session:
            here = deliveries.known(session, ids.values())
        return [
            one
            for one in page
            if one.event_id and ids[one.id] not in here and one.event_id not in asked
        ]

    def _bring_in(
        self, run: Run, failed: FailedDelivery, asked: dict[str, float], later: list[Refused]
    ) -> None:
        run.check()
        reason = str(failed.status_code) if failed.status_code else "no answer"
        run.tally.reasons[reason] += 1
        what = f"delivery {failed.id}"
        about = f"{failed.event_type or 'event'} of {failed.subject or 'nothing named'} ({reason})"
        try:
            how = self._recovered(run, failed, asked, later)
        except (Refused, Missing) as fault:
            if isinstance(fault, Refused):
                later.append(fault)
            run.failed(f"{what} could not be recovered: {fault}")
            run.found(FindingKind.MISSING, what, f"{about}: {fault}", repaired=False)
        except Rejected as fault:
            if fault.cause is not Cause.PERMISSION:
                raise
            words = f"{fault} {fault.remedy}".strip()
            run.failed(f"deliveries whose body is gone cannot be requested again: {words}")
            run.found(FindingKind.MISSING, what, f"{about}: {words}", repaired=False)
        else:
            run.found(FindingKind.MISSING, what, f"{about}: {how}")

    def _recovered(
        self, run: Run, failed: FailedDelivery, asked: dict[str, float], later: list[Refused]
    ) -> str:
        run.called()
        body = _body(self.api.attempts(failed.id))
        if body is not None:
            if not run.dry:
                event_id, event_type = self.source.identify(body)
                now = self.clock.time()
                one = Accepted(self.source.name, event_id, event_type, body, now)
                with self.store.write() as session:
                    deliveries.recover(session, [one])
            return "its body was recovered from the attempts"
        if later:
            raise Refused(str(later[0]))
        if not run.dry:
            run.called()
            with suppress(Unknown):
                # If the request was lost, the sweeps of upstream still find the subject.
                self.api.redeliver(failed.id)
            asked[failed.event_id] = self.clock.time()
        return "its body is gone; it was asked for again"


def _body(attempts: list[Attempt]) -> bytes | None:
    return next((one.body for one in reversed(attempts) if one.body), None)

"""Running a sweep: one process at a time, under a lease. Each run is a row; the watermark moves last.

The window of a run reaches from the watermark, less an overlap for clocks that differ and indexes that
lag, until now. The first run begins one overlap ago; what happened before is for backfill. Runs are
idempotent: if one dies, the watermark has not moved, and the next run covers the same window.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog

from sync.domain.errors import Cause, Fault, Rejected, SitePaused
from sync.ports import Clock
from sync.store import leases, sweeps
from sync.store.engine import Store, StoreUnavailable
from sync.store.sweeps import SweepLost
from sync.store.tables import RunResult, SweepRunRow
from sync.telemetry import SWEEP_RUNS
from sync.worker.sweeps.findings import Tally
from sync.worker.sweeps.heartbeat import Heartbeat
from sync.worker.sweeps.run import ChoosesWindow, MayRest, Report, Run, Sweep, Window

log = structlog.get_logger("sweep")

LEASE_SECONDS = 45.0
RECHECK_SECONDS = 86_400.0


class Runner:
    """Runs sweeps for this process. Safe to share between threads."""

    def __init__(
        self, store: Store, clock: Clock, owner: str, *, lease: float = LEASE_SECONDS
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._lease = lease
        self._stopping = threading.Event()
        self._idle = threading.Condition()
        self._running = 0

    def stop(self, timeout: float) -> bool:
        """Begin no more runs, and wait up to ``timeout`` seconds for those in progress to end at their
        next page; whether they did."""
        self._stopping.set()
        with self._idle:
            return self._idle.wait_for(lambda: self._running == 0, timeout)

    def run(self, sweep: Sweep, *, dry: bool = False, by_hand: bool = False) -> Report | None:
        """Run a sweep now. None where another process is running it, or where it is disabled and not to
        be tried again yet; a run ``by_hand`` does not mind that it is disabled. While the site of the
        sweep is paused by a person, nothing is looked at: by hand, the report says so.

        A dry run looks and reports; it takes no lease and writes nothing. Raises StoreUnavailable.
        """
        if isinstance(sweep, MayRest) and (words := sweep.resting()):
            # The next run covers the same window.
            return self._rested(sweep, words) if by_hand or dry else None
        if dry:
            return self._dry(sweep)
        if self._stopping.is_set():
            return None
        with self._idle:
            self._running += 1
        try:
            return self._leased(sweep, by_hand)
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def _rested(self, sweep: Sweep, words: str) -> Report:
        window = self._window(sweep, sweeps.value(self._store, sweep.name))
        return Report(sweep.name, RunResult.PAUSED, window, Tally(), 0.0, words)

    def _leased(self, sweep: Sweep, by_hand: bool) -> Report | None:
        if not by_hand and self._disabled(sweep):
            return None
        lease = sweeps.lease_name(sweep.name)
        if not leases.take(self._store, lease, self._owner, self._lease):
            return None
        heartbeat = Heartbeat(self._store, sweep.name, self._owner, self._lease)
        try:
            return self._run(sweep, heartbeat)
        finally:
            heartbeat.stop()
            leases.release(self._store, lease, self._owner)

    def _disabled(self, sweep: Sweep) -> bool:
        until = sweeps.value(self._store, sweep.name).get("disabled_until", 0.0)
        return float(until) > self._clock.time()

    def _window(self, sweep: Sweep, value: dict[str, Any]) -> Window:
        now = self._clock.time()
        if isinstance(sweep, ChoosesWindow):
            return sweep.window(value, now)
        # After a clock was set back, the watermark may lie ahead of now; the window must not be empty.
        return Window(min(float(value.get("until", now)), now) - sweep.overlap, now)

    def _dry(self, sweep: Sweep) -> Report:
        value = sweeps.value(self._store, sweep.name)
        window = self._window(sweep, value)
        cursor = dict(value.get("cursor", {}))
        run = Run(sweep, window, cursor, dry=True, lease_kept=lambda: not self._stopping.is_set())
        began = time.monotonic()
        result, words = _carried_out(sweep, run)
        return Report(sweep.name, result, window, run.tally, time.monotonic() - began, words)

    def _run(self, sweep: Sweep, heartbeat: Heartbeat) -> Report:
        value = sweeps.value(self._store, sweep.name)
        window = self._window(sweep, value)
        began = time.monotonic()

        def advance(until: float, cursor: dict[str, Any]) -> None:
            now = self._clock.time()
            with self._store.write() as session:
                sweeps.advance(
                    session, sweep.name, self._owner, {"until": until, "cursor": cursor}, now
                )

        run = Run(
            sweep,
            window,
            dict(value.get("cursor", {})),
            dry=False,
            lease_kept=lambda: heartbeat.lease_kept and not self._stopping.is_set(),
            advance=advance,
        )
        row = SweepRunRow(
            sweep=sweep.name,
            owner=self._owner,
            started_at=self._clock.time(),
            window_from=window.since,
            window_to=window.until,
        )
        with self._store.write() as session:
            run_id = sweeps.begin(session, row)
        result, words = RunResult.FAILED, "it was stopped"
        try:
            result, words = _carried_out(sweep, run)
            if result is RunResult.OK:
                run.reached(window.until)
            elif result is RunResult.DISABLED:
                self._disable(sweep, words, value)
        except SweepLost as lost:
            result, words = RunResult.LOST, str(lost)
        finally:
            report = Report(sweep.name, result, window, run.tally, time.monotonic() - began, words)
            self._end(run_id, report)
        return report

    def _disable(self, sweep: Sweep, words: str, value: dict[str, Any]) -> None:
        again = self._clock.time() + RECHECK_SECONDS
        with self._store.write() as session:
            sweeps.advance(
                session,
                sweep.name,
                self._owner,
                {**value, "disabled_until": again, "disabled": words},
                self._clock.time(),
            )
        log.warning("sweep disabled; it is tried again tomorrow", sweep=sweep.name, why=words)

    def _end(self, run_id: int, report: Report) -> None:
        columns = report.tally.columns()
        if found := report.tally.first_findings():
            columns["detail"] = {**columns["detail"], "findings": found}
        with self._store.write() as session:
            sweeps.end(
                session,
                run_id,
                result=report.result.value,
                seconds=report.seconds,
                words=" ".join([report.words, *report.tally.notes]).strip()[:4000],
                **columns,
            )
        SWEEP_RUNS.labels(report.sweep, report.result.value).inc()
        write = log.info if report.tally.total or report.tally.failed else log.debug
        if report.result is RunResult.FAILED:
            write = log.warning
        write(
            "swept",
            sweep=report.sweep,
            result=report.result.value,
            found=report.tally.total,
            repaired=report.tally.repaired,
            failed=report.tally.failed,
            calls=report.tally.calls,
            seconds=round(report.seconds, 2),
            **({"why": report.words} if report.words else {}),
        )


def _carried_out(sweep: Sweep, run: Run) -> tuple[RunResult, str]:
    try:
        sweep.sweep(run)
    except SweepLost:
        raise
    except Rejected as fault:
        if fault.cause is Cause.PERMISSION:
            return RunResult.DISABLED, " ".join(filter(None, (str(fault), fault.remedy)))
        return RunResult.FAILED, str(fault)
    except SitePaused as fault:
        return RunResult.PAUSED, str(fault)
    except Fault as fault:
        return RunResult.FAILED, str(fault)
    except StoreUnavailable:
        raise
    except Exception as error:
        # The run ends on record as failed; the next one looks at the same window again.
        log.exception("a sweep failed", sweep=sweep.name)
        name = type(error).__name__
        return RunResult.FAILED, f"it failed on {name}; this is a defect of ours, see the log"
    return RunResult.OK, ""

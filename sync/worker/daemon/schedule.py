"""The schedule: jobs at intervals, in every process.

A job that must run in one process at a time takes a lease in the store.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

log = structlog.get_logger("schedule")

# APScheduler warns when it skips a job whose last run is not over, which is intended.
logging.getLogger("apscheduler").setLevel(logging.ERROR)


class Schedule:
    """Jobs are kept in memory only: intervals begin anew with a restart."""

    def __init__(self) -> None:
        self._turned = time.monotonic()
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def every(
        self,
        seconds: float,
        name: str,
        job: Callable[[], object],
        *,
        jitter: float = 0.0,
        first: float | None = None,
    ) -> None:
        """Call ``job`` every ``seconds``, never twice at once. Exceptions of ``job`` are logged.

        ``first`` is the number of seconds until the first call, ``seconds`` if None.
        """
        soon = {} if first is None else {"next_run_time": _from_now(first)}
        self._scheduler.add_job(
            self._guarded(name, job),
            "interval",
            seconds=seconds,
            id=name,
            jitter=jitter or None,
            replace_existing=True,
            **soon,
        )

    def cron(
        self, expression: str, name: str, job: Callable[[], object], *, jitter: float = 0.0
    ) -> None:
        """Call ``job`` at the times of a crontab expression (UTC), up to ``jitter`` seconds off."""
        trigger = CronTrigger.from_crontab(expression, timezone="UTC")
        trigger.jitter = jitter or None
        self._scheduler.add_job(self._guarded(name, job), trigger, id=name, replace_existing=True)

    def do(self, name: str) -> None:
        """Do a job now, in this thread. Raises KeyError where no job has that name."""
        job = self._scheduler.get_job(name)
        if job is None:
            raise KeyError(name)
        job.func()

    def names(self) -> list[str]:
        """The names of all jobs, in order."""
        return sorted(str(job.id) for job in self._scheduler.get_jobs())

    def stuck(self, seconds: float) -> str:
        """What does not turn any more, in words, if no job has begun for so many seconds."""
        still = time.monotonic() - self._turned
        return f"no scheduled job has begun for {still:.0f} s" if still > seconds else ""

    def start(self) -> None:
        """Begin."""
        self._turned = time.monotonic()
        self._scheduler.start()

    def stop(self) -> None:
        """Start no further job; jobs under way end by themselves."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _guarded(self, name: str, job: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            self._turned = time.monotonic()
            try:
                job()
            except Exception as error:
                # The job runs again at its next time; the other jobs keep theirs.
                log.warning("a scheduled job failed", job=name, why=str(error))

        return run


def _from_now(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)

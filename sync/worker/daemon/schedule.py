"""The schedule: what is done at intervals. APScheduler only pokes; the store's leases guard."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

log = structlog.get_logger("schedule")

# That a job was left out because the one before is still at it is no news, and not in our form.
logging.getLogger("apscheduler").setLevel(logging.ERROR)


class Schedule:
    """Jobs at intervals, in memory and in code: a restart begins them anew."""

    def __init__(self) -> None:
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
        """Call ``job`` every ``seconds``, never twice at once; what it raises is logged.

        ``first`` is how long (seconds) after now it is called for the first time, ``seconds`` if None.
        """
        soon = {} if first is None else {"next_run_time": _from_now(first)}
        self._scheduler.add_job(
            _guarded(name, job),
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
        self._scheduler.add_job(_guarded(name, job), trigger, id=name, replace_existing=True)

    def do(self, name: str) -> None:
        """Do a job now, in this thread. Raises KeyError where there is none of that name."""
        job = self._scheduler.get_job(name)
        if job is None:
            raise KeyError(name)
        job.func()

    def names(self) -> list[str]:
        """The names of all jobs, in order."""
        return sorted(str(job.id) for job in self._scheduler.get_jobs())

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """No further jobs; those under way end by themselves."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _from_now(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _guarded(name: str, job: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        try:
            job()
        except Exception as error:
            log.warning("a scheduled job failed", job=name, why=str(error))

    return run

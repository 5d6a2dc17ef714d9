"""The schedule: what is done at intervals. APScheduler only pokes; the store's leases guard."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

log = structlog.get_logger("schedule")


class Schedule:
    """Jobs at intervals, in memory and in code: a restart begins them anew."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def every(
        self, seconds: float, name: str, job: Callable[[], object], *, jitter: float = 0.0
    ) -> None:
        """Call ``job`` every ``seconds``, never twice at once; what it raises is logged."""

        def run() -> None:
            try:
                job()
            except Exception as error:
                log.warning("a scheduled job failed", job=name, why=str(error))

        self._scheduler.add_job(
            run, "interval", seconds=seconds, id=name, jitter=jitter or None, replace_existing=True
        )

    def cron(
        self, expression: str, name: str, job: Callable[[], object], *, jitter: float = 0.0
    ) -> None:
        """Call ``job`` at the times of a crontab expression (UTC), up to ``jitter`` seconds off."""
        from apscheduler.triggers.cron import CronTrigger

        def run() -> None:
            try:
                job()
            except Exception as error:
                log.warning("a scheduled job failed", job=name, why=str(error))

        trigger = CronTrigger.from_crontab(expression, timezone="UTC")
        trigger.jitter = jitter or None
        self._scheduler.add_job(run, trigger, id=name, replace_existing=True)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """No further jobs; those under way end by themselves."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

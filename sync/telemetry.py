"""What the program says about itself: log set-up and the metrics all rooms share."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# Prometheus notices by itself when a counter restarts; this avoids a second series for each.
disable_created_metrics()  # type: ignore[no-untyped-call]

DELIVERIES = Counter(
    "ticket_sync_deliveries_total", "Webhook requests by what became of them.", ["outcome"]
)
ACTIONS = Counter(
    "ticket_sync_actions_total", "Actions carried out on tickets.", ["site", "action", "result"]
)
CALLS = Counter("ticket_sync_jira_calls_total", "Calls made to Jira.", ["site", "method", "result"])
CALL_SECONDS = Histogram(
    "ticket_sync_jira_call_seconds", "Seconds a call to Jira took.", ["site", "method"]
)
WALKS = Counter("ticket_sync_walks_total", "Walks of tickets, by how they ended.", ["outcome"])
TICKETS = Gauge("ticket_sync_tickets", "Tickets by where they stand.", ["standing"])
OLDEST_DUE = Gauge("ticket_sync_oldest_due_seconds", "Age of the oldest ticket that is due.")
BREAKER = Gauge("ticket_sync_site_down", "1 while calls to a Jira site are stopped.", ["site"])
STALLED = Gauge(
    "ticket_sync_project_stalled", "1 while calls about a project hang.", ["site", "project"]
)
RULES_OK = Gauge("ticket_sync_rules_valid", "0 while an edited rule set was refused.")
SWEEP_RUNS = Counter(
    "ticket_sync_sweep_runs_total", "Sweeps by name and result.", ["sweep", "result"]
)


class LossyStream:
    """A stream for logs that ignores write errors: on a full disk, or with its reader gone, lines are
    lost and the program continues."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            self.lost += 1
            return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


def configure_logs(*, level: str = "info", form: str = "auto") -> None:
    """Set up structured logs on stderr: text on a terminal, JSON lines otherwise.

    ``form`` is ``auto``, ``text`` or ``json``.
    """
    stream = LossyStream(sys.stderr)
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if as_text:
        # Pretty tracebacks would print local variables, and with them bodies and secrets.
        processors.append(
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        )
    else:
        processors += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, stream)),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(name)s: %(message)s")

"""What the program says about itself: log set-up, the metrics all rooms share, and the secrets that
nothing it says may hold.

Settings, and whoever receives a secret otherwise, call ``keep_secret``. The log conceals all of them.
What is said by other ways (errors, and the words of faults, which go to the store, ``status``, ``why``
and health) passes ``concealed`` where text from outside comes in.
"""

from __future__ import annotations

import json
import logging
import platform
import sys
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from sync import __version__
from sync.domain import secrets

# Prometheus notices by itself when a counter restarts; this avoids a second series for each.
disable_created_metrics()  # type: ignore[no-untyped-call]

DELIVERIES = Counter(
    "ticket_sync_deliveries_total", "Webhook requests by what became of them.", ["outcome"]
)
NOTICES = Counter(
    "ticket_sync_notices_total",
    "Webhook requests of Jira sites by what became of them.",
    ["site", "outcome"],
)
EVENTS = Counter(
    "ticket_sync_events_total", "Events read from deliveries, by type; unknown ones too.", ["type"]
)
ACTIONS = Counter(
    "ticket_sync_actions_total", "Actions carried out on tickets.", ["site", "action", "result"]
)
CALLS = Counter("ticket_sync_jira_calls_total", "Calls made to Jira.", ["site", "method", "result"])
CALL_SECONDS = Histogram(
    "ticket_sync_jira_call_seconds", "Seconds a call to Jira took.", ["site", "method"]
)
ENDPOINT_CALLS = Counter(
    "ticket_sync_jira_endpoint_calls_total",
    "Calls made to Jira by what they ask for, with * for ids and keys.",
    ["site", "endpoint", "result"],
)
CALL_RETRIES = Counter(
    "ticket_sync_jira_retries_total",
    "Calls to Jira that were tried again at once, by cause.",
    ["site", "cause"],
)
TURN_SECONDS = Counter(
    "ticket_sync_jira_turn_seconds_total",
    "Seconds that calls waited for their turn: for rate limits, pauses and other calls.",
    ["site"],
)
COALESCE_CALLS = Counter(
    "ticket_sync_coalesce_calls_total",
    "Requests to the API of Coalesce Quality by what they ask for.",
    ["call", "result"],
)
COALESCE_SECONDS = Histogram(
    "ticket_sync_coalesce_call_seconds",
    "Seconds a request to the API of Coalesce Quality took.",
    ["call"],
)
FAULTS = Counter(
    "ticket_sync_walk_faults_total",
    "Walks that met a fault, which then wait, are tried again or are parked; by cause.",
    ["site", "cause"],
)
# From a tenth of a second to a day: a ticket may have to wait for a site that is down.
_DELAYS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
READ_SECONDS = Histogram(
    "ticket_sync_delivery_read_seconds",
    "Seconds from the receipt of a delivery until it was read.",
    buckets=_DELAYS,
)
TICKET_SECONDS = Histogram(
    "ticket_sync_delivery_to_ticket_seconds",
    "Seconds from the receipt of a delivery until the ticket that it asked for was in Jira.",
    ["site"],
    buckets=_DELAYS,
)
SETTLE_SECONDS = Histogram(
    "ticket_sync_settle_seconds",
    "Seconds from when a ticket was due until it was as its rule wants it.",
    ["site"],
    buckets=_DELAYS,
)
WALKS = Counter("ticket_sync_walks_total", "Walks of tickets, by how they ended.", ["outcome"])
TICKETS = Gauge("ticket_sync_tickets", "Tickets by where they stand.", ["standing"])
OLDEST_DUE = Gauge("ticket_sync_oldest_due_seconds", "Age of the oldest ticket that is due.")
DEAD = Gauge(
    "ticket_sync_dead_letters", "Deliveries that were signed and accepted, and cannot be read."
)
WAITING = Gauge("ticket_sync_deliveries_waiting", "Deliveries that wait to be read.")
OLDEST_WAITING = Gauge(
    "ticket_sync_oldest_delivery_waiting_seconds",
    "Age of the oldest delivery that waits to be read; 0 where none does.",
)
LAST_DELIVERY = Gauge(
    "ticket_sync_last_delivery_timestamp_seconds",
    "When the last delivery of a source came, in seconds since the epoch; 0 for never.",
    ["source"],
)
LAST_NOTICE = Gauge(
    "ticket_sync_last_notice_timestamp_seconds",
    "When this daemon last took a webhook of a Jira site; 0 for not since the start.",
    ["site"],
)
REFUSING = Gauge(
    "ticket_sync_inbox_refusing", "1 while deliveries are refused because they cannot be stored."
)
STORE_UP = Gauge("ticket_sync_store_up", "1 where the store could be read for these metrics.")
FAILING = Gauge("ticket_sync_worker_failing", "1 while a loop of this daemon fails or has ended.")
DAEMONS = Gauge("ticket_sync_daemons", "Daemons that use the store and are alive.")
LEASE_HELD = Gauge(
    "ticket_sync_lease_held",
    "1 while this daemon leads: it alone may run the sweep, or do what else the lease is named for.",
    ["lease"],
)
PAUSED = Gauge(
    "ticket_sync_site_paused_seconds",
    "Seconds until the end of a pause that a Jira site asked for; 0 where it asked for none.",
    ["site"],
)
PAUSE_TICKETS = Gauge(
    "ticket_sync_pause_tickets",
    "Tickets that wait for a pause that a person asked for; absent where nothing is paused.",
    ["kind", "site", "name"],
)
BREAKER = Gauge("ticket_sync_site_down", "1 while calls to a Jira site are stopped.", ["site"])
STALLED = Gauge(
    "ticket_sync_project_stalled", "1 while calls about a project hang.", ["site", "project"]
)
UNABLE = Gauge(
    "ticket_sync_upstream_unable", "1 while upstream does not let us do a thing.", ["ability"]
)
UPSTREAM_DOWN = Gauge(
    "ticket_sync_upstream_down", "1 while calls that tell upstream do not get through.", ["source"]
)
LAST_TOLD = Gauge(
    "ticket_sync_upstream_last_told_seconds",
    "When upstream was last told an act, in seconds since the epoch; 0 for not since the start.",
    ["source"],
)
UNTOLD = Gauge(
    "ticket_sync_upstream_waiting_acts", "Acts that wait for a person before upstream is told."
)
HELD = Gauge(
    "ticket_sync_upstream_held_tickets",
    "Tickets of which neither side is told, because each turned the other round and round.",
)
RULES_OK = Gauge("ticket_sync_rules_valid", "0 while an edited rule set was refused.")
# A receiver alone reads no rules, and refuses none.
RULES_OK.set(1)
EDIT_WAITING = Gauge(
    "ticket_sync_edit_waiting", "1 while an edit of the rules waits for a person to accept it."
)
EDIT_WAITING_SECONDS = Gauge(
    "ticket_sync_edit_waiting_seconds", "How long the edit of the rules has waited; 0 for none."
)
SWEEP_RUNS = Counter(
    "ticket_sync_sweep_runs_total", "Sweeps by name and result.", ["sweep", "result"]
)
NOTIFICATIONS = Counter(
    "ticket_sync_notifications_total",
    "Tries to send people a notification, by channel and result.",
    ["channel", "result"],
)
NOTIFICATIONS_FAILING = Gauge(
    "ticket_sync_notifications_failing",
    "1 while a channel of notifications does not get through.",
    ["channel"],
)
LAST_SWEPT = Gauge(
    "ticket_sync_sweep_last_success_timestamp_seconds",
    "When the last successful run of a sweep ended, in seconds since the epoch; 0 for never.",
    ["sweep"],
)
BUILD = Gauge("ticket_sync_build_info", "Always 1: what runs here.", ["version", "python"])
BUILD.labels(__version__, platform.python_version()).set(1)


def cause_of(fault: BaseException) -> str:
    """A fault as the value of a label: its class in small letters, or ``rate_limit``."""
    name = type(fault).__name__
    if name == "Refused" and getattr(fault, "retry_after", None) is not None:
        return "rate_limit"
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).strip("_")


class _Secrets:
    """The newest secrets of this process; access tokens that are renewed push out old ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[str] = deque(maxlen=200)
        self.conceal = secrets.Concealer()

    def keep(self, secret: str) -> None:
        with self._lock:
            if secret not in self._kept:
                self._kept.append(secret)
                self.conceal = secrets.Concealer(self._kept)

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()
            self.conceal = secrets.Concealer()


_secrets = _Secrets()


def keep_secret(secret: str) -> None:
    """From now on, ``concealed`` and the log show this secret as ``***``."""
    _secrets.keep(secret)


def forget_secrets() -> None:
    """Conceal nothing any more."""
    _secrets.forget()


def concealed(text: str) -> str:
    """The text with ``***`` for each secret of this process, in whatever form it stands there."""
    return _secrets.conceal(text)


class LossyStream:
    """A stream for logs that conceals secrets, and ignores write errors: on a full disk, with its reader
    gone, closed or not there at all (None), lines are lost and the program continues."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.lost = 0

    def write(self, text: str) -> int:
        try:
            if self._stream is not None:
                return self._stream.write(concealed(text))
        except Exception:  # noqa: S110 - there is nowhere to tell of it
            pass
        self.lost += 1
        return len(text)

    def flush(self) -> None:
        with suppress(Exception):
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        with suppress(Exception):
            return self._stream is not None and self._stream.isatty()
        return False


def _guarded(level: int) -> type[Any]:
    """The class of loggers that write from ``level`` on, and never raise.

    A line is written in the middle of walks, sweeps and deliveries. What keeps it from being rendered or
    written (a value without a text, a closed stream, a full disk) must not decide how those end.
    """
    usual = structlog.make_filtering_bound_logger(level)

    class Guarded(usual):  # type: ignore[misc, valid-type]
        def _proxy_to_logger(self, name: str, event: str | None = None, **facts: Any) -> Any:
            try:
                return super()._proxy_to_logger(name, event, **facts)
            except Exception:
                return None

    return Guarded


# Also for those who use the program's rooms without ``configure_logs``.
structlog.configure(wrapper_class=_guarded(logging.NOTSET))


# json.dumps would make an encoder for each line.
_encoder = json.JSONEncoder(default=repr)


def _to_json(facts: Mapping[str, Any], **_how: Any) -> str:
    return _encoder.encode(facts)


def configure_logs(*, level: str = "info", form: str = "auto") -> None:
    """Set up structured logs on stderr: text on a terminal, JSON lines otherwise.

    ``form`` is ``auto``, ``text`` or ``json``.
    """
    stream = LossyStream(sys.stderr)
    as_text = form == "text" or (form == "auto" and stream.isatty())
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if as_text:
        # Pretty tracebacks would print local variables, and with them bodies and secrets.
        processors.append(
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        )
    else:
        as_json = structlog.processors.JSONRenderer(serializer=_to_json)
        processors += [structlog.processors.format_exc_info, as_json]
    structlog.configure(
        processors=processors,
        wrapper_class=_guarded(logging.getLevelNamesMapping()[level.upper()]),
        # One write for the line and its end. PrintLogger writes twice, and each is a call to the system.
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, stream)),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(name)s: %(message)s")
    threading.excepthook = _thread_failed


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    """Say in the log that a thread ended by an exception; Python would print it as it is."""
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        name = args.thread.name if args.thread else ""
        structlog.get_logger("thread").error(
            "a thread ended by an exception", thread=name, exc_info=args.exc_value
        )

"""Running the daemon until a signal stops it."""

from __future__ import annotations

import ctypes
import time
from contextlib import suppress

import structlog

from sync import __version__
from sync.bootstrap.adapters import SOURCES
from sync.bootstrap.http import Background
from sync.bootstrap.program import build
from sync.bootstrap.signals import end_if_held_up, stop_on_signals
from sync.settings import Settings
from sync.telemetry import configure_logs
from sync.web.server import listen

log = structlog.get_logger("daemon")

# glibc's number for the parameter of mallopt, and the arenas that are enough: one thread of Python works
# at a time.
_ARENA_MAX = -8
_ARENAS = 2

UNSIGNED = (
    "deliveries are accepted UNSIGNED: whoever reaches this port can make tickets; set "
    "signing_secrets in [coalesce] and remove allow_unsigned"
)


def few_arenas() -> None:
    """Let all threads share two arenas of malloc. Call this before threads start.

    With glibc, each thread gets an arena of its own, up to eight for each processor, and an arena keeps
    what is freed in it. Other C libraries stay as they are.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the exit code.

    Raises CannotListen, CannotStart, StoreUnavailable, RuleErrors.
    """
    few_arenas()
    configure_logs(level=settings.log.level, form=settings.log.format)
    if settings.coalesce.allow_unsigned:
        log.warning(UNSIGNED)
    # The port comes first: a second daemon, started by mistake, must not touch the store.
    bound = listen(settings.server.host, settings.server.port)
    with stop_on_signals() as stop:
        program = build(settings, pause=stop.wait)
        grace = settings.server.stop_timeout / 2
        server = Background(program.app, bound, name="receiver", grace=grace, freeze=True)
        program.start()
        server.start()
        for words in program.rulebook.notes():
            log.warning("about the folder of rules", note=words)
        log.info(
            "serving",
            version=__version__,
            webhook=" ".join(f"{server.url}/webhooks/{name}" for name in SOURCES),
            store=program.store.place,
            rules=len(program.rules.rules),
            rules_folder=str(settings.rules_folder),
            sites=sorted(settings.sites),
        )
        while not stop.wait(1.0):
            if server.ended.is_set():
                log.error("the server ended by itself; stopping")
                break
        log.info("stopping", asked=stop.asked)
        end = time.monotonic() + settings.server.stop_timeout
        in_time = server.stop(grace + 1)
        in_time = program.stop(max(1.0, end - time.monotonic())) and in_time
        if not in_time:
            log.warning("stopped before all work in hand was done; it will be taken up again")
        log.info("stopped")
        code = 0 if stop.asked else 1
        end_if_held_up(code)
        return code

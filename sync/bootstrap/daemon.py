"""Running the daemon until a signal stops it."""

from __future__ import annotations

import ctypes
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from sync import __version__
from sync.bootstrap.adapters import webhook_paths
from sync.bootstrap.errors import CannotStart
from sync.bootstrap.half import Half
from sync.bootstrap.http import Background, listening, share_interpreter
from sync.bootstrap.reload import Reloading
from sync.bootstrap.signals import STOP_GRACE, Stop, end_if_held_up, stop_on_signals
from sync.bootstrap.systemd import Systemd
from sync.bootstrap.traces import traced
from sync.settings import Settings
from sync.store.url import sqlite_file
from sync.telemetry import configure_logs
from sync.web.server import CannotListen, listen

if TYPE_CHECKING:
    from sync.bootstrap.program import Program
    from sync.bootstrap.receiver import ReceiverAlone

log = structlog.get_logger("daemon")

# Seconds after which a server that does not turn counts as stuck; and a loop, whose step may wait for a
# database or for a migration elsewhere.
SERVER_SECONDS = 30.0
LOOP_SECONDS = 600.0

# glibc's number for the parameter of mallopt, and the arenas that are enough: one thread of Python works
# at a time.
_ARENA_MAX = -8
_ARENAS = 2

UNSIGNED = (
    "deliveries are accepted UNSIGNED: whoever reaches this port can make tickets; set "
    "signing_secrets in [coalesce] and remove allow_unsigned"
)

UNSIGNED_WEBHOOKS = (
    "webhooks of the site are accepted UNSIGNED: whoever reaches this port can have tickets read again "
    "and again; set webhook_secrets of the site and remove allow_unsigned_webhooks"
)

UNENCRYPTED = (
    "passwords for the pages may travel UNENCRYPTED, because this listens beyond this machine; put a "
    "proxy with https in front, and set url in [web] to its address"
)


def few_arenas() -> None:
    """Let all threads share two arenas of malloc. Call this before threads start.

    With glibc, each thread gets an arena of its own, up to eight for each processor, and an arena keeps
    what is freed in it. Other C libraries stay as they are.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)


def run(settings: Settings, only: Half | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code. ``only`` leaves out the other half.

    Raises CannotListen, CannotStart, StoreUnavailable, RuleErrors.
    """
    if only and sqlite_file(settings.store.url.get_secret_value()) is not None:
        raise CannotStart(
            f"--only {only} needs a store that several daemons can share, and url in [store] names an "
            "SQLite file. Name a PostgreSQL there, or start without --only."
        )
    few_arenas()
    share_interpreter(False)
    configure_logs(level=settings.log.level, form=settings.log.format)
    _warn_of_unsigned(settings)
    _warn_of_unencrypted(settings, only)
    # The port comes first: a second daemon, started by mistake, must not touch the store.
    bound = _bound(settings)
    as_read, settings = settings, listening(settings, bound)
    with stop_on_signals() as stop:
        with traced(settings):
            program = _built(settings, only, stop.wait)
            servers = _servers(program, bound, settings.server.stop_timeout / 2)
            program.start()
            for server in reversed(servers):
                server.start()
            for words in program.notes():
                log.warning("about the folder of rules", note=words)
            webhooks = (f"{servers[0].url}{path}" for path in webhook_paths(settings))
            log.info(
                "serving",
                version=__version__,
                webhook="" if only is Half.WORKER else " ".join(webhooks),
                address=servers[0].url,
                admin=servers[-1].url,
                store=program.store.place,
                rules_folder=str(settings.rules_folder),
                **program.facts(),
            )
            systemd = Systemd()
            systemd.say(READY=1, STATUS=f"serving at {servers[0].url}")
            _watched(stop, program.reloading(as_read), systemd, _Turning(program, servers))
            log.info("stopping", asked=stop.asked)
            ending = settings.server.stop_timeout + STOP_GRACE
            systemd.say(STOPPING=1, WATCHDOG=1, EXTEND_TIMEOUT_USEC=round(ending * 1e6))
            if not _stopped(program, servers, settings.server.stop_timeout):
                log.warning("stopped before all work in hand was done; it will be taken up again")
            log.info("stopped")
        code = 0 if stop.asked else 1
        end_if_held_up(code)
        return code


@dataclass(frozen=True, slots=True)
class _Turning:
    """What has to turn for the daemon to be alive."""

    program: Program | ReceiverAlone
    servers: Sequence[Background]

    def ended(self) -> bool:
        """Whether a server has ended by itself."""
        return any(server.ended.is_set() for server in self.servers)

    def stuck(self) -> str:
        """What does not turn any more, in words; "" where all does."""
        servers = (server.stuck(SERVER_SECONDS) for server in self.servers)
        return next(filter(None, servers), "") or self.program.stuck(LOOP_SECONDS)


def _watched(stop: Stop, reloading: Reloading, systemd: Systemd, turning: _Turning) -> None:
    """Wait until the program is to stop; meanwhile read again when asked, and give signs of life."""
    while not stop.wait(1.0):
        if turning.ended():
            log.error("a server ended by itself; stopping")
            return
        if not reloading.under_way and stop.again():
            systemd.reloading()
            reloading.begin(lambda: systemd.say(READY=1))
        systemd.alive(turning.stuck)


def _bound(settings: Settings) -> list[socket.socket]:
    """The socket for webhooks, and the one for people and monitors where they have an address of their
    own. Raises CannotListen."""
    at = settings.server
    bound = [listen(at.host, at.port)]
    if at.admin_port is None:
        return bound
    try:
        return [*bound, listen(at.admin_host, at.admin_port, "admin_host and admin_port")]
    except CannotListen:
        bound[0].close()
        raise


def _servers(
    program: Program | ReceiverAlone, bound: Sequence[socket.socket], grace: float
) -> list[Background]:
    """The servers on these sockets, none of them started."""
    servers = [Background(program.app, bound[0], name="receiver", grace=grace, freeze=True)]
    servers += [Background(program.admin, one, name="admin", grace=grace) for one in bound[1:]]
    return servers


def _stopped(
    program: Program | ReceiverAlone, servers: Sequence[Background], timeout: float
) -> bool:
    """Stop everything; whether all work in hand was done within ``timeout`` seconds."""
    end = time.monotonic() + timeout
    ended = [server.stop(timeout / 2 + 1) for server in servers]
    return program.stop(max(1.0, end - time.monotonic())) and all(ended)


def _warn_of_unsigned(settings: Settings) -> None:
    if settings.coalesce.allow_unsigned:
        log.warning(UNSIGNED)
    for name, site in settings.sites.items():
        if site.allow_unsigned_webhooks:
            log.warning(UNSIGNED_WEBHOOKS, site=name)


def _warn_of_unencrypted(settings: Settings, only: Half | None) -> None:
    server, web = settings.server, settings.web
    host = server.admin_host if server.apart else server.host
    signs_in = web.login == "users" and only is not Half.RECEIVER
    if signs_in and not web.https and not _is_here(host):
        log.warning(UNENCRYPTED, host=host)


def _is_here(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _built(
    settings: Settings, only: Half | None, pause: Callable[[float], object]
) -> Program | ReceiverAlone:
    if only is Half.RECEIVER:
        from sync.bootstrap.receiver import build_receiver

        return build_receiver(settings)
    # A receiver alone needs no rules and no Jira, and therefore does not load them.
    from sync.bootstrap.program import build

    return build(settings, pause=pause, receives=only is None)

"""The HTTP server, embedded: uvicorn with uvloop and httptools, one process, in the calling thread."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import structlog
import uvicorn

from sync.web.protocol import ConnectionLimits, guarded

log = structlog.get_logger("web")

BACKLOG = 2048
STOP_SECONDS = 20.0

# Goes with every answer: a browser is to take it for what it says it is, and to tell no other place
# where it was.
_EVERY_ANSWER = [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")]

# File descriptors for other things than connections: store, logs, Jira, the interpreter.
_OTHER_FILES = 256


class CannotListen(Exception):
    """The address cannot be listened on. ``str()`` names it, and says why and what to do."""


class WebServer:
    """Serves an ASGI application until ``stop``.

    uvicorn's own ``serve`` raises the signal that stopped it again, so no code after it runs. Here
    ``run`` returns.
    """

    def __init__(
        self,
        app: Any,
        listening: socket.socket,
        *,
        limits: ConnectionLimits | None = None,
        stop_seconds: float = STOP_SECONDS,
        freeze: bool = True,
    ) -> None:
        """``listening`` is a bound socket, see ``listen``. An app that has ``at_once`` answers some
        requests by itself, see ``protocol.guarded``. ``stop_seconds`` is how long requests in hand may
        take after ``stop``. ``freeze`` exempts the objects that exist at start-up from garbage
        collection, and turns collection on where it was off until then."""
        self._socket = listening
        # uvicorn closes the socket before it returns.
        self._address: tuple[str, int] = listening.getsockname()[:2]
        limits = _within_files(limits or ConnectionLimits())
        at_once = getattr(app, "at_once", None)
        config = uvicorn.Config(
            app,
            interface="asgi3",
            http=guarded(limits, at_once) if at_once else guarded(limits),
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            headers=_EVERY_ANSWER,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=limits.keep_alive_seconds,
            timeout_graceful_shutdown=max(1, round(stop_seconds)),
        )
        self._server = _Server(config, freeze=freeze)

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port listened on."""
        return self._address

    @property
    def url(self) -> str:
        """The address as a URL."""
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self, on_ready: Callable[[], None] = lambda: None) -> int | None:
        """Serve until ``stop`` or, in the main thread, SIGINT or SIGTERM; returns the signal, if any.

        ``on_ready`` is called once requests are accepted. A second SIGINT does not wait for requests.
        """
        self._server.on_ready = on_ready
        self._server.run(sockets=[self._socket])
        return self._server.signal

    @property
    def turned(self) -> float:
        """When the server's loop last turned, by ``time.monotonic``; 0 before its start."""
        return self._server.turned

    def stop(self) -> None:
        """Accept no more requests, finish those in hand, and let ``run`` return. From any thread."""
        self._server.should_exit = True

    def hurry(self) -> None:
        """Do not wait for requests in hand any longer."""
        self._server.should_exit = True
        self._server.force_exit = True


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, freeze: bool) -> None:
        super().__init__(config)
        self.signal: int | None = None
        self.on_ready: Callable[[], None] = lambda: None
        self._freeze = freeze
        self.turned = 0.0

    async def on_tick(self, counter: int) -> bool:
        """What uvicorn does ten times a second."""
        self.turned = time.monotonic()
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.lifespan.should_exit:
            # The app did not start. Newer versions of uvicorn end the process here.
            return
        if self._freeze:
            # Without this, a full collection scans all imported modules: 80 ms in the slowest request.
            # One now would take as long, and find next to nothing.
            gc.freeze()
            gc.enable()
        self.turned = time.monotonic()
        self.on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self.signal = self._captured_signals[0] if self._captured_signals else None


def listen(host: str, port: int, keys: str = "host and port") -> socket.socket:
    """A socket that listens; ``port`` 0 takes any free one. Raises CannotListen, with the ``keys`` that
    the settings have for both."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise CannotListen(
            f"cannot listen on {host}:{port}: {why}. Set [server] {keys} to an address that "
            "is free, or stop the program that has it"
        ) from error
    listening.setblocking(False)
    return listening


def _within_files(limits: ConnectionLimits) -> ConnectionLimits:
    """The limits, with no more connections than this process may have open files."""
    wanted = limits.connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        if most < wanted:
            return replace(limits, connections=max(16, most - _OTHER_FILES))
    return limits

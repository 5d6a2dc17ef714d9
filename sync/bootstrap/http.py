"""HTTP servers in threads of their own, so that the rest of the program stays synchronous."""

from __future__ import annotations

import errno
import socket
import threading
from typing import Any

import uvicorn

from sync.bootstrap.errors import CannotStart

_BACKLOG = 2048
_START_SECONDS = 30.0


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one. Raises CannotStart, in words."""
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise CannotStart(
            f"{host!r} is no address of this machine. Set host in [server] to 127.0.0.1, to 0.0.0.0 "
            "for all addresses, or to a name that resolves here."
        ) from None
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        # Listening at once makes a second program on the same port fail here, in words.
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise CannotStart(_cannot_listen(where, port, error)) from None
    return bound


def _cannot_listen(where: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Cannot listen on {where}: another program does already. Stop it, or choose another "
            "port: set port in [server], or TICKET_SYNC_SERVER__PORT."
        )
    if error.errno == errno.EACCES and port < 1024:
        return (
            f"Cannot listen on {where}: ports below 1024 are for root. Choose another port in "
            "[server], with a proxy in front of it."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"Cannot listen on {where}: that is not an address of this machine. Set host in [server] "
            "to 127.0.0.1 or to 0.0.0.0 for all addresses."
        )
    return f"Cannot listen on {where}: {error.strerror}."


class HttpServer:
    """One ASGI app on one socket, in its own thread."""

    def __init__(self, app: Any, bound: socket.socket, *, name: str, grace: float = 10.0) -> None:
        self._socket = bound
        host, port = bound.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{port}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                loop="auto",
                http="httptools",
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=max(1, int(grace)),
            )
        )
        self._thread = threading.Thread(target=self._run, name=f"http-{name}", daemon=True)
        self.ended = threading.Event()

    def start(self) -> None:
        """Serve; returns once requests are answered. Raises CannotStart when the app fails."""
        self._thread.start()
        waited = 0.0
        while not self._server.started:
            if self.ended.wait(0.01) or waited > _START_SECONDS:
                raise CannotStart(
                    f"The server at {self.url} did not come up; the log above says why."
                )
            waited += 0.01

    def stop(self, timeout: float) -> bool:
        """Take no more connections and finish the requests in hand; whether that was in time."""
        self._server.should_exit = True
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(2.0)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except SystemExit:
            # uvicorn's way to say that the app's start-up failed; start() reports it.
            return
        finally:
            self.ended.set()

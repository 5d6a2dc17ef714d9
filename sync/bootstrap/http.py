"""HTTP servers in threads of their own, so that the rest of the program stays synchronous."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from sync.bootstrap.errors import CannotStart
from sync.settings import Settings
from sync.web.server import WebServer

_START_SECONDS = 30.0

# How long a thread that computes may keep the interpreter from others: usually, and while a delivery
# waits to be accepted. A delivery is handed from thread to thread and to the disk, and would wait for
# Python's usual 5 ms each time while workers compute. Each change of the thread costs some CPU, though.
_SWITCH_SECONDS = 0.0005
_HURRIED_SECONDS = 0.0001


def share_interpreter(hurried: bool) -> None:
    """Let threads that wait for the interpreter have it soon; ``hurried``: sooner still, while a
    delivery waits."""
    sys.setswitchinterval(_HURRIED_SECONDS if hurried else _SWITCH_SECONDS)


class Background:
    """One ASGI app, served on a bound socket (``sync.web.server.listen``) by its own thread."""

    def __init__(
        self,
        app: Any,
        bound: socket.socket,
        *,
        name: str,
        grace: float = 10.0,
        freeze: bool = False,
    ) -> None:
        """``grace`` is how long (seconds) requests in hand may take after ``stop``."""
        self._server = WebServer(app, bound, stop_seconds=grace, freeze=freeze)
        self._thread = threading.Thread(target=self._run, name=f"http-{name}", daemon=True)
        self._changed = threading.Event()
        self._ready = False
        self.ended = threading.Event()
        self.url = self._server.url

    def start(self) -> None:
        """Serve; returns once requests are answered. Raises CannotStart if the app fails to start."""
        self._thread.start()
        self._changed.wait(_START_SECONDS)
        if not self._ready:
            raise CannotStart(f"The server at {self.url} did not come up; the log says why.")

    def stuck(self, seconds: float) -> str:
        """What does not turn any more, in words, if the server has not for so many seconds."""
        still = time.monotonic() - self._server.turned
        return (
            f"the server at {self.url} has not turned for {still:.0f} s" if still > seconds else ""
        )

    def stop(self, timeout: float) -> bool:
        """Accept no more connections and finish the requests in hand; returns whether that was in time
        (``timeout`` in seconds)."""
        self._server.stop()
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._server.hurry()
            self._thread.join(2.0)
        return not self._thread.is_alive()

    def _up(self) -> None:
        self._ready = True
        self._changed.set()

    def _run(self) -> None:
        try:
            self._server.run(self._up)
        except SystemExit:
            # uvicorn exits so when the app fails to start; ``start`` reports it.
            return
        finally:
            self.ended.set()
            self._changed.set()


def listening(settings: Settings, bound: Sequence[socket.socket]) -> Settings:
    """The settings with the port that webhooks come to, which the system chose where it is 0. The pages
    send test deliveries there."""
    server = settings.server.model_copy(update={"port": bound[0].getsockname()[1]})
    return settings.model_copy(update={"server": server})

"""The round trips between this process and PostgreSQL, counted on their way."""

from __future__ import annotations

import os
import select
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy.engine import make_url


class RoundTrips:
    """A socket before the database's. A round trip begins with the first byte that the program sends
    after the database has answered: whatever is sent before the next answer belongs to it."""

    def __init__(self, target: str) -> None:
        self.count = 0
        self._target = target
        self._folder = tempfile.TemporaryDirectory(prefix="ticket-sync-trips-")
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(Path(self._folder.name) / Path(target).name))
        self._listening.listen(64)
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, url: str) -> str:
        """The address of a database of the server, by way of here."""
        return (
            make_url(url)
            .set(query={"host": self._folder.name})
            .render_as_string(hide_password=False)
        )

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._target)
                self._open += [near, far]
                threading.Thread(target=self._copy, args=(near, far), daemon=True).start()

    def _copy(self, near: socket.socket, far: socket.socket) -> None:
        answered = True
        with near, far, suppress(OSError, ValueError):
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    data = ready.recv(1 << 16)
                    if not data:
                        return
                    if ready is near:
                        if answered:
                            with self._lock:
                                self.count += 1
                        answered = False
                        far.sendall(data)
                    else:
                        answered = True
                        near.sendall(data)

    def close(self) -> None:
        self._listening.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._folder.cleanup()


@contextmanager
def round_trips(url: str) -> Iterator[RoundTrips]:
    """Counts the round trips of stores that are opened at ``RoundTrips.url``."""
    host = str(make_url(url).query["host"])
    found = next(
        name for name in os.listdir(host) if name.startswith(".s.PGSQL") and "lock" not in name
    )
    counting = RoundTrips(str(Path(host) / found))
    try:
        yield counting
    finally:
        counting.close()

"""Hints: daemons on one PostgreSQL tell each other that there is work, so that nobody waits for a look.

A hint is a notification of PostgreSQL. It carries no data and may get lost: every daemon looks at the
store by itself as well, once a second. Notifications need a connection of their own that lasts. A pooler
that gives each transaction another session does not pass them on; name the database itself in
``direct_url`` of [store].
"""

from __future__ import annotations

import os
import random
import select
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import structlog

from sync.store.url import parse

if TYPE_CHECKING:
    from psycopg import Connection

log = structlog.get_logger("store")

_CHANNEL = "ticket_sync"
# Seconds between two hints of a kind from one process, and from a lost connection to the next try.
_GAP_SECONDS = 0.05
_AGAIN_SECONDS = 5.0
# Seconds after which a hint of this process's own must have come back.
_ECHO_SECONDS = 5.0
# Seconds by which daemons hear a hint apart, so that not all of them ask for the same work at once.
_SPREAD_SECONDS = 0.02
_ECHO = "echo"


class Hint(StrEnum):
    """What there is to do."""

    ACCEPTED = "accepted"
    DUE = "due"


class Hints:
    """Hears the hints of the other daemons on a PostgreSQL, and gives hints to them.

    ``on`` has what to call for each kind of hint; hints of this process itself are left out.
    """

    def __init__(self, url: str, owner: str, on: Mapping[Hint, Callable[[], object]]) -> None:
        self._url = parse(url)
        self._owner = owner
        self._on = on
        self._wanted: set[str] = set()
        self._lock = threading.Lock()
        self._bell, self._ring = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._ring, False)
        self._stopping = threading.Event()
        # What keeps hints from coming, in words; "" while they come.
        self._trouble = ""
        self._echoed = False
        self._thread = threading.Thread(target=self._run, name="hints", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def give(self, hint: Hint) -> None:
        """Tell the other daemons. Cheap, from any thread."""
        self._want(hint.value)

    def stop(self) -> None:
        """End. Hints that are not sent yet are dropped."""
        self._stopping.set()
        self._want("")
        if self._thread.ident is not None:
            self._thread.join(1.0)

    def _want(self, kind: str) -> None:
        with self._lock:
            self._wanted.add(kind)
        with suppress(BlockingIOError):
            # The pipe is full where the bell has been rung many times already.
            os.write(self._ring, b"!")

    def _run(self) -> None:
        import psycopg

        while not self._stopping.is_set():
            try:
                with closing(self._connected()) as connection:
                    self._serve(connection)
            except (psycopg.Error, OSError) as error:
                self._tell(f"the connection for them failed ({type(error).__name__})")
            self._stopping.wait(_AGAIN_SECONDS)

    def _connected(self) -> Connection:
        from psycopg import connect

        parameters: dict[str, Any] = {
            "connect_timeout": 5,
            "application_name": "ticket-sync hints",
            "keepalives_idle": 15,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            **self._url.translate_connect_args(username="user", database="dbname"),
            **self._url.query,
        }
        return connect(autocommit=True, **parameters)

    def _serve(self, connection: Connection) -> None:
        connection.execute(f"LISTEN {_CHANNEL}")
        self._echoed = False
        until = time.monotonic() + _ECHO_SECONDS
        # By another connection: a pooler may give both statements of one connection the same session.
        with closing(self._connected()) as other:
            self._notify(other, _ECHO)
        while not self._stopping.is_set():
            waits = 60.0 if self._echoed or self._trouble else max(0.0, until - time.monotonic())
            ready, _, _ = select.select([connection.fileno(), self._bell], [], [], waits)
            for notice in connection.notifies(timeout=0):
                self._hear(notice.payload)
            if self._bell in ready:
                self._send(connection)
            if not self._echoed and time.monotonic() >= until:
                self._tell("none comes back, as behind a pooler; set direct_url in [store]")

    def _send(self, connection: Connection) -> None:
        # Cleared before the kinds are taken: who wants one more rings again.
        os.read(self._bell, 65536)
        with self._lock:
            wanted, self._wanted = self._wanted, set()
        for kind in filter(None, sorted(wanted)):
            self._notify(connection, kind)
        self._stopping.wait(_GAP_SECONDS)

    def _notify(self, connection: Connection, kind: str) -> None:
        connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, f"{kind} {self._owner}"))

    def _hear(self, payload: str) -> None:
        kind, _, owner = payload.partition(" ")
        if owner == self._owner:
            self._echoed = self._echoed or kind == _ECHO
            if self._echoed and self._trouble:
                log.info("hints of other daemons come again")
                self._trouble = ""
        elif kind in set(Hint) and Hint(kind) in self._on:
            self._stopping.wait(random.uniform(0, _SPREAD_SECONDS))
            self._on[Hint(kind)]()

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble and not self._stopping.is_set():
            log.warning("no hints of other daemons; looking once a second", why=trouble)
            self._trouble = trouble


class NoHints:
    """What one daemon alone has in place of hints."""

    def start(self) -> None:
        """Do nothing."""

    def give(self, hint: Hint) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

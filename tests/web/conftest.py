"""A real server on a free port, with a store that can be looked into."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from litestar import Litestar
from sqlmodel import select

from sync.store.engine import Store
from sync.store.inbox import Inbox
from sync.store.tables import DeliveryRow
from sync.web.app import create_app
from sync.web.protocol import ConnectionLimits
from sync.web.receiver import Limits
from sync.web.server import WebServer, listen
from tests.web.sender import HmacSource


@dataclass
class Reply:
    """One HTTP reply."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """A raw connection; every wait has an end."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=20)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes; a server that has closed already is no error."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def reply(self) -> Reply | None:
        """The next reply, None when the server closed instead."""
        try:
            line = self._file.readline()
            if not line:
                return None
            headers = {}
            while (header := self._file.readline().strip()) != b"":
                name, _, value = header.partition(b":")
                headers[name.decode().lower()] = value.strip().decode()
            length = int(headers.get("content-length", 0))
            body = self._file.read(length)
            if len(body) < length:
                return None
            return Reply(int(line.split()[1]), headers, body)
        except ConnectionResetError:
            return None

    def closed(self) -> bool:
        """Whether the server closes the connection (waits for that)."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self.socket.close()


@dataclass
class Running:
    """A server that runs, and its store."""

    server: WebServer
    store: Store
    _clients: list[Client] = field(default_factory=list)

    def connect(self) -> Client:
        """A new connection."""
        client = Client(self.server.address)
        self._clients.append(client)
        return client

    def ask(self, data: bytes) -> Reply | None:
        """One request on a connection of its own, and its reply."""
        client = self.connect()
        client.send(data)
        return client.reply()

    def stored(self) -> list[DeliveryRow]:
        """What is in the store."""
        with self.store.read() as session:
            return list(session.exec(select(DeliveryRow).order_by(DeliveryRow.seq)))

    def hang_up(self) -> None:
        """Close all connections."""
        for client in self._clients:
            client.close()


@contextmanager
def serving(
    app: Litestar, store: Store, limits: ConnectionLimits | None = None
) -> Iterator[Running]:
    """Run an app in a thread."""
    server = WebServer(app, listen("127.0.0.1", 0), limits=limits, stop_seconds=2, freeze=False)
    ready = threading.Event()
    thread = threading.Thread(target=server.run, args=(ready.set,))
    thread.start()
    running = Running(server, store)
    try:
        assert ready.wait(20)
        yield running
    finally:
        running.hang_up()
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


Start = Callable[..., Running]


@pytest.fixture
def start(sqlite_store: Store) -> Iterator[Start]:
    """Start a server with other limits than usual."""
    stack: list[Any] = []
    inbox = Inbox(sqlite_store)

    def begin(
        *, limits: Limits | None = None, connections: ConnectionLimits | None = None, **more: Any
    ) -> Running:
        app = create_app(
            **{"sources": {"coalesce": HmacSource()}, "inbox": inbox, "limits": limits, **more}  # type: ignore[arg-type]
        )
        entered = serving(app, sqlite_store, connections)
        stack.append(entered)
        return entered.__enter__()

    yield begin
    for entered in stack:
        entered.__exit__(None, None, None)
    inbox.close()


@pytest.fixture
def running(start: Start) -> Running:
    """A server with the usual limits."""
    return start()

"""A server of raw sockets that stands where Jira or a proxy would, and does wrong on purpose."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

# A key and its certificate for localhost, made for these tests.
CERTIFICATE = Path(__file__).with_name("localhost.pem")

Ending = Callable[["Peer", socket.socket], None]


class Peer:
    """Treats each connection alike: first ``opening`` (what precedes a request), then reads one request
    whole, then ``ending``. ``requests`` are those that arrived whole. Use as a context manager.
    """

    def __init__(self, opening: str = "", ending: Ending | None = None) -> None:
        self._opening = opening
        self._ending = ending or hang_up
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Peer:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(5)
            threading.Thread(target=self._treat, args=[connection], daemon=True).start()

    def _treat(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        if "connect" in self._opening:
            head = read(connection)
            assert head.startswith(b"CONNECT "), head
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        if "tls" in self._opening:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            connection = context.wrap_socket(connection, server_side=True)
        if "unread" not in self._opening:
            self.requests.append(read(connection))
        with connection:
            self._ending(self, connection)


def read(connection: socket.socket) -> bytes:
    """One request with its body. Raises ConnectionError where the caller hangs up before its end."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += _more(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length:
        body += _more(connection)
    return head + b"\r\n\r\n" + body


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise ConnectionError("the caller hung up")
    return part


# What a connection comes to.


def hang_up(peer: Peer, connection: socket.socket) -> None:
    """Close it."""


def reset(peer: Peer, connection: socket.socket) -> None:
    """Close it with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    fd = connection.detach()
    socket.close(fd)


def silence(peer: Peer, connection: socket.socket) -> None:
    """Leave it open, and say nothing, until the caller has gone."""
    with suppress(OSError):
        while connection.recv(65536):
            pass


def answer(text: bytes) -> Ending:
    """Send these bytes, and close it."""

    def send(peer: Peer, connection: socket.socket) -> None:
        connection.sendall(text)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    return send


def reply(status: str, *headers: str, body: str = "") -> Ending:
    """A whole reply of HTTP; its length is given unless ``headers`` give one."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(one.lower().startswith(("content-length", "transfer-enc")) for one in headers):
        lines.append(f"Content-Length: {len(body)}")
    return answer(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

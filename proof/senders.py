"""Rows about senders that hold connections, dawdle or flood: real deliveries go on beside them."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from contextlib import ExitStack, suppress

from proof.processes import SECRET
from proof.rows import row
from proof.scene import Scene
from proof.sending import PATH
from sync.adapters.coalesce.webhook.signature import signed_headers

MOST_IDLE = 2_000


def _head(length: int, *more: str) -> bytes:
    lines = (f"POST {PATH} HTTP/1.1", "Host: t", f"Content-Length: {length}", *more)
    return "\r\n".join(lines).encode()


def _signed(body: bytes) -> tuple[str, ...]:
    return tuple(f"{name}: {value}" for name, value in signed_headers(SECRET, body).items())


def _slow(body: bytes) -> list[bytes]:
    """What senders send that never come to an end: of headers, of a body, of chunks."""
    whole = _head(len(body), *_signed(body)) + b"\r\n\r\n"
    return [
        b"P",
        _head(len(body), "X-Slow: 1"),
        whole,
        whole + body[: len(body) // 2],
        f"POST {PATH} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc".encode(),
    ]


def _floods() -> list[bytes]:
    many = [f"X-{n}: {'x' * 50}" for n in range(2_000)]
    return [
        _head(2, *many) + b"\r\n\r\n{}",
        _head(2, "X-Long: " + "x" * 200_000) + b"\r\n\r\n{}",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: t\r\n\r\n",
        _head(10**12) + b"\r\n\r\n" + b"x" * 100_000,
        b"\x16\x03\x01\x02\x00" + b"\x00" * 500,
    ]


def _status(sender: socket.socket) -> int:
    """The status that a sender was answered with, 0 where the connection ended without."""
    try:
        said = sender.recv(64)
    except OSError:
        return 0
    return int(said.split()[1]) if said.startswith(b"HTTP/1.1 ") else 0


@row("idle, slow and flooding senders", core=True)
def _senders(scene: Scene, size: int) -> None:
    address = scene.daemon().address
    assert address is not None
    subjects = scene.made(size)
    with ExitStack() as open_:

        def sender(sent: bytes = b"") -> socket.socket:
            made = open_.enter_context(socket.create_connection(address, timeout=60))
            with suppress(OSError):
                # A flood is cut off in the middle of what is sent.
                made.sendall(sent)
            return made

        for _ in range(min(MOST_IDLE, 40 * size)):
            sender()
        slow = [sender(sent) for sent in _slow(subjects[0].bodies[0]) for _ in range(size)]
        floods = [sender(sent) for sent in _floods() for _ in range(size)]
        sending = scene.sending(scene.traffic.interleaved(subjects))
        scene.accepted += sending.wait()
        assert set(sending.answers) == {202}, sending.answers
        answers = Counter(_status(one) for one in [*floods, *slow])
        assert all(status < 500 for status in answers), answers
        assert not answers[202], answers


@row("more half-sent bodies than connections", core=True, own=True)
def _half_sent(scene: Scene, size: int) -> None:
    """The daemon may have so few files open that its connections run out; senders never stop coming."""
    daemon = scene.daemon(files=300)
    address = daemon.address
    assert address is not None
    subjects = scene.made(size)
    # The whole head has come, and not the whole body.
    slow = _slow(subjects[0].bodies[0])[2:]
    full, done = threading.Event(), threading.Event()

    def hold() -> None:
        with ExitStack() as open_:
            number = 0
            while not done.wait(0.004):
                number += 1
                # One that is cut off, at whatever moment, does not end the flood.
                with suppress(OSError):
                    made = open_.enter_context(socket.create_connection(address, timeout=60))
                    made.sendall(slow[number % len(slow)])
                if number > 100:
                    full.set()
                if number % 500 == 0:
                    open_.close()

    holding = threading.Thread(target=hold)
    holding.start()
    try:
        assert full.wait(60)
        sending = scene.sending(scene.traffic.interleaved(subjects))
        scene.accepted += sending.wait()
    finally:
        done.set()
        holding.join()
    # A sender whose connection was closed between two deliveries sends on a new one.
    assert set(sending.answers) <= {202, 0}, sending.answers
    assert sending.answers[0] < sending.answers[202] / 2, sending.answers

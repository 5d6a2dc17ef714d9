"""What a server gives and takes at once: bodies that are here, and answers by one write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from sync.web.protocol import ConnectionLimits, Exchange, guarded

POST = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}"


class Written(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def _served(request: bytes, use: Callable[[Exchange, Written], object]) -> Written:
    """What a connection gets for a request that ``use`` answers."""
    transport = Written()

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise AssertionError

    def take(exchange: Exchange) -> bool:
        use(exchange, transport)
        return True

    async def run() -> None:
        config = uvicorn.Config(app, log_config=None, lifespan="off", interface="asgi3")
        config.load()
        protocol: Any = guarded(ConnectionLimits(), take)
        made = protocol(config=config, server_state=ServerState(), app_state={})
        made.connection_made(transport)
        made.data_received(request)
        await asyncio.gather(*made.tasks)
        closed = transport.closed
        # Ends its timers; it also closes the transport.
        made.connection_lost(None)
        transport.closed = closed

    asyncio.run(run())
    return transport


CLOSE = (b"connection", b"close")


def test_an_answer_is_one_write() -> None:
    found = _served(POST, lambda exchange, _: exchange.answer(202, [(b"x-word", b"w")], b"done"))
    assert found.writes == [b"HTTP/1.1 202 Accepted\r\nx-word: w\r\ncontent-length: 4\r\n\r\ndone"]
    assert not found.closed


@pytest.mark.parametrize(
    "request_, headers",
    [
        (POST, [CLOSE]),
        (POST.replace(b"Host", b"Connection: close\r\nHost"), []),
        (POST.replace(b"HTTP/1.1", b"HTTP/1.0"), [CLOSE]),
        (POST.replace(b"HTTP/1.1", b"HTTP/1.0"), []),
    ],
    ids=["we", "they", "both", "HTTP/1.0"],
)
def test_an_answer_that_ends_the_connection_says_so_once(
    request_: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    found = _served(request_, lambda exchange, _: exchange.answer(413, headers, b"no"))
    (written,) = found.writes
    assert written.count(b"connection: close\r\n") == 1
    assert written.endswith(b"\r\n\r\nno")
    assert found.closed


def test_there_is_one_answer_at_most() -> None:
    def answer(exchange: Exchange, _: Written) -> None:
        for word in (b"first", b"second"):
            exchange.answer(202, [], word)

    written = b"".join(_served(POST, answer).writes)
    assert b"first" in written
    assert b"second" not in written


def test_a_sender_that_does_not_read_gets_its_answer_when_it_reads() -> None:
    before: list[bytes] = []

    def answer(exchange: Exchange, transport: Written) -> None:
        exchange.flow.pause_writing()
        exchange.answer(202, [], b"done")
        before.extend(transport.writes)
        exchange.flow.resume_writing()

    assert b"done" in b"".join(_served(POST, answer).writes)
    assert before == []


@pytest.mark.parametrize(
    "request_, limit, body",
    [
        (POST, 2, b"{}"),
        (POST, 1, None),
        (POST[:-1], 100, None),
        (POST.replace(b"Host", b"Expect: 100-continue\r\nHost"), 100, None),
        (POST[:-2].replace(b"Content-Length: 2", b"Content-Length: 0"), 0, b""),
    ],
    ids=["whole", "over the limit", "more to come", "the sender waits", "empty"],
)
def test_a_body_is_taken_at_once_only_where_all_of_it_is_here_and_small_enough(
    request_: bytes, limit: int, body: bytes | None
) -> None:
    found: list[bytes | None] = []

    def take(exchange: Exchange, _: Written) -> None:
        found.append(exchange.whole_body(limit))
        exchange.answer(202, [], b"done")

    _served(request_, take)
    assert found == [body]

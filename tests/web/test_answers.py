"""How answers leave: in one write, or in parts where they have parts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from sync.web.protocol import ConnectionLimits, guarded

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


def _answered(request: bytes, *messages: dict[str, Any]) -> Written:
    """What a connection gets for a request that is answered by these messages."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        for message in messages:
            await send(message)

    async def run() -> Written:
        config = uvicorn.Config(app, log_config=None, lifespan="off", interface="asgi3")
        config.load()
        protocol: Any = guarded(ConnectionLimits())
        made = protocol(config=config, server_state=ServerState(), app_state={})
        transport = Written()
        made.connection_made(transport)
        made.data_received(request)
        await asyncio.gather(*made.tasks)
        closed = transport.closed
        # Ends its timers; it also closes the transport.
        made.connection_lost(None)
        transport.closed = closed
        return transport

    return asyncio.run(run())


def _start(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 202, "headers": list(headers)}


def _body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


LENGTH = (b"Content-Length", b"4")


def test_a_whole_answer_is_one_write() -> None:
    found = _answered(POST, _start(LENGTH, (b"x-word", b"w")), _body(b"done"))
    assert found.writes == [b"HTTP/1.1 202 Accepted\r\ncontent-length: 4\r\nx-word: w\r\n\r\ndone"]
    assert not found.closed


def test_an_answer_that_ends_the_connection_says_so_once() -> None:
    for request, headers in (
        (POST, [LENGTH, (b"connection", b"close")]),
        (POST.replace(b"Host", b"Connection: close\r\nHost"), [LENGTH]),
        (POST.replace(b"HTTP/1.1", b"HTTP/1.0"), [LENGTH, (b"connection", b"close")]),
    ):
        found = _answered(request, _start(*headers), _body(b"done"))
        assert found.writes[0].count(b"connection: close\r\n") == 1
        assert found.writes[0].endswith(b"\r\n\r\ndone")
        assert found.closed


@pytest.mark.parametrize(
    "messages",
    [
        [_start(), _body(b"done")],
        [_start(), _body(b"do", more=True), _body(b"ne")],
        [_start(LENGTH), _body(b"do", more=True), _body(b"ne")],
        [_start(LENGTH), _body(b"", more=True), _body(b"done")],
        [_start((b"transfer-encoding", b"chunked")), _body(b"done")],
    ],
    ids=["no length", "no length in parts", "in parts", "late", "chunked"],
)
def test_an_answer_in_parts_arrives_whole(messages: list[dict[str, Any]]) -> None:
    head, _, body = b"".join(_answered(POST, *messages).writes).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 202 Accepted\r\n")
    if b"chunked" in head:
        assert body.endswith(b"\r\n0\r\n\r\n")
        body = b"".join(body.split(b"\r\n")[1:-3:2])
    assert body == b"done"


def test_an_answer_without_a_body_is_only_a_head() -> None:
    head = POST.replace(b"POST", b"HEAD")
    for request, start in ((POST, _start((b"content-length", b"0"))), (head, _start(LENGTH))):
        found = _answered(request, start, _body(b"" if request is POST else b"done"))
        assert b"".join(found.writes).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "messages",
    [
        [_start(LENGTH)],
        [_start(LENGTH), _body(b"too long")],
        [_start(LENGTH, (b"x-bad", b"a\r\nb: c")), _body(b"done")],
        [_body(b"done")],
        [_start(LENGTH), _start(LENGTH)],
    ],
    ids=["no body", "wrong length", "bad header", "no head", "two heads"],
)
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_answer_is_never_taken_for_a_right_one(messages: list[dict[str, Any]]) -> None:
    found = _answered(POST, *messages)
    sent = b"".join(found.writes)
    assert found.closed
    assert b"done" not in sent
    assert b"\r\nb: c" not in sent

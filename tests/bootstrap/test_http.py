"""Servers in threads: they come up, answer, finish what they began, and fail in words."""

from __future__ import annotations

import http.client
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from sync.bootstrap.errors import CannotStart
from sync.bootstrap.http import Background, share_interpreter
from sync.web.server import listen


class App:
    """A small ASGI app that answers once it is let."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let = threading.Event()
        self.let.set()
        self.fails_to_start = False

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            outcome = "failed" if self.fails_to_start else "complete"
            await send({"type": f"lifespan.startup.{outcome}"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.begun.set()
        import asyncio

        await asyncio.to_thread(self.let.wait)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def server(app: App) -> Iterator[Background]:
    server = Background(app, listen("127.0.0.1", 0), name="test", grace=5)
    server.start()
    yield server
    app.let.set()
    server.stop(5)


def get(server: Background) -> bytes:
    host = server.url.removeprefix("http://")
    with closing(http.client.HTTPConnection(host, timeout=10)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


def test_a_started_server_answers_at_its_address(server: Background) -> None:
    assert get(server) == b"done"


def test_a_stopped_server_finishes_the_request_in_hand_and_takes_no_other(
    app: App, server: Background
) -> None:
    app.let.clear()
    answers: list[bytes] = []
    asking = threading.Thread(target=lambda: answers.append(get(server)))
    asking.start()
    assert app.begun.wait(60)
    stopped: list[bool] = []
    stopping = threading.Thread(target=lambda: stopped.append(server.stop(60)))
    stopping.start()
    app.let.set()
    asking.join(60)
    stopping.join(60)
    assert (answers, stopped) == ([b"done"], [True])
    with pytest.raises(ConnectionError):
        get(server)


def test_a_server_whose_app_does_not_come_up_says_so(app: App) -> None:
    app.fails_to_start = True
    server = Background(app, listen("127.0.0.1", 0), name="test")
    with pytest.raises(CannotStart, match="did not come up"):
        server.start()


def test_while_a_delivery_waits_threads_get_the_interpreter_sooner() -> None:
    before = sys.getswitchinterval()
    try:
        share_interpreter(False)
        usual = sys.getswitchinterval()
        share_interpreter(True)
        # Python has 5 ms.
        assert sys.getswitchinterval() < usual < 0.005
    finally:
        sys.setswitchinterval(before)

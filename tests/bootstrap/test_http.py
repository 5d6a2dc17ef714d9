"""Servers in threads: they come up, answer, finish what they began, and fail in words."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from sync.bootstrap.errors import CannotStart
from sync.bootstrap.http import HttpServer, bind


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
def server(app: App) -> Iterator[HttpServer]:
    server = HttpServer(app, bind("127.0.0.1", 0), name="test", grace=5)
    server.start()
    yield server
    app.let.set()
    server.stop(5)


def get(server: HttpServer) -> bytes:
    host = server.url.removeprefix("http://")
    with closing(http.client.HTTPConnection(host, timeout=10)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


def test_a_started_server_answers_at_its_address(server: HttpServer) -> None:
    assert get(server) == b"done"


def test_a_stopped_server_finishes_the_request_in_hand_and_takes_no_other(
    app: App, server: HttpServer
) -> None:
    app.let.clear()
    answers: list[bytes] = []
    asking = threading.Thread(target=lambda: answers.append(get(server)))
    asking.start()
    assert app.begun.wait(5)
    stopped: list[bool] = []
    stopping = threading.Thread(target=lambda: stopped.append(server.stop(5)))
    stopping.start()
    app.let.set()
    asking.join(5)
    stopping.join(5)
    assert (answers, stopped) == ([b"done"], [True])
    with pytest.raises(ConnectionError):
        get(server)


def test_a_server_whose_app_does_not_come_up_says_so(app: App) -> None:
    app.fails_to_start = True
    server = HttpServer(app, bind("127.0.0.1", 0), name="test")
    with pytest.raises(CannotStart, match="did not come up"):
        server.start()


def test_a_port_in_use_is_said_in_words() -> None:
    with closing(bind("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart) as error:
            bind("127.0.0.1", port)
    assert str(error.value) == (
        f"Cannot listen on 127.0.0.1:{port}: another program does already. Stop it, or choose another "
        "port: set port in [server], or TICKET_SYNC_SERVER__PORT."
    )


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("203.0.113.7", "Cannot listen on 203.0.113.7:0: that is not an address of this machine."),
        ("no.such.host.invalid", "'no.such.host.invalid' is no address of this machine."),
    ],
)
def test_an_address_of_another_machine_is_said_in_words(host: str, words: str) -> None:
    with pytest.raises(CannotStart) as error:
        bind(host, 0)
    assert str(error.value).startswith(words)


def test_an_ipv6_address_is_shown_so_that_it_can_be_opened(app: App) -> None:
    if not socket.has_ipv6:
        return
    try:
        bound = bind("::1", 0)
    except CannotStart:
        return  # this machine has no IPv6 at work
    with closing(bound):
        assert HttpServer(app, bound, name="test").url.startswith("http://[::1]:")

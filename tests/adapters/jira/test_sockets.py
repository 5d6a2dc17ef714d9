"""What real sockets do to a create call: only what proves that nothing was sent is refused."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from sync.adapters.jira import JiraSite, JiraTracker
from sync.domain.errors import Fault, Refused, SiteDown, Unknown
from sync.domain.names import Name
from sync.domain.ticket import Draft
from tests.adapters.jira.world import desired
from tests.clock import SimulatedClock

Answer = Callable[[socket.socket], None]


@contextmanager
def _server(answer: Answer) -> Iterator[int]:
    """A server that treats each connection as ``answer`` does; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _create(url: str, **site: object) -> type[Fault]:
    settings = {"deployment": "cloud", "email": "bot@example.com", "token": "secret", **site}
    tracker = JiraTracker(JiraSite("main", url, **settings), SimulatedClock())  # type: ignore[arg-type]
    with pytest.raises(Fault) as fault:
        # Drafted by hand: a draft asks the site for its issue types first.
        tracker.create(Draft(desired(), "DATA", Name("Bug", "10004"), {}))
    assert "secret" not in str(fault.value)
    tracker.close()
    return type(fault.value)


def _read_all(connection: socket.socket) -> None:
    connection.recv(65536)


def _hang_up(connection: socket.socket) -> None:
    _read_all(connection)


def _half_an_answer(connection: socket.socket) -> None:
    _read_all(connection)
    connection.sendall(b'HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{"id": ')


def _silence(connection: socket.socket) -> None:
    _read_all(connection)
    with suppress(OSError):
        connection.recv(1)


def _garbage(connection: socket.socket) -> None:
    _read_all(connection)
    connection.sendall(b"what?\r\n\r\n")


def _redirect(connection: socket.socket) -> None:
    _read_all(connection)
    connection.sendall(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/login\r\nContent-Length: 0\r\n\r\n"
    )


def _unauthorized(connection: socket.socket) -> None:
    _read_all(connection)
    connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")


def test_a_port_where_nobody_listens_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert _create(f"http://127.0.0.1:{port}") is Refused


def test_a_name_that_does_not_resolve_is_refused() -> None:
    assert _create("http://jira.invalid") is Refused


def test_a_proxy_where_nobody_listens_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert _create("https://jira.invalid", proxy=f"http://127.0.0.1:{port}") is Refused


def test_a_server_that_speaks_no_tls_is_refused() -> None:
    with _server(_garbage) as port:
        assert _create(f"https://127.0.0.1:{port}") is Refused


@pytest.mark.parametrize(
    "answer, raised",
    [
        (_hang_up, Unknown),
        (_half_an_answer, Unknown),
        (_garbage, Unknown),
        (_redirect, Unknown),
        (_unauthorized, SiteDown),
    ],
)
def test_what_comes_after_the_request_was_sent_proves_nothing_but_a_4xx(
    answer: Answer, raised: type[Fault]
) -> None:
    with _server(answer) as port:
        assert _create(f"http://127.0.0.1:{port}") is raised


def test_a_server_that_stays_silent_is_unknown_after_the_read_timeout() -> None:
    with _server(_silence) as port:
        assert _create(f"http://127.0.0.1:{port}", read_timeout=0.2) is Unknown


def test_an_environment_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with _server(_unauthorized) as port:
        assert _create(f"http://127.0.0.1:{port}") is SiteDown

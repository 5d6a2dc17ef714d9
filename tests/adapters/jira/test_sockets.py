"""What real sockets do to a create call: only what proves that nothing was sent is refused."""

from __future__ import annotations

import socket

import pytest

from sync.adapters.jira import JiraSite, JiraTracker
from sync.domain.errors import Fault, Refused, SiteDown, Unknown
from sync.domain.names import Name
from sync.domain.ticket import Draft
from tests.adapters.jira.peer import Ending, Peer, answer, hang_up, reply, silence
from tests.adapters.jira.world import desired
from tests.clock import SimulatedClock


def _create(url: str, **site: object) -> type[Fault]:
    settings = {"deployment": "cloud", "email": "bot@example.com", "token": "secret", **site}
    tracker = JiraTracker(JiraSite("main", url, **settings), SimulatedClock())  # type: ignore[arg-type]
    with pytest.raises(Fault) as fault:
        # Drafted by hand: a draft asks the site for its issue types first.
        tracker.create(Draft(desired(), "DATA", Name("Bug", "10004"), {}))
    assert "secret" not in str(fault.value)
    tracker.close()
    return type(fault.value)


NO_HTTP = answer(b"what?\r\n\r\n")
UNAUTHORIZED = reply("401 Unauthorized")


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
    with Peer("unread", NO_HTTP) as peer:
        assert _create(f"https://127.0.0.1:{peer.port}") is Refused


@pytest.mark.parametrize(
    "ending, raised",
    [
        (hang_up, Unknown),
        (reply("201 Created", "Content-Length: 500", body='{"id": '), Unknown),
        (NO_HTTP, Unknown),
        (reply("302 Found", "Location: http://127.0.0.1:9/login"), Unknown),
        (UNAUTHORIZED, SiteDown),
    ],
)
def test_what_comes_after_the_request_was_sent_proves_nothing_but_a_4xx(
    ending: Ending, raised: type[Fault]
) -> None:
    with Peer(ending=ending) as peer:
        assert _create(f"http://127.0.0.1:{peer.port}") is raised


def test_a_server_that_stays_silent_is_unknown_after_the_read_timeout() -> None:
    with Peer(ending=silence) as peer:
        assert _create(f"http://127.0.0.1:{peer.port}", read_timeout=0.2) is Unknown


def test_an_environment_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Peer(ending=UNAUTHORIZED) as peer:
        assert _create(f"http://127.0.0.1:{peer.port}") is SiteDown

"""Which failures prove that a call did nothing: those that came before its first byte, by whatever way
the call goes; all others prove nothing, for every call that writes."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass

import pytest

from sync.adapters.jira import JiraSite
from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call, Safety
from sync.domain.errors import Fault, Refused, Unknown
from tests.adapters.jira.peer import (
    CERTIFICATE,
    Ending,
    Peer,
    answer,
    hang_up,
    read,
    reply,
    reset,
    silence,
)
from tests.adapters.notify.receivers import eventually
from tests.clock import SimulatedClock
from tests.ports import nobody_listens

# `requests` does not verify a proxy of which it asks for an address without TLS.
pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")

# Every call of the adapter that writes.
WRITES = [
    Call("POST", "issue", "creating", Safety.ONCE, body={"fields": {}}),
    Call("PUT", "issue/1", "updating", Safety.LOOK_FIRST, body={"fields": {}}),
    Call("POST", "issue/1/transitions", "moving", Safety.ONCE, body={"transition": {}}),
    Call("POST", "issue/1/comment", "commenting", Safety.ONCE, body={"body": "x" * 100_000}),
    Call("PUT", "issue/1/comment/2", "editing", Safety.IDEMPOTENT, body={"body": "x"}),
    Call("POST", "issue/1/remotelink", "linking back", Safety.IDEMPOTENT, body={"globalId": "x"}),
    Call("POST", "issueLink", "linking", Safety.ONCE, body={"type": {}}),
    Call("DELETE", "issueLink/3", "unlinking", Safety.IDEMPOTENT),
]


# How long an answer is waited for where none comes.
SOON = {"read_timeout": 0.3}


@dataclass(frozen=True)
class Way:
    """How calls go to Jira: ``opening`` is what a Peer on this way does before it reads a request."""

    url: str
    proxy: str = ""
    opening: str = ""


WAYS = {
    "direct": Way("http://localhost:{port}"),
    "direct, TLS": Way("https://localhost:{port}", opening="tls"),
    "forward proxy": Way("http://jira.invalid", "http://127.0.0.1:{port}"),
    "forward proxy, TLS": Way("http://jira.invalid", "https://localhost:{port}", "tls"),
    "CONNECT": Way("https://localhost", "http://127.0.0.1:{port}", "connect tls"),
}


def _calls(way: Way, port: int, **settings: object) -> Calls:
    site = JiraSite(
        "main",
        way.url.format(port=port),
        token="secret",
        deployment="cloud",
        proxy=way.proxy.format(port=port),
        **{
            "ca_bundle": str(CERTIFICATE),
            "connect_timeout": 20.0,
            "read_timeout": 20.0,
            **settings,
        },  # type: ignore[arg-type]
    )
    return Calls(site, SimulatedClock())


def _fault(call: Call, way: Way, port: int, **settings: object) -> Fault:
    """What a call raises; each is made by an adapter that has met no failure yet."""
    calls = _calls(way, port, **settings)
    with pytest.raises(Fault) as caught:
        calls.make(call)
    calls.close()
    assert "secret" not in str(caught.value)
    return caught.value


def _broken_off(peer: Peer, connection: socket.socket) -> None:
    connection.recv(10)
    reset(peer, connection)


AFTER: dict[str, Ending] = {
    "hang up": hang_up,
    "reset": reset,
    "silence": silence,
    "no HTTP": answer(b"what?\r\n\r\n"),
    "half a status line": answer(b"HTTP/1.1 20"),
    "half a body": reply("201 Created", "Content-Length: 500", body='{"id": '),
    "two lengths": reply("201 Created", "Content-Length: 5, 6", body='{"id":'),
    "broken chunks": reply("201 Created", "Transfer-Encoding: chunked", body="zz\r\n{}"),
    "broken gzip": reply("201 Created", "Content-Encoding: gzip", body="no gzip"),
    "a Location that is no address": reply("302 Found", "Location: http://[half"),
    "a Location without a scheme": reply("302 Found", "Location: ://"),
    "a Location that is no text": answer(
        b"HTTP/1.1 302 Found\r\nLocation: http://\xff\xfe\r\nContent-Length: 0\r\n\r\n"
    ),
    "too many headers": reply("201 Created", *(f"X-{n}: 1" for n in range(200))),
    "a line too long": reply("201 Created", "X-Long: " + "x" * 70_000),
    "a proxy's 502": reply("502 Bad Gateway", body="proxy error"),
    "a proxy's 504": reply("504 Gateway Timeout", body="timed out"),
}


@pytest.mark.proof
@pytest.mark.parametrize("ending", AFTER.values(), ids=AFTER)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_comes_after_the_request_went_out_proves_nothing(way: Way, ending: Ending) -> None:
    silent = ending is silence
    with Peer(way.opening, ending) as peer:
        for call in WRITES[::3] if silent else WRITES:
            before = len(peer.requests)
            assert type(_fault(call, way, peer.port, **(SOON if silent else {}))) is Unknown, call
            # The caller of a silent peer may have given up before that has read all.
            eventually(lambda before=before: len(peer.requests) > before)
            arrived = len(peer.requests) - before
            repeatable = call.safety is Safety.IDEMPOTENT
            assert arrived >= 1 if repeatable else arrived == 1, call


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_request_that_went_out_in_part_proves_nothing(way: Way) -> None:
    with Peer(f"{way.opening} unread", _broken_off) as peer:
        for call in WRITES:
            assert type(_fault(call, way, peer.port)) is Unknown, call


def _one_answer(peer: Peer, connection: socket.socket) -> None:
    """Keep the connection open after an answer, and hang up as soon as the next request is there."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    read(connection)
    peer.requests.append(b"the second")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_kept_connection_that_ends_with_the_next_request_proves_nothing(way: Way) -> None:
    with Peer(way.opening, _one_answer) as peer:
        calls = _calls(way, peer.port)
        calls.make(Call.get("myself", "asking"))
        with pytest.raises(Unknown):
            calls.make(WRITES[0])
        calls.close()
        assert peer.requests[1:] == [b"the second"]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_read_goes_on_where_a_kept_connection_ended_in_its_face(way: Way) -> None:
    with Peer(way.opening, _one_answer) as peer:
        calls = _calls(way, peer.port)
        for _ in range(2):
            assert calls.make(Call.get("myself", "asking")) == {}
        calls.close()
        first, second, third = peer.requests
        assert second == b"the second"
        assert first.startswith(b"GET ")
        assert third == first
        # No wait and no failure of the site: the call was simply sent anew.
        assert calls.clock.time() == SimulatedClock().time()


def test_a_read_that_ends_on_a_new_connection_is_not_sent_again_at_once() -> None:
    with Peer(ending=hang_up) as peer:
        assert type(_fault(Call.get("myself", "asking"), WAYS["direct"], peer.port)) is Refused
        # The tries of the call itself.
        assert len(peer.requests) == 3


BEFORE: dict[str, tuple[str, str, Ending]] = {
    # What, on which way, what the peer does before (instead of a handshake), and then.
    "TLS: no TLS there": ("direct, TLS", "unread", answer(b"what?\r\n\r\n")),
    "TLS: hang up": ("direct, TLS", "unread", hang_up),
    "TLS: reset": ("direct, TLS", "unread", reset),
    "TLS: silence": ("direct, TLS", "unread", silence),
    "TLS to the proxy: hang up": ("forward proxy, TLS", "unread", hang_up),
    "TLS to the proxy: silence": ("forward proxy, TLS", "unread", silence),
    "CONNECT: 403": ("CONNECT", "", reply("403 Forbidden", body="not for you")),
    "CONNECT: 407": ("CONNECT", "", reply("407 Proxy Authentication Required")),
    "CONNECT: 502": ("CONNECT", "", reply("502 Bad Gateway")),
    "CONNECT: hang up": ("CONNECT", "", hang_up),
    "CONNECT: reset": ("CONNECT", "", reset),
    "CONNECT: silence": ("CONNECT", "", silence),
    "CONNECT: no HTTP": ("CONNECT", "", answer(b"what?\r\n\r\n")),
    "CONNECT, then TLS: hang up": ("CONNECT", "connect unread", hang_up),
    "CONNECT, then TLS: silence": ("CONNECT", "connect unread", silence),
    "CONNECT, then TLS: no TLS there": ("CONNECT", "connect unread", answer(b"what?\r\n\r\n")),
}


@pytest.mark.parametrize("way, opening, ending", BEFORE.values(), ids=BEFORE)
def test_what_fails_before_the_request_goes_out_proves_that_nothing_was_done(
    way: str, opening: str, ending: Ending
) -> None:
    silent = ending is silence
    with Peer(opening, ending) as peer:
        for call in WRITES[:1] if silent else WRITES:
            soon = {"connect_timeout": 0.3} if silent else {}
            assert type(_fault(call, WAYS[way], peer.port, **soon)) is Refused, call
        assert [one for one in peer.requests if not one.startswith(b"CONNECT ")] == []


@pytest.mark.parametrize("way", ["direct, TLS", "CONNECT"])
@pytest.mark.parametrize(
    "settings", [{"ca_bundle": ""}, {"ca_bundle": "/no/such/file.pem"}], ids=str
)
def test_a_certificate_that_is_not_trusted_proves_that_nothing_was_done(
    way: str, settings: dict[str, object]
) -> None:
    with Peer(WAYS[way].opening) as peer:
        for call in WRITES:
            assert type(_fault(call, WAYS[way], peer.port, **settings)) is Refused, call
        assert peer.requests == []


def test_a_certificate_for_another_host_proves_that_nothing_was_done() -> None:
    elsewhere = Way("https://127.0.0.2:{port}", opening="tls")
    with Peer("tls") as peer:
        assert type(_fault(WRITES[0], elsewhere, peer.port)) is Refused


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_port_where_nobody_listens_proves_that_nothing_was_done(way: Way) -> None:
    with nobody_listens() as port:
        for call in WRITES:
            assert type(_fault(call, way, port)) is Refused, call


@pytest.mark.parametrize(
    "way",
    [Way("http://jira.invalid"), Way("http://127.0.0.1:9", "http://proxy.invalid:3128")],
    ids=["host", "proxy"],
)
def test_a_name_that_does_not_resolve_proves_that_nothing_was_done(way: Way) -> None:
    assert type(_fault(WRITES[0], way, 0)) is Refused


def test_each_thread_knows_only_of_its_own_requests() -> None:
    way, kinds = WAYS["direct"], []
    with Peer(way.opening, silence) as peer, nobody_listens() as closed:
        thread = threading.Thread(
            target=lambda: kinds.append(type(_fault(WRITES[0], way, peer.port, **SOON)))
        )
        thread.start()
        for _ in range(5):
            assert type(_fault(WRITES[0], way, closed)) is Refused
        thread.join()
    assert kinds == [Unknown]

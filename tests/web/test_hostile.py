"""Senders that mean harm, or are broken: each gets an answer below 500 or is cut off."""

from __future__ import annotations

import socket

import pytest

from sync.adapters.coalesce import CoalesceSource, signed_headers
from sync.web.protocol import ConnectionLimits
from sync.web.receiver import Limits
from tests.web.conftest import Running, Start
from tests.web.sender import PATH, chunked, event, request, sign

pytestmark = pytest.mark.proof

MIB = 1024 * 1024


def _works(running: Running, name: str = "still works") -> bool:
    reply = running.ask(request(event(name)))
    return reply is not None and reply.status == 202


def _status(running: Running, data: bytes) -> int:
    reply = running.ask(data)
    assert reply is not None
    return reply.status


@pytest.mark.parametrize("form", [request, chunked], ids=["with length", "in chunks"])
def test_a_body_of_one_mebibyte_is_kept_whole_and_of_one_byte_more_the_head(
    running: Running, form: object
) -> None:
    assert callable(form)
    assert _status(running, form(event("exact", size=MIB))) == 202
    assert _status(running, form(event("over", size=MIB + 1))) == 202
    kept = [(row.state, len(row.body)) for row in running.stored()]
    assert kept == [("accepted", MIB), ("dead", 64 * 1024)]
    assert _status(running, form(event("far over", size=8 * MIB))) == 202
    assert _status(running, form(event("beyond", size=8 * MIB + 1))) == 413
    assert len(running.stored()) == 3


def test_the_answer_to_a_body_far_too_large_does_not_wait_for_it(running: Running) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Length: {10**12}\r\n\r\n"
    assert _status(running, head.encode()) == 413


def test_endless_chunks_are_cut_off(running: Running) -> None:
    client = running.connect()
    client.send(f"POST {PATH} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    for _ in range(20):
        client.send(b"100000\r\n" + b"x" * MIB + b"\r\n")
    assert (reply := client.reply()) is None or reply.status == 413
    assert client.closed()
    assert _works(running)


def test_an_expected_continue_for_too_large_a_body_is_refused_first(running: Running) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Length: {9 * MIB}\r\n"
    assert _status(running, head.encode() + b"Expect: 100-continue\r\n\r\n") == 413


def test_a_sender_of_a_slow_body_is_answered_408_and_cut_off(start: Start) -> None:
    running = start(limits=Limits(body_seconds=0.2))
    client = running.connect()
    client.send(request(event("slow"))[:-5])
    reply = client.reply()
    assert reply is not None
    assert reply.status == 408
    assert client.closed()
    assert running.stored() == []


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /web", b"GET / HTTP/1.1\r\nHost: t\r\nX-Slow: "],
    ids=["nothing", "line", "header"],
)
def test_a_sender_of_slow_headers_is_cut_off(start: Start, sent: bytes) -> None:
    running = start(connections=ConnectionLimits(header_seconds=0.3))
    client = running.connect()
    client.send(sent)
    assert client.closed()
    assert _works(running)


def test_slow_headers_are_cut_off_on_a_connection_that_was_good_before(start: Start) -> None:
    running = start(connections=ConnectionLimits(header_seconds=0.3))
    client = running.connect()
    client.send(request(event("good")))
    assert (reply := client.reply()) is not None
    assert reply.status == 202
    client.send(b"POST / HTTP/1.1\r\nX: y")
    assert client.closed()


def test_a_sender_of_a_slow_body_over_the_limit_is_cut_off_and_nothing_is_kept(
    start: Start,
) -> None:
    running = start(limits=Limits(body_bytes=1000, body_seconds=0.2))
    for form in (request, chunked):
        client = running.connect()
        client.send(form(event("slow", size=5000))[:-9])
        assert (reply := client.reply()) is not None
        assert reply.status == 408
        assert client.closed()
    assert running.stored() == []


def test_idle_connections_make_room_for_a_real_sender(start: Start) -> None:
    running = start(connections=ConnectionLimits(connections=50))
    idle = [running.connect() for _ in range(200)]
    for client in idle:
        client.send(b"P")
    assert _works(running)
    assert sum(client.closed() for client in idle[:150]) == 150


UNFINISHED = {
    "nothing": b"",
    "line": b"POST /web",
    "headers": request(event("slow"))[:60],
    "no body": request(event("slow")).partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
    "half a body": request(event("slow"))[:-5],
    "half a large body": request(event("slow", size=60_000))[:-5],
    "half of its chunks": chunked(event("slow"))[:-9],
    "a whole request, and half of the next": request(event("first")) + request(event("slow"))[:-5],
    "a body far too large": request(event("slow", size=MIB + 9))[:5_000],
}


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED.keys())
def test_unfinished_requests_make_room_for_a_real_sender(start: Start, sent: bytes) -> None:
    running = start(connections=ConnectionLimits(connections=40))
    slow = []
    for number in range(120):
        slow.append(running.connect())
        slow[-1].send(sent)
        if number % 6 == 0:
            assert _works(running, f"real {number}")
    assert len([row for row in running.stored() if row.event_id.startswith("real")]) == 20
    for client in slow[:60]:
        # Ends with the connection; an answer to an earlier request may come before.
        while client.reply():
            pass


def test_a_sender_that_keeps_its_connection_is_not_cut_off_within_a_request(start: Start) -> None:
    running = start(connections=ConnectionLimits(connections=40))
    real = running.connect()
    real.send(request(event("first")))
    assert (reply := real.reply()) is not None
    assert reply.status == 202
    for number in range(35):
        running.connect().send(UNFINISHED["half a body"])
        if number == 20:
            # The server has come so far once it answers another sender.
            assert _works(running)
            real.send(request(event("second"))[:-5])
            assert _works(running)
    for _ in range(15):
        running.connect().send(UNFINISHED["half a body"])
    assert _works(running)
    real.send(request(event("second"))[-5:])
    assert (reply := real.reply()) is not None
    assert reply.status == 202


@pytest.mark.parametrize(
    "flood",
    [
        b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"X-Unfinished: " + b"x" * 100_000,
        b"".join(b"X-%d: 1\r\n" % n for n in range(5000)) + b"\r\n",
        b"".join(b"X: 1\r\n" for _ in range(200)) + b"\r\n",
    ],
    ids=["long", "unfinished", "many", "repeated"],
)
def test_a_flood_of_headers_is_refused(running: Running, flood: bytes) -> None:
    reply = running.ask(f"POST {PATH} HTTP/1.1\r\nHost: t\r\n".encode() + flood)
    assert reply is None or reply.status == 431
    assert _works(running)


def test_a_flood_of_headers_behind_the_body_is_refused(running: Running) -> None:
    client = running.connect()
    client.send(
        f"POST {PATH} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n".encode()
    )
    client.send(b"".join(b"X-%d: 1\r\n" % n for n in range(50_000)))
    reply = client.reply()
    assert reply is None or reply.status == 431
    assert _works(running)
    assert len(running.stored()) == 1


def test_an_endless_address_is_refused(running: Running) -> None:
    reply = running.ask(b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: t\r\n\r\n")
    assert reply is None or reply.status == 431
    assert _works(running)


@pytest.mark.parametrize(
    "line",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET /%ff%fe%00 HTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET /?a=%ff&b=%00 HTTP/1.1\r\nHost: t\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET http://example.com/ HTTP/1.1\r\nHost: t\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nContent-Length: \xd9\xa3\r\n\r\n",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Name: \xff\xfe\r\nCookie: =;=;\x80\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nAccept: ;;;q=x\r\nContent-Type: ;\xff\r\n\r\n",
    ],
)
def test_rubbish_is_never_an_error_of_ours(running: Running, line: bytes) -> None:
    client = running.connect()
    client.send(line)
    client.socket.shutdown(socket.SHUT_WR)
    reply = client.reply()
    assert reply is None or reply.status < 500
    assert _works(running)


@pytest.mark.parametrize("value", ["", "v1=", "\xff\xfe", "a" * 10_000, "v1=\x80 v1=\x80"])
def test_a_signature_of_rubbish_is_a_wrong_signature(running: Running, value: str) -> None:
    assert _status(running, request(event("e"), signature=value)) == 401
    assert running.stored() == []


def test_pipelined_deliveries_are_answered_each_in_order(running: Running) -> None:
    client = running.connect()
    client.send(b"".join(request(event(f"e{n}")) for n in range(20)))
    replies = [client.reply() for _ in range(20)]
    ids = [row.id for row in running.stored()]
    assert [reply.body for reply in replies if reply] == [b'{"id":"%s"}' % i.encode() for i in ids]
    assert len(ids) == 20


def test_more_than_a_few_pipelined_requests_end_the_connection(start: Start) -> None:
    running = start(connections=ConnectionLimits(pipelined=5))
    client = running.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n" * 200)
    while (reply := client.reply()) is not None:
        last = reply.status
    assert last == 400
    assert client.closed()
    assert _works(running)


_OFFERS = {
    "HTTP/2": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    "a websocket": "Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n",
    "something else": "Upgrade: foo/1, bar\r\nConnection: UPGRADE\r\n",
}


@pytest.mark.parametrize("offer", _OFFERS.values(), ids=_OFFERS)
@pytest.mark.parametrize("piece", [1, 100, 100_000], ids="in pieces of {}".format)
def test_an_offer_to_upgrade_changes_nothing_about_a_delivery(
    running: Running, offer: str, piece: int
) -> None:
    client = running.connect()
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    parts = chunked(event("b")).split(b"\r\n", 1)
    sent = request(event("a"), headers=offer) + (offer.encode() + parts[1]).join(
        [parts[0] + b"\r\n", b""]
    )
    sent += request(event("c"))
    for at in range(0, len(sent), piece):
        client.send(sent[at : at + piece])
    replies = [client.reply() for _ in range(3)]
    assert [reply.status for reply in replies if reply] == [202, 202, 202]
    assert [row.event_id for row in running.stored()] == ["a", "b", "c"]
    assert [row.body for row in running.stored()] == [event("a"), event("b"), event("c")]


@pytest.mark.parametrize("together", [True, False])
def test_a_request_in_the_body_of_an_offer_to_upgrade_is_a_body(
    running: Running, together: bool
) -> None:
    hidden = b"GET /health/live HTTP/1.1\r\nHost: t\r\n\r\n"
    sent = request(hidden, headers=_OFFERS["HTTP/2"])
    client = running.connect()
    at = len(sent) if together else len(sent) - len(hidden)
    client.send(sent[:at])
    client.send(sent[at:])
    client.socket.shutdown(socket.SHUT_WR)
    assert (reply := client.reply()) is not None
    assert reply.status == 202
    assert client.closed()
    assert [row.body for row in running.stored()] == [hidden]


def test_a_sender_that_closes_its_side_still_gets_the_answer(running: Running) -> None:
    client = running.connect()
    client.send(request(event("half")))
    client.socket.shutdown(socket.SHUT_WR)
    reply = client.reply()
    assert reply is not None
    assert reply.status == 202
    assert client.closed()


def test_a_sender_that_leaves_in_the_middle_stores_nothing(running: Running) -> None:
    client = running.connect()
    client.send(request(event("left"))[:-5])
    client.close()
    assert _works(running, "next")
    assert [row.event_id for row in running.stored()] == ["next"]


def test_a_body_that_goes_on_after_its_answer_ends_the_connection(running: Running) -> None:
    client = running.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\nx")
    assert (reply := client.reply()) is not None
    assert reply.status == 200
    client.send(b"x")
    assert client.closed()


def test_large_bodies_that_never_end_leave_room_for_usual_ones(start: Start) -> None:
    running = start(limits=Limits(bodies_bytes=2 * MIB))
    head = f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Length: {MIB}\r\n\r\n".encode()
    for _ in range(8):
        running.connect().send(head + b"x" * (MIB - 1))
    assert _works(running)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]], ids=["good then bad", "bad then good"])
def test_a_signature_on_any_of_several_lines_passes(start: Start, order: list[int]) -> None:
    running = start(sources={"coalesce": CoalesceSource(["whsec"])})
    body = event("lines")
    good = signed_headers("whsec", body)
    lines = [good.pop("X-Coalesce-Signature"), f"v1={'0' * 64}"]
    headers = "".join(f"{name}: {value}\r\n" for name, value in good.items())
    headers += "".join(f"X-Coalesce-Signature: {lines[at]}\r\n" for at in order)
    assert _status(running, request(body, headers=headers)) == 202
    twice = f"X-Coalesce-Timestamp: {int(good['X-Coalesce-Timestamp']) + 1}\r\n"
    assert _status(running, request(body, headers=headers + twice)) == 401


def test_two_signatures_in_one_header_name_are_not_confused(running: Running) -> None:
    body = event("twice")
    reply = running.ask(request(body, headers=f"x-signature: {sign(b'other')}\r\n"))
    assert reply is not None
    assert reply.status == 401

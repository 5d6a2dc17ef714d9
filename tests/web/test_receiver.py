"""What a delivery is answered, and what is in the store then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from litestar.testing import TestClient
from structlog.testing import capture_logs

from sync.store.engine import Store, StoreUnavailable
from sync.store.inbox import Accepted, Inbox, InboxFull, Receipt, delivery_id
from sync.web.app import create_app
from sync.web.receiver import Limits
from tests.store.faults import FullDisk, ReadOnlyFile
from tests.web.conftest import Running, Start
from tests.web.sender import PATH, SECRET, HmacSource, HmacVerifier, event, request, sign


class Refusing:
    """An inbox that answers with an error, or never."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def accept_soon(
        self, accepted: Accepted, settle: Callable[[Receipt | Exception], object]
    ) -> None:
        """Refuse."""
        if self._error is not None:
            raise self._error


@pytest.fixture
def client(store: Store) -> Iterator[TestClient[Any]]:
    inbox = Inbox(store)
    with TestClient(create_app(sources={HmacSource.name: HmacSource()}, inbox=inbox)) as client:
        yield client
    inbox.close()


def _post(client: TestClient[Any], body: bytes, **headers: str) -> Any:
    return client.post(PATH, content=body, headers={"x-signature": sign(body), **headers})


def test_a_signed_delivery_is_stored_and_answered_with_its_id(
    client: TestClient[Any], store: Store
) -> None:
    body = event("e1")
    reply = _post(client, body)
    assert reply.status_code == 202
    assert reply.json() == {"id": delivery_id("coalesce", "e1", body)}
    with store.read_connection() as connection:
        rows = connection.exec_driver_sql("SELECT id, event_id, body FROM deliveries").all()
    assert [(id_, event_id, bytes(raw)) for id_, event_id, raw in rows] == [
        (reply.json()["id"], "e1", body)
    ]


def test_a_delivery_sent_twice_gets_the_same_answer(client: TestClient[Any]) -> None:
    first, second = _post(client, event("e1")), _post(client, event("e1"))
    assert (first.status_code, first.json()) == (second.status_code, second.json())


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-protobuf", "rubbish", ""]
)
def test_any_content_type_is_taken(client: TestClient[Any], content_type: str) -> None:
    assert _post(client, event("e"), **{"content-type": content_type}).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe not utf-8",
        b'{"event_id": "\\ud800\\u0000"}',
        b"[" * 100_000,
        b"null",
        b'{"event_id": {"a": 1}, "event_type": 7}',
        b'{"explode": true}',
        b"\x00" * 1000,
    ],
    ids=["empty", "bytes", "surrogate", "deep", "null", "types", "defect", "nul"],
)
def test_a_signed_body_that_makes_no_sense_is_kept(
    client: TestClient[Any], store: Store, body: bytes
) -> None:
    assert _post(client, body).status_code == 202
    with store.read_connection() as connection:
        kept = connection.exec_driver_sql("SELECT body FROM deliveries").scalar_one()
    assert bytes(kept) == body


def test_a_wrong_signature_is_refused_without_saying_why_but_the_log_does(
    client: TestClient[Any],
) -> None:
    with capture_logs() as lines:
        wrong = client.post(PATH, content=event("e"), headers={"x-signature": "abc"})
        missing = client.post(PATH, content=event("e"))
    assert (wrong.status_code, missing.status_code) == (401, 401)
    assert wrong.content == missing.content
    assert b"differs" not in wrong.content
    assert [line["reason"] for line in lines] == ["the digest differs", "no signature at all"]


def test_each_delivery_is_one_log_line_without_secrets(client: TestClient[Any]) -> None:
    with capture_logs() as lines:
        id_ = _post(client, event("e1")).json()["id"]
    (line,) = lines
    assert (line["outcome"], line["id"], line["event_id"]) == ("stored", id_, "e1")
    assert line["type"] == "EVENT_TYPE_ISSUE_CREATED"
    assert line["bytes"] == len(event("e1"))
    assert line["ms"] >= 0
    assert SECRET.decode() not in str(line)
    assert sign(event("e1")) not in str(line)


@pytest.mark.parametrize(
    "path", [f"{PATH}/", f"/{PATH}", PATH.replace("coal", "c%6fal"), f"{PATH}?a=b"]
)
def test_a_delivery_is_taken_at_any_spelling_of_the_path(running: Running, path: str) -> None:
    body = event("e1")
    reply = running.ask(request(body).replace(PATH.encode(), path.encode(), 1))
    assert reply is not None
    assert (reply.status, json.loads(reply.body)) == (202, {"id": running.stored()[0].id})


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods_are_told_which_is_right(running: Running, method: str) -> None:
    client = running.connect()
    client.send(f"{method} {PATH} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".encode())
    reply = client.reply() if method != "HEAD" else None
    if reply is None:
        assert method == "HEAD"
        return
    assert reply.status == 405
    assert sorted(reply.headers["allow"].split(", ")) == ["OPTIONS", "POST"]
    assert reply.headers["content-type"] == "application/json"


def test_a_host_that_cannot_be_one_is_refused(running: Running) -> None:
    reply = running.ask(request(event("e1")).replace(b"Host: test", b"Host: te<st"))
    assert reply is not None
    assert (reply.status, reply.body) == (400, b'{"error":"Invalid host header"}')
    assert running.stored() == []


def test_a_defect_of_the_receiver_is_answered_and_logged(store: Store) -> None:
    class Defect(HmacSource):
        def verifier(self, headers: Mapping[str, str]) -> HmacVerifier:
            raise RuntimeError("secret words")

    app = create_app(sources={HmacSource.name: Defect()}, inbox=Refusing(None))
    with TestClient(app) as client, capture_logs() as lines:
        reply = _post(client, event("e"))
    assert (reply.status_code, list(reply.json())) == (500, ["error"])
    assert "secret words" not in reply.text
    assert [line["event"] for line in lines] == ["a request failed", "delivery"]


def test_what_is_not_a_delivery_is_refused_sanely(client: TestClient[Any]) -> None:
    assert client.get(PATH).status_code == 405
    assert client.post("/webhooks/other", content=b"").status_code == 404
    assert client.get("/no/such/page").status_code == 404
    assert "Traceback" not in client.get("/no/such/page").text


@pytest.mark.parametrize(
    "error, outcome",
    [
        (InboxFull("full"), "full"),
        (StoreUnavailable("the disk is full"), "unavailable"),
        (RuntimeError("secret words"), "unavailable"),
        (None, "slow_store"),
    ],
    ids=["full", "unavailable", "defect", "slow"],
)
def test_what_cannot_be_stored_is_to_be_sent_again(error: Exception | None, outcome: str) -> None:
    limits = Limits(store_seconds=0.05, retry_after=7)
    app = create_app(sources={HmacSource.name: HmacSource()}, inbox=Refusing(error), limits=limits)
    with TestClient(app) as client, capture_logs() as lines:
        reply = _post(client, event("e"))
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "7")
    assert "secret words" not in reply.text
    assert lines[-1]["outcome"] == outcome


def test_deliveries_that_wait_too_long_for_the_store_are_answered_503(start: Start) -> None:
    running = start(inbox=Refusing(None), limits=Limits(store_seconds=0.05))
    clients = [running.connect() for _ in range(3)]
    for round_ in range(2):
        for number, client in enumerate(clients):
            client.send(request(event(f"e{round_}-{number}")))
        for client in clients:
            reply = client.reply()
            assert reply is not None
            assert reply.status == 503
            assert "connection" not in reply.headers
    assert running.stored() == []


@pytest.mark.parametrize("fault_type", [FullDisk, ReadOnlyFile])
def test_a_failing_disk_is_answered_503_until_it_works_again(
    sqlite_store: Store, fault_type: type[FullDisk] | type[ReadOnlyFile]
) -> None:
    fault = fault_type(sqlite_store)
    inbox = Inbox(sqlite_store)
    with TestClient(create_app(sources={HmacSource.name: HmacSource()}, inbox=inbox)) as client:
        statuses = []
        for fault.on in (False, True, True, False):
            body = event(f"e{len(statuses)}", size=50_000)
            statuses.append(_post(client, body).status_code)
    inbox.close()
    assert statuses == [202, 503, 503, 202]


def test_64_senders_of_one_event_store_it_once(running: Running) -> None:
    body = event("same")

    def send(_: int) -> Any:
        reply = running.ask(request(body))
        assert reply is not None
        return reply.status, json.loads(reply.body)["id"]

    with ThreadPoolExecutor(64) as pool:
        replies = set(pool.map(send, range(64)))
    assert replies == {(202, delivery_id("coalesce", "same", body))}
    assert len(running.stored()) == 1

"""A delivery that is larger than ``max_body`` is not lost: its head is kept, and its ticket comes right.

A simulated workspace sends over a socket to the real receiver; the sweep asks the workspace's API.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync.adapters.coalesce import signed_headers
from sync.sandbox.coalesce.outbox import DeliveryFaults, Outcome, Reply
from sync.sandbox.coalesce.sender import HttpPost
from sync.sandbox.coalesce.webhook_body import FORMATS
from sync.store import deliveries
from sync.store.engine import Store
from sync.store.tables import DeliveryRow
from sync.telemetry import DELIVERIES
from sync.web.app import create_app
from sync.web.receiver import Limits
from sync.worker.sweeps.run import Report
from tests.walks.test_reconcile import Everything
from tests.web.conftest import Running, serving

pytestmark = pytest.mark.proof

LIMIT = 100_000
HEAD = 64 * 1024


class Received(Everything):
    """Both simulated systems, with the real receiver on a socket between them."""

    def __init__(self, store: Store, folder: Path, limit: int = LIMIT) -> None:
        super().__init__(store, folder)
        self.outbox.faults = DeliveryFaults()
        self.limit(limit)

    def limit(self, limit: int) -> None:
        """Start the receiver anew, with another ``max_body``."""
        self.stop_receiver()
        app = create_app(
            sources={"coalesce": self.source},
            inbox=self.world.inbox,
            limits=Limits(body_bytes=limit),
            clock=self.clock.time,
        )
        self._serving = serving(app, self.world.store)
        self.receiver: Running = self._serving.__enter__()
        host, port = self.receiver.server.address
        self.post = HttpPost(f"http://{host}:{port}/webhooks/coalesce")

    def stop_receiver(self) -> None:
        if hasattr(self, "post"):
            self.post.close()
            self._serving.__exit__(None, None, None)

    def _receive(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        return self.post(body, headers)

    def sweep(self, *names: str) -> list[Report]:
        """One round of these sweeps, triage of what they recovered, and the walks."""
        self.sweeps, all_sweeps = [s for s in self.sweeps if s.name in names], self.sweeps
        reports = self.round()
        self.sweeps = all_sweeps
        return reports

    def large_issue(self, title: str) -> str:
        """An issue whose description is far over the limit; its id."""
        return self.upstream.open_issue(title, description="x" * 3 * LIMIT).id

    def heads(self) -> list[DeliveryRow]:
        with self.world.store.read() as session:
            return deliveries.heads(session)

    def titles(self, id_: str) -> list[str]:
        """The titles of the tickets of an issue."""
        return [t.summary for t in self.tickets(f"coalesce:issue:{id_}")]

    def close(self) -> None:
        self.stop_receiver()
        super().close()


@pytest.fixture
def life(store: Store, tmp_path: Path) -> Iterator[Received]:
    made = Received(store, tmp_path / "rules")
    yield made
    made.close()


@pytest.mark.parametrize("form", FORMATS, ids=str)
def test_the_whole_delivery_is_fetched_and_its_ticket_is_made(life: Received, form: Any) -> None:
    life.outbox.forms = (form,)
    id_ = life.large_issue("rows are missing")
    life.go_on()
    assert life.outbox.outcomes() == {Outcome.DELIVERED: 1}, (
        "the sender neither drops nor repeats it"
    )
    [head] = life.heads()
    assert len(head.body) == HEAD
    assert head.subject == f"coalesce:issue:{id_}"
    assert "larger than max_body" in head.outcome
    assert life.titles(id_) == []
    life.sweep("heads")
    assert life.heads() == []
    assert life.titles(id_) == ["rows are missing"]
    [whole] = life.world.deliveries()
    assert len(whole.body) > 3 * LIMIT
    assert whole.state == "triaged"
    assert life.sweep("heads")[0].tally.calls == 0


def test_where_the_api_keeps_no_body_the_subject_is_asked_for(life: Received) -> None:
    life.outbox.faults = DeliveryFaults(body_gone=1.0)
    id_ = life.large_issue("rows are missing")
    life.go_on()
    life.upstream.mark(id_, "investigating")
    life.sweep("heads")
    assert life.heads() == []
    assert life.titles(id_) == ["rows are missing"]
    assert {t.category for t in life.tickets(f"coalesce:issue:{id_}")} == {"indeterminate"}
    [head] = life.world.deliveries()
    assert "asked for the state of its subject" in head.outcome
    with life.world.store.write() as session:
        assert not deliveries.replay(session, head.id), "a head cannot be read"


def test_a_head_stays_while_the_api_is_ill_and_is_filled_afterwards(life: Received) -> None:
    id_ = life.large_issue("rows are missing")
    life.go_on()
    life.rest.failing = 100
    [report] = life.sweep("heads")
    assert report.tally.failed == 1
    assert len(life.heads()) == 1
    life.rest.failing = 0
    life.clock.now += 600
    life.sweep("heads")
    assert (life.heads(), life.titles(id_)) == ([], ["rows are missing"])


def test_what_neither_the_api_nor_the_head_tells_stays_a_dead_letter_that_is_not_asked_for_again(
    life: Received,
) -> None:
    body = json.dumps({"fill": "x" * 2 * LIMIT}).encode()
    life.post(body, signed_headers(life.upstream.secret, body, at=life.clock.time()))
    life.sweep("heads")
    [head] = life.heads()
    life.clock.now += 3600
    life.sweep("heads")
    assert life.heads() == []
    [left] = life.world.deliveries()
    assert (left.id, left.state) == (head.id, "dead")
    assert "the API knows neither the rest nor its subject" in left.outcome


def test_a_delivery_that_comes_as_a_whole_later_takes_the_place_of_its_head(life: Received) -> None:
    id_ = life.large_issue("rows are missing")
    life.go_on()
    life.limit(100 * LIMIT)
    [sending] = life.outbox.sendings.values()
    life.outbox.redeliver(sending)
    life.go_on()
    assert life.titles(id_) == ["rows are missing"]
    life.sweep("own")
    assert life.heads() == []
    assert len(life.world.deliveries()) == 1


def test_the_same_large_delivery_is_one_dead_letter_however_often_it_comes(life: Received) -> None:
    counted = DELIVERIES.labels("head")._value.get()
    life.large_issue("rows are missing")
    life.go_on()
    [sending] = life.outbox.sendings.values()
    with capture_logs() as logs:
        for _ in range(3):
            life.outbox.redeliver(sending)
            life.go_on()
    assert len(life.world.deliveries()) == 1
    assert DELIVERIES.labels("head")._value.get() == counted + 1
    assert {entry.get("outcome") for entry in logs if entry["event"] == "delivery"} == {"duplicate"}


@pytest.mark.parametrize("pieces", [1, 1000, 70_000], ids="in pieces of {}".format)
@pytest.mark.parametrize("chunked", [False, True], ids=["with length", "in chunks"])
@pytest.mark.parametrize("right", [True, False], ids=["signed", "forged"])
def test_only_what_is_signed_is_kept_however_it_comes(
    life: Received, pieces: int, chunked: bool, right: bool
) -> None:
    size = LIMIT + 5 if pieces == 1 else 3 * LIMIT
    body = json.dumps({"event_id": "e1", "fill": "x" * size}).encode()
    signed = signed_headers(
        "whsec_other" if not right else life.upstream.secret, body, at=life.clock.time()
    )
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    lines = [f"{name}: {value}" for name, value in signed.items()]
    head = "\r\n".join(["POST /webhooks/coalesce HTTP/1.1", "Host: t", length, *lines, "", ""])
    client = life.receiver.connect()
    client.send(head.encode())
    step = pieces if pieces > 1 else len(body)
    for at in range(0, len(body), step):
        part = body[at : at + step]
        client.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
    client.send(b"0\r\n\r\n" if chunked else b"")
    reply = client.reply()
    assert reply is not None
    assert reply.status == (202 if right else 401)
    assert [len(row.body) for row in life.heads()] == ([HEAD] if right else [])
    assert len(life.world.deliveries()) == int(right)


def test_a_signature_that_is_too_old_keeps_nothing(life: Received) -> None:
    body = json.dumps({"event_id": "e1", "fill": "x" * 2 * LIMIT}).encode()
    signed = signed_headers(life.upstream.secret, body, at=life.clock.time() - 46 * 60)
    assert life.post(body, signed).status == 401
    assert life.world.deliveries() == []

"""A receiver that is killed, runs out of disk, or is told to stop, keeps what it answered for."""

from __future__ import annotations

import gc
import json
import resource
import signal
import threading
from dataclasses import dataclass, field

import pytest

from sync.store import deliveries
from sync.store.engine import Store, open_store
from sync.store.inbox import Inbox
from sync.web.app import create_app
from sync.web.server import WebServer, listen
from tests.web.conftest import Client
from tests.web.process import receiver_process
from tests.web.sender import HmacSource, event, request

pytestmark = pytest.mark.proof


@dataclass
class Load:
    """Senders that each send one delivery after another until the server is gone."""

    address: tuple[str, int]
    enough: int
    accepted: list[str] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)

    def start(self, senders: int) -> list[threading.Thread]:
        """Start sending; ``reached`` is set once ``enough`` were accepted."""
        threads = [threading.Thread(target=self._send, args=(n,)) for n in range(senders)]
        for thread in threads:
            thread.start()
        return threads

    def _send(self, sender: int) -> None:
        try:
            client = Client(self.address)
        except OSError:
            return
        for number in range(100_000):
            client.send(request(event(f"{sender}-{number}", size=500)))
            reply = client.reply()
            if reply is None or reply.status != 202:
                break
            self.accepted.append(json.loads(reply.body)["id"])
            if len(self.accepted) >= self.enough:
                self.reached.set()
        client.close()


def _missing(url: str, accepted: list[str]) -> list[str]:
    store = open_store(url)
    with store.read() as session:
        lost = [id_ for id_ in accepted if deliveries.get(session, id_) is None]
    store.close()
    return lost


def test_what_was_answered_is_in_the_store_after_kill_9_under_load(store_url: str) -> None:
    with receiver_process(store_url) as (process, address):
        load = Load(address, enough=400)
        threads = load.start(16)
        assert load.reached.wait(60)
        process.kill()
        for thread in threads:
            thread.join(30)
    assert len(load.accepted) >= 400
    assert _missing(store_url, load.accepted) == []


def test_told_to_stop_under_load_it_finishes_what_is_in_hand_and_ends(store_url: str) -> None:
    with receiver_process(store_url) as (process, address):
        load = Load(address, enough=200)
        threads = load.start(8)
        assert load.reached.wait(60)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(30)
        said, _ = process.communicate(timeout=30)
    assert said.strip() == f"stopped by {signal.SIGTERM.value}"
    assert process.returncode == 0
    assert _missing(store_url, load.accepted) == []


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_full_disk_is_answered_503_and_found_working_again_without_a_restart(
    store_url: str,
) -> None:
    with receiver_process(store_url) as (process, address):
        statuses = []
        for number, limit in enumerate([None, 8192, 8192, None]):
            most = resource.RLIM_INFINITY if limit is None else limit
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
            client = Client(address)
            client.send(request(event(f"e{number}", size=100_000)))
            reply = client.reply()
            client.close()
            assert reply is not None
            statuses.append((reply.status, "retry-after" in reply.headers))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert statuses == [(202, False), (503, True), (503, True), (202, False)]
    store = open_store(store_url)
    with store.read() as session:
        assert [row.event_id for row in deliveries.recent(session)] == ["e3", "e0"]
    store.close()


def test_a_server_that_serves_collects_garbage_but_not_what_was_there_at_its_start(
    sqlite_store: Store,
) -> None:
    inbox = Inbox(sqlite_store)
    app = create_app(sources={HmacSource.name: HmacSource()}, inbox=inbox)
    server = WebServer(app, listen("127.0.0.1", 0))
    found: list[tuple[bool, bool]] = []

    def ready() -> None:
        found.append((gc.isenabled(), gc.get_freeze_count() > 10_000))
        server.stop()

    gc.disable()
    try:
        server.run(ready)
    finally:
        gc.unfreeze()
        gc.enable()
        inbox.close()
    assert found == [(True, True)]


def test_every_answer_is_to_be_taken_for_what_it_says_it_is(sqlite_store: Store) -> None:
    with receiver_process(str(sqlite_store.engine.url)) as (process, address):
        client = Client(address)
        for asked in (b"GET /", b"GET /health/live", b"GET /nowhere", b"PUT /webhooks/coalesce"):
            client.send(asked + b" HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
            reply = client.reply()
            assert reply is not None
            assert reply.headers["x-content-type-options"] == "nosniff", asked
        client.send(request(event("e1")))
        reply = client.reply()
        assert reply is not None
        assert (reply.status, reply.headers["x-content-type-options"]) == (202, "nosniff")
        client.close()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)

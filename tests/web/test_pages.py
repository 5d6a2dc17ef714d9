"""Health, metrics, the page for people, and what errors look like."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from litestar import get
from litestar.testing import TestClient

from sync.store.errors import StoreUnavailable
from sync.store.inbox import Accepted, Receipt
from sync.web import health
from sync.web.app import create_admin, create_app
from sync.web.gate.hosts import KnownHosts
from sync.web.health import Check, Insight
from tests.web.sender import HmacSource


class Nowhere:
    """An inbox nobody uses."""

    def accept_soon(self, accepted: Accepted, settle: Callable[[Receipt], object]) -> None:
        """Pretend."""
        settle(Receipt(accepted.event_id, True))


def _client(**insight: Any) -> TestClient[Any]:
    app = create_app(
        sources={HmacSource.name: HmacSource()}, inbox=Nowhere(), insight=Insight(**insight)
    )
    return TestClient(app)


@pytest.fixture(autouse=True)
def _never_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FRESH_SECONDS", -1.0)


def test_the_page_says_what_this_is_and_loads_nothing_from_elsewhere() -> None:
    with _client() as client:
        page = client.get("/")
    assert page.status_code == 200
    assert "/webhooks/coalesce" in page.text
    assert "//" not in page.text.replace("<!doctype", "")
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_it_is_live_while_it_runs() -> None:
    with _client() as client:
        assert client.get("/health/live").json() == {"live": True}


def test_it_is_ready_when_every_vital_part_is() -> None:
    down = Check(False, "Jira asks for a CAPTCHA", vital=False)
    with _client(probes={"store": lambda: Check(True), "site main": lambda: down}) as client:
        reply = client.get("/health/ready")
    assert reply.status_code == 200
    assert reply.json() == {
        "ready": True,
        "not_ready": ["site main"],
        "checks": {
            "store": {"ok": True, "vital": True},
            "site main": {"ok": False, "vital": False, "words": "Jira asks for a CAPTCHA"},
        },
    }


def test_it_is_not_ready_when_a_vital_part_is_not_or_cannot_be_asked() -> None:
    def broken() -> Check:
        raise RuntimeError("secret words")

    probes = {"store": lambda: Check(False, "the disk is full"), "rules": broken}
    with _client(probes=probes) as client:
        reply = client.get("/health/ready")
    assert reply.status_code == 503
    assert reply.json()["not_ready"] == ["store", "rules"]
    assert reply.json()["checks"]["store"]["words"] == "the disk is full"
    assert "secret words" not in reply.text


def test_words_of_the_store_are_shown() -> None:
    def full() -> Check:
        raise StoreUnavailable("the disk is full")

    with _client(probes={"store": full}) as client:
        checks = client.get("/health/ready").json()["checks"]
    assert checks["store"]["words"] == "the disk is full"


def test_a_part_that_hangs_is_not_ready_and_is_asked_only_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go = threading.Event()
    asked: list[int] = []

    def hangs() -> Check:
        asked.append(1)
        go.wait(20)
        return Check(True)

    monkeypatch.setattr(health.Readiness.__init__, "__kwdefaults__", {"seconds": 0.05})
    with _client(probes={"store": hangs}) as client:
        for _ in range(3):
            reply = client.get("/health/ready")
            assert reply.status_code == 503
            assert "no answer" in reply.json()["checks"]["store"]["words"]
        assert len(asked) == 1
        go.set()


def test_metrics_are_refreshed_before_they_are_written() -> None:
    with _client(refresh_metrics=lambda: health.log.info("refreshed")) as client:
        reply = client.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    assert "ticket_sync_deliveries_total" in reply.text


def test_metrics_are_written_even_where_refreshing_fails() -> None:
    with _client(refresh_metrics=lambda: 1 / 0) as client:
        assert "ticket_sync_deliveries_total" in client.get("/metrics").text


def test_an_error_of_ours_shows_no_traceback() -> None:
    @get("/broken", sync_to_thread=False)
    def broken() -> str:
        raise RuntimeError("secret words")

    app = create_app(sources={HmacSource.name: HmacSource()}, inbox=Nowhere())
    app.register(broken)
    with TestClient(app, raise_server_exceptions=False) as client:
        reply = client.get("/broken")
    assert reply.status_code == 500
    assert "secret words" not in reply.text
    assert "Traceback" not in reply.text


def test_there_are_no_pages_that_load_scripts_from_elsewhere() -> None:
    with _client() as client:
        assert client.get("/schema").status_code == 404


@pytest.mark.parametrize("path", ["/", "/health/live", "/health/ready", "/metrics"])
def test_what_can_be_got_can_be_asked_for_with_head(path: str) -> None:
    with _client() as client:
        assert client.head(path).status_code == client.get(path).status_code == 200


def test_a_browser_at_an_unknown_address_is_shown_the_way_and_a_program_gets_json() -> None:
    with _client() as client:
        page = client.get("/tickets", headers={"accept": "text/html,*/*;q=0.8"})
        reply = client.get("/tickets", headers={"accept": "application/json"})
    assert (page.status_code, reply.status_code) == (404, 404)
    assert '<a href="/">' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "error" in reply.json()


def test_with_an_address_for_people_apart_senders_see_only_that_the_program_runs() -> None:
    app = create_app(sources={HmacSource.name: HmacSource()}, inbox=Nowhere(), insight=None)
    with TestClient(app) as client:
        found = {path: client.get(path).status_code for path in ("/", "/metrics", "/health/ready")}
        assert found == {"/": 404, "/metrics": 404, "/health/ready": 404}
        assert client.get("/health/live").json() == {"live": True}
        assert client.post("/webhooks/coalesce", content=b"{}").status_code == 401


def test_the_address_for_people_shows_all_and_takes_no_deliveries() -> None:
    down = Check(False, "the disk is full")
    with TestClient(create_admin(Insight({"store": lambda: down}))) as client:
        for path in ("/", "/metrics", "/health/live"):
            assert client.get(path).status_code == client.head(path).status_code == 200
        assert client.get("/health/ready").json()["checks"]["store"]["words"] == "the disk is full"
        assert client.post("/webhooks/coalesce", content=b"{}").status_code == 404


def test_webhooks_and_life_are_answered_under_any_name_and_all_else_under_known_ones() -> None:
    with _client(hosts=KnownHosts(["tickets"])) as client:

        def status(method: str, path: str, host: str) -> int:
            return client.request(method, path, headers={"host": host}).status_code

        for path in ("/", "/health/ready", "/metrics"):
            assert status("GET", path, "evil.example") == 421
            assert status("HEAD", path, "evil.example") == 421
            assert status("GET", path, "tickets:8080") == 200
        assert status("GET", "/health/live", "evil.example") == 200
        assert status("POST", "/webhooks/coalesce", "evil.example") == 401

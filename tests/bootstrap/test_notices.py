"""Which daemons take the webhooks of Jira sites, and at which addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlmodel import select

from sync.bootstrap.adapters import webhook_paths
from sync.bootstrap.program import build
from sync.bootstrap.receiver import build_receiver
from sync.settings import Settings
from sync.store import tickets
from sync.store.engine import open_store
from sync.store.tables import TicketRow, TicketState
from tests.walks.world import RULES

BODY = json.dumps({"issue": {"id": 10001}}).encode()
HEADERS = {"X-Ticket-Sync-Secret": "sent-along-5e1f"}
SITE = {"url": "http://127.0.0.1:9", "token": "t", "project": "DATA"}
TELLS = {**SITE, "webhook_header_secrets": ["sent-along-5e1f"]}


def settings(folder: Path, **sites: Mapping[str, Any]) -> Settings:
    (folder / "mappings").mkdir(exist_ok=True)
    (folder / "mappings" / "rules.toml").write_text(RULES)
    return Settings(
        default_site="main",
        store={"url": f"sqlite:///{folder}/store.db"},  # type: ignore[arg-type]
        coalesce={"signing_secrets": ["s"]},  # type: ignore[arg-type]
        mappings={"directory": str(folder / "mappings")},  # type: ignore[arg-type]
        sites=dict(sites),  # type: ignore[arg-type]
    )


@contextmanager
def daemon(given: Settings, only: str = "") -> Iterator[TestClient[Any]]:
    """A daemon, or the half of one, whose threads do not run."""
    if only == "receiver":
        receiver = build_receiver(given)
        with TestClient(receiver.app, base_url="http://127.0.0.1") as client:
            yield client
        receiver.stop(10)
        return
    program = build(given, receives=only != "worker")
    with TestClient(program.app, base_url="http://127.0.0.1") as client:
        yield client
    program.stop(10)


def put_ticket(given: Settings) -> None:
    with closing(open_store(given.store.url.get_secret_value())) as store, store.write() as session:
        row = TicketRow(
            key="k",
            rule="everything",
            site="main",
            project="DATA",
            state=TicketState.LINKED,
            jira_id="10001",
            jira_key="DATA-1",
            created_at=0.0,
        )
        tickets.add(session, row)


def looks(given: Settings) -> list[bool]:
    with closing(open_store(given.store.url.get_secret_value())) as store, store.read() as session:
        return list(session.exec(select(TicketRow.look)).all())


@pytest.mark.parametrize(("only", "status"), [("", 202), ("receiver", 202), ("worker", 404)])
def test_whoever_receives_takes_webhooks_too(tmp_path: Path, only: str, status: int) -> None:
    given = settings(tmp_path, main=TELLS)
    with daemon(given, only) as client:
        put_ticket(given)
        reply = client.post("/webhooks/jira/main", content=BODY, headers=HEADERS)
        assert reply.status_code == status
        assert looks(given) == [status == 202]


def test_a_site_without_a_secret_takes_none(tmp_path: Path) -> None:
    given = settings(tmp_path, main=SITE, other=TELLS)
    assert webhook_paths(given) == ["/webhooks/coalesce", "/webhooks/jira/other"]
    with daemon(given) as client:
        assert client.post("/webhooks/jira/main", content=BODY).status_code == 404
        assert client.post("/webhooks/jira/other", content=BODY).status_code == 401


def test_unsigned_webhooks_are_taken_only_where_the_settings_say_so(tmp_path: Path) -> None:
    given = settings(tmp_path, main={**SITE, "allow_unsigned_webhooks": True}, other=TELLS)
    with daemon(given) as client:
        assert client.post("/webhooks/jira/main", content=BODY).status_code == 202
        assert client.post("/webhooks/jira/other", content=BODY).status_code == 401
        metrics = client.get("/metrics").text
    assert 'ticket_sync_notices_total{outcome="foreign",site="main"}' in metrics
    assert 'ticket_sync_notices_total{outcome="unverified",site="other"}' in metrics

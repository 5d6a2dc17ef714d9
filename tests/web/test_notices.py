"""What a webhook of Jira is answered, and which tickets are due then."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import event
from sqlmodel import select
from structlog.testing import capture_logs

from sync.adapters.jira.webhook import HEADER, JiraNotices, WebhookSecrets
from sync.store import tickets
from sync.store.engine import Store
from sync.store.inbox import Inbox
from sync.store.notices import Notices
from sync.store.tables import DeliveryRow, JournalRow, TicketRow, TicketState
from sync.web.app import create_app
from sync.web.notices import Hearing
from tests.store.faults import ReadOnlyFile
from tests.web.conftest import Start

SECRET, SENT = "a signing secret", "sent-along-5e1f"
PATH = "/webhooks/jira/main"
SECRETS = WebhookSecrets(signing=(SECRET, "the old one"), sent=(SENT,))


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {
        "x-hub-signature": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    }


def updated(ticket: str | int = "10001", event: str = "jira:issue_updated", **more: Any) -> bytes:
    body = {"timestamp": 1_790_000_000_000, "webhookEvent": event, "issue": {"id": ticket}}
    return json.dumps({**body, **more}).encode()


@dataclass
class Stage:
    """The application and its store, which has two tickets of the same id on two sites."""

    client: TestClient[Any]
    store: Store

    def post(self, body: bytes, path: str = PATH, headers: dict[str, str] | None = None) -> Any:
        return self.client.post(path, content=body, headers=headers or signed(body))

    def due(self) -> dict[str, str]:
        """Why each due ticket is due, by our key."""
        with self.store.read() as session:
            rows = session.exec(select(TicketRow)).all()
        assert all(row.look for row in rows if row.due_at is not None)
        return {row.key: row.due_reason for row in rows if row.due_at is not None}

    def kept(self) -> int:
        """How many rows the store has of deliveries and of the journal."""
        with self.store.read() as session:
            return len(session.exec(select(DeliveryRow.seq)).all()) + len(
                session.exec(select(JournalRow.id)).all()
            )


def hearing(store: Store, secrets: WebhookSecrets = SECRETS) -> Hearing:
    sites = [JiraNotices(name, secrets) for name in ("main", "other")]
    return Hearing(sites, Notices(store))


def put_tickets(store: Store) -> None:
    with store.write() as session:
        for site in ("main", "other"):
            for number in (1, 2):
                row = TicketRow(
                    key=f"{site}-{number}",
                    rule="r",
                    site=site,
                    project="DATA",
                    state=TicketState.LINKED,
                    jira_id=f"1000{number}",
                    jira_key=f"DATA-{number}",
                    created_at=0.0,
                )
                tickets.add(session, row)


@pytest.fixture
def stage(store: Store) -> Iterator[Stage]:
    put_tickets(store)
    inbox = Inbox(store)
    with TestClient(create_app(sources={}, inbox=inbox, hearing=hearing(store))) as client:
        yield Stage(client, store)
    inbox.close()


def test_a_signed_webhook_makes_its_ticket_due_with_a_look_and_is_not_kept(stage: Stage) -> None:
    reply = stage.post(updated())
    assert (reply.status_code, reply.json()) == (202, {"outcome": "due"})
    assert stage.due() == {"main-1": "in Jira: jira:issue_updated at 2026-09-21 14:13:20 UTC"}
    assert stage.kept() == 0


def test_the_site_of_the_path_alone_is_meant(stage: Stage) -> None:
    stage.post(updated(), "/webhooks/jira/other")
    assert stage.due().keys() == {"other-1"}


def test_a_ticket_that_is_due_later_becomes_due_soon_and_one_that_is_due_sooner_stays_so(
    stage: Stage,
) -> None:
    now = time.time()
    with stage.store.write() as session:
        for row in session.exec(select(TicketRow)).all():
            row.due_at, row.look = now + 3600 if row.key == "main-1" else now - 60, True
    stage.post(updated("10001"))
    stage.post(updated("10002"))
    with stage.store.read() as session:
        due = {row.key: row.due_at or 0.0 for row in session.exec(select(TicketRow)).all()}
    assert now <= due["main-1"] <= now + 60
    assert due["main-2"] == pytest.approx(now - 60)


@pytest.mark.parametrize("secret", [SECRET, "the old one"])
def test_a_signature_by_either_secret_is_taken(stage: Stage, secret: str) -> None:
    body = updated()
    assert stage.post(body, headers=signed(body, secret)).status_code == 202
    assert stage.due().keys() == {"main-1"}


@pytest.mark.parametrize(
    "headers",
    [
        {"x-hub-signature": f"sha256={'0' * 64}"},
        {"x-hub-signature": f"sha1={'0' * 40}"},
        {"x-hub-signature": ""},
        {HEADER: "wrong"},
        {"x-other": "none"},
        signed(b"another body"),
    ],
)
def test_what_is_not_proven_is_refused_without_saying_why_but_the_log_does(
    stage: Stage, headers: dict[str, str]
) -> None:
    with capture_logs() as lines:
        reply = stage.post(updated(), headers=headers)
    assert reply.status_code == 401
    assert reply.json() == {"error": "the signature or the secret is missing or wrong"}
    assert stage.due() == {}
    (line,) = lines
    assert (line["site"], line["outcome"]) == ("main", "unverified")
    assert line["reason"]


def test_a_forged_one_with_the_identifier_of_a_true_one_takes_nothing_from_it(stage: Stage) -> None:
    name = {"x-atlassian-webhook-identifier": "1"}
    assert stage.post(updated(), headers={**name, "x-hub-signature": "sha256=0"}).status_code == 401
    assert stage.post(updated(), headers={**name, **signed(updated())}).status_code == 202
    assert stage.due().keys() == {"main-1"}


def test_the_same_web_request_twice_counts_twice(stage: Stage) -> None:
    body = b'{"issue": {"id": 10001}}'
    for _ in range(2):
        assert stage.post(body, headers={HEADER: SENT}).json() == {"outcome": "due"}
    with stage.store.read() as session:
        wanted = session.exec(select(TicketRow.wanted).where(TicketRow.key == "main-1")).one()
    assert wanted == 2
    assert stage.due() == {"main-1": "in Jira: a web request"}


def test_a_secret_in_the_path_is_taken_and_stands_in_no_line_of_the_log(stage: Stage) -> None:
    with capture_logs() as lines:
        right = stage.post(updated(), f"{PATH}/{SENT}", {"x-other": "none"})
        wrong = stage.post(updated("10002"), f"{PATH}/mistyped-secret", {"x-other": "none"})
    assert (right.status_code, wrong.status_code) == (202, 401)
    assert stage.due().keys() == {"main-1"}
    assert not any(SENT in str(line) or "mistyped" in str(line) for line in lines)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", "empty"),
        (b"ticket DATA-1 was closed", "unreadable"),
        (b'{"issue": ' + b"[" * 100_000, "unreadable"),
        (b'"any text"', "nothing"),
        (updated(event="jira:issue_created"), "nothing"),
        (updated("77777"), "foreign"),
    ],
    ids=["empty", "text", "deep", "any text", "another event", "foreign"],
)
def test_what_is_about_no_ticket_of_ours_is_answered_2xx_and_does_nothing(
    stage: Stage, body: bytes, outcome: str
) -> None:
    reply = stage.post(body)
    assert (reply.status_code, reply.json()) == (202, {"outcome": outcome})
    assert stage.due() == {}
    assert stage.kept() == 0


def test_a_comment_without_its_ticket_makes_the_ticket_due(stage: Stage) -> None:
    comment = {"self": "https://jira.example.com/rest/api/2/issue/10002/comment/7"}
    body = json.dumps({"webhookEvent": "comment_created", "comment": comment}).encode()
    assert stage.post(body).json() == {"outcome": "due"}
    assert stage.due() == {"main-2": "in Jira: comment_created"}


def test_a_body_of_megabytes_is_read_for_its_ticket(stage: Stage) -> None:
    body = updated(changelog={"items": ["x" * 1024] * 3000})
    assert len(body) > 2 * 1024 * 1024
    assert stage.post(body).json() == {"outcome": "due"}
    assert stage.due().keys() == {"main-1"}


def test_a_body_larger_than_any_of_jiras_is_thrown_away_and_never_answered_413(
    start: Start, sqlite_store: Store
) -> None:
    running = start(sources={}, hearing=hearing(sqlite_store))
    body = updated(fill="x" * (26 * 1024 * 1024))
    head = f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n"
    named = f"X-Hub-Signature: {signed(body)['x-hub-signature']}\r\n\r\n"
    with capture_logs() as lines:
        reply = running.ask((head + named).encode() + body)
    assert reply is not None
    assert (reply.status, json.loads(reply.body)) == (202, {"outcome": "unread"})
    assert "the sweep of Jira finds the change" in lines[0]["reason"]


def test_while_the_store_takes_nothing_the_answer_lets_jira_try_again(
    sqlite_store: Store, stage_of: Callable[[Store], Stage]
) -> None:
    put_tickets(sqlite_store)
    stage = stage_of(sqlite_store)
    file = ReadOnlyFile(sqlite_store)
    file.on = True
    reply = stage.post(updated())
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
    # For a ticket of somebody else nothing is written.
    assert stage.post(updated("77777")).json() == {"outcome": "foreign"}
    file.on = False
    assert stage.due() == {}
    assert stage.post(updated()).json() == {"outcome": "due"}


def test_other_methods_and_other_sites_are_answered_as_anywhere(stage: Stage) -> None:
    assert stage.client.get(PATH).status_code == 405
    assert stage.post(updated(), "/webhooks/jira/unknown").status_code == 404
    assert stage.post(updated(), f"{PATH}/a/b").status_code == 404


def test_foreign_tickets_cost_one_look_up_each_and_no_write(
    sqlite_store: Store, stage_of: Callable[[Store], Stage]
) -> None:
    put_tickets(sqlite_store)
    stage = stage_of(sqlite_store)
    statements: list[str] = []

    @event.listens_for(sqlite_store.engine, "before_cursor_execute")
    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    for number in range(20):
        assert stage.post(updated(str(50_000 + number))).json() == {"outcome": "foreign"}
    assert len(statements) == 20
    assert all(one.startswith("SELECT tickets.jira_id, tickets.id") for one in statements)


def test_a_burst_is_answered_and_each_ticket_due_once(stage: Stage) -> None:
    with ThreadPoolExecutor(16) as pool:
        bodies = [updated(f"1000{number % 2 + 1}") for number in range(64)]
        replies = list(pool.map(stage.post, bodies))
    assert {reply.json()["outcome"] for reply in replies} == {"due"}
    assert stage.due().keys() == {"main-1", "main-2"}


@pytest.fixture
def stage_of() -> Iterator[Callable[[Store], Stage]]:
    open_: list[Callable[[], object]] = []

    def make(store: Store) -> Stage:
        inbox = Inbox(store)
        client = TestClient(create_app(sources={}, inbox=inbox, hearing=hearing(store)))
        client.__enter__()
        open_.extend([lambda: client.__exit__(None, None, None), inbox.close])
        return Stage(client, store)

    yield make
    for close in open_:
        close()

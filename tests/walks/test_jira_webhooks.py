"""A simulated Jira of each dialect sends its webhooks to the application, and walks follow them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from litestar.testing import TestClient

from sync.adapters.jira.webhook import HEADER, JiraNotices, WebhookSecrets
from sync.domain.ticket import marker_label
from sync.sandbox.jira import JiraSandbox, Sender, WebhookFaults
from sync.sandbox.sending import Reply
from sync.store.inbox import Inbox
from sync.store.notices import STILL, Notices
from sync.web.app import create_app
from sync.web.notices import Hearing
from sync.worker.sweeps.runner import Runner
from sync.worker.sweeps.tickets import TicketsSweep
from tests.walks.test_jira import real as real
from tests.walks.test_jira import sandbox as sandbox
from tests.walks.test_lifecycle import A
from tests.walks.world import SimulatedClock, World, issue_event

SECRET, SENT = "a signing secret", "sent-along-5e1f"
URL = "http://127.0.0.1/webhooks/jira/main"


class Wire:
    """The way from the simulated Jira to the application; ``answers`` counts the statuses."""

    def __init__(
        self, sandbox: JiraSandbox, client: TestClient[Any], clock: SimulatedClock
    ) -> None:
        self.answers: Counter[int] = Counter()
        self._client = client
        self._clock = clock
        self._outbox = sandbox.outbox
        self._sender = Sender(sandbox.outbox, self._post)

    def _post(self, body: bytes, headers: Mapping[str, str], url: str) -> Reply:
        path = urlsplit(url).path
        status = self._client.post(path, content=body, headers=dict(headers)).status_code
        self.answers[status] += 1
        return Reply(status)

    def deliver(self) -> None:
        """Send all that waits, letting time pass where Jira waits."""
        self._sender.pump()
        while (due := self._outbox.next_at()) is not None:
            self._clock.now = max(self._clock.now, due)
            self._sender.pump()


@pytest.fixture
def wire(real: World, sandbox: JiraSandbox, clock: SimulatedClock) -> Iterator[Wire]:
    secrets = WebhookSecrets(signing=(SECRET,), sent=(SENT,))
    notices = Notices(real.store, lambda: clock.time())
    hearing = Hearing([JiraNotices("main", secrets)], notices)
    inbox = Inbox(real.store)
    with TestClient(create_app(sources={}, inbox=inbox, hearing=hearing)) as client:
        yield Wire(sandbox, client, clock)
    inbox.close()


@pytest.fixture
def key(real: World, sandbox: JiraSandbox) -> str:
    """The key of a ticket that is made and settled."""
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    return sandbox.tickets()[0].key


def due(world: World) -> str:
    """Why the ticket is due, "" where it is not."""
    (row,) = world.rows()
    return row.due_reason if row.due_at is not None else ""


def calls(sandbox: JiraSandbox, work: Callable[[], object]) -> list[str]:
    """The calls that are made meanwhile, as methods."""
    made: list[str] = []
    sandbox.observers.append(lambda one: made.append(one.method))
    work()
    sandbox.observers.pop()
    return made


def test_what_a_person_does_is_noticed_within_seconds(
    real: World, sandbox: JiraSandbox, wire: Wire, key: str, clock: SimulatedClock
) -> None:
    sandbox.add_webhook(URL, secret=SECRET)
    label = marker_label(real.rows()[0].key)
    sandbox.person.remove_labels(key, label)
    wire.deliver()
    began = clock.time()
    real.settle()
    assert label in sandbox.ticket(key).labels
    assert clock.time() - began < STILL + 2
    assert set(wire.answers) == {202}


@pytest.mark.parametrize("act", ["comment", "transition", "move", "delete"])
def test_every_act_that_matters_makes_the_ticket_due(
    real: World, sandbox: JiraSandbox, wire: Wire, key: str, act: str
) -> None:
    sandbox.add_webhook(URL, secret=SECRET)
    given = {"comment": ["+1"], "transition": ["Done"], "move": ["OPS"], "delete": []}
    getattr(sandbox.person, act)(key, *given[act])
    wire.deliver()
    assert due(real).startswith("in Jira: ")
    real.settle()
    (row,) = real.rows()
    assert (row.parked_at is not None) == (act == "delete")
    assert (row.due_at is None) == (act != "delete")


def test_a_move_is_followed_and_the_tickets_key_is_right(
    real: World, sandbox: JiraSandbox, wire: Wire, key: str
) -> None:
    sandbox.add_webhook(URL, secret=SECRET)
    moved = sandbox.person.move(key, "OPS")
    wire.deliver()
    real.settle()
    assert real.rows()[0].jira_key == moved


def test_our_own_life_of_a_ticket_with_webhooks_ends_in_silence(
    real: World, sandbox: JiraSandbox, wire: Wire
) -> None:
    sandbox.add_webhook(URL, secret=SECRET)
    for body in (
        issue_event("issue_created", A, at=1),
        issue_event("issue_updated", A, at=2, title="orders is very stale"),
        issue_event("issue_closed", A, at=3),
    ):
        real.deliver(body)
        real.settle()
        wire.deliver()
        assert set(calls(sandbox, real.settle)) <= {"GET"}
        wire.deliver()
        assert calls(sandbox, real.settle) == []
    assert sandbox.ticket(sandbox.tickets()[0].key).status == "Done"


def test_webhooks_that_are_lost_doubled_late_and_out_of_order_change_nothing_in_the_end(
    real: World, sandbox: JiraSandbox, wire: Wire, key: str
) -> None:
    sandbox.add_webhook(URL, secret=SECRET)
    sandbox.outbox.faults = WebhookFaults(silent=0.2, doubled=0.5, late=0.5, reordered=0.5)
    person = sandbox.person
    for number in range(6):
        person.comment(key, f"comment {number}")
        person.add_labels(key, f"theirs-{number}")
        wire.deliver()
        real.settle()
    assert {f"theirs-{number}" for number in range(6)} <= set(sandbox.ticket(key).labels)
    wire.deliver()
    real.settle()
    assert due(real) == ""


def test_what_webhooks_do_not_tell_the_sweep_finds(
    real: World, sandbox: JiraSandbox, wire: Wire, key: str, clock: SimulatedClock
) -> None:
    sandbox.add_webhook(URL, secret=SECRET)
    sandbox.outbox.faults = WebhookFaults(silent=1.0)
    label = marker_label(real.rows()[0].key)
    sandbox.person.remove_labels(key, label)
    wire.deliver()
    real.settle()
    assert label not in sandbox.ticket(key).labels
    clock.sleep(60)
    Runner(real.store, clock, "test").run(TicketsSweep(real.store, real.tracker, clock))
    real.settle()
    assert label in sandbox.ticket(key).labels


def test_a_webhook_without_or_with_a_wrong_signature_does_nothing(
    real: World, sandbox: JiraSandbox, wire: Wire, key: str
) -> None:
    sandbox.add_webhook(URL)
    sandbox.add_webhook(URL, secret="another")
    sandbox.person.comment(key, "+1")
    wire.deliver()
    assert set(wire.answers) == {401}
    assert due(real) == ""


@pytest.mark.parametrize("form", ["jira", "automation"])
def test_web_requests_of_automation_are_taken_in_both_formats(
    real: World, sandbox: JiraSandbox, wire: Wire, key: str, form: str
) -> None:
    sandbox.add_webhook(URL, form=form, headers={HEADER: SENT})
    sandbox.person.transition(key, "Done")
    wire.deliver()
    assert set(wire.answers) == {202}
    assert due(real).startswith("in Jira: a web request")


def test_a_web_request_of_any_text_and_a_webhook_without_its_body_do_nothing(
    real: World, sandbox: JiraSandbox, wire: Wire, key: str
) -> None:
    sandbox.add_webhook(URL, form="A ticket has changed.", headers={HEADER: SENT})
    sandbox.add_webhook(URL, secret=SECRET, exclude_body=True)
    sandbox.person.transition(key, "Done")
    wire.deliver()
    assert set(wire.answers) == {202}
    assert due(real) == ""


def test_a_secret_in_the_address_is_taken(
    real: World, sandbox: JiraSandbox, wire: Wire, key: str
) -> None:
    sandbox.add_webhook(f"{URL}/{SENT}")
    sandbox.person.comment(key, "+1")
    wire.deliver()
    assert set(wire.answers) == {202}
    assert due(real).startswith("in Jira: ")

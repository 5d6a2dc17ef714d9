"""Deliveries of the site's webhooks: to whom, signed how, and attempted how often."""

from __future__ import annotations

import hashlib
import hmac
import random
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sync.sandbox import sending
from sync.sandbox.jira.jql import parser
from sync.sandbox.jira.jql.conditions import compile_node
from sync.sandbox.jira.site.call import Call, Problem
from sync.sandbox.jira.site.events import COMMENT_EVENTS, Event, Webhook
from sync.sandbox.jira.site.state import Site
from sync.sandbox.jira.webhook_body import Make, address, told
from sync.sandbox.sending import HttpPost, Queue, QueueSender, Reply

Post = Callable[[bytes, Mapping[str, str], str], Reply]

# Cloud sends again after these, after every 5xx, and where no answer came in time.
_RETRIED = frozenset({408, 409, 425, 429})
MOST_RETRIES = 5
# Seconds. Cloud waits a time between the two before it sends again.
RETRY_DELAYS = (300.0, 900.0)
# A webhook of Cloud that has failed for longer gets one attempt a delivery.
PATIENCE = 1800.0
# Seconds that Cloud waits for an answer.
ANSWER_SECONDS = 20.0


@dataclass(slots=True, eq=False, kw_only=True)
class Sending(sending.Sending):
    """One delivery of one event to one webhook, at ``url``. ``event`` is the event's name, ``issue`` the
    issue's id."""

    webhook: Webhook
    url: str
    event: str
    issue: int


@dataclass(frozen=True, slots=True)
class WebhookFaults(sending.DeliveryFaults):
    """``reordered``: the delivery overtakes all that wait. ``unsigned``: the signature is missing."""

    reordered: float = 0.0
    unsigned: float = 0.0


class Outbox(Queue[Sending]):
    """Deliveries of the webhooks of a site, which ``attach`` names.

    ``sendings`` holds the newest deliveries, whatever became of them. Of those that wait there are at
    most ``capacity``: further ones are dropped, and ``dropped`` counts them. ``faults`` may be replaced
    at any time. Data Center makes each attempt once, and in no order.
    """

    site: Site

    def __init__(self, base: str, *, seed: int = 0, capacity: int = 10_000) -> None:
        super().__init__(lambda: self.site.now())
        self.base = base
        self.capacity = capacity
        self._random = random.Random(seed)

    def attach(self, site: Site) -> None:
        """Serve a site from now on, and forget what was on the way."""
        with self.changed:
            self.site = site
            self.faults = WebhookFaults()
            self.sendings: deque[Sending] = deque(maxlen=self.capacity)
            self.dropped = self.pending = 0
            self._waiting.clear()
        site.listeners.append(self.add)

    def add(self, event: Event) -> None:
        """Put an event on the way to every webhook that is to be told of it."""
        for webhook in list(self.site.webhooks.values()):
            if webhook.enabled and self._passes(webhook, event):
                for name, make in told(self.site, event, webhook, self.base):
                    self._send(webhook, event, name, make)

    def prepare(self, sending: Sending) -> None:
        if sending.attempts and "X-Atlassian-Webhook-Identifier" in sending.headers:
            sending.headers["X-Atlassian-Webhook-Retry"] = str(len(sending.attempts))

    def retry_in(self, sending: Sending, reply: Reply) -> float | None:
        if not self.site.cloud or sending.webhook.form:
            return None
        if not (reply.worth_retrying or reply.status in _RETRIED):
            return None
        failing = sending.webhook.failing
        tired = failing is not None and self.now() - failing > PATIENCE
        if tired or len(sending.attempts) > MOST_RETRIES:
            return None
        return self._random.uniform(*RETRY_DELAYS)

    def record(self, sending: Sending, reply: Reply) -> None:
        with self.changed:
            if reply.accepted:
                sending.webhook.failing = None
            elif sending.webhook.failing is None:
                sending.webhook.failing = self.now()
            super().record(sending, reply)

    def _passes(self, webhook: Webhook, event: Event) -> bool:
        """Whether the webhook's JQL finds the issue as it is after the event.

        On Data Center, comments pass every JQL, because their events name no issue.
        """
        if not webhook.jql or (not self.site.cloud and event.name in COMMENT_EVENTS):
            return True
        call = Call("GET", "", {}, {}, b"", self.base, event.at)
        call.user = self.site.users.get(webhook.by)
        try:
            where = parser.parse(webhook.jql).where
            return where is None or compile_node(self.site, call, where)(event.issue)
        except Problem:
            # The JQL names something that has gone from the site since.
            return False

    def _send(self, webhook: Webhook, event: Event, name: str, make: Make) -> None:
        with self.changed:
            pick, faults, now = self._random, self.faults, self.now()
            if pick.random() < faults.silent:
                return
            body = make()
            late = pick.random() < faults.late
            made = Sending(
                id=str(uuid.UUID(int=pick.getrandbits(128), version=4)),
                body=body,
                created_at=now,
                next_at=now + (pick.uniform(0, faults.delay) if late else 0.0),
                lost=pick.random() < faults.lost,
                webhook=webhook,
                url=address(self.site, event, webhook),
                event=name,
                issue=event.issue.id,
            )
            made.headers = self._headers(made, bulk=event.bulk)
            if pick.random() < faults.unsigned:
                made.headers.pop("X-Hub-Signature", None)
            self._enqueue(made, overtakes=pick.random() < faults.reordered)
            if pick.random() < faults.doubled:
                again = replace(made, headers=dict(made.headers), attempts=[])
                self._enqueue(again, overtakes=False)

    def _enqueue(self, sending: Sending, *, overtakes: bool) -> None:
        if self.pending >= self.capacity:
            self.dropped += 1
            return
        self.sendings.append(sending)
        number: float = next(self._number)
        if overtakes:
            number = -number
        elif not self.site.cloud:
            number = self._random.uniform(0, number)
        self._put(sending, number)

    def _headers(self, sending: Sending, *, bulk: bool) -> dict[str, str]:
        webhook = sending.webhook
        headers = {"Content-Type": "application/json; charset=UTF-8", **webhook.headers}
        if webhook.form:
            return headers
        if self.site.cloud:
            headers["User-Agent"] = "Atlassian Webhook HTTP Client"
            headers["X-Atlassian-Webhook-Identifier"] = sending.id
            headers["X-Atlassian-Webhook-Flow"] = "Secondary" if bulk else "Primary"
        if webhook.secret:
            digest = hmac.new(webhook.secret.encode(), sending.body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature"] = f"sha256={digest}"
        return headers


class Sender(QueueSender[Sending]):
    """Sends the deliveries of an outbox, each to its own address.

    ``post`` takes the place of real posts in tests: it is given body, headers and address.
    """

    def __init__(self, outbox: Outbox, post: Post | None = None, *, workers: int = 2) -> None:
        self._http = HttpPost(timeout=ANSWER_SECONDS)
        made = post or self._http
        super().__init__(outbox, lambda one: made(one.body, one.headers, one.url), workers=workers)

    def stop(self, timeout: float | None = None) -> None:
        super().stop(timeout)
        self._http.close()

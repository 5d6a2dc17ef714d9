"""Deliveries of the simulated sender: what to send, every attempt to send it, and the outcome."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import itertools
import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sync.sandbox.coalesce.webhook_body import Format, encode, render
from sync.sandbox.coalesce.workspace import CoalesceSandbox

# Seconds to wait after each failed attempt: ten attempts in about half an hour.
RETRY_DELAYS = (10.0, 20.0, 40.0, 80.0, 160.0, 240.0, 300.0, 400.0, 500.0)
MOST_ATTEMPTS = len(RETRY_DELAYS) + 1


class Outcome(StrEnum):
    """Whether a delivery still waits, arrived, or failed for good."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reply:
    """A receiver's reply to an attempt: its HTTP status, or 0 and the error where no reply came."""

    status: int
    error: str = ""

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300

    @property
    def worth_retrying(self) -> bool:
        """Whether another attempt may help: no reply came, or the receiver failed (5xx)."""
        return self.status == 0 or self.status >= 500


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: when (seconds since the epoch), and the reply."""

    at: float
    reply: Reply


@dataclass(slots=True, eq=False)
class Sending:
    """One delivery of one event, with times in seconds since the epoch.

    ``headers`` are signed at the first attempt and stay the same over retries. ``lost``: the network
    loses every attempt. ``body_kept``: the deliveries API still has the body.
    """

    id: str
    event: Mapping[str, Any]
    body: bytes
    created_at: float
    next_at: float | None
    outcome: Outcome = Outcome.PENDING
    headers: dict[str, str] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    redelivery_of: str = ""
    body_kept: bool = True
    lost: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryFaults:
    """What goes wrong between sender and receiver, as shares of all events.

    ``lost``: every attempt fails. ``silent``: upstream neither sends nor records the event. ``doubled``:
    upstream sends the event twice. ``late``: the first attempt is up to ``delay`` seconds late, which
    changes the order. ``body_gone``: the deliveries API has lost the body.
    """

    lost: float = 0.0
    silent: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    delay: float = 5.0
    body_gone: float = 0.0


def signed(secret: str, body: bytes, at: float) -> dict[str, str]:
    """The headers of a delivery whose first attempt is at ``at`` (seconds since the epoch)."""
    timestamp = str(int(at))
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-coalesce-timestamp": timestamp,
        "x-coalesce-signature": f"v1={digest}",
    }


class Outbox:
    """All deliveries of a workspace's integration. Safe to share between threads.

    Each event gets one of ``forms`` by chance; ``scale`` multiplies the time between attempts. The
    condition ``changed`` is notified when a delivery is added or has a new reply.
    """

    def __init__(
        self,
        sandbox: CoalesceSandbox,
        *,
        forms: Sequence[Format] = (Format(),),
        faults: DeliveryFaults = DeliveryFaults(),
        scale: float = 1.0,
        seed: int = 1,
    ) -> None:
        self.sandbox = sandbox
        self.forms = forms
        self.faults = faults
        self.scale = scale
        self.sendings: dict[str, Sending] = {}
        self.changed = threading.Condition()
        self._random = random.Random(seed)
        # A heap by the time of the next attempt. The number keeps deliveries of equal time in order.
        self._waiting: list[tuple[float, int, Sending]] = []
        self._number = itertools.count()
        sandbox.listen(self.add)

    def add(self, event: Mapping[str, Any]) -> None:
        """Add a delivery of an event, with the faults that chance gives it."""
        with self.changed:
            pick, faults = self._random, self.faults
            if pick.random() < faults.silent:
                return
            now = self.sandbox.clock.time()
            late = pick.random() < faults.late
            sending = Sending(
                id=f"dlv_{pick.getrandbits(64):016x}",
                event=event,
                body=encode(render(event, pick.choice(self.forms))),
                created_at=now,
                next_at=now + (pick.uniform(0, faults.delay) if late else 0.0),
                body_kept=pick.random() >= faults.body_gone,
                lost=pick.random() < faults.lost,
            )
            self._put(sending)
            if pick.random() < faults.doubled:
                self._put(self._again(sending, redelivery_of=""))

    def redeliver(self, sending: Sending) -> Sending:
        """Add a new delivery of the same event, which gets its own signature."""
        with self.changed:
            return self._put(self._again(sending, redelivery_of=sending.id))

    def take_due(self) -> Sending | None:
        """A delivery whose next attempt is due, None where none is.

        The caller makes the attempt and calls ``record``.
        """
        with self.changed:
            now = self.sandbox.clock.time()
            if not self._waiting or self._waiting[0][0] > now:
                return None
            due = heapq.heappop(self._waiting)[2]
            if not due.headers:
                due.headers = signed(self.sandbox.secret, due.body, now)
            return due

    def record(self, sending: Sending, reply: Reply) -> None:
        """Record the reply to an attempt, and plan the next attempt where one may help."""
        with self.changed:
            now = self.sandbox.clock.time()
            sending.attempts.append(Attempt(now, reply))
            sending.next_at = None
            if reply.accepted:
                sending.outcome = Outcome.DELIVERED
            elif reply.worth_retrying and len(sending.attempts) < MOST_ATTEMPTS:
                self._wait(sending, now + RETRY_DELAYS[len(sending.attempts) - 1] * self.scale)
            else:
                sending.outcome = Outcome.FAILED
            self.changed.notify_all()

    def next_at(self) -> float | None:
        """When the next attempt is due (seconds since the epoch), None where none is planned."""
        with self.changed:
            return self._waiting[0][0] if self._waiting else None

    def outcomes(self) -> Counter[Outcome]:
        """The number of deliveries by outcome."""
        with self.changed:
            return Counter(sending.outcome for sending in self.sendings.values())

    def _put(self, sending: Sending) -> Sending:
        self.sendings[sending.id] = sending
        self._wait(
            sending, self.sandbox.clock.time() if sending.next_at is None else sending.next_at
        )
        self.changed.notify_all()
        return sending

    def _wait(self, sending: Sending, until: float) -> None:
        sending.next_at = until
        heapq.heappush(self._waiting, (until, next(self._number), sending))

    def _again(self, sending: Sending, *, redelivery_of: str) -> Sending:
        return Sending(
            id=f"dlv_{self._random.getrandbits(64):016x}",
            event=sending.event,
            body=sending.body,
            created_at=sending.created_at,
            next_at=self.sandbox.clock.time(),
            redelivery_of=redelivery_of,
        )

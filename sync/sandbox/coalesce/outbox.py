"""Deliveries of the simulated sender: what to send, every attempt to send it, and the outcome."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.sandbox import sending
from sync.sandbox.coalesce.webhook_body import Format, encode, render
from sync.sandbox.coalesce.workspace import CoalesceSandbox
from sync.sandbox.sending import Outcome, Queue, Reply

__all__ = ["DeliveryFaults", "Outbox", "Outcome", "Reply", "Sending"]

# Seconds to wait after each failed attempt: ten attempts in about half an hour.
RETRY_DELAYS = (10.0, 20.0, 40.0, 80.0, 160.0, 240.0, 300.0, 400.0, 500.0)
MOST_ATTEMPTS = len(RETRY_DELAYS) + 1


@dataclass(slots=True, eq=False, kw_only=True)
class Sending(sending.Sending):
    """One delivery of one event.

    ``headers`` are signed at the first attempt and stay the same over retries. ``body_kept``: the
    deliveries API still has the body.
    """

    event: Mapping[str, Any]
    redelivery_of: str = ""
    body_kept: bool = True
    skip_reason: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryFaults(sending.DeliveryFaults):
    """``body_gone`` is the share of events whose body the deliveries API has lost."""

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


class Outbox(Queue[Sending]):
    """All deliveries of a workspace's integration.

    Each event gets one of ``forms`` by chance; ``scale`` multiplies the time between attempts.
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
        super().__init__(sandbox.clock.time)
        self.sandbox = sandbox
        self.forms = forms
        self.faults = faults
        self.scale = scale
        self.sendings: dict[str, Sending] = {}
        # Types of events that are not among those of the integration.
        self.left_out: set[str] = set()
        self._random = random.Random(seed)
        sandbox.listen(self.add)

    def add(self, event: Mapping[str, Any]) -> None:
        """Add a delivery of an event, with the faults that chance gives it."""
        with self.changed:
            pick, faults = self._random, self.faults
            if pick.random() < faults.silent:
                return
            now = self.sandbox.clock.time()
            if event["type"] in self.left_out:
                self._leave_out(event, now)
                return
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

    def _leave_out(self, event: Mapping[str, Any], now: float) -> None:
        """Record a delivery that is skipped: it is in the log, and nothing is sent."""
        id_ = f"dlv_{self._random.getrandbits(64):016x}"
        body = encode(render(event, self.forms[0]))
        skipped = Sending(id=id_, event=event, body=body, created_at=now, next_at=None)
        skipped.skip_reason = "SKIP_REASON_EVENT_TYPE"
        skipped.outcome = Outcome.SKIPPED
        self.sendings[id_] = skipped

    def redeliver(self, sending: Sending) -> Sending:
        """Add a new delivery of the same event, which gets its own signature."""
        with self.changed:
            return self._put(self._again(sending, redelivery_of=sending.id))

    def prepare(self, sending: Sending) -> None:
        if not sending.headers:
            sending.headers = signed(self.sandbox.secret, sending.body, self.now())

    def retry_in(self, sending: Sending, reply: Reply) -> float | None:
        if not reply.worth_retrying or len(sending.attempts) >= MOST_ATTEMPTS:
            return None
        return RETRY_DELAYS[len(sending.attempts) - 1] * self.scale

    def outcomes(self) -> Counter[Outcome]:
        """The number of deliveries by outcome."""
        with self.changed:
            return Counter(sending.outcome for sending in self.sendings.values())

    def _put(self, sending: Sending, number: float | None = None) -> Sending:
        with self.changed:
            self.sendings[sending.id] = sending
            return super()._put(sending, number)

    def _again(self, sending: Sending, *, redelivery_of: str) -> Sending:
        return Sending(
            id=f"dlv_{self._random.getrandbits(64):016x}",
            event=sending.event,
            body=sending.body,
            created_at=sending.created_at,
            next_at=self.sandbox.clock.time(),
            redelivery_of=redelivery_of,
        )

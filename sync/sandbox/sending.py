"""Deliveries on their way from a simulated service to a receiver, and the threads that send them."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from ssl import SSLContext
from typing import Generic, TypeVar

import httpx2


class Outcome(StrEnum):
    """Whether a delivery still waits, arrived, failed for good, or was not to be sent at all."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"


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


@dataclass(slots=True, eq=False, kw_only=True)
class Sending:
    """One delivery, with times in seconds since the epoch. ``lost``: the network loses every
    attempt."""

    id: str
    body: bytes
    created_at: float
    next_at: float | None
    outcome: Outcome = Outcome.PENDING
    headers: dict[str, str] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    lost: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryFaults:
    """What goes wrong between sender and receiver, as shares of all events.

    ``lost``: every attempt fails. ``silent``: the event is neither sent nor recorded. ``doubled``: the
    event is sent twice. ``late``: the first attempt is up to ``delay`` seconds late, which changes the
    order.
    """

    lost: float = 0.0
    silent: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    delay: float = 5.0


S = TypeVar("S", bound=Sending)


class Queue(ABC, Generic[S]):
    """Deliveries that wait for their next attempt. Safe to share between threads.

    ``now`` gives seconds since the epoch. The condition ``changed`` is notified when a delivery is added
    or has a new reply. ``pending`` counts the deliveries without an outcome.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.changed = threading.Condition()
        self.pending = 0
        # A heap by the time of the next attempt. The number keeps deliveries of equal time in order.
        self._waiting: list[tuple[float, float, S]] = []
        self._number = itertools.count(1)

    @abstractmethod
    def prepare(self, sending: S) -> None:
        """Write the headers of an attempt that is about to be made."""

    @abstractmethod
    def retry_in(self, sending: S, reply: Reply) -> float | None:
        """Seconds until the next attempt after ``reply``, which is no acceptance; None for no more
        attempts."""

    def take_due(self) -> S | None:
        """A delivery whose next attempt is due, None where none is.

        The caller makes the attempt and calls ``record``.
        """
        with self.changed:
            if not self._waiting or self._waiting[0][0] > self.now():
                return None
            due = heapq.heappop(self._waiting)[2]
            self.prepare(due)
            return due

    def record(self, sending: S, reply: Reply) -> None:
        """Record the reply to an attempt, and plan the next attempt where one may help."""
        with self.changed:
            now = self.now()
            sending.attempts.append(Attempt(now, reply))
            wait = None if reply.accepted else self.retry_in(sending, reply)
            if wait is not None:
                self._wait(sending, now + wait)
            else:
                sending.next_at = None
                sending.outcome = Outcome.DELIVERED if reply.accepted else Outcome.FAILED
                self.pending -= 1
            self.changed.notify_all()

    def next_at(self) -> float | None:
        """When the next attempt is due (seconds since the epoch), None where none is planned."""
        with self.changed:
            return self._waiting[0][0] if self._waiting else None

    def _put(self, sending: S, number: float | None = None) -> S:
        """Add a delivery. Of deliveries due at the same time, the one with the lowest number goes
        first; by default they go in the order in which they were added."""
        with self.changed:
            self.pending += 1
            self._wait(sending, self.now() if sending.next_at is None else sending.next_at, number)
            self.changed.notify_all()
        return sending

    def _wait(self, sending: S, until: float, number: float | None = None) -> None:
        sending.next_at = until
        number = next(self._number) if number is None else number
        heapq.heappush(self._waiting, (until, number, sending))


@cache
def _certificates() -> SSLContext:
    """The authorities whose certificates are believed: read once, which takes forty milliseconds."""
    return httpx2.create_ssl_context(trust_env=False)


class HttpPost:
    """Posts bodies to a receiver. ``url`` may change at any time, for a receiver that moves."""

    def __init__(self, url: str = "", *, timeout: float = 10.0) -> None:
        self.url = url
        self._client = httpx2.Client(
            verify=_certificates(), timeout=timeout, trust_env=False, follow_redirects=False
        )

    def __call__(self, body: bytes, headers: Mapping[str, str], url: str = "") -> Reply:
        """Post to ``url``, by default to the receiver."""
        try:
            answer = self._client.post(url or self.url, content=body, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return Reply(0, type(error).__name__)
        return Reply(answer.status_code)

    def close(self) -> None:
        self._client.close()


class QueueSender(Generic[S]):
    """Makes the due attempts of a queue: in its own threads, or in the caller's by ``pump``.

    ``attempt`` sends one delivery and returns the receiver's reply.
    """

    def __init__(self, queue: Queue[S], attempt: Callable[[S], Reply], *, workers: int = 4) -> None:
        self._queue = queue
        self._attempt = attempt
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"sender-{n}", daemon=True)
            for n in range(workers)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float | None = None) -> None:
        """Stop the threads; returns when the attempts that they are making have ended, or after so many
        seconds for each thread."""
        self._stop.set()
        with self._queue.changed:
            self._queue.changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout)

    def pump(self) -> int:
        """Make every due attempt in this thread; returns how many."""
        made = 0
        while self._one():
            made += 1
        return made

    def settled(self, timeout: float) -> bool:
        """Wait until no delivery is pending, for at most ``timeout`` seconds; whether none is."""
        end = time.monotonic() + timeout
        with self._queue.changed:
            while self._queue.pending:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._queue.changed.wait(left)
        return True

    def _one(self) -> bool:
        sending = self._queue.take_due()
        if sending is None:
            return False
        reply = Reply(0, "lost") if sending.lost else self._attempt(sending)
        self._queue.record(sending, reply)
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._one():
                continue
            with self._queue.changed:
                due, now = self._queue.next_at(), self._queue.now()
                if not self._stop.is_set() and (due is None or due > now):
                    self._queue.changed.wait(None if due is None else due - now)

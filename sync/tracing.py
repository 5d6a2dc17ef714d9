"""Traces: what comes of a delivery, from its receipt to the calls to Jira, as spans.

Off as long as ``traces`` is None, which is all that those who report look at. Work passes through the
store, where no trace is kept: the ids of a delivery's trace and of its first span are made from the
delivery's id, so that each process knows them without asking.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import structlog

log = structlog.get_logger("traces")

# What is known of a step, by name.
Facts = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Span:
    """One step, done. ``trace`` (128 bits) and ``id`` (64 bits) are as OpenTelemetry has them;
    ``parent`` is the id of the span that this one belongs to, 0 for none. ``began`` and ``ended`` are
    in nanoseconds since the epoch."""

    name: str
    trace: int
    id: int
    parent: int
    kind: Literal["server", "internal", "client"]
    began: int
    ended: int
    facts: Facts
    failed: bool = False


@dataclass(slots=True)
class Walk:
    """A walk under way. ``outcome`` is how it ended, once it has."""

    trace: int
    id: int
    outcome: str = ""


def ids_of(delivery: str) -> tuple[int, int]:
    """The ids of a delivery's trace and of the trace's first span."""
    digest = hashlib.sha256(delivery.encode()).digest()
    return int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])


class Traces:
    """Makes spans of what happens, and never fails those who report. Shared by threads.

    ``take`` gets each span, on the thread that reports, and must neither wait nor ask anybody.
    """

    def __init__(self, take: Callable[[Span], object]) -> None:
        self._take = take
        self._here = threading.local()

    def accepted(self, delivery: str, seconds: float, facts: Facts) -> None:
        """A delivery was stored, ``seconds`` after its request came. A duplicate, whose outcome is
        ``duplicate``, belongs to the trace of the first."""
        trace, first = ids_of(delivery)
        again = facts.get("outcome") == "duplicate"
        id_, parent = (_new_id(), first) if again else (first, 0)
        began, ended = _before(seconds)
        said: Facts = {"delivery": delivery, **facts}
        self._give(Span("accept", trace, id_, parent, "server", began, ended, said))

    def triaged(self, delivery: str, seconds: float, of: int, *, dead: bool) -> None:
        """A delivery was read, in a batch of so many that began ``seconds`` ago. ``dead``: it could not
        be."""
        trace, first = ids_of(delivery)
        began, ended = _before(seconds)
        facts: Facts = {"delivery": delivery, "batch": of}
        span = Span("triage", trace, _new_id(), first, "internal", began, ended, facts, failed=dead)
        self._give(span)

    @contextmanager
    def walk(self, delivery: str, facts: Facts) -> Iterator[Walk]:
        """The walk of a ticket on this thread, in the trace of ``delivery``; in one of its own for "".
        The calls that are made meanwhile belong to the walk."""
        trace, parent = ids_of(delivery) if delivery else (random.getrandbits(128) | 1, 0)
        walk = self._here.walk = Walk(trace, _new_id())
        began = time.perf_counter()
        try:
            yield walk
        finally:
            self._here.walk = None
            from_, to = _before(time.perf_counter() - began)
            said = {**facts, "outcome": walk.outcome}
            self._give(Span("walk", trace, walk.id, parent, "internal", from_, to, said))

    def called(self, name: str, seconds: float, result: str, facts: Facts) -> None:
        """A call outside was answered, or was not, ``seconds`` after it was sent. ``name`` is its shape,
        without ids. Calls that no walk makes, such as those of sweeps, come of no delivery."""
        walk: Walk | None = getattr(self._here, "walk", None)
        if walk is None:
            return
        began, ended = _before(seconds)
        said, failed = {"result": result, **facts}, result != "ok"
        span = Span(name, walk.trace, _new_id(), walk.id, "client", began, ended, said, failed)
        self._give(span)

    def _give(self, span: Span) -> None:
        try:
            self._take(span)
        except Exception:
            # What watches the work must not decide how the work ends.
            log.debug("a span was lost", exc_info=True)


# What makes the spans of this process; None where nobody asked for traces. Those who report look at it
# themselves, so that traces which are off cost no call.
traces: Traces | None = None


def use(made: Traces | None) -> None:
    """From now on, what happens is reported to ``made``; None for to nobody."""
    global traces
    traces = made


def _new_id() -> int:
    return random.getrandbits(64) | 1


def _before(seconds: float) -> tuple[int, int]:
    """The moments so many seconds ago, and now, in nanoseconds since the epoch."""
    now = time.time_ns()
    return now - int(seconds * 1e9), now

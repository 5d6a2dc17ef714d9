"""The bulkhead of one site: calls that hang in one project do not use up the calls of the others.

Every call runs in a lane, one for each project and endpoint. A lane is narrowed to a few calls at once
as soon as one of its calls has been under way for ``hang_after`` seconds, or has ended without an answer
after ``hang_after`` seconds or more; the next answer widens the lane again. While a call hangs, another
call may be made in place of it, within the limits that ``lent`` describes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from sync.domain.errors import Stalled
from sync.ports import Clock
from sync.telemetry import STALLED

log = structlog.get_logger("jira")

# For this many times ``hang_after`` after a quick answer, the site counts as answering.
_FRESH = 2
# Upper bound on replacements for hanging calls, as a multiple of the ceiling, while the site answers.
_MOST_LENT = 3
# A narrowed lane gets at most 1/4 of the site's concurrency.
_NARROW = 4
# After this many hanging calls in a row, the lane pauses before each call, each time for longer.
_PATIENT = 12


class Lane(NamedTuple):
    """Calls that probably hang if one of them hangs. ``project`` is "" for calls about no project."""

    project: str
    endpoint: str

    def __str__(self) -> str:
        where = f"project {self.project}" if self.project else "the site"
        return f"{where} ({self.endpoint})"


@dataclass(slots=True)
class _Traffic:
    """The calls of one lane. Times are the monotonic clock's.

    ``begun`` has the start of each call under way, by its number. ``hangs`` counts calls in a row that
    hung. Only a call begun after ``counted_at`` adds to ``hangs``: calls that began together and hang
    together count once.
    """

    begun: dict[int, float] = field(default_factory=dict)
    hangs: int = 0
    counted_at: float = float("-inf")
    next_probe: float = 0.0
    announced: bool = False

    def hanging(self, since: float) -> int:
        """How many calls have been under way since ``since`` or longer."""
        return sum(at <= since for at in self.begun.values())


@dataclass(slots=True)
class Passage:
    """One call on its way. The caller sets ``answered`` when Jira answered."""

    number: int
    answered: bool = False


class Bulkhead:
    """Shared by threads. ``first`` and ``cap`` bound the pause in seconds between the calls of a lane
    while they hang."""

    def __init__(
        self, site: str, clock: Clock, *, ceiling: int, hang_after: float, first: float, cap: float
    ) -> None:
        self._site = site
        self._clock = clock
        self._ceiling = ceiling
        self._narrow = max(1, ceiling // _NARROW)
        self._hang_after = hang_after
        self._first = first
        self._cap = cap
        self._lock = threading.Lock()
        self._lanes: dict[Lane, _Traffic] = {}
        self._number = 0
        self._quick_at = float("-inf")

    @contextmanager
    def passage(self, lane: Lane, *, always: bool = False) -> Iterator[Passage]:
        """Surrounds one call. Raises Stalled where the lane takes no call now, unless ``always``."""
        passage = self._enter(lane, always=always)
        try:
            yield passage
        finally:
            self._leave(lane, passage)

    def stalled(self) -> frozenset[str]:
        """The projects with a lane that takes no call now."""
        with self._lock:
            now = self._clock.monotonic()
            found: set[str] = set()
            for lane, traffic in self._lanes.items():
                if lane.project and self._wait(traffic, now) > 0:
                    self._announce(lane, traffic)
                    found.add(lane.project)
            return frozenset(found)

    def lent(self) -> int:
        """How many calls may be made in place of those that hang.

        One for each that hangs, up to three times the ceiling, while the site answers other calls
        quickly. Otherwise one for each project with hanging calls: enough to find out whether the rest
        of the site answers, without adding to the load of a site that is slow.
        """
        with self._lock:
            now = self._clock.monotonic()
            since = now - self._hang_after
            hanging = {
                lane: count
                for lane, traffic in self._lanes.items()
                if (count := traffic.hanging(since))
            }
            if now - self._quick_at <= _FRESH * self._hang_after:
                return min(sum(hanging.values()), _MOST_LENT * self._ceiling)
            return min(len({lane.project for lane in hanging}), self._ceiling)

    def _wait(self, traffic: _Traffic, now: float) -> float:
        """For how many seconds a lane takes no call, 0 where it takes one."""
        if not self._narrowed(traffic, now):
            return 0.0
        if len(traffic.begun) >= self._narrow:
            return self._hang_after
        return max(0.0, traffic.next_probe - now)

    def _narrowed(self, traffic: _Traffic, now: float) -> bool:
        return traffic.hangs > 0 or traffic.hanging(now - self._hang_after) > 0

    def _enter(self, lane: Lane, *, always: bool) -> Passage:
        with self._lock:
            now = self._clock.monotonic()
            traffic = self._lanes.setdefault(lane, _Traffic())
            wait = 0.0 if always else self._wait(traffic, now)
            if wait > 0:
                self._announce(lane, traffic)
                raise Stalled(
                    f"calls to {lane} hang; only a few are made at a time",
                    project=lane.project,
                    retry_after=wait,
                )
            self._number += 1
            traffic.begun[self._number] = now
            return Passage(self._number)

    def _leave(self, lane: Lane, passage: Passage) -> None:
        with self._lock:
            now = self._clock.monotonic()
            traffic = self._lanes[lane]
            begun = traffic.begun.pop(passage.number)
            quick = now - begun < self._hang_after
            if passage.answered and quick:
                self._quick_at = now
            if passage.answered or quick:
                traffic.hangs, traffic.next_probe = 0, 0.0
            elif begun >= traffic.counted_at:
                traffic.hangs += 1
                traffic.counted_at = now
                traffic.next_probe = now + self._pause(traffic.hangs)
                self._announce(lane, traffic)
            if not self._narrowed(traffic, now):
                self._announce_end(lane, traffic)
                if not traffic.begun:
                    del self._lanes[lane]

    def _pause(self, hangs: int) -> float:
        """Seconds until the next call. 0 after the first few hanging calls, because most troubles end
        soon."""
        if hangs < _PATIENT:
            return 0.0
        return min(self._cap, self._first * 2.0 ** min(hangs - _PATIENT, 10))

    def _announce(self, lane: Lane, traffic: _Traffic) -> None:
        if not traffic.announced:
            traffic.announced = True
            STALLED.labels(self._site, lane.project).set(1)
            log.warning(
                "calls hang: further calls to the same endpoint and project wait, all others go on",
                site=self._site,
                project=lane.project,
                call=lane.endpoint,
            )

    def _announce_end(self, lane: Lane, traffic: _Traffic) -> None:
        if traffic.announced:
            traffic.announced = False
            others = any(
                other.project == lane.project and there.announced
                for other, there in self._lanes.items()
            )
            STALLED.labels(self._site, lane.project).set(int(others))
            log.warning(
                "calls are answered again",
                site=self._site,
                project=lane.project,
                call=lane.endpoint,
            )

"""Lanes: one for each kind of call about one project, so that one that hangs holds up nobody else.

A call that has been under way for longer than ``hang_after`` seconds narrows its lane to a few at once,
and so does one that ended without an answer after that long, until one is answered. What hangs is not
counted among the calls allowed at once, as far as ``lent`` says.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from sync.domain.errors import Stalled
from sync.ports import Clock
from sync.telemetry import STALLED

log = structlog.get_logger("jira")

# While something was answered quickly within so many times ``hang_after``, the site is not what hangs.
_FRESH = 2
# So many times the ceiling may be lent to calls that hang while the rest of the site answers.
_MOST_LENT = 3
# Of the calls allowed at once, a narrowed lane may have one in so many.
_NARROW = 4
# After so many of its calls hung, one after the other, the next ones come at growing intervals.
_PATIENT = 12

Place = tuple[str, str]


@dataclass(slots=True)
class _Lane:
    """``begun`` are the times of the calls under way by their number. ``hangs`` counts calls that hung,
    one after the other; ``counted_at`` is when the last did, so that those which began together and hang
    together are counted once."""

    begun: dict[int, float] = field(default_factory=dict)
    hangs: int = 0
    counted_at: float = float("-inf")
    next_probe: float = 0.0
    told: bool = False

    def hanging(self, since: float) -> int:
        """How many calls have been under way since before ``since``."""
        return sum(at <= since for at in self.begun.values())


@dataclass(slots=True)
class Passage:
    """One call on its way. Whoever makes it says whether any answer came."""

    number: int
    answered: bool = False


class Lanes:
    """Shared by threads. ``first`` and ``cap`` bound the seconds between the calls that probe a lane."""

    def __init__(
        self,
        site: str,
        clock: Clock,
        *,
        ceiling: int,
        hang_after: float,
        first: float,
        cap: float,
    ) -> None:
        self._site = site
        self._clock = clock
        self._ceiling = ceiling
        self._narrow = max(1, ceiling // _NARROW)
        self._hang_after = hang_after
        self._first = first
        self._cap = cap
        self._lock = threading.Lock()
        self._lanes: dict[Place, _Lane] = {}
        self._number = 0
        self._quick_at = float("-inf")

    @contextmanager
    def passage(self, project: str, endpoint: str, *, always: bool = False) -> Iterator[Passage]:
        """The way of one call. Raises Stalled where calls like it hang; never where ``always``."""
        place = (project, endpoint)
        passage = self._enter(place, always=always)
        try:
            yield passage
        finally:
            self._leave(place, passage)

    def stalled(self) -> frozenset[str]:
        """The projects that are not to be called now."""
        with self._lock:
            now = self._clock.monotonic()
            closed = [
                (place, lane)
                for place, lane in self._lanes.items()
                if place[0] and self._wait(lane, now) > 0
            ]
            for place, lane in closed:
                self._tell(place, lane)
            return frozenset(project for (project, _), _ in closed)

    def lent(self) -> int:
        """How many of the calls under way hang and are not to be counted.

        As long as nothing else on the site is answered quickly either, one for each project: so little
        shows whether the rest of the site answers, and does not add to the load of one that is slow.
        """
        with self._lock:
            now = self._clock.monotonic()
            since = now - self._hang_after
            hanging = {
                place: count
                for place, lane in self._lanes.items()
                if (count := lane.hanging(since))
            }
            if now - self._quick_at <= _FRESH * self._hang_after:
                return min(sum(hanging.values()), _MOST_LENT * self._ceiling)
            return min(len({project for project, _ in hanging}), self._ceiling)

    def _wait(self, lane: _Lane, now: float) -> float:
        """For how many seconds a lane takes no call, 0 where it takes one."""
        if not lane.hangs and not lane.hanging(now - self._hang_after):
            return 0.0
        if len(lane.begun) >= self._narrow:
            return self._hang_after
        return max(0.0, lane.next_probe - now)

    def _enter(self, place: Place, *, always: bool) -> Passage:
        with self._lock:
            now = self._clock.monotonic()
            lane = self._lanes.setdefault(place, _Lane())
            wait = 0.0 if always else self._wait(lane, now)
            if wait > 0:
                self._tell(place, lane)
                raise Stalled(
                    f"calls to {_name(place)} hang; only a few are tried",
                    project=place[0],
                    retry_after=wait,
                )
            self._number += 1
            lane.begun[self._number] = now
            return Passage(self._number)

    def _leave(self, place: Place, passage: Passage) -> None:
        with self._lock:
            now = self._clock.monotonic()
            lane = self._lanes[place]
            begun = lane.begun.pop(passage.number)
            quick = now - begun < self._hang_after
            if passage.answered and quick:
                self._quick_at = now
            if passage.answered or quick:
                lane.hangs, lane.next_probe = 0, 0.0
            elif begun >= lane.counted_at:
                lane.hangs += 1
                lane.counted_at = now
                lane.next_probe = now + self._pause(lane.hangs)
                self._tell(place, lane)
            if not lane.hangs and not lane.hanging(now - self._hang_after):
                self._untell(place, lane)
                if not lane.begun:
                    del self._lanes[place]

    def _pause(self, hangs: int) -> float:
        """Seconds until the next call; none at first, for what hangs now may be an accident."""
        if hangs < _PATIENT:
            return 0.0
        return min(self._cap, self._first * 2.0 ** min(hangs - _PATIENT, 10))

    def _tell(self, place: Place, lane: _Lane) -> None:
        if not lane.told:
            lane.told = True
            STALLED.labels(self._site, place[0]).set(1)
            log.warning(
                "calls hang: those like them wait, everything else goes on",
                site=self._site,
                project=place[0],
                call=place[1],
            )

    def _untell(self, place: Place, lane: _Lane) -> None:
        if lane.told:
            lane.told = False
            others = any(p[0] == place[0] and one.told for p, one in self._lanes.items())
            STALLED.labels(self._site, place[0]).set(int(others))
            log.warning(
                "calls are answered again", site=self._site, project=place[0], call=place[1]
            )


def _name(place: Place) -> str:
    project, endpoint = place
    return f"project {project} ({endpoint})" if project else f"the site ({endpoint})"

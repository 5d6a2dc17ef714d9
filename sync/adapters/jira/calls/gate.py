"""The gate of one site, which every call of every thread passes.

It holds callers back for as long as Jira asked, spaces the writes to one ticket, and keeps the
number of calls under way at a limit that halves on a 429 and grows back one call at a time.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sync.adapters.jira.calls.rate_limits import Limit
from sync.domain.errors import Refused, Scope
from sync.ports import Clock

# Cloud allows 20 writes in 2 s and 100 in 30 s to one ticket; stay a little below.
WRITE_WINDOWS = ((2.0, 18), (30.0, 90))
_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 60.0
# Halvings closer together than this are echoes of one and the same limit.
_ECHO_SECONDS = 1.0
_TICKETS_REMEMBERED = 2000
# Nobody tells those who wait when a call begins to hang: so often they look for themselves.
_GLANCE = 0.25


class Gate:
    """Shared by threads. ``ceiling`` is the most calls under way, ``patience`` the longest wait.

    ``lent`` says how many of the calls under way hang and do not count.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        ceiling: int = 8,
        patience: float = 5.0,
        lent: Callable[[], int] = lambda: 0,
    ) -> None:
        self._lent = lent
        self._clock = clock
        self._ceiling = max(1, ceiling)
        self._patience = patience
        self._turns = threading.Condition()
        self._limit = float(self._ceiling)
        self._busy = 0
        self._halved_at = float("-inf")
        self._refusals = 0
        self._until: dict[tuple[Scope, str], float] = {}
        self._writes: dict[str, deque[float]] = {}

    @property
    def limit(self) -> int:
        """How many calls may be under way now."""
        return max(1, int(self._limit))

    @contextmanager
    def turn(self, endpoint: str, ticket: str = "", *, write: bool = False) -> Iterator[None]:
        """Wait for a turn. Raises Refused where the wait would be longer than the patience."""
        self._enter(endpoint, ticket, write=write)
        try:
            yield
        finally:
            with self._turns:
                self._busy -= 1
                self._turns.notify()

    def _enter(self, endpoint: str, ticket: str, *, write: bool) -> None:
        begun = self._clock.monotonic()
        idle = 0.0
        while True:
            with self._turns:
                now = self._clock.monotonic()
                wait, scope = self._wait(now, endpoint, ticket, write=write)
                if wait <= 0:
                    if self._busy - self._lent() < self.limit:
                        self._busy += 1
                        if write and ticket:
                            self._note_write(ticket, now)
                        return
                    left = self._patience - max(now - begun, idle)
                    if left <= 0:
                        raise Refused(
                            "all calls allowed at once are under way",
                            retry_after=self._patience,
                            scope=Scope.SITE,
                        )
                    glance = min(left, _GLANCE)
                    if not self._turns.wait(timeout=glance):
                        idle += glance
                    continue
                # Woken for a place that is free, and kept from it by a limit: let somebody else have it.
                self._turns.notify()
            if now + wait - begun > self._patience:
                raise Refused(
                    f"Jira asked us to wait ({scope.value} rate limit)",
                    retry_after=wait,
                    scope=scope,
                )
            self._clock.sleep(wait)

    def _wait(self, now: float, endpoint: str, ticket: str, *, write: bool) -> tuple[float, Scope]:
        waits = [
            (self._until.get((scope, name), 0.0) - now, scope)
            for scope, name in (
                (Scope.SITE, ""),
                (Scope.ENDPOINT, endpoint),
                (Scope.TICKET, ticket),
            )
            if scope is not Scope.TICKET or (ticket and write)
        ]
        if write and ticket:
            times = self._writes.get(ticket, deque())
            for seconds, most in WRITE_WINDOWS:
                recent = [at for at in times if at > now - seconds]
                if len(recent) >= most:
                    waits.append((recent[-most] + seconds - now, Scope.TICKET))
        return max(waits, key=lambda pair: pair[0])

    def _note_write(self, ticket: str, now: float) -> None:
        oldest = now - WRITE_WINDOWS[-1][0]
        times = self._writes.setdefault(ticket, deque())
        while times and times[0] <= oldest:
            times.popleft()
        times.append(now)
        if len(self._writes) > _TICKETS_REMEMBERED:
            self._writes = {
                name: known for name, known in self._writes.items() if known[-1] > oldest
            }
            self._until = {place: until for place, until in self._until.items() if until > now}

    def slow(self, limit: Limit, endpoint: str, ticket: str = "") -> float:
        """Jira refused for now: hold back what the limit covers. Returns the seconds of the pause."""
        with self._turns:
            now = self._clock.monotonic()
            self._refusals += 1
            seconds = limit.seconds
            if seconds is None:
                seconds = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._refusals - 1, 8))
            # Spread those that wait, or they all come back in the same instant.
            seconds = max(seconds, 0.1) * (1 + random.random() / 10)
            name = {Scope.SITE: "", Scope.ENDPOINT: endpoint, Scope.TICKET: ticket}[limit.scope]
            place = (limit.scope, name)
            self._until[place] = max(self._until.get(place, 0.0), now + seconds)
            if limit.scope is not Scope.TICKET and now - self._halved_at >= _ECHO_SECONDS:
                self._limit = max(1.0, self._limit / 2)
                self._halved_at = now
            return seconds

    def pause(self) -> float:
        """For how many seconds more the whole site is to be left alone, 0 if it is not."""
        with self._turns:
            return max(0.0, self._until.get((Scope.SITE, ""), 0.0) - self._clock.monotonic())

    def hold(self, seconds: float) -> None:
        """Jira asked another of us to leave the whole site alone."""
        with self._turns:
            until = self._clock.monotonic() + seconds
            self._until[(Scope.SITE, "")] = max(self._until.get((Scope.SITE, ""), 0.0), until)

    def fine(self) -> None:
        """A call went well: allow a little more."""
        with self._turns:
            self._refusals = 0
            if self._limit < self._ceiling:
                self._limit = min(float(self._ceiling), self._limit + 1.0 / self._limit)
                self._turns.notify()

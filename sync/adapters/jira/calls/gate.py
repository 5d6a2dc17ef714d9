"""The gate of one site, which every call of every thread passes.

The gate makes callers wait for as long as Jira asked, spaces the writes to one ticket, spaces calls
under a rate limit that is known (see ``pacer``), and limits the number of concurrent calls. That number
halves on a 429 and grows by one call with each round of calls that succeed (additive increase,
multiplicative decrease).
"""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sync.adapters.jira.calls.pacer import SITE, Pacer
from sync.adapters.jira.calls.rate_limits import Limit, announced
from sync.domain.errors import Refused, Scope
from sync.domain.pace import Pace
from sync.ports import Clock

# Cloud allows 20 writes in 2 s and 100 in 30 s to one ticket; stay a little below.
WRITE_WINDOWS = ((2.0, 18), (30.0, 90))
# Where Jira names no time: the pace is learnt, so only refusals in a row ask for a long pause.
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 60.0
# Concurrent calls run into one limit together, so 429s within this many seconds halve only once.
_ECHO_SECONDS = 1.0
# No event marks the moment when a call begins to hang or when a pace grows, so a waiting caller checks
# at this interval.
_RECHECK_SECONDS = 0.25
# How many calls a second are told apart where the rate of calls is asked for.
_STARTS = 256
# A wait from which on another ticket should be walked meanwhile, in seconds.
_LONG_WAIT = 0.05


@dataclass(eq=False, slots=True)
class _Caller:
    """One call that asks for its turn. ``project`` is the project that the call is about."""

    project: str


class Gate:
    """Shared by threads. ``ceiling`` is the most concurrent calls, ``patience`` the longest wait in
    seconds. ``lent`` gives the number of calls under way that hang and do not count towards the limit.

        with gate.turn("PUT issue/*", "10001", write=True):
            ...  # send the call
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
        self.pacer = Pacer()
        # The starts of the last calls, oldest first.
        self._started: deque[float] = deque(maxlen=_STARTS)
        # How many callers are in a long wait, by the project that their calls are about.
        self._waiting: Counter[str] = Counter()
        # Whether Jira has refused a call since the limit was at the ceiling last.
        self.slowed = False
        self._until: dict[tuple[Scope, str], float] = {}
        # The times of the writes to each ticket within the longest window, longest untouched first.
        self._writes: dict[str, deque[float]] = {}

    @property
    def limit(self) -> int:
        """How many concurrent calls are allowed now."""
        return max(1, int(self._limit))

    @contextmanager
    def turn(
        self, endpoint: str, ticket: str = "", *, project: str = "", write: bool = False
    ) -> Iterator[None]:
        """Wait for a turn. Raises Refused where the wait would be longer than ``patience``."""
        who = _Caller(project)
        try:
            self._enter(endpoint, ticket, who, write=write)
        except BaseException:
            if self.pacer.active:
                with self._turns:
                    self.pacer.leave(endpoint, who)
            raise
        try:
            yield
        finally:
            with self._turns:
                self._busy -= 1
                self._turns.notify()

    def _enter(self, endpoint: str, ticket: str, who: _Caller, *, write: bool) -> None:
        begun = self._clock.monotonic()
        # Seconds spent in ``_turns.wait``, which a simulated clock does not count.
        idle = 0.0
        while True:
            with self._turns:
                now = self._clock.monotonic()
                wait, scope = self._wait(now, endpoint, ticket, who, write=write)
                if wait <= 0:
                    limit = self.limit
                    if self._busy < limit or self._busy - self._lent() < limit:
                        self._busy += 1
                        self._started.append(now)
                        if self.pacer.active:
                            self.pacer.take(endpoint, who)
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
                    recheck = min(left, _RECHECK_SECONDS)
                    if not self._turns.wait(timeout=recheck):
                        idle += recheck
                    continue
                # This caller may have been woken for a free turn that a limit forbids it to take: pass
                # the wake on to another caller.
                self._turns.notify()
            if now + wait - begun > self._patience:
                raise Refused(
                    f"Jira asked us to wait ({scope.value} rate limit)",
                    retry_after=wait,
                    scope=scope,
                )
            self._sleep(min(wait, _RECHECK_SECONDS), who.project)

    def _sleep(self, seconds: float, project: str) -> None:
        if seconds < _LONG_WAIT:
            self._clock.sleep(seconds)
            return
        with self._turns:
            self._waiting[project] += 1
        try:
            self._clock.sleep(seconds)
        finally:
            with self._turns:
                self._waiting -= Counter((project,))

    def waiting(self) -> Mapping[str, int]:
        """How many callers are in a long wait for a pause or a pace, by their calls' project."""
        with self._turns:
            return dict(self._waiting)

    def _wait(
        self, now: float, endpoint: str, ticket: str, who: _Caller, *, write: bool
    ) -> tuple[float, Scope]:
        """The longest wait in seconds that any limit asks of this call, and what the limit covers."""
        covers = [(Scope.SITE, ""), (Scope.ENDPOINT, endpoint)]
        waits: list[tuple[float, Scope]] = []
        if self.pacer.active:
            waits.append((self.pacer.wait(endpoint, who, now), Scope.ENDPOINT))
        if write and ticket:
            covers.append((Scope.TICKET, ticket))
            times = self._writes.get(ticket, deque())
            for seconds, most in WRITE_WINDOWS:
                recent = [at for at in times if at > now - seconds]
                if len(recent) >= most:
                    waits.append((recent[-most] + seconds - now, Scope.TICKET))
        waits += [(self._until.get(cover, 0.0) - now, cover[0]) for cover in covers]
        return max(waits, key=lambda pair: pair[0])

    def _note_write(self, ticket: str, now: float) -> None:
        oldest = now - WRITE_WINDOWS[-1][0]
        times = self._writes.pop(ticket, deque())
        while times and times[0] <= oldest:
            times.popleft()
        times.append(now)
        self._writes[ticket] = times
        while (first := next(iter(self._writes))) != ticket and self._writes[first][-1] <= oldest:
            del self._writes[first]

    def answered(self, endpoint: str, headers: Mapping[str, str]) -> None:
        """Jira took a call. ``headers`` may tell how many more it would take. Needed only while
        ``pacer.active``, or where ``headers`` tell that a limit is near."""
        told = announced(headers)
        with self._turns:
            self.pacer.answered(endpoint, told, self._clock.monotonic())

    def refused(
        self, limit: Limit, endpoint: str, headers: Mapping[str, str], sent_at: float
    ) -> None:
        """Jira refused a call sent at ``sent_at`` (of the monotonic clock): learn the pace from that.

        A quota counts points and not calls, so only its pause is kept to.
        """
        quota = (headers.get("RateLimit-Reason") or "").startswith("jira-quota")
        if limit.scope is Scope.TICKET or quota:
            return
        name = SITE if limit.scope is Scope.SITE else endpoint
        with self._turns:
            now = self._clock.monotonic()
            rate = sum(at > now - 1.0 for at in self._started)
            self.pacer.refused(name, announced(headers), sent_at, now, rate)

    def paces(self) -> list[Pace]:
        """The rate limits that calls are spaced by now, none while nothing is limited."""
        with self._turns:
            return self.pacer.paces(self._clock.monotonic())

    def share(self, others: Iterable[Pace]) -> None:
        """Leave to other daemons with our account their part of the limits."""
        with self._turns:
            self.pacer.share(others, self._clock.monotonic())

    def slow_down(self, limit: Limit, endpoint: str, ticket: str = "") -> float:
        """Pause the calls that a rate limit of Jira's covers. Returns the pause in seconds."""
        with self._turns:
            now = self._clock.monotonic()
            name = {Scope.SITE: "", Scope.ENDPOINT: endpoint, Scope.TICKET: ticket}[limit.scope]
            # A call that is refused during the pause was under way when the pause began.
            if self._until.get((limit.scope, name), 0.0) <= now:
                self._refusals += 1
            self.slowed = True
            seconds = limit.seconds
            if seconds is None:
                seconds = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._refusals - 1, 8))
            # Jitter: otherwise all waiting callers would call again in the same instant.
            seconds = max(seconds, 0.1) * (1 + random.random() / 10)
            # Otherwise each ticket that Jira ever asked to wait for would be remembered.
            self._until = {cover: until for cover, until in self._until.items() if until > now}
            self._pause_until((limit.scope, name), now + seconds)
            if limit.scope is not Scope.TICKET and now - self._halved_at >= _ECHO_SECONDS:
                self._limit = max(1.0, self._limit / 2)
                self._halved_at = now
            return seconds

    def speed_up(self) -> None:
        """A call succeeded: let the limit of concurrent calls grow a little. Changes nothing unless
        ``slowed``."""
        with self._turns:
            self._refusals = 0
            if self._limit < self._ceiling:
                self._limit = min(float(self._ceiling), self._limit + 1.0 / self._limit)
                self._turns.notify()
            self.slowed = self._limit < self._ceiling

    def paused_for(self) -> float:
        """Seconds until calls are made to the site again, 0 if they are made now."""
        with self._turns:
            return max(0.0, self._until.get((Scope.SITE, ""), 0.0) - self._clock.monotonic())

    def pause(self, seconds: float) -> None:
        """Make no call for ``seconds``: Jira asked another daemon with our account to wait."""
        with self._turns:
            self._pause_until((Scope.SITE, ""), self._clock.monotonic() + seconds)

    def _pause_until(self, cover: tuple[Scope, str], until: float) -> None:
        self._until[cover] = max(self._until.get(cover, 0.0), until)

"""The pacer of one site: spaces calls so that Jira's rate limits are used, and not overrun.

Jira's limits are token buckets, for each endpoint and method on Cloud, for the account on Data Center.
The pacer keeps a bucket of its own for each limit that was met or announced, and thereby mirrors how
many calls Jira would take now. Calls that no limit was met for pass at once, and cost nothing.

The rate of a bucket is what Jira announces (``X-RateLimit-*``). Where Jira announces nothing, the rate
is learnt (see ``learnt``). A rate that Jira announces and contradicts by 429s again and again is not
believed. See docs/decisions/0015.

The code knows no clock: each method is given ``now``, in seconds of a clock that is never set back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from sync.adapters.jira.calls.learnt import Learnt
from sync.adapters.jira.calls.rate_limits import Announced
from sync.domain.pace import Pace

# The whole site, as the name of a limit.
SITE = ""
# The bucket holds the calls of this many seconds, as Jira's own does.
_BURST_SECONDS = 1.0
# What is left out after a 429, in seconds of the rate and in calls: the next call would meet it as well.
_DEBT_SECONDS, _DEBT_CALLS = 0.05, 1.0
# A wait may be shorter than a clock can tell.
_LEAST_WAIT = 0.001
# A limit that nobody had to wait for during this many seconds is forgotten.
_FORGOTTEN_SECONDS = 30.0
# So many 429s within so many seconds contradict an announced limit, which is not believed for so long.
_CONTRADICTIONS, _CONTRADICTED_SECONDS, _DISBELIEF_SECONDS = 5, 20.0, 600.0
# Announced limits are activated when less than this share of the bucket is left, as Jira's NearLimit.
_NEAR = 0.2


@dataclass(slots=True)
class _Bucket:
    """One limit. All points in time are those of ``now``.

    ``tokens`` are the calls that may be made at ``at``. ``pressed_at`` is when a caller last had to
    wait. ``queue`` has the callers that wait, in the order in which they came.
    """

    endpoint: str
    known: Learnt = field(default_factory=Learnt)
    tokens: float = 0.0
    at: float = 0.0
    pressed_at: float = -math.inf
    contradictions: list[float] = field(default_factory=list)
    disbelieved_until: float = -math.inf
    queue: list[object] = field(default_factory=list)

    @property
    def limited(self) -> bool:
        """Whether a limit is known."""
        return self.known.limit < math.inf

    # What callers ask.

    def wait(self, who: object, now: float) -> float:
        """Seconds until a caller may take a token, 0 for now. Keeps the caller's place in the queue."""
        if self.limited:
            self.forget(now)
        if not self.limited:
            return 0.0
        rate = self._fill(now)
        if who not in self.queue:
            self.queue.append(who)
        # Those who came before are owed a token each.
        missing = self.queue.index(who) + 1 - self.tokens
        if missing <= 0:
            return 0.0
        self.pressed_at = now
        # The rate is 0 while another daemon tries the limit, for a second or two.
        return max(missing / (rate or self.known.fair_share()), _LEAST_WAIT)

    def leave(self, who: object) -> None:
        if who in self.queue:
            self.queue.remove(who)

    def take(self, who: object) -> None:
        self.leave(who)
        self.tokens -= 1

    # What is learnt.

    def answered(self, told: Announced | None, now: float) -> None:
        """Jira took a call, and perhaps told its limit."""
        self.known.took(now)
        if told is None or now < self.disbelieved_until:
            return
        if not self.limited:
            if told.left is None or told.left >= told.size * _NEAR:
                return
            self._begin(now, tokens=told.left)
        self.known.learn(told.rate, now)
        if told.left is not None:
            # Jira counts whole calls.
            self.tokens = min(self.tokens, told.left + 1.0)

    def refused(self, told: Announced | None, sent_at: float, now: float, rate: float) -> None:
        """Jira refused a call. One that was sent before the last refusal was noted tells nothing new."""
        if sent_at < self.known.refused_at:
            self.tokens = min(self.tokens, 0.0)
            return
        if self.limited:
            self._fill(now)
            self._doubt(now)
        else:
            self._begin(now)
        self.known.refused(rate, now)
        if told is not None and now >= self.disbelieved_until:
            self.known.learn(told.rate, now)
        debt = self.known.rate(now) * _DEBT_SECONDS + _DEBT_CALLS
        self.tokens = min(self.tokens, 0.0) - debt

    def share(self, others: tuple[Pace, ...], now: float) -> None:
        """What other daemons knew a moment ago."""
        self._fill(now)
        met = self.known.share(others, now)
        if met is not None:
            self.tokens = min(self.tokens, self.known.rate(now) * met)

    def pace(self, now: float) -> Pace:
        waiting = bool(self.queue) or now - self.pressed_at < 1.0
        return self.known.pace(self.endpoint, now, waiting=waiting)

    def forget(self, now: float) -> None:
        """Forget a limit that was not met, and that nobody waited for, for long."""
        last = max(self.pressed_at, self.known.refused_at)
        if not self.queue and now - last > _FORGOTTEN_SECONDS:
            self.known.limit = math.inf

    # How it is worked out.

    def _begin(self, now: float, tokens: float = 0.0) -> None:
        self.tokens, self.at = tokens, now
        self.pressed_at, self.known.others = now, ()

    def _fill(self, now: float) -> float:
        """Let tokens come in until ``now``; the rate."""
        passed = max(0.0, now - self.at)
        rate = self.known.passed(passed, now, pressed=bool(self.queue))
        self.tokens = min(max(1.0, rate * _BURST_SECONDS), self.tokens + passed * rate)
        self.at = max(self.at, now)
        return rate

    def _doubt(self, now: float) -> None:
        recent = [at for at in self.contradictions if at > now - _CONTRADICTED_SECONDS]
        self.contradictions = [*recent, now]
        if len(self.contradictions) >= _CONTRADICTIONS:
            self.disbelieved_until = now + _DISBELIEF_SECONDS
            self.contradictions = []


class Pacer:
    """The limits of one site. Not thread-safe: the gate calls it under its lock.

    A caller, ``who``, asks ``wait`` until the answer is 0, and then must ``take`` or ``leave``.
    """

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        # Whether any limit is known.
        self.active = False

    def _of(self, endpoint: str) -> _Bucket:
        found = self._buckets.get(endpoint)
        if found is None:
            found = self._buckets[endpoint] = _Bucket(endpoint)
        return found

    def wait(self, endpoint: str, who: object, now: float) -> float:
        """Seconds until the caller may go, as far as is known now."""
        if not self.active:
            return 0.0
        return max(self._of(name).wait(who, now) for name in (SITE, endpoint))

    def take(self, endpoint: str, who: object) -> None:
        """The caller goes."""
        if self.active:
            for name in (SITE, endpoint):
                self._of(name).take(who)

    def leave(self, endpoint: str, who: object) -> None:
        """The caller has given up."""
        for name in (SITE, endpoint):
            if name in self._buckets:
                self._buckets[name].leave(who)

    def answered(self, endpoint: str, told: Announced | None, now: float) -> None:
        """Jira took a call. ``told`` is what its headers say of a limit."""
        for name in (SITE, endpoint):
            bucket = self._of(name)
            bucket.answered(told if _covers(told, name) else None, now)
            self.active = self.active or bucket.limited

    def refused(
        self, name: str, told: Announced | None, sent_at: float, now: float, rate: float = 0.0
    ) -> None:
        """Jira refused a call that was sent at ``sent_at``. ``name`` is the endpoint that the limit
        covers, or ``SITE``. ``rate`` is the number of calls in the last second."""
        self.active = True
        self._of(name).refused(told if _covers(told, name) else None, sent_at, now, rate)

    def paces(self, now: float) -> list[Pace]:
        """The limits known, each with how much of it is used; none while nothing is limited."""
        if not self.active:
            return []
        known = []
        for bucket in self._buckets.values():
            if bucket.limited:
                bucket.forget(now)
            if bucket.limited:
                known.append(bucket.pace(now))
        self.active = bool(known)
        return known

    def share(self, others: Iterable[Pace], now: float) -> None:
        """What other daemons with our account know of the limits, replacing what was told before."""
        told = list(others)
        for bucket in self._buckets.values():
            if bucket.limited:
                bucket.share(tuple(p for p in told if p.endpoint == bucket.endpoint), now)


def _covers(told: Announced | None, name: str) -> bool:
    return told is not None and told.whole_site == (name == SITE)

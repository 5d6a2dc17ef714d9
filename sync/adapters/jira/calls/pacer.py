"""The pacer of one site: spaces calls so that Jira's rate limits are used, and not overrun.

Jira's limits are token buckets, for each endpoint and method on Cloud, for the account on Data Center.
The pacer keeps a bucket of its own for each limit that was met or announced, and thereby mirrors how
many calls Jira would take now. Calls that no limit was met for pass at once, and cost nothing.

The rate of a bucket is what Jira announces (``X-RateLimit-*``). Where Jira announces nothing, the rate
is learnt as in the adaptive retry mode of the AWS SDKs: measured at a 429, then grown along the curve of
CUBIC (RFC 9438), which is flat around the last known limit and steep away from it. Between two 429s
Jira's bucket went from empty to empty, so the calls that Jira took in between are its rate. A rate that
Jira announces and contradicts by 429s again and again is not believed. See docs/decisions/0015.

The code knows no clock: each method is given ``now``, in seconds of a clock that is never set back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from sync.adapters.jira.calls.rate_limits import Announced
from sync.domain.pace import Pace, fair_share

# The whole site, as the name of a limit.
SITE = ""
# What is used of a limit that was met or announced just now: Jira's bucket fills up a little.
_MARGIN = 0.97
# Seconds after which the limit itself is used; from then on, more is tried.
_FLAT_SECONDS = 6.0
_STEEPNESS = (1 - _MARGIN) / _FLAT_SECONDS**3
# From this multiple of the last known limit on, the limit is another one: the rate doubles each second.
_CERTAIN = 1.25
_CERTAIN_SECONDS = ((_CERTAIN - 1) / _STEEPNESS) ** (1 / 3)
# The bucket holds the calls of this many seconds, as Jira's own does.
_BURST_SECONDS = 1.0
# A limit that is met without being announced is at least this, unless it is met again.
_FIRST_LIMIT = 10.0
_LEAST_LIMIT = 0.1
# A wait may be shorter than a clock can tell.
_LEAST_WAIT = 0.001
# A limit that nobody had to wait for during this many seconds is forgotten.
_FORGOTTEN_SECONDS = 30.0
# So many 429s within so many seconds contradict an announced limit, which is not believed for so long.
_CONTRADICTIONS, _CONTRADICTED_SECONDS, _DISBELIEF_SECONDS = 5, 20.0, 600.0
# A limit that two daemons met within so many seconds was met once.
_SAME_SECONDS = 0.25
# Announced limits are activated when less than this share of the bucket is left, as Jira's NearLimit.
_NEAR = 0.2


def _growth(seconds: float) -> float:
    """The multiple of a limit that is tried ``seconds`` after it was met or announced."""
    beyond = seconds - _FLAT_SECONDS
    if beyond <= _CERTAIN_SECONDS:
        return 1 + _STEEPNESS * beyond**3
    return _CERTAIN * math.exp2(min(beyond - _CERTAIN_SECONDS, 30.0))


@dataclass(slots=True)
class _Meter:
    """Calls a second, over a window of one second that slides."""

    second: float = -1.0
    count: int = 0
    before: int = 0

    def add(self, now: float) -> None:
        self._turn(now)
        self.count += 1

    def rate(self, now: float) -> float:
        self._turn(now)
        return self.before * (1 - now % 1.0) + self.count

    def _turn(self, now: float) -> None:
        second = now // 1.0
        if second != self.second:
            self.before = self.count if second == self.second + 1 else 0
            self.second, self.count = second, 0


@dataclass(slots=True)
class _Bucket:
    """One limit. All points in time are those of ``now``.

    ``limit`` is in calls a second for all daemons, infinite while no limit is known; ``met_at`` is when
    it was met or announced last, ``refused_at`` when it was met last. ``tokens`` are the calls that
    may be made at ``at``. ``pressed`` counts the seconds since ``met_at`` in which callers waited:
    without them nothing is learnt, and more is not tried. ``taken`` counts the calls that Jira took,
    ``taken_before`` is how many it had taken from all daemons at ``refused_at``. ``queue`` has the
    callers that wait, in the order in which they came.
    """

    endpoint: str
    meter: _Meter = field(default_factory=_Meter)
    limit: float = math.inf
    met_at: float = -math.inf
    refused_at: float = -math.inf
    tokens: float = 0.0
    at: float = 0.0
    pressed: float = 0.0
    pressed_at: float = -math.inf
    taken: int = 0
    taken_before: int = 0
    contradictions: list[float] = field(default_factory=list)
    disbelieved_until: float = -math.inf
    queue: list[object] = field(default_factory=list)
    others: tuple[Pace, ...] = ()

    # What callers ask.

    def wait(self, who: object, now: float) -> float:
        """Seconds until a caller may take a token, 0 for now. Keeps the caller's place in the queue."""
        if self.limit < math.inf:
            self.forget(now)
        if self.limit == math.inf:
            return 0.0
        rate = self._fill(now)
        if who not in self.queue:
            self.queue.append(who)
        # Those who came before are owed a token each.
        missing = self.queue.index(who) + 1 - self.tokens
        if missing <= 0:
            return 0.0
        self.pressed_at = now
        return max(missing / rate, _LEAST_WAIT)

    def leave(self, who: object) -> None:
        if who in self.queue:
            self.queue.remove(who)

    def take(self, who: object) -> None:
        self.leave(who)
        self.tokens -= 1

    # What is learnt.

    def answered(self, told: Announced | None, now: float) -> None:
        """Jira took a call, and perhaps told its limit."""
        self.meter.add(now)
        self.taken += 1
        if told is None or now < self.disbelieved_until:
            return
        if self.limit == math.inf:
            if told.left is None or told.left >= told.size * _NEAR:
                return
            self._begin(now, tokens=told.left)
        self._learn(told.rate, now)
        if told.left is not None:
            # Jira counts whole calls.
            self.tokens = min(self.tokens, told.left + 1.0)

    def refused(self, told: Announced | None, sent_at: float, now: float, rate: float) -> None:
        """Jira refused a call. One that was sent before the last refusal was noted tells nothing new."""
        if sent_at < self.refused_at:
            self.tokens = min(self.tokens, 0.0)
            return
        if self.limit == math.inf:
            limit = max(rate, _FIRST_LIMIT)
            self._begin(now)
        else:
            limit = self._measured(now)
            self._doubt(now)
        believed = told is not None and now >= self.disbelieved_until
        self._learn(told.rate if told is not None and believed else limit, now)
        self.tokens = min(self.tokens, 0.0)
        self.refused_at, self.taken_before = now, self._taken_by_all()

    def share(self, others: tuple[Pace, ...], now: float) -> None:
        """What other daemons knew a moment ago."""
        self._fill(now)
        self.others = others
        newest = min(others, key=lambda pace: pace.age, default=None)
        if newest is not None and now - newest.age > self.met_at + _SAME_SECONDS:
            self._learn(newest.limit, now - newest.age)
            if newest.empty:
                self.tokens = min(self.tokens, self._rate(now) * newest.age)

    def pace(self, now: float) -> Pace:
        return Pace(
            self.endpoint,
            self.limit,
            now - self.met_at,
            self.met_at == self.refused_at,
            self.meter.rate(now),
            self.taken,
            bool(self.queue) or now - self.pressed_at < 1.0,
        )

    def forget(self, now: float) -> None:
        """Forget a limit that was not met, and that nobody waited for, for long."""
        if not self.queue and now - max(self.pressed_at, self.refused_at) > _FORGOTTEN_SECONDS:
            self.limit = math.inf

    # How it is worked out.

    def _begin(self, now: float, tokens: float = 0.0) -> None:
        self.tokens, self.at = tokens, now
        self.pressed_at, self.others = now, ()

    def _learn(self, limit: float, when: float) -> None:
        self.limit = max(limit, _LEAST_LIMIT)
        self.met_at, self.pressed = when, 0.0

    def _rate(self, now: float) -> float:
        """The calls a second that this daemon may make."""
        seconds = min(now - self.met_at, _FLAT_SECONDS + self.pressed)
        return fair_share(self.limit * _growth(seconds), self.others)

    def _fill(self, now: float) -> float:
        """Let tokens come in until ``now``; the rate."""
        passed = max(0.0, now - self.at)
        if self.queue:
            self.pressed += passed
        rate = self._rate(now)
        self.tokens = min(max(1.0, rate * _BURST_SECONDS), self.tokens + passed * rate)
        self.at = max(self.at, now)
        return rate

    def _measured(self, now: float) -> float:
        """The limit that a refusal tells: what Jira took from all daemons since the refusal before."""
        tried = self.limit * _growth(min(now - self.met_at, _FLAT_SECONDS + self.pressed))
        seconds = max(now - self.refused_at, 0.1)
        # Half at most: where few calls were made, few were taken.
        return min(max((self._taken_by_all() - self.taken_before) / seconds, tried / 2), tried)

    def _taken_by_all(self) -> int:
        return self.taken + sum(pace.taken for pace in self.others)

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
            self.active = self.active or bucket.limit < math.inf

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
            if bucket.limit < math.inf:
                bucket.forget(now)
            if bucket.limit < math.inf:
                known.append(bucket.pace(now))
        self.active = bool(known)
        return known

    def share(self, others: Iterable[Pace], now: float) -> None:
        """What other daemons with our account know of the limits, replacing what was told before."""
        told = list(others)
        for bucket in self._buckets.values():
            if bucket.limit < math.inf:
                bucket.share(tuple(p for p in told if p.endpoint == bucket.endpoint), now)


def _covers(told: Announced | None, name: str) -> bool:
    return told is not None and told.whole_site == (name == SITE)

"""What is known of one rate limit of a site, and how much of it is tried now.

A limit that Jira announces is taken as announced. A limit that Jira does not announce is learnt from its
429s, as BBR (draft-ietf-ccwg-bbr) learns the bandwidth of a path. At a 429 Jira's bucket is empty, so
the calls that Jira took between two 429s, divided by the time, are its rate. A little less than that is
used for a while (BBR's phase ``CRUISE``), then half as much again is tried (``UP``). Either a 429 ends
the try, or the limit has risen, and what is tried grows until the next 429 (``Startup``). Of the daemons
that share a limit, only the first whose callers wait tries it: the leader. See docs/decisions/0015.

The code knows no clock: each method is given ``now``, in seconds of a clock that is never set back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sync.domain.pace import Pace, fair_share

# What is used of a limit that is known: Jira's bucket fills up a little.
_MARGIN = 0.97
# A limit is tried again after so many calls at its rate, but after so many seconds at least and at most.
# A try that fails costs a call, or a few where the limit is high.
_CALLS_BETWEEN, _LEAST_BETWEEN, _MOST_BETWEEN = 57.0, 4.0, 30.0
# This multiple of the limit is tried for so many seconds. If no 429 comes in that time, the limit has
# risen, and what is tried grows by the factor ``_GROWTH`` each second, up to the multiple ``_MOST``.
_TRIED, _TRIED_SECONDS, _GROWTH, _MOST = 1.5, 1.4, 4.0, 1000.0
# The leader tells the others from this multiple on that the limit has risen. Below it, the limit may
# only have been measured too low.
_RISEN = 4.0
# A try during which nobody waited for so many seconds proves nothing.
_IDLE_SECONDS = 0.5
# One daemon can surely make so many calls a second. While the leader tries no more than that, the others
# make no calls: where a limit is so low, their calls would be refused together with the leader's.
_ALONE = 40.0
# The others hear so many seconds after the end of a try that it has ended, at most.
_LATE_SECONDS = 1.0
# A limit that is met without being announced is at least this, unless it is met again.
_FIRST_LIMIT, _LEAST_LIMIT = 10.0, 0.1
# Two 429s measure a limit if so many seconds and so many calls of ours, or ``_ENOUGH_SECONDS``, lie
# between them.
_SHORT_SECONDS, _ENOUGH_CALLS, _ENOUGH_SECONDS = 0.5, 4, 2.0
# A limit that two daemons met within so many seconds was met once.
_SAME_SECONDS = 0.1
# What is known of the calls of other daemons is up to half a second old. It is believed as far as our
# calls are no less and no more than these multiples of our part, give or take ``_ROUNDED`` calls.
_LEAST_PART, _MOST_PART, _ROUNDED = 0.7, 1.4, 2
# One 429 divides a limit by this at most. Few calls may tell too low a limit by chance, which takes
# longer to be found out than too high a limit.
_MOST_LESS = 2.5


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
class _Counts:
    """Calls until the point in time ``at``: ``own`` and ``all`` are those that Jira took from this
    daemon and from all ``daemons``, ``own_most`` and ``all_most`` those that the paces allowed."""

    at: float = -math.inf
    own: int = 0
    all: float = 0.0
    own_most: float = 0.0
    all_most: float = 0.0
    daemons: int = 1


@dataclass(slots=True)
class Learnt:
    """All points in time are those of ``now``.

    ``limit`` is in calls a second for all daemons, infinite while no limit is known. ``met_at`` is when
    it was met or announced last, ``refused_at`` when Jira refused a call of this daemon last;
    ``met_here`` says that this daemon met it. ``pressed`` counts the seconds since ``met_at`` in which
    callers waited. ``used`` measures the calls that Jira takes, ``others`` is what other daemons knew at
    ``shared_at``. ``led``: another daemon is the leader.
    """

    limit: float = math.inf
    met_at: float = -math.inf
    met_here: bool = False
    refused_at: float = -math.inf
    pressed: float = 0.0
    used: _Meter = field(default_factory=_Meter)
    others: tuple[Pace, ...] = ()
    shared_at: float = -math.inf
    led: bool = False
    # Seconds of the present try in which nobody waited.
    _idle: float = 0.0
    # The calls until now, of which ``all`` and ``daemons`` are not kept up to date.
    _counts: _Counts = field(default_factory=_Counts)
    # The calls until the 429 from which the limit is measured.
    _since: _Counts = field(default_factory=_Counts)
    # When the try began, and the calls that Jira had taken by then.
    _before_try: tuple[float, float] = (0.0, 0.0)

    # What happens.

    def took(self, now: float) -> None:
        """Jira took a call."""
        self.used.add(now)
        self._counts.own += 1

    def passed(self, seconds: float, now: float, *, pressed: bool) -> float:
        """Time went by until ``now``, in which callers waited if ``pressed``; the ``rate``."""
        if pressed:
            self.pressed += seconds
        if self._trying(now) < 0:
            self._before_try = (now, self._taken_by_all(now))
        elif not pressed and not self.led:
            self._idle += seconds
            if self._idle > _IDLE_SECONDS:
                # Jira may take more than there is to do. What it takes now is a limit high enough.
                used = self.used.rate(now) + sum(pace.used for pace in self.others)
                self.learn(max(self.limit, used), now)
        rate = self.rate(now)
        self._counts.own_most += seconds * rate
        self._counts.all_most += seconds * self._tried(now)
        return rate

    def learn(self, limit: float, when: float, *, pressed: float = 0.0) -> None:
        """The limit is this, as of ``when``; callers have waited ``pressed`` seconds since."""
        self.limit = max(limit, _LEAST_LIMIT)
        self.met_at, self.pressed, self._idle = when, pressed, 0.0

    def refused(self, rate: float, now: float) -> None:
        """Learn from a 429. ``rate`` is this daemon's calls in the last second."""
        self.refused_at = now
        if self.limit == math.inf:
            self._since = self._count(now)
            self.learn(max(rate, _FIRST_LIMIT), now)
        elif self.led and self._trying(now) >= 0:
            # The leader's try met the limit, and the leader learns from it.
            return
        else:
            self.learn(self._measured(now), now)
        self.met_here = True

    # What daemons tell each other.

    def pace(self, endpoint: str, now: float, *, waiting: bool) -> Pace:
        """What other daemons should know."""
        tried = 0.0 if self.led else self._tried(now)
        limit = tried if tried > self.limit * _RISEN else self.limit
        used, taken = self.used.rate(now), self._counts.own
        return Pace(endpoint, limit, self._age(now), self.met_here, used, taken, waiting)

    def share(self, others: tuple[Pace, ...], now: float) -> float | None:
        """What other daemons knew a moment ago, by the order of their names. Returns how many seconds
        ago the limit was met, if one of them met it after this daemon, else None."""
        self.others, self.shared_at = others, now
        leader = next((pace for pace in others if pace.first and pace.waiting), None)
        self.led = leader is not None
        met = [pace for pace in others if pace.empty]
        newest = min(met, key=lambda pace: pace.age, default=None)
        own = self._age(now)
        if newest is not None and newest.age < own - _SAME_SECONDS:
            if now - self._since.at > _ENOUGH_SECONDS:
                self._since = self._count(now)
            self._follow(newest, now)
            return newest.age
        if leader is not None and leader.age < own + _SAME_SECONDS:
            self._follow(leader, now)
        return None

    def _follow(self, other: Pace, now: float) -> None:
        self.learn(other.limit, now - other.age, pressed=other.age)
        self.met_here = False

    # What may be done.

    def rate(self, now: float) -> float:
        """The calls a second that this daemon may make now; 0 while the leader tries the limit alone."""
        share, trying = self.fair_share(), self._trying(now)
        if trying < 0:
            return share
        alone = self.limit * _TRIED <= _ALONE
        if not self.led:
            return self._tried(now) if alone else share + self._tried(now) - self.limit * _MARGIN
        return 0.0 if alone and trying < _TRIED_SECONDS + _LATE_SECONDS else share

    def fair_share(self) -> float:
        """The calls a second that this daemon may make while the limit is not tried."""
        return fair_share(self.limit * _MARGIN, self.others)

    def _age(self, now: float) -> float:
        """The seconds in which the limit was used to the full, since it was met or announced."""
        return min(now - self.met_at, self.pressed)

    def _trying(self, now: float) -> float:
        """The seconds since the try began, negative before."""
        between = min(max(_CALLS_BETWEEN / self.limit, _LEAST_BETWEEN), _MOST_BETWEEN)
        return self._age(now) - between

    def _tried(self, now: float) -> float:
        """The calls a second that the leader, and all daemons together, may make now."""
        trying = self._trying(now)
        if trying < 0:
            return self.limit * _MARGIN
        grown = min(max(trying - _TRIED_SECONDS, 0.0), math.log(_MOST, _GROWTH))
        return self.limit * _TRIED * math.pow(_GROWTH, grown)

    # What is learnt.

    def _measured(self, now: float) -> float:
        """The limit that a 429 tells."""
        began, taken_before = self._before_try
        # At least this: Jira's bucket was full at the beginning at most, with the calls of one second.
        proven = (self._taken_by_all(now) - taken_before) / (now - began + 1.0)
        counts, since = self._count(now), self._since
        seconds, own = counts.at - since.at, counts.own - since.own
        if seconds < _SHORT_SECONDS or (own < _ENOUGH_CALLS and seconds < _ENOUGH_SECONDS):
            return max(self.limit, proven)
        self._since = counts
        part = (counts.own_most - since.own_most) / max(counts.all_most - since.all_most, 1e-9)
        taken = counts.all - since.all
        least, most = own * _LEAST_PART - _ROUNDED, own * _MOST_PART + _ROUNDED
        if counts.daemons != since.daemons or not least < taken * part < most:
            taken = own / part if part else 0.0
        return min(max(taken / seconds, proven, self.limit / _MOST_LESS), self._tried(now))

    def _count(self, now: float) -> _Counts:
        known = self._counts
        return _Counts(
            now,
            known.own,
            self._taken_by_all(now),
            known.own_most,
            known.all_most,
            1 + len(self.others),
        )

    def _taken_by_all(self, now: float) -> float:
        since = min(max(0.0, now - self.shared_at), 1.0)
        return self._counts.own + sum(pace.taken + pace.used * since for pace in self.others)

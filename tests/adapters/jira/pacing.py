"""Daemons that call a site with rate limits, in simulated time."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from sync.adapters.jira.calls.pacer import SITE, Pacer
from sync.adapters.jira.calls.rate_limits import announced, limit_of
from sync.domain.errors import Scope
from sync.domain.pace import Pace
from sync.sandbox.jira import Limits
from sync.sandbox.jira.site.call import Problem
from sync.worker.daemon.pauses import SHARE_SECONDS

METHOD, TEMPLATE = "POST", "issue"
ENDPOINT = f"{METHOD} {TEMPLATE}"


@dataclass(slots=True)
class _Daemon:
    pacer: Pacer = field(default_factory=Pacer)
    paused_until: float = 0.0
    # Pauses in a row, without a call that Jira took in between.
    pauses: int = 0


@dataclass
class Traffic:
    """``daemons`` with ``threads`` each call the site without rest, unless ``idle(now)``. A call takes
    about ``latency`` seconds, and a thread that waits goes on up to ``late`` seconds too late.

    The daemons tell each other their paces twice a second, while the store is not ``away(now)``.
    ``taken`` and ``refused`` hold the times of the calls that the site took and refused.
    """

    limits: Limits
    daemons: int = 1
    threads: int = 8
    latency: float = 0.03
    late: float = 0.003
    seed: int = 0
    idle: Callable[[float], bool] = lambda _: False
    away: Callable[[float], bool] = lambda _: False
    now: float = 0.0
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    _told: dict[int, tuple[float, list[Pace]]] = field(default_factory=dict)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.all = [_Daemon() for _ in range(self.daemons)]
        for number, daemon in enumerate(self.all):
            self._at(self._random.random() * SHARE_SECONDS, self._shares(number, daemon))
            for _ in range(self.threads):
                self._at(self._random.random() / 10, self._asks(daemon, object()))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._events[0][0] < end:
            self.now, _, event = heapq.heappop(self._events)
            event()
        self.now = end

    def refusals(self, since: float) -> int:
        """The calls since then that the site refused."""
        return sum(at >= since for at in self.refused)

    def took(self, since: float) -> int:
        """The calls since then that the site took."""
        return sum(at >= since for at in self.taken)

    def _at(self, when: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), event))

    def _shares(self, number: int, daemon: _Daemon) -> Callable[[], None]:
        def share() -> None:
            self._at(self.now + SHARE_SECONDS * self._random.uniform(1, 1.1), share)
            if self.away(self.now):
                return
            self._told[number] = (self.now, daemon.pacer.paces(self.now))
            others = [
                replace(
                    p,
                    age=p.age + self.now - at,
                    taken=p.taken + p.used * (self.now - at),
                    first=other < number,
                )
                for other, (at, paces) in sorted(self._told.items())
                if other != number
                for p in paces
            ]
            daemon.pacer.share(others, self.now)

        return share

    def _asks(self, daemon: _Daemon, who: object) -> Callable[[], None]:
        def ask() -> None:
            if self.idle(self.now):
                daemon.pacer.leave(ENDPOINT, who)
                self._at(self.now + self._random.uniform(0.1, 0.3), ask)
                return
            wait = max(daemon.pacer.wait(ENDPOINT, who, self.now), daemon.paused_until - self.now)
            if wait > 0:
                # Long waits are broken up, as in the gate.
                self._at(self.now + min(wait, 0.25) + self._random.uniform(0, self.late), ask)
                return
            daemon.pacer.take(ENDPOINT, who)
            self._send(daemon, ask)

        return ask

    def _send(self, daemon: _Daemon, then: Callable[[], None]) -> None:
        sent_at = self.now
        way = self.latency * self._random.uniform(0.5, 1.5) / 2

        def arrive() -> None:
            try:
                headers = self.limits.call(METHOD, TEMPLATE, self.now)
            except Problem as problem:
                self.refused.append(self.now)
                self._at(self.now + way, partial(refuse, problem.headers))
            else:
                self.taken.append(self.now)
                self._at(self.now + way, partial(answer, headers))

        def answer(headers: dict[str, str]) -> None:
            daemon.pauses = 0
            daemon.pacer.answered(ENDPOINT, announced(headers), self.now)
            then()

        def refuse(headers: dict[str, str]) -> None:
            limit = limit_of(headers, self.now)
            name = ENDPOINT if limit.scope is Scope.ENDPOINT else SITE
            rate = sum(at > self.now - 1 for at in self.taken[-256:]) / self.daemons
            daemon.pacer.refused(name, announced(headers), sent_at, self.now, rate)
            if daemon.paused_until <= self.now:
                daemon.pauses += 1
            told = limit.seconds
            pause = 0.25 * 2.0 ** min(daemon.pauses - 1, 8) if told is None else max(told, 0.1)
            pause *= self._random.uniform(1, 1.1)
            daemon.paused_until = max(daemon.paused_until, self.now + pause)
            then()

        self._at(self.now + way, arrive)

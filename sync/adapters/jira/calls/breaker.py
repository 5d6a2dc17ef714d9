"""The circuit breaker of one site: while no call could succeed, no call is made.

The breaker opens on what only people or time can mend: rejected credentials, a CAPTCHA, maintenance, a
site that does not answer. At intervals the breaker lets one caller probe the site by asking ``myself``,
and closes as soon as a probe succeeds.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import structlog

from sync.domain.errors import Outage, SiteDown
from sync.ports import Clock
from sync.telemetry import BREAKER

log = structlog.get_logger("jira")

# After this many calls in a row without a useful answer, the whole site is suspected to be down.
UNREACHABLE_AFTER = 8


@dataclass(frozen=True, slots=True)
class _State:
    """``outage`` and ``words`` say why the breaker is open; ``outage`` is None while it is closed. Times
    are the monotonic clock's."""

    outage: Outage | None = None
    words: str = ""
    since: float = 0.0
    next_probe: float = 0.0


class Breaker:
    """Shared by threads. ``first`` and ``cap`` bound the seconds between two probes."""

    def __init__(self, site: str, clock: Clock, *, first: float = 15.0, cap: float = 300.0) -> None:
        self._site = site
        self._clock = clock
        self._first = first
        self._cap = cap
        self._lock = threading.Lock()
        self._state = _State()
        self._probing = False
        self._probes = 0
        self._unanswered = 0
        BREAKER.labels(site).set(0)

    def down(self) -> str:
        """Why a call would raise SiteDown now, "" if it would be made, or would probe the site."""
        state = self._state
        waiting = self._probing or self._clock.monotonic() < state.next_probe
        return state.words if waiting else ""

    def admit(self) -> bool:
        """Whether the caller must probe the site before its call, and then ``close``, ``trip`` or
        ``postpone``. Raises SiteDown while the breaker is open and no probe is due."""
        with self._lock:
            state = self._state
            if state.outage is None:
                return False
            wait = state.next_probe - self._clock.monotonic()
            if self._probing or wait > 0:
                raise SiteDown(state.words, outage=state.outage, retry_after=max(wait, 1.0))
            self._probing = True
            return True

    def trip(self, fault: SiteDown) -> None:
        """The site is down: make no calls. Logged once per outage."""
        with self._lock:
            now = self._clock.monotonic()
            fresh = self._state.outage is None
            self._probes = 0 if fresh else self._probes + int(self._probing)
            self._probing = False
            wait = max(self._interval(), fault.retry_after or 0.0)
            if fault.outage is Outage.CAPTCHA:
                # Each failed login while the CAPTCHA is up prolongs it.
                wait = max(wait, self._cap)
            since = now if fresh else self._state.since
            self._state = _State(fault.outage, str(fault), since, now + wait)
            self._unanswered = 0
        BREAKER.labels(self._site).set(1)
        if fresh:
            log.warning(
                "site down: calls stopped, deliveries still accepted",
                site=self._site,
                outage=fault.outage.value,
                why=str(fault),
            )

    def postpone(self) -> None:
        """The probe got no clear answer: the site stays down until the next probe."""
        with self._lock:
            self._probing = False
            self._probes += 1
            next_probe = self._clock.monotonic() + self._interval()
            self._state = replace(self._state, next_probe=next_probe)

    def close(self) -> None:
        """The site works again."""
        with self._lock:
            was, self._state = self._state, _State()
            self._probing = False
            self._probes = 0
            self._unanswered = 0
        BREAKER.labels(self._site).set(0)
        if was.outage is not None:
            seconds = round(self._clock.monotonic() - was.since)
            log.warning("site works again", site=self._site, seconds_down=seconds)

    def answered(self) -> None:
        """Jira answered a call: the run of unanswered calls ends."""
        self._unanswered = 0

    def unanswered(self) -> bool:
        """Count a call without a useful answer. Whether enough of them came in a row to suspect that the
        whole site is down; the caller confirms the suspicion by a call that needs no project."""
        with self._lock:
            self._unanswered += 1
            return self._unanswered >= UNREACHABLE_AFTER and self._state.outage is None

    def _interval(self) -> float:
        return min(self._cap, self._first * 2.0 ** min(self._probes, 10))

"""The circuit breaker of one site: when nothing there can work, nobody calls.

It opens on what only people or time can mend (authentication, CAPTCHA, maintenance, a site that
does not answer). One caller at intervals asks ``myself``; when that works, everything resumes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum

import structlog

from sync.domain.errors import Outage, SiteDown
from sync.ports import Clock
from sync.telemetry import BREAKER

log = structlog.get_logger("jira")

# So many calls in a row without an answer make the site unreachable, whatever each was about.
UNREACHABLE_AFTER = 8


class Admission(Enum):
    """Whether a caller may go ahead, or must probe first."""

    OPEN_WAY = "open way"
    PROBE_FIRST = "probe first"


@dataclass(frozen=True, slots=True)
class BreakerState:
    """Whether and why it is open. Times are the monotonic clock's."""

    down: bool
    outage: Outage | None = None
    words: str = ""
    since: float = 0.0
    next_probe: float = 0.0


class Breaker:
    """Shared by threads."""

    def __init__(self, site: str, clock: Clock, *, first: float = 15.0, cap: float = 300.0) -> None:
        self._site = site
        self._clock = clock
        self._first = first
        self._cap = cap
        self._lock = threading.Lock()
        self._state = BreakerState(down=False)
        self._probing = False
        self._probes = 0
        self._unanswered = 0
        BREAKER.labels(site).set(0)

    @property
    def state(self) -> BreakerState:
        return self._state

    def shut(self) -> bool:
        """Whether a call would be sent away now: down, and nobody is to probe or somebody does."""
        state = self._state
        return state.down and (self._probing or self._clock.monotonic() < state.next_probe)

    def admit(self) -> Admission:
        """Raises SiteDown while the breaker is open and it is not this caller's turn to probe."""
        with self._lock:
            state = self._state
            if not state.down:
                return Admission.OPEN_WAY
            now = self._clock.monotonic()
            if self._probing or now < state.next_probe:
                assert state.outage is not None
                raise SiteDown(
                    state.words,
                    outage=state.outage,
                    retry_after=max(state.next_probe - now, 1.0),
                )
            self._probing = True
            return Admission.PROBE_FIRST

    def trip(self, fault: SiteDown) -> None:
        """The site is down: stop calling it. Logged once per outage."""
        with self._lock:
            now = self._clock.monotonic()
            fresh = not self._state.down
            self._probes = 0 if fresh else self._probes + int(self._probing)
            self._probing = False
            wait = min(self._cap, self._first * 2.0 ** min(self._probes, 10))
            if fault.outage is Outage.CAPTCHA:
                # Each try while a CAPTCHA is up makes it worse.
                wait = max(wait, self._cap)
            wait = max(wait, fault.retry_after or 0.0)
            since = now if fresh else self._state.since
            self._state = BreakerState(True, fault.outage, str(fault), since, now + wait)
            self._unanswered = 0
        BREAKER.labels(self._site).set(1)
        if fresh:
            log.error(
                "site down: calls stopped, deliveries still accepted",
                site=self._site,
                outage=fault.outage.value,
                why=str(fault),
            )

    def postpone(self) -> None:
        """The probe got no clear answer: the next one asks again."""
        with self._lock:
            self._probing = False
            self._probes += 1
            wait = min(self._cap, self._first * 2.0 ** min(self._probes, 10))
            state = self._state
            self._state = BreakerState(
                state.down, state.outage, state.words, state.since, self._clock.monotonic() + wait
            )

    def close(self) -> None:
        """The site works again."""
        with self._lock:
            was, self._state = self._state, BreakerState(down=False)
            self._probing = False
            self._probes = 0
            self._unanswered = 0
        BREAKER.labels(self._site).set(0)
        if was.down:
            seconds = round(self._clock.monotonic() - was.since)
            log.warning("site works again", site=self._site, seconds_down=seconds)

    def answered(self) -> None:
        """Some answer came back: the site is there."""
        self._unanswered = 0

    def unanswered(self) -> bool:
        """No answer, or only a gateway's. Whether there were so many in a row that the site is suspect.

        The suspicion is the caller's to confirm: one broken project is not a site that is down.
        """
        with self._lock:
            self._unanswered += 1
            return self._unanswered >= UNREACHABLE_AFTER and not self._state.down

    def unreachable(self, words: str) -> None:
        """Nothing works on the site, whatever it is asked."""
        self.trip(
            SiteDown(
                f"nothing works there, whatever it is asked: {words}", outage=Outage.MAINTENANCE
            )
        )

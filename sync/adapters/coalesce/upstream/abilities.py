"""Which abilities are off: kept in memory, said once, and tried again after a while."""

from __future__ import annotations

import threading

import structlog

from sync.domain.acts import Ability
from sync.ports import Clock
from sync.telemetry import UNABLE

log = structlog.get_logger("upstream")

# Seconds after which an ability that is off is tried again: somebody may have given the scope meanwhile.
AGAIN = 3600.0


class Abilities:
    """The abilities that are off, each with the reason in words. Safe to share between threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._off: dict[Ability, tuple[str, float]] = {}

    def unable(self, what: Ability) -> str:
        """Why an ability is off; "" where it is on, or is to be tried again."""
        words, until = self._off.get(what, ("", 0.0))
        return words if self._clock.monotonic() < until else ""

    def off(self, what: Ability, words: str, remedy: str = "") -> None:
        """Turn an ability off. The log says so unless it was off for the same reason before."""
        with self._lock:
            before = self._off.get(what)
            self._off[what] = words, self._clock.monotonic() + AGAIN
        UNABLE.labels(what.name.lower()).set(1)
        if before is None or before[0] != words:
            log.warning(
                "upstream does not let us; the rest goes on",
                ability=what.value,
                why=words,
                remedy=remedy,
                again_in_seconds=AGAIN,
            )

    def works(self, what: Ability) -> None:
        """An ability is on: a call that needs it was answered."""
        with self._lock:
            before = self._off.pop(what, None)
        UNABLE.labels(what.name.lower()).set(0)
        if before is not None:
            log.info("upstream lets us again", ability=what.value)

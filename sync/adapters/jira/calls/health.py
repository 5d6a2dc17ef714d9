"""The health of one Jira site, as the breaker, gate and bulkhead of its calls know it."""

from __future__ import annotations

from collections.abc import Callable

from sync.adapters.jira.calls.breaker import Breaker
from sync.adapters.jira.calls.bulkhead import Bulkhead
from sync.adapters.jira.calls.gate import Gate
from sync.domain.errors import SitePaused


class Rest:
    """The rest that a person wants for a site: until it is over, no call is made."""

    def __init__(self) -> None:
        self._words = ""

    def begin(self, words: str) -> None:
        """As ``SiteHealth.rest``."""
        self._words = words

    def words(self) -> str:
        """As ``SiteHealth.resting``."""
        return self._words

    def check(self) -> None:
        """Raises SitePaused during the rest."""
        if words := self._words:
            raise SitePaused(words)


class JiraHealth:
    """See ``sync.ports.SiteHealth``. Each method is a method of the rest, breaker, gate or bulkhead."""

    def __init__(
        self,
        rest: Rest,
        breaker: Breaker,
        gate: Gate,
        bulkhead: Bulkhead,
        admit: Callable[[], None],
    ) -> None:
        self.rest = rest.begin
        self.resting = rest.words
        self.ready = admit
        self.down = breaker.down
        self.paused_for = gate.paused_for
        self.pause = gate.pause
        self.paces = gate.paces
        self.share = gate.share
        self.stalled = bulkhead.stalled
        self.waiting = gate.waiting
        self.lent = bulkhead.lent

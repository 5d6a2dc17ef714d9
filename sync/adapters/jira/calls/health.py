"""The health of one Jira site, as the breaker, gate and bulkhead of its calls know it."""

from __future__ import annotations

from collections.abc import Callable

from sync.adapters.jira.calls.breaker import Breaker
from sync.adapters.jira.calls.bulkhead import Bulkhead
from sync.adapters.jira.calls.gate import Gate


class JiraHealth:
    """See ``sync.ports.SiteHealth``. Each method is a method of the breaker, gate or bulkhead."""

    def __init__(
        self, breaker: Breaker, gate: Gate, bulkhead: Bulkhead, admit: Callable[[], None]
    ) -> None:
        self.ready = admit
        self.down = breaker.down
        self.paused_for = gate.paused_for
        self.pause = gate.pause
        self.paces = gate.paces
        self.share = gate.share
        self.stalled = bulkhead.stalled
        self.waiting = gate.waiting
        self.lent = bulkhead.lent

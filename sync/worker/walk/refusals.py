"""What a project refused for good, remembered for a while.

A broken project then costs one call a minute, not one for each of its tickets. Only what is surely
about all of them is remembered: others must not be set aside for what one ticket's values met.
"""

from __future__ import annotations

import threading

from sync.domain.errors import Rejected, Scope
from sync.domain.ticket import Draft
from sync.ports import Clock

REMEMBERED_SECONDS = 60.0

Place = tuple[str, str, str]


class Refusals:
    """Shared by threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Place, tuple[float, Rejected]] = {}

    def check(self, draft: Draft) -> None:
        """Raises the Rejected that the last ticket of this project and type met, while it is fresh."""
        with self._lock:
            until, fault = self._known.get(_place(draft), (0.0, None))
        if fault is not None and self._clock.monotonic() < until:
            raise Rejected(
                str(fault),
                cause=fault.cause,
                field=fault.field,
                remedy=fault.remedy,
                scope=fault.scope,
            )

    def note(self, draft: Draft, fault: Rejected) -> None:
        """A create was refused: remember it, if it is about more than this ticket."""
        if fault.scope is Scope.PROJECT:
            with self._lock:
                self._known[_place(draft)] = (self._clock.monotonic() + REMEMBERED_SECONDS, fault)

    def forget(self, draft: Draft) -> None:
        """A create worked: whatever was wrong there is mended."""
        with self._lock:
            self._known.pop(_place(draft), None)


def _place(draft: Draft) -> Place:
    return draft.desired.site, draft.project, draft.issue_type

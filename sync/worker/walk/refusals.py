"""What a project refused for good, remembered for a while.

A broken project then costs one call a minute, not one for each of its tickets. Only a refusal that is
surely about all tickets of the project and type is remembered: no ticket may be parked because of the
values of another.
"""

from __future__ import annotations

import threading

from sync.domain.errors import Rejected, Scope
from sync.domain.ticket import Draft
from sync.ports import Clock

REMEMBERED_SECONDS = 60.0

# Site, project and issue type.
ProjectAndType = tuple[str, str, str]


class Refusals:
    """Shared by threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[ProjectAndType, tuple[float, Rejected]] = {}

    def check(self, draft: Draft) -> None:
        """Raises the Rejected that a ticket of this project and type met within the last minute."""
        with self._lock:
            until, fault = self._known.get(_about(draft), (0.0, None))
        if fault is not None and self._clock.monotonic() < until:
            raise Rejected(
                fault.reason,
                value=fault.value,
                cause=fault.cause,
                field=fault.field,
                remedy=fault.remedy,
                scope=fault.scope,
            )

    def note(self, draft: Draft, fault: Rejected) -> None:
        """A create was refused: remember the refusal, if it is about more than this ticket."""
        if fault.scope is Scope.PROJECT:
            with self._lock:
                self._known[_about(draft)] = (self._clock.monotonic() + REMEMBERED_SECONDS, fault)

    def forget(self, draft: Draft) -> None:
        """A create worked: whatever was wrong in this project is mended."""
        with self._lock:
            self._known.pop(_about(draft), None)


def _about(draft: Draft) -> ProjectAndType:
    return draft.desired.site, draft.project, draft.issue_type

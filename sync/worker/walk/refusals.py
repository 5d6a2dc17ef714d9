"""What a project refused for good, remembered for a while.

A broken project then costs one call a minute, not one for each of its tickets. Only a refusal that is
surely about all tickets of the project and type is remembered: no ticket may be parked because of the
values of another.
"""

from __future__ import annotations

import json

from sync.domain.errors import Rejected, Scope
from sync.domain.remembered import Remembered
from sync.domain.ticket import Draft
from sync.ports import Clock
from sync.worker.walk.facts import Facts

REMEMBERED_SECONDS = 60.0
# Rules may name ever more projects from edit to edit.
_MOST_REMEMBERED = 1_000
# After so many calls in a row on which Jira failed, each proven to have done nothing, people are asked.
FAILURES = 3

# Site, project and issue type.
ProjectAndType = tuple[str, str, str]


def lasting(facts: Facts, said: str) -> Rejected:
    """A failure of Jira's (HTTP 500) that lasts while other calls work, as something to park for."""
    texts = [snapshot.payload for snapshot in facts.snapshots]
    text = json.dumps(texts, default=str, ensure_ascii=False)
    odd = next((char for char in text if ord(char) > 0xFFFF), "")
    remedy = (
        "Look in Jira's log why it fails; a post function or an app may be to blame. Then retry."
    )
    if odd:
        remedy = (
            f"The text is likely to blame: it has characters like {odd}, which a Jira on an old MySQL "
            "cannot store. Put `| basic` behind the texts of the rule to leave them out, or mend the "
            "database; then retry."
        )
    return Rejected(f"Jira fails each time, and made nothing: {said}", remedy=remedy)


class Refusals:
    """Shared by threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: Remembered[ProjectAndType, tuple[float, Rejected]] = Remembered(
            _MOST_REMEMBERED
        )

    def check(self, draft: Draft) -> None:
        """Raises the Rejected that a ticket of this project and type met within the last minute."""
        until, fault = self._known.get(_about(draft)) or (0.0, None)
        if fault is not None and self._clock.monotonic() < until:
            raise fault.again()

    def note(self, draft: Draft, fault: Rejected) -> None:
        """A create was refused: remember the refusal, if it is about more than this ticket."""
        if fault.scope is Scope.PROJECT:
            self._known.put(_about(draft), (self._clock.monotonic() + REMEMBERED_SECONDS, fault))

    def forget(self, draft: Draft) -> None:
        """A create worked: whatever was wrong in this project is mended."""
        self._known.forget(_about(draft))


def _about(draft: Draft) -> ProjectAndType:
    return draft.desired.site, draft.project, draft.issue_type

"""What every part of the tracker needs."""

from __future__ import annotations

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.fields.metadata import Metadata


class Part:
    """A part of the tracker. ``JiraTracker`` inherits from all of them, so that a method of the port
    stands in one place. Shared by threads."""

    def __init__(self, calls: Calls, metadata: Metadata) -> None:
        self._calls = calls
        self._metadata = metadata

"""What every part of the tracker needs."""

from __future__ import annotations

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.fields.metadata import Metadata


class Part:
    """A base class. ``JiraTracker`` inherits from every part, so that no method of the port is
    forwarded. Shared by threads."""

    def __init__(self, calls: Calls, metadata: Metadata) -> None:
        self._calls = calls
        self._metadata = metadata

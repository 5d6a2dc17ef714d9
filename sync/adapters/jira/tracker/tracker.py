"""JiraTracker: one Jira site as the worker's Tracker port."""

from __future__ import annotations

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.client import Mount
from sync.adapters.jira.calls.site import JiraSite
from sync.adapters.jira.fields.draft import Drafts
from sync.adapters.jira.fields.metadata import Metadata
from sync.adapters.jira.tracker.comments import Comments
from sync.adapters.jira.tracker.epics import JiraEpics
from sync.adapters.jira.tracker.inspection import Inspection
from sync.adapters.jira.tracker.links import Links
from sync.adapters.jira.tracker.search import Search
from sync.adapters.jira.tracker.tickets import Tickets
from sync.ports import Clock, Epics

# Seconds allowed for what no timeout covers: thread scheduling, name look-ups, a clock that is reset.
MARGIN = 5.0


class JiraTracker(Drafts, Tickets, Search, Comments, Links):
    """See ``sync.ports.Tracker``: each of its methods stands in one of these parts.

    Safe to share between threads. Makes no call before the first method is called. ``mount`` is called
    with each new session, to put transports on the session. ``health`` says how the site is, ``inspect``
    and ``metadata`` answer read-only questions about the site.

        tracker = JiraTracker(JiraSite("main", "https://example.atlassian.net", token), clock)
        ref = tracker.create(tracker.draft(desired))
    """

    def __init__(self, site: JiraSite, clock: Clock, mount: Mount | None = None) -> None:
        calls = Calls(site, clock, mount)
        metadata = Metadata(calls)
        calls.name_of = metadata.name_of
        super().__init__(calls, metadata)
        self.site = site.name
        self.health = calls.health
        self.metadata = metadata
        self.epics: Epics | None = JiraEpics(calls, metadata)
        self.inspect = Inspection(calls)
        self.cloud = calls.cloud
        self.close = calls.close
        self.index_lag = site.index_lag
        self.goes_out_within = site.patience + site.connect_timeout + MARGIN
        self.longest_call = self.goes_out_within + site.read_timeout
        self.afterwork = site.read_timeout
        self._people_url = site.people_url

    def browse_url(self, key: str) -> str:
        return f"{self._people_url}/browse/{key}"

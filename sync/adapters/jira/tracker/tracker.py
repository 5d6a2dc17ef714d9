"""JiraTracker: one Jira site as the worker's Tracker port."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sync.adapters.jira.calls.breaker import BreakerState
from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.client import Mount
from sync.adapters.jira.calls.deployment import Deployment
from sync.adapters.jira.calls.site import JiraSite
from sync.adapters.jira.fields.draft import Drafter
from sync.adapters.jira.fields.metadata import Metadata
from sync.adapters.jira.tracker.comments import Comments
from sync.adapters.jira.tracker.inspection import Inspection
from sync.adapters.jira.tracker.links import Links
from sync.adapters.jira.tracker.search import Search
from sync.adapters.jira.tracker.tickets import Tickets
from sync.domain.actions import Change
from sync.domain.rule import Desired, RemoteLink, TicketLink
from sync.domain.ticket import Draft, Hop, Observed, TicketRef
from sync.ports import Changed, Clock

# For what surrounds a call: scheduling of threads, name look-ups, a clock that jumps a little.
MARGIN = 5.0


class JiraTracker:
    """Safe to share between threads. Makes no call before it is asked for something.

    ``mount`` is called with each new session, to put transports on it. ``inspect`` answers read-only
    questions about the site.
    """

    def __init__(self, site: JiraSite, clock: Clock, mount: Mount | None = None) -> None:
        self.site = site.name
        self._clock = clock
        self.index_lag = site.index_lag
        self.goes_out_within = site.patience + site.connect_timeout + MARGIN
        self.longest_call = self.goes_out_within + site.read_timeout
        self.afterwork = site.read_timeout
        self._people_url = site.people_url
        self._calls = Calls(site, clock, mount)
        self._deployment = Deployment(self._calls)
        self._metadata = Metadata(self._calls, self._deployment)
        self._calls.api = lambda: self._deployment.dialect().value
        self._calls.name_of = self._metadata.name_of
        self._drafter = Drafter(self._metadata, self._deployment)
        self._tickets = Tickets(self._calls, self._metadata, self._deployment, self._drafter)
        self._comments = Comments(self._calls, self._deployment)
        self._links = Links(self._calls)
        self._search = Search(self._calls, self._deployment, self._metadata)
        self.inspect = Inspection(self._calls, self._metadata, self._links)

    @property
    def state(self) -> BreakerState:
        """Whether the site is down for us, why, since when, and when it is probed next."""
        return self._calls.breaker.state

    @property
    def cloud(self) -> bool:
        """Whether the site is Jira Cloud. Raises Refused or SiteDown while it cannot be found out."""
        return self._deployment.dialect().cloud

    def draft(self, desired: Desired, *, anew: bool = False) -> Draft:
        return self._drafter.draft(desired, anew=anew)

    def ready(self) -> None:
        self._calls.ready()

    def create(self, draft: Draft, *, not_after: float = math.inf) -> TicketRef:
        return self._tickets.create(draft, not_after)

    def find(self, key: str) -> list[TicketRef]:
        return self._search.find(key)

    def verify(self, project: str) -> None:
        """Raises SiteDown, Refused, or Rejected where we may not see the project."""
        self._calls.verify(fresh=True)
        self._tickets.check_project(project)

    def find_many(self, keys: Iterable[str]) -> dict[str, list[TicketRef]]:
        """``find`` for many keys in few calls."""
        return self._search.find_many(keys)

    def read(self, ticket_id: str, project: str = "") -> Observed:
        """``project``, where known, tells a deleted ticket from a project we may not see."""
        return self._tickets.read(ticket_id, project)

    def read_many(self, ids: Iterable[str]) -> dict[str, Observed | None]:
        """Tickets in bulk, without transitions. None: gone, or not visible to us."""
        return self._search.read_many(ids)

    def changed_since(self, since: float) -> Iterator[Changed]:
        """Tickets with the family label changed since a moment (seconds since the epoch)."""
        return self._search.changed_since(since)

    def matching(self, jql: str) -> Iterator[Changed]:
        """Tickets that a person's JQL names."""
        return self._search.matching(jql)

    def update(self, ref: TicketRef, changes: Sequence[Change]) -> None:
        self._tickets.update(ref, changes)

    def transition(self, ref: TicketRef, hop: Hop, fields: Mapping[str, Any]) -> None:
        self._tickets.transition(ref, hop, fields)

    def comment(self, ref: TicketRef, text: str, marker: str) -> str:
        return self._comments.add(ref, text, marker)

    def find_comment(self, ref: TicketRef, marker: str) -> str:
        return self._comments.find(ref, marker)

    def edit_comment(self, ref: TicketRef, comment_id: str, text: str) -> None:
        self._comments.edit(ref, comment_id, text)

    def link_remote(self, ref: TicketRef, link: RemoteLink) -> None:
        self._links.link_remote(ref, link)

    def link_tickets(self, ref: TicketRef, link: TicketLink, *, again: bool = False) -> None:
        self._links.link_tickets(ref, link, again=again)

    def unlink_tickets(self, ref: TicketRef, link: TicketLink) -> None:
        self._links.unlink_tickets(ref, link)

    def browse_url(self, key: str) -> str:
        return f"{self._people_url}/browse/{key}"

    def down(self) -> str:
        """Why no calls are made to this site now, "" if they are, or if a probe is due."""
        breaker = self._calls.breaker
        return breaker.state.words if breaker.shut() else ""

    def pause(self) -> float:
        return self._calls.gate.pause()

    def hold(self, seconds: float) -> None:
        self._calls.gate.hold(seconds)

    def stalled(self) -> frozenset[str]:
        """The projects whose tickets are to be left alone now, because calls about them hang."""
        return self._calls.lanes.stalled()

    def lent(self) -> int:
        """How many of the calls under way hang while the rest of the site answers."""
        return self._calls.lanes.lent()

    def probe(self) -> str:
        """Who we are on this site (display name). Raises SiteDown or Refused."""
        me = self._calls.whoami()
        return str(me.get("displayName") or me.get("name") or me.get("accountId") or "")

    def close(self) -> None:
        """Close this thread's connections."""
        self._calls.close()

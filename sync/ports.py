"""What the worker needs from outside: Source (who sends), Tracker (Jira), Clock.

Every method that goes outside raises only the faults of ``sync.domain.errors``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sync.domain.actions import Change
from sync.domain.rule import Desired, RemoteLink, TicketLink
from sync.domain.subject import Event, Snapshot
from sync.domain.ticket import Draft, Hop, Observed, TicketRef


class Clock(Protocol):
    """Time, so that tests can bring their own."""

    def time(self) -> float:
        """Seconds since the epoch, UTC. People and time servers set it, also back."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, never set back: for waits within one process."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait, or let a simulated clock run."""
        ...


class SystemClock:
    """The clock of the machine."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a delivery is authentic. ``reason`` is for our log, never for the sender."""

    ok: bool
    reason: str = ""


class Source(Protocol):
    """A system that sends deliveries about subjects."""

    name: str

    def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Verdict:
        """Check the signature. ``headers`` has lower-case names; ``now`` is seconds since epoch."""
        ...

    def identify(self, body: bytes) -> tuple[str, str]:
        """The event id and raw event type, cheaply; empty strings where they cannot be read."""
        ...

    def read(self, body: bytes) -> Event:
        """The whole event. Raises Unreadable, with a reason in words."""
        ...


@dataclass(frozen=True, slots=True)
class Changed:
    """A ticket that a search found, with when it was last changed (in Jira's form)."""

    ref: TicketRef
    updated: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A delivery that the sender has given up, as it tells of it.

    ``created_at`` is the time of the event (seconds since the epoch), ``status_code`` the last answer
    it got, 0 where there was none. ``subject`` is the subject's id, "" where unknown.
    """

    id: str
    event_id: str
    event_type: str
    subject: str
    created_at: float
    status_code: int
    redelivery_of: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a delivery: the exact body sent (None where it is not kept), and the answer."""

    body: bytes | None
    status_code: int
    error: str = ""


class SourceApi(Protocol):
    """What a source tells when asked. Every method raises only the faults of the domain; one that our
    credentials have no scope for raises Rejected with cause PERMISSION."""

    name: str

    def issues_updated(self, since: float, until: float) -> Iterator[list[str]]:
        """Ids of issues updated between two times (seconds since the epoch), page by page."""
        ...

    def issues(self, ids: Sequence[str]) -> list[Snapshot]:
        """Issues by id, as the API knows them. Who is not there is left out."""
        ...

    def incidents_updated(self, since: float, until: float) -> list[Snapshot]:
        """Incidents updated between two times, with ``issue_ids``."""
        ...

    def incidents(self, ids: Sequence[str]) -> list[Snapshot]:
        """Incidents by id, with ``issue_ids``. Who is not there is left out."""
        ...

    def failed_deliveries(self, since: float, until: float) -> Iterator[list[FailedDelivery]]:
        """Deliveries of events between two times that failed for good, page by page."""
        ...

    def attempts(self, delivery_id: str) -> list[Attempt]:
        """The attempts at a delivery, oldest first."""
        ...

    def redeliver(self, delivery_id: str) -> None:
        """Have an event sent again, as a new delivery."""
        ...


class Tracker(Protocol):
    """One Jira site. Safe to share between threads."""

    site: str
    # Seconds after which a search surely shows what was created before (Jira's index lags).
    index_lag: float
    # Seconds from asking for a call to when it has gone out, or is not to any more.
    goes_out_within: float
    # Seconds from asking for a call to when it surely has ended on our side.
    longest_call: float
    # Seconds for which Jira may go on with a call that we have given up.
    afterwork: float

    def draft(self, desired: Desired, *, anew: bool = False) -> Draft:
        """Resolve names to ids and values to canonical form (metadata is cached).

        The marker label of ``desired.key`` is among the draft's labels. Texts over Jira's limits
        are cut with a visible note. Raises Rejected where a name or value cannot be resolved. ``anew``:
        somebody asked for another try, and may have mended in Jira what a rule names.
        """
        ...

    def ready(self) -> None:
        """Make sure that calls are made now: a site that was down is probed. Raises SiteDown or
        Refused."""
        ...

    def create(self, draft: Draft, *, not_after: float = math.inf) -> TicketRef:
        """Make the ticket, marked, in one call. Raises Unknown when it may have been made.

        ``not_after`` is when (seconds since the epoch) the call must have gone out; later it is Refused.
        """
        ...

    def find(self, key: str) -> list[TicketRef]:
        """Tickets that carry the marker of our ticket key, oldest first. The index may lag."""
        ...

    def verify(self, project: str) -> None:
        """Make sure that what Jira does not show is not there: that it knows us and we may see the
        project. Raises SiteDown, Refused, or Rejected where we may not."""
        ...

    def read(self, ticket_id: str, project: str = "") -> Observed:
        """The ticket with its offered transitions. Raises TicketGone when it is not there.

        ``project``, where known, tells a deleted ticket from a project we may not see.
        """
        ...

    def read_many(self, ids: Iterable[str]) -> dict[str, Observed | None]:
        """Tickets in bulk (a call for each 100) by id or key, without transitions; answered by id.
        None: gone, or not visible to us. A moved ticket has its old id and its new key."""
        ...

    def changed_since(self, since: float) -> Iterator[Changed]:
        """Tickets with the family label that changed since then (seconds since the epoch), a call for
        each 100. The index may lag by ``index_lag``."""
        ...

    def matching(self, jql: str) -> Iterator[Changed]:
        """Tickets that a person's JQL names, a call for each 100. Raises Rejected, with Jira's words,
        for a query it does not take."""
        ...

    def update(self, ref: TicketRef, changes: Sequence[Change]) -> None:
        """Write field changes in one call."""
        ...

    def transition(self, ref: TicketRef, hop: Hop, fields: Mapping[str, Any]) -> None:
        """Take one transition. ``fields`` are keyed by field id, values as the rule gave them.

        Raises Unknown when it may have happened, or when somebody else moved the ticket meanwhile:
        read again before deciding.
        """
        ...

    def comment(self, ref: TicketRef, text: str, marker: str) -> str:
        """Add a comment (Markdown), marked. Returns its id."""
        ...

    def find_comment(self, ref: TicketRef, marker: str) -> str:
        """The id of the comment with this marker, "" if there is none."""
        ...

    def edit_comment(self, ref: TicketRef, comment_id: str, text: str) -> None:
        """Rewrite a comment. Raises Missing when it was deleted."""
        ...

    def link_remote(self, ref: TicketRef, link: RemoteLink) -> None:
        """Upsert a remote link by its global id."""
        ...

    def link_tickets(self, ref: TicketRef, link: TicketLink, *, again: bool = False) -> None:
        """Link two tickets. ``again``: an earlier call may have worked; then look first."""
        ...

    def unlink_tickets(self, ref: TicketRef, link: TicketLink) -> None:
        """Remove such a link, if it is there."""
        ...

    def browse_url(self, key: str) -> str:
        """The address of a ticket for people."""
        ...

    def down(self) -> str:
        """Why no calls are made to this site now, "" if they are. Costs nothing."""
        ...

    def pause(self) -> float:
        """For how many seconds more Jira has asked us to leave the whole site alone, 0 if it has not."""
        ...

    def hold(self, seconds: float) -> None:
        """Leave the whole site alone for so long: another daemon was asked to."""
        ...

    def stalled(self) -> frozenset[str]:
        """Projects whose tickets are to be left alone now, because calls about them hang. Costs
        nothing. A call about one of them raises Stalled."""
        ...

    def lent(self) -> int:
        """How many of the calls under way hang, so that as many other hands are wanted. Costs
        nothing."""
        ...

    def probe(self) -> str:
        """Who we are on this site (display name). Raises SiteDown or Refused."""
        ...

"""What the worker needs from outside: Source (who sends), Tracker (Jira), Clock.

Every method that goes outside raises only the faults of ``sync.domain.errors``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sync.domain.actions import Change
from sync.domain.rule import Desired, RemoteLink, TicketLink
from sync.domain.subject import Event
from sync.domain.ticket import Draft, Hop, Observed, TicketRef


class Clock(Protocol):
    """Time, so that tests can bring their own."""

    def time(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait, or let a simulated clock run."""
        ...


class SystemClock:
    """The clock of the machine."""

    def time(self) -> float:
        return time.time()

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


class Tracker(Protocol):
    """One Jira site. Safe to share between threads."""

    site: str
    # Seconds after which a search surely shows what was created before (Jira's index lags).
    index_lag: float

    def draft(self, desired: Desired) -> Draft:
        """Resolve names to ids and values to canonical form (metadata is cached).

        The marker label of ``desired.key`` is among the draft's labels. Texts over Jira's limits
        are cut with a visible note. Raises Rejected where a name or value cannot be resolved.
        """
        ...

    def create(self, draft: Draft) -> TicketRef:
        """Make the ticket, marked, in one call. Raises Unknown when it may have been made."""
        ...

    def find(self, key: str) -> list[TicketRef]:
        """Tickets that carry the marker of our ticket key, oldest first. The index may lag."""
        ...

    def read(self, ticket_id: str) -> Observed:
        """The ticket with its offered transitions. Raises Missing when gone or not visible."""
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

    def link_tickets(self, ref: TicketRef, link: TicketLink) -> None:
        """Link two tickets; linking again is harmless."""
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

    def probe(self) -> str:
        """Who we are on this site (display name). Raises SiteDown or Refused."""
        ...

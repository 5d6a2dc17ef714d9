"""What is asked of a ticket that a person merged into another: a link with that one, and its end."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sync.domain.plan import ticket_link_named
from sync.domain.rule import Desired, Ownership, TicketLink
from sync.domain.subject import Snapshot, Status
from sync.domain.ticket import Base
from sync.rules import Rule

# The type of link that Jira has for this from the start. A site without it gets no link.
LINK_TYPE = "Duplicate"


@dataclass(frozen=True, slots=True)
class MergedInto:
    """Another ticket, which a ticket was merged into: its site and Jira key ("" while it has none), and
    by whom and when (``at``, in seconds since the epoch). ``close``: this ticket is linked with it and
    closed."""

    site: str
    key: str
    by: str
    at: float
    why: str
    close: bool


@dataclass(frozen=True, slots=True)
class Own:
    """The ticket that was merged: its key and site, its subjects as they left it, and its base."""

    key: str
    site: str
    snapshots: tuple[Snapshot, ...]
    occurrences: int
    base: Base


def merged_away(rule: Rule, into: MergedInto, own: Own) -> Desired:
    """What is asked of the merged ticket: to stand where its rule puts tickets of closed subjects, with
    the reason as a comment. Its fields stay as they are, and nothing of it is told upstream."""
    desired = rule.project_ticket(
        own.key, own.snapshots, occurrences=own.occurrences, keeping=Status.CLOSED
    )
    kept = {
        name: replace(wish, ownership=Ownership.TICKET) for name, wish in desired.fields.items()
    }
    links = tuple(map(ticket_link_named, own.base.ticket_links))
    if into.key and into.site == own.site:
        duplicate = TicketLink(LINK_TYPE, into.key, optional=True)
        links = (*(one for one in links if one != replace(duplicate, optional=False)), duplicate)
    why = f": {into.why}" if into.why else "."
    where = into.key or "another ticket"
    return replace(
        desired,
        fields=kept,
        status_comment=f"Merged into {where} by {into.by}{why}",
        update_comment=None,
        remote_links=(),
        ticket_links=links,
        upstream=None,
        subjects=(),
        failed={key: one for key, one in desired.failed.items() if key.startswith("status.")},
        version=f"merged {into.at}",
    )

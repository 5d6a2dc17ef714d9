"""Whether the tickets in the simulated Jira are what the simulated workspace calls for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sync.domain.ticket import MARKER_PROPERTY
from sync.sandbox.coalesce import CoalesceSandbox
from sync.sandbox.jira import JiraSandbox, Ticket

_BY_STATUS = {"": "new", "investigating": "indeterminate"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts of what was done, and everything that is wrong, in words."""

    subjects: int
    created: int
    moved: int
    commented: int
    closed: int
    calls: int
    doubled: tuple[str, ...]
    lost: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not (self.doubled or self.lost or self.wrong)


def judge(upstream: CoalesceSandbox, jira: JiraSandbox) -> Verdict:
    """Compare. A ticket is known by the entity property that its create call carries.

    With the shipped rules each subject has one ticket, in the status category of its status.
    """
    wanted = dict(_wanted(upstream))
    found: dict[str, list[Ticket]] = {}
    for ticket in jira.tickets():
        key = ticket.properties.get(MARKER_PROPERTY, {}).get("key", f"unmarked {ticket.key}")
        found.setdefault(key, []).append(ticket)
    firsts = [(key, tickets[0]) for key, tickets in sorted(found.items())]
    doubled = [_names(key, tickets) for key, tickets in sorted(found.items()) if len(tickets) > 1]
    doubled += [f"{ticket.key}: {words}" for _, ticket in firsts for words in _repeated(ticket)]
    return Verdict(
        subjects=len(wanted),
        created=sum(map(len, found.values())),
        moved=sum(any(c.field == "status" for c in ticket.history) for _, ticket in firsts),
        commented=sum(bool(ticket.comments) for _, ticket in firsts),
        closed=sum(ticket.category == "done" for _, ticket in firsts),
        calls=sum(jira.calls.values()),
        doubled=tuple(doubled),
        lost=tuple(f"{key} has no ticket" for key in sorted(wanted.keys() - found.keys())),
        wrong=tuple(
            f"{ticket.key} stands in {ticket.status!r} ({ticket.category}); {key} calls for "
            f"{wanted.get(key, 'no ticket')}"
            for key, ticket in firsts
            if ticket.category != wanted.get(key)
        ),
    )


def _wanted(upstream: CoalesceSandbox) -> Iterator[tuple[str, str]]:
    """Our key of each subject, and the status category that its ticket should be in."""
    with upstream.lock:
        for issue in upstream.issues.values():
            category = "done" if issue.ended_at else _BY_STATUS.get(issue.status, "done")
            yield f"coalesce:issue:{issue.id}", category
        for incident in upstream.incidents.values():
            yield f"coalesce:incident:{incident.id}", "new" if incident.state == "open" else "done"


def _names(key: str, tickets: list[Ticket]) -> str:
    return f"{key} has {len(tickets)} tickets: {', '.join(ticket.key for ticket in tickets)}"


def _repeated(ticket: Ticket) -> Iterator[str]:
    """Comments that were made twice: one event, one comment, one marker."""
    markers = Counter(str(comment.properties) for comment in ticket.comments if comment.properties)
    for marker, count in markers.items():
        if count > 1:
            yield f"the comment marked {marker} was made {count} times"

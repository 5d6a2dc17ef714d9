"""The result of a demo: the tickets in the simulated Jira, compared with the simulated workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync.bootstrap.demo_people import Scene, untold
from sync.domain.ticket import MARKER_PROPERTY
from sync.sandbox.coalesce import CoalesceSandbox
from sync.sandbox.jira import JiraSandbox, Ticket

_BY_STATUS = {"": "new", "investigating": "indeterminate"}


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Counts of what was done, and everything that is wrong, in words. ``told`` counts what people did
    on one side that the other side was to be told."""

    subjects: int
    created: int
    moved: int
    commented: int
    closed: int
    calls: int
    doubled: tuple[str, ...]
    lost: tuple[str, ...]
    wrong: tuple[str, ...]
    told: int = 0
    untold: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return not (self.doubled or self.lost or self.wrong or self.untold)


def judge(upstream: CoalesceSandbox, jira: JiraSandbox, scenes: Sequence[Scene] = ()) -> DemoResult:
    """Compare. A ticket is recognised by the entity property that its create call carries.

    With the shipped rules each subject has one ticket, in the status category of its status. What
    people did in ``scenes`` is on the other side, once.
    """
    wanted = dict(_wanted(upstream))
    found: dict[str, list[Ticket]] = {}
    for ticket in jira.tickets():
        key = ticket.properties.get(MARKER_PROPERTY, {}).get("key", f"unmarked {ticket.key}")
        found.setdefault(key, []).append(ticket)
    firsts = [(key, tickets[0]) for key, tickets in sorted(found.items())]
    tickets = [ticket for _, ticket in firsts]
    return DemoResult(
        subjects=len(wanted),
        created=sum(map(len, found.values())),
        moved=sum(any(c.field == "status" for c in ticket.history) for ticket in tickets),
        commented=sum(bool(ticket.comments) for ticket in tickets),
        closed=sum(ticket.category == "done" for ticket in tickets),
        calls=sum(jira.calls.values()),
        doubled=(*_doubled(found), *_repeated(tickets)),
        lost=tuple(f"{key} has no ticket" for key in sorted(wanted.keys() - found.keys())),
        told=sum(scene.acts for scene in scenes),
        untold=tuple(untold(scenes, upstream, jira)),
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


def _doubled(found: Mapping[str, list[Ticket]]) -> Iterator[str]:
    """Keys with several tickets."""
    for key, tickets in sorted(found.items()):
        if len(tickets) > 1:
            names = ", ".join(ticket.key for ticket in tickets)
            yield f"{key} has {len(tickets)} tickets: {names}"


def _repeated(tickets: list[Ticket]) -> Iterator[str]:
    """Comments that were made twice: one event makes one comment, with one marker."""
    for ticket in tickets:
        markers = Counter(str(one.properties) for one in ticket.comments if one.properties)
        for marker, count in markers.items():
            if count > 1:
                yield f"{ticket.key}: the comment marked {marker} was made {count} times"

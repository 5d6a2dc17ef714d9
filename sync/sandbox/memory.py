"""A tracker in memory: the twin of the Jira adapter, without Jira.

It keeps tickets in a dict, lags in its search as Jira does, and fails where it is told to. One
contract suite runs on it and on the real adapter, so what is proven on the quick one holds.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sync.domain.actions import Change
from sync.domain.errors import Cause, Missing, Refused, Rejected, TicketGone, Unknown
from sync.domain.rule import Category, Desired, RemoteLink, TicketLink
from sync.domain.ticket import (
    FAMILY_LABEL,
    Block,
    Document,
    Draft,
    DraftField,
    FieldKind,
    Hop,
    JiraStatus,
    Observed,
    TicketRef,
    marker_label,
)
from sync.ports import Changed, Clock

TO_DO = JiraStatus("10000", "To Do", Category.NEW)
IN_PROGRESS = JiraStatus("10001", "In Progress", Category.INDETERMINATE)
DONE = JiraStatus("10002", "Done", Category.DONE)
WONT_DO = JiraStatus("10003", "Won't Do", Category.DONE)

Moment = Literal["before", "after"]


@dataclass(slots=True)
class MemoryTicket:
    """A ticket as the twin keeps it."""

    ref: TicketRef
    project: str
    issue_type: str
    fields: dict[str, Any]
    created_at: float
    status: JiraStatus = TO_DO
    resolution: str = ""
    comments: dict[str, tuple[str, str]] = field(default_factory=dict)
    remote_links: dict[str, RemoteLink] = field(default_factory=dict)
    ticket_links: list[TicketLink] = field(default_factory=list)
    deleted: bool = False


class MemoryTracker:
    """See ``sync.ports.Tracker``. ``calls`` counts what was asked of it, by name."""

    def __init__(
        self,
        clock: Clock,
        *,
        site: str = "main",
        index_lag: float = 30.0,
        statuses: Sequence[JiraStatus] = (TO_DO, IN_PROGRESS, DONE, WONT_DO),
    ) -> None:
        self.site = site
        self.index_lag = index_lag
        self.goes_out_within = 4.0
        self.longest_call = 5.0
        self.afterwork = 1.0
        self.tickets: dict[str, MemoryTicket] = {}
        self.calls: Counter[str] = Counter()
        self._clock = clock
        self._statuses = tuple(statuses)
        self._lock = threading.RLock()
        self._faults: deque[tuple[str, Moment, Callable[[], BaseException]]] = deque()

    def fail(
        self, call: str, fault: Callable[[], BaseException], moment: Moment = "before"
    ) -> None:
        """Let the next call named ``call`` (or any, for "") fail before or after its work is done."""
        self._faults.append((call, moment, fault))

    def heal(self) -> None:
        """Forget the faults that have not struck yet."""
        self._faults.clear()

    @property
    def alive(self) -> list[MemoryTicket]:
        """Tickets that were not deleted, oldest first."""
        return [ticket for ticket in self.tickets.values() if not ticket.deleted]

    def draft(self, desired: Desired, *, anew: bool = False) -> Draft:
        fields: dict[str, DraftField] = {}
        for name, wish in desired.fields.items():
            kind, value = FieldKind.PLAIN, wish.value
            if name == "description":
                kind, value = FieldKind.TEXT, _document(str(value or ""))
            elif name == "labels":
                kind = FieldKind.LABELS
                value = sorted({str(label).replace(" ", "_") for label in value or ()})
            elif name == "summary":
                value = " ".join(str(value).split())[:254]
            fields[name] = DraftField(name, name, kind, value, wish.ownership)
        known = fields.get("labels")
        labels = sorted({*(known.value if known else ()), FAMILY_LABEL, marker_label(desired.key)})
        fields["labels"] = DraftField("labels", "labels", FieldKind.LABELS, labels)
        return Draft(desired, desired.project, desired.issue_type[0], fields)

    def ready(self) -> None:
        return None

    def create(self, draft: Draft, *, not_after: float = math.inf) -> TicketRef:
        with self._call("create"):
            if self._clock.time() > not_after:
                raise Refused("too late")
            number = len(self.tickets) + 1
            ref = TicketRef(str(10_000 + number), f"{draft.project}-{number}")
            values = {id_: f.value for id_, f in draft.fields.items()}
            self.tickets[ref.id] = MemoryTicket(
                ref, draft.project, draft.issue_type, values, self._clock.time()
            )
            return ref

    def find(self, key: str) -> list[TicketRef]:
        with self._call("find"):
            label, now = marker_label(key), self._clock.time()
            return [
                ticket.ref
                for ticket in self.alive
                if label in ticket.fields.get("labels", ())
                and now - ticket.created_at >= self.index_lag
            ]

    def verify(self, project: str) -> None:
        with self._call("verify"):
            return

    def read(self, ticket_id: str, project: str = "") -> Observed:
        with self._call("read"):
            ticket = self.tickets.get(ticket_id)
            if ticket is None or ticket.deleted:
                raise TicketGone(f"ticket {ticket_id} is not there, or not visible to us")
            hops = (Hop(s.id, s.name, s) for s in self._statuses if s != ticket.status)
            return replace(_shown(ticket), hops=tuple(hops))

    def read_many(self, ids: Iterable[str]) -> dict[str, Observed | None]:
        with self._call("read_many"):
            wanted = list(ids)
            found: dict[str, Observed | None] = dict.fromkeys(wanted)
            by_key = {ticket.ref.key: ticket for ticket in self.alive}
            for name in wanted:
                ticket = self.tickets.get(name) or by_key.get(name)
                if ticket is not None and not ticket.deleted:
                    found[ticket.ref.id] = _shown(ticket)
            return found

    def changed_since(self, since: float) -> Iterator[Changed]:
        """All of ours that the index knows: nothing here tells when a person changed what."""
        return self._each(lambda t: FAMILY_LABEL in t.fields.get("labels", ()))

    def matching(self, jql: str) -> Iterator[Changed]:
        """Of JQL, only ``labels = "x"`` is understood."""
        wanted = jql.partition("=")[2].partition(" ORDER ")[0].strip(' "')
        return self._each(lambda t: wanted in t.fields.get("labels", ()))

    def _each(self, which: Callable[[MemoryTicket], bool]) -> Iterator[Changed]:
        with self._call("search"):
            oldest = self._clock.time() - self.index_lag
            found = [t for t in self.alive if t.created_at <= oldest and which(t)]
            for ticket in found:
                digest = hashlib.sha256(repr(_shown(ticket)).encode()).hexdigest()
                yield Changed(ticket.ref, digest, tuple(ticket.fields.get("labels", ())))

    def update(self, ref: TicketRef, changes: Sequence[Change]) -> None:
        with self._call("update"):
            ticket = self._get(ref.id)
            for change in changes:
                if change.kind is FieldKind.LABELS:
                    there = set(ticket.fields.get(change.id) or ())
                    ticket.fields[change.id] = sorted(
                        (there | set(change.add)) - set(change.remove)
                    )
                else:
                    ticket.fields[change.id] = change.after

    def transition(self, ref: TicketRef, hop: Hop, fields: Mapping[str, Any]) -> None:
        with self._call("transition"):
            ticket = self._get(ref.id)
            if ticket.status == hop.to:
                raise Unknown("somebody else moved the ticket meanwhile")
            ticket.status = hop.to
            done = hop.to.category is Category.DONE
            ticket.resolution = str(fields.get("resolution", "Done")) if done else ""

    def comment(self, ref: TicketRef, text: str, marker: str) -> str:
        with self._call("comment"):
            ticket = self._get(ref.id)
            id_ = str(len(ticket.comments) + 1)
            ticket.comments[id_] = (marker, text)
            return id_

    def find_comment(self, ref: TicketRef, marker: str) -> str:
        with self._call("find_comment"):
            found = (i for i, (m, _) in self._get(ref.id).comments.items() if m == marker)
            return next(found, "")

    def edit_comment(self, ref: TicketRef, comment_id: str, text: str) -> None:
        with self._call("edit_comment"):
            comments = self._get(ref.id).comments
            if comment_id not in comments:
                raise Missing(f"comment {comment_id} is not there")
            comments[comment_id] = (comments[comment_id][0], text)

    def link_remote(self, ref: TicketRef, link: RemoteLink) -> None:
        with self._call("link_remote"):
            self._get(ref.id).remote_links[link.global_id] = link

    def link_tickets(self, ref: TicketRef, link: TicketLink, *, again: bool = False) -> None:
        with self._call("link_tickets"):
            if link.other not in {ticket.ref.key for ticket in self.alive}:
                raise Rejected(f"{link.other} is not there", cause=Cause.PERMISSION)
            links = self._get(ref.id).ticket_links
            if not (again and link in links):
                links.append(link)

    def unlink_tickets(self, ref: TicketRef, link: TicketLink) -> None:
        with self._call("unlink_tickets"):
            ticket = self._get(ref.id)
            ticket.ticket_links = [known for known in ticket.ticket_links if known != link]

    def browse_url(self, key: str) -> str:
        return f"memory://{self.site}/{key}"

    def down(self) -> str:
        return ""

    def pause(self) -> float:
        return 0.0

    def hold(self, seconds: float) -> None:
        return None

    def stalled(self) -> frozenset[str]:
        return frozenset()

    def lent(self) -> int:
        return 0

    def probe(self) -> str:
        with self._call("probe"):
            return "nobody"

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        with self._lock:
            self.calls[name] += 1
            planned = None
            if self._faults and self._faults[0][0] in ("", name):
                planned = self._faults.popleft()
            if planned is not None and planned[1] == "before":
                raise planned[2]()
            yield
            if planned is not None:
                raise planned[2]()

    def _get(self, ticket_id: str) -> MemoryTicket:
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.deleted:
            raise Missing(f"ticket {ticket_id} is not there, or not visible to us")
        return ticket


def _shown(ticket: MemoryTicket) -> Observed:
    return Observed(
        ref=ticket.ref,
        project=ticket.project,
        issue_type=ticket.issue_type,
        status=ticket.status,
        resolution=ticket.resolution,
        fields=dict(ticket.fields),
    )


def _document(text: str) -> Document:
    parts = [part.strip() for part in text.split("\n\n")]
    return Document(tuple(Block(" ".join(part.split()), part) for part in parts if part))

"""A tracker in memory: the twin of the Jira adapter, without Jira.

Tickets are kept in a dict, a search lags as Jira's index does, and a call fails where a test asks for a
failure. The suite in tests/contracts runs the same tests on this twin and on the adapter in front
of the simulated Jira; ``CANNOT_AGREE`` there names what the twin does not answer as Jira does.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any, Literal

from sync.domain.actions import Change, Comment
from sync.domain.errors import (
    Cause,
    Missing,
    Parked,
    Refused,
    Rejected,
    Scope,
    SitePaused,
    TicketGone,
    Unknown,
)
from sync.domain.history import History, Person
from sync.domain.pace import Pace
from sync.domain.rule import Category, Desired, FieldWish, Ownership, RemoteLink, TicketLink
from sync.domain.text import (
    SUMMARY_LIMIT,
    TEXT_LIMIT,
    clean,
    cut,
    is_empty,
    labels,
    parts,
    safe_href,
    ticket_line,
)
from sync.domain.ticket import (
    FAMILY_LABEL,
    Base,
    Block,
    Document,
    Draft,
    DraftField,
    FieldKind,
    Hop,
    Mark,
    Observed,
    ParkedField,
    TicketRef,
    failed_parts,
    marked,
    marker_label,
    wish_of,
)
from sync.ports import Changed, Clock, Epics
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, TO_DO, US, WONT_DO, MemoryTicket

# Transitions from every status, even to itself: Jira calls them global.
GLOBAL = tuple(Hop(to.id, to.name, to) for to in (TO_DO, IN_PROGRESS, DONE, WONT_DO))
ISSUE_TYPES = ("Bug", "Task", "Story", "Epic", "Incident")
LINK_TYPES = ("Blocks", "Cloners", "Duplicate", "Relates", "Problem/Incident")

Moment = Literal["before", "after"]
# What is offered from each status, by the status's id.
Workflow = Mapping[str, Sequence[Hop]]


class MemoryHealth:
    """The health of a site that works unless somebody pauses it. See ``sync.ports.SiteHealth``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._paused_until = 0.0
        self._resting = ""

    def rest(self, words: str) -> None:
        self._resting = words

    def resting(self) -> str:
        return self._resting

    def ready(self) -> None:
        if self._resting:
            raise SitePaused(self._resting)

    def down(self) -> str:
        return ""

    def paused_for(self) -> float:
        return max(0.0, self._paused_until - self._clock.monotonic())

    def pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, self._clock.monotonic() + seconds)

    def paces(self) -> Sequence[Pace]:
        return ()

    def share(self, others: Iterable[Pace]) -> None:
        return None

    def stalled(self) -> frozenset[str]:
        return frozenset()

    def waiting(self) -> Mapping[str, int]:
        return {}

    def lent(self) -> int:
        return 0


class MemoryTracker:
    """See ``sync.ports.Tracker``. ``calls`` counts what was asked of it, by name.

    ``workflows`` gives a project, by its key, a workflow of its own; all others have the transitions of
    ``GLOBAL``. Projects in ``hidden`` are not there, or not visible to our account: Jira answers both
    cases alike.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        site: str = "main",
        index_lag: float = 30.0,
        workflows: Mapping[str, Workflow] | None = None,
    ) -> None:
        self.site = site
        self.health = MemoryHealth(clock)
        # Rules that name epics are tried on the simulated Jira.
        self.epics: Epics | None = None
        self.index_lag = index_lag
        self.goes_out_within = 4.0
        self.longest_call = 5.0
        self.afterwork = 1.0
        self.tickets: dict[str, MemoryTicket] = {}
        self.hidden: set[str] = set()
        # Links between tickets, each once, by type and the ids of the outward and the inward side.
        self.links: dict[tuple[str, str, str], None] = {}
        self.calls: Counter[str] = Counter()
        self._clock = clock
        self._workflows = workflows or {}
        self._lock = threading.RLock()
        self._comment_ids = map(str, itertools.count(1))
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

    def draft(self, desired: Desired, *, base: Base | None = None, anew: bool = False) -> Draft:
        unmakable = None
        try:
            issue_type = self._issue_type(desired)
        except Rejected as fault:
            issue_type, unmakable = desired.issue_type[0], fault
        fields, parked = _wished(desired, base)
        known = fields.get("labels") or replace(_field("labels", FieldWish(None)), key="")
        if base and "labels" in parked and "labels" in base.fields:
            known = replace(known, value=list(base.fields["labels"].sent or ()))
        fields["labels"] = replace(known, value=marked(known.value or (), desired.key))
        if "summary" not in fields or not fields["summary"].value:
            empty = Rejected("the summary is empty", cause=Cause.FIELD, field="Summary")
            why = parked.get("summary") or ParkedField(Parked.of(empty, desired.rule.name), "")
            if base is None:
                raise why.parked.again()
            fields.pop("summary", None)
            parked["summary"] = why
        return Draft(desired, desired.project, issue_type, fields, unmakable, parked)

    def _issue_type(self, desired: Desired) -> str:
        """The first wished type that there is."""
        wished = desired.issue_type
        self._check_project(desired.project)
        there = {name.casefold(): name for name in ISSUE_TYPES}
        found = (there[name.casefold()] for name in wished if name.casefold() in there)
        if issue_type := next(found, ""):
            return issue_type
        raise Rejected(
            f"no issue type {' or '.join(map(repr, wished))}",
            cause=Cause.ISSUE_TYPE,
            scope=Scope.PROJECT,
        )

    def show(self, fields: Iterable[str]) -> None:
        return None

    def create(self, draft: Draft, *, not_after: float = math.inf) -> TicketRef:
        with self._call("create"):
            if self._clock.time() > not_after:
                raise Refused("too late")
            self._check_project(draft.project)
            if draft.unmakable is not None:
                raise draft.unmakable
            number = len(self.tickets) + 1
            ref = TicketRef(str(10_000 + number), f"{draft.project}-{number}")
            values = {id_: f.value for id_, f in draft.fields.items()}
            self.tickets[ref.id] = MemoryTicket(
                ref,
                draft.project,
                draft.issue_type,
                values,
                self._clock.time(),
                mark=Mark(draft.desired.key, draft.desired.rule.name),
            )
            return ref

    def find(self, key: str) -> list[TicketRef]:
        with self._call("find"):
            return [ticket.ref for ticket in self._indexed(marker_label(key))]

    def mark_of(self, ref: TicketRef) -> Mark:
        with self._call("mark_of"):
            there = {ticket.ref.id: ticket for ticket in self._visible()}
            return there[ref.id].mark if ref.id in there else Mark()

    def verify(self, project: str) -> None:
        with self._call("verify"):
            self._check_project(project)

    def read(
        self, ticket_id: str, project: str = "", *, history_since: float | None = None
    ) -> Observed:
        with self._call("read"):
            ticket = self.tickets.get(ticket_id)
            self._check_project(project or (ticket.project if ticket else ""))
            if ticket is None or ticket.deleted or ticket.project in self.hidden:
                raise TicketGone(f"ticket {ticket_id} is not there, or not visible to us")
            history = None if history_since is None else self._history(ticket, history_since)
            return replace(_shown(ticket), hops=tuple(self._offered(ticket)), history=history)

    def _history(self, ticket: MemoryTicket, since: float) -> History:
        address = self.browse_url(ticket.ref.key)
        return History(
            acts=tuple(act for act in ticket.acts if act.at >= since),
            comments=tuple(
                replace(one, url=f"{address}?focusedCommentId={one.id}")
                for one in ticket.talk.values()
            ),
            read_at=self._clock.time(),
            address=address,
        )

    def read_many(self, ids: Iterable[str]) -> dict[str, Observed | None]:
        with self._call("read_many"):
            found: dict[str, Observed | None] = dict.fromkeys(ids)
            wanted = set(found)
            for ticket in self._visible():
                if wanted & {ticket.ref.id, ticket.ref.key}:
                    found[ticket.ref.id] = _shown(ticket)
            return found

    def changed_since(self, since: float) -> Iterator[Changed]:
        """All tickets of ours that the index knows, because the twin does not keep when each
        changed."""
        return self._search(FAMILY_LABEL)

    def matching(self, query: str) -> Iterator[Changed]:
        """Of JQL, only ``labels = "x"`` is understood."""
        found = re.fullmatch(r'\s*labels = "([^"\\]*)"\s*(ORDER BY [\w ]+)?', query)
        if found is None:
            raise Rejected(f"the twin does not understand {query!r}")
        return self._search(found.group(1))

    def field_id(self, name: str) -> str:
        """Only the text fields that every ticket has are known."""
        if name.casefold() not in ("summary", "description", "labels"):
            raise Rejected(f"the twin has no field {name!r}", cause=Cause.FIELD, field=name)
        return name.casefold()

    def _search(self, label: str) -> Iterator[Changed]:
        with self._call("search"):
            found = self._indexed(label)
        for ticket in found:
            yield Changed(ticket.ref, _stamp(ticket), tuple(ticket.fields.get("labels") or ()))

    def update(
        self, ref: TicketRef, changes: Sequence[Change], comment: Comment | None = None
    ) -> None:
        with self._call("update"):
            ticket = self._get(ref.id)
            for change in changes:
                if change.id not in _FIELDS:
                    words = f"the site has no field {change.id!r}"
                    unknown = Rejected(words, cause=Cause.FIELD, field=change.id)
                    unknown.refused = {change.id: words}
                    raise unknown
                if change.kind is FieldKind.LABELS:
                    there = set(ticket.fields.get(change.id) or ())
                    ticket.fields[change.id] = sorted(
                        (there | set(change.add)) - set(change.remove)
                    )
                elif change.id == "assignee":
                    ticket.assign(change.after or "", self._clock.time(), US)
                else:
                    ticket.fields[change.id] = change.after
            if comment is not None:
                self._say(ticket, comment)

    def transition(
        self, ref: TicketRef, hop: Hop, fields: Mapping[str, Any], comment: Comment | None = None
    ) -> None:
        with self._call("transition"):
            ticket = self._get(ref.id)
            taken = next((one for one in self._offered(ticket) if one.id == hop.id), None)
            if taken is None:
                words = f"{hop.name!r} is not valid for this issue; somebody else may have moved it"
                raise Unknown(words, over=True)
            _check_screen(taken, fields, ticket)
            given = str(fields.get("resolution") or taken.to.name)
            resolution = given if taken.to.category is Category.DONE else ""
            ticket.move(taken.to, self._clock.time(), US, resolution)
            if comment is not None and taken.fields:
                self._say(ticket, comment)

    def comment(self, ref: TicketRef, text: str, marker: str, *, public: bool = False) -> str:
        with self._call("comment"):
            return self._say(self._get(ref.id), Comment(text, marker, public=public))

    def _say(self, ticket: MemoryTicket, comment: Comment) -> str:
        id_ = next(self._comment_ids)
        ticket.say(id_, comment, self._clock.time(), US)
        return id_

    def find_comment(self, ref: TicketRef, marker: str) -> str:
        with self._call("find_comment"):
            found = (i for i, (m, _) in self._get(ref.id).comments.items() if m == marker)
            return next(found, "")

    def edit_comment(
        self, ref: TicketRef, comment_id: str, text: str, *, public: bool = False
    ) -> None:
        with self._call("edit_comment"):
            ticket = self._get(ref.id)
            if comment_id not in ticket.talk:
                raise Missing(f"comment {comment_id} is not there")
            ticket.reword(comment_id, text, self._clock.time(), public=public)

    def link_remote(self, ref: TicketRef, link: RemoteLink) -> None:
        with self._call("link_remote"):
            if not safe_href(link.url):
                raise Rejected(f"{link.url!r} is no address that may be linked")
            self._get(ref.id).remote_links[link.global_id] = link

    def link_tickets(self, ref: TicketRef, link: TicketLink, *, again: bool = False) -> None:
        with self._call("link_tickets"):
            if link.type not in LINK_TYPES:
                raise Rejected(f"the site has no link type {link.type!r}", cause=Cause.RULE)
            if again:
                self._get(ref.id)
            named = self._named(ref, link)
            if not {ticket.ref.id for ticket in self._visible()}.issuperset(named[1:]):
                raise Rejected(f"{link.other} is not there", cause=Cause.PERMISSION)
            # Jira answers a link that is there already as if it had just been made.
            self.links[named] = None

    def unlink_tickets(self, ref: TicketRef, link: TicketLink) -> None:
        with self._call("unlink_tickets"):
            self._get(ref.id)
            self.links.pop(self._named(ref, link), None)

    def _named(self, ref: TicketRef, link: TicketLink) -> tuple[str, str, str]:
        """A link's type and the ids of its outward and its inward side, "" for one not there."""
        other = next((t.ref.id for t in self._visible() if t.ref.key == link.other), "")
        return (link.type, ref.id, other) if link.outward else (link.type, other, ref.id)

    def browse_url(self, key: str) -> str:
        return f"memory://{self.site}/browse/{key}"

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        with self._lock:
            if words := self.health.resting():
                raise SitePaused(words)
            self.calls[name] += 1
            planned = None
            if self._faults and self._faults[0][0] in ("", name):
                planned = self._faults.popleft()
            if planned is not None and planned[1] == "before":
                raise planned[2]()
            yield
            if planned is not None:
                raise planned[2]()

    def _visible(self) -> list[MemoryTicket]:
        return [ticket for ticket in self.alive if ticket.project not in self.hidden]

    def _indexed(self, label: str) -> list[MemoryTicket]:
        """Tickets with a label, as far as the index knows them."""
        known = self._clock.time() - self.index_lag
        return [t for t in self._visible() if t.created_at <= known and t.carries(label)]

    def _offered(self, ticket: MemoryTicket) -> Sequence[Hop]:
        workflow = self._workflows.get(ticket.project)
        return GLOBAL if workflow is None else workflow.get(ticket.status.id, ())

    def _check_project(self, project: str) -> None:
        if project in self.hidden:
            words = f"project {project} is gone, or our account may not see it"
            raise Rejected(words, cause=Cause.PROJECT, scope=Scope.PROJECT)

    def _get(self, ticket_id: str) -> MemoryTicket:
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.deleted or ticket.project in self.hidden:
            raise Missing(f"ticket {ticket_id} is not there, or not visible to us")
        return ticket


def _shown(ticket: MemoryTicket) -> Observed:
    nothing: dict[str, Any] = {**dict.fromkeys(_FIELDS), "labels": []}
    assigned = ticket.fields.get("assignee")
    return Observed(
        ref=ticket.ref,
        project=ticket.project,
        issue_type=ticket.issue_type,
        status=ticket.status,
        resolution=ticket.resolution,
        fields={**nothing, **ticket.fields},
        comment_along=True,
        assignee=Person(str(assigned)) if assigned else None,
    )


def _stamp(ticket: MemoryTicket) -> str:
    """Stands for the time of the ticket's last change, which comments raise as well."""
    return hashlib.sha256(repr(ticket).encode()).hexdigest()


def _check_screen(hop: Hop, fields: Mapping[str, Any], ticket: MemoryTicket) -> None:
    """Raise Rejected for a value that the transition's screen does not take, and for a required value
    that is missing."""
    there = {**ticket.fields, "resolution": ticket.resolution, **fields}
    for id_, value in fields.items():
        screen = hop.fields.get(id_)
        if screen is None or (screen.allowed and value not in screen.allowed):
            name = screen.name if screen else id_.capitalize()
            raise Rejected(f"{name} cannot be {value!r}", cause=Cause.TRANSITION, field=name)
    for screen in hop.fields.values():
        if screen.required and not screen.has_default and not there.get(screen.id):
            words = f"{screen.name} is required"
            raise Rejected(words, cause=Cause.TRANSITION, field=screen.name)


def _day(value: Any) -> str:
    found = re.match(r"\d{4}-\d{2}-\d{2}", str(value).strip())
    try:
        return date.fromisoformat(found.group() if found else "").isoformat()
    except ValueError:
        words = f"{value!r} is not a date"
        raise Rejected(words, cause=Cause.FIELD, field="Due date") from None


def _stripped(value: Any) -> str:
    return str(value).strip()


def _words(value: Any) -> list[str] | None:
    return sorted(set(parts(value))) or None


def _line(value: Any) -> str | None:
    return ticket_line(str(value), SUMMARY_LIMIT) or None


def _document(value: Any, whole_at: str = "") -> Document:
    text = clean(str(value))
    short = cut(text, TEXT_LIMIT, "", utf16=True)
    note = "… cut" + (f": the whole text is at {whole_at}" if whole_at else "")
    blocks = [part.strip() for part in [*short.split("\n\n"), note if short != text else ""]]
    return Document(tuple(Block(" ".join(block.split()), block) for block in blocks if block))


# The fields that every Jira has, by id: name, kind, and the function that gives a wish its
# canonical form.
_FIELDS: Mapping[str, tuple[str, FieldKind, Callable[[Any], Any]]] = {
    "summary": ("Summary", FieldKind.PLAIN, _line),
    "description": ("Description", FieldKind.TEXT, _document),
    "environment": ("Environment", FieldKind.TEXT, _document),
    "priority": ("Priority", FieldKind.PLAIN, _stripped),
    "labels": ("Labels", FieldKind.LABELS, labels),
    "components": ("Components", FieldKind.PLAIN, _words),
    "fixVersions": ("Fix versions", FieldKind.PLAIN, _words),
    "versions": ("Affects versions", FieldKind.PLAIN, _words),
    "assignee": ("Assignee", FieldKind.PLAIN, _stripped),
    "reporter": ("Reporter", FieldKind.PLAIN, _stripped),
    "duedate": ("Due date", FieldKind.PLAIN, _day),
    "parent": ("Parent", FieldKind.PLAIN, _stripped),
}


def _wished(
    desired: Desired, base: Base | None
) -> tuple[dict[str, DraftField], dict[str, ParkedField]]:
    """The fields of a draft, and those that cannot be resolved."""
    whole_at = desired.remote_links[0].url if desired.remote_links else ""
    fields: dict[str, DraftField] = {}
    parked = failed_parts(desired)
    for name, wish in desired.fields.items():
        digest, failed = wish_of(desired, name), desired.failed.get(f"fields.{name}")
        try:
            if failed is not None:
                raise failed.again()
            one = replace(_field(name, wish, whole_at), wish=digest)
            fields[one.id] = _as_agreed(one, base) if wish.as_agreed and base else one
        except Rejected as fault:
            if base is None or not (base.agreed(digest) or wish.ownership is Ownership.TICKET):
                why = Parked.of(fault, desired.rule.name, desired.place(f"fields.{name}"))
                parked[_id_of(name) or name] = ParkedField(why, digest)
    return fields, parked


def _as_agreed(one: DraftField, base: Base) -> DraftField:
    known = base.fields.get(one.id)
    return replace(one, value=known.sent if known else None, wish=base.wishes.get(one.id, ""))


def _id_of(name: str) -> str:
    """The id of the field that a rule means by a name, "" for none."""
    wanted = name.strip().casefold().replace("_", " ")
    names = {id_: (id_.casefold(), shown.casefold()) for id_, (shown, _, _) in _FIELDS.items()}
    return next((id_ for id_, known in names.items() if wanted in known), "")


def _field(name: str, wish: FieldWish, whole_at: str = "") -> DraftField:
    """A wish for a field in canonical form. Raises Rejected for an unknown field or a bad value."""
    id_ = _id_of(name)
    if not id_:
        raise Rejected(f"the site has no field {name!r}", cause=Cause.FIELD, field=name)
    shown, kind, canonical = _FIELDS[id_]
    value: Any = None
    if kind is FieldKind.LABELS:
        value = labels(wish.value)
    elif not is_empty(wish.value):
        text = kind is FieldKind.TEXT
        value = _document(wish.value, whole_at) if text else canonical(wish.value)
    return DraftField(id_, shown, kind, value, wish.ownership, f"fields.{name}")

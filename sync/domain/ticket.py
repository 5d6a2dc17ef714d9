"""A ticket: as we want it in the site's own terms, as Jira shows it, and what we last agreed on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sync.domain.agreement import Agreement
from sync.domain.errors import Cause, Parked, Rejected
from sync.domain.history import History, Person
from sync.domain.names import Name
from sync.domain.rule import Category, Desired, Ownership
from sync.domain.subject import Status

if TYPE_CHECKING:
    from sync.domain.former import Former

MARKER_PROPERTY = "ticket-sync"
# On every ticket of ours, beside its own marker, so that one search finds all of ours that changed.
FAMILY_LABEL = "ticket-sync"


def marker_label(key: str) -> str:
    """The label that finds the ticket of ``key`` after a lost reply: no white space, no JQL syntax."""
    return "ticket-sync-" + hashlib.sha256(key.encode()).hexdigest()[:20]


def marked(labels: Iterable[str], key: str) -> list[str]:
    """Labels with those by which the ticket of ``key`` is found, sorted."""
    return sorted({*labels, FAMILY_LABEL, marker_label(key)})


def is_marker(label: str) -> bool:
    """Whether a label is one by which we find tickets: a marker, or the family label."""
    head, _, tail = label.partition("ticket-sync")
    return not head and (not tail or (len(tail) == 21 and tail[0] == "-"))


def is_own_marker(label: str) -> bool:
    """Whether a label is the marker of one ticket."""
    return is_marker(label) and label != FAMILY_LABEL


@dataclass(frozen=True, slots=True)
class TicketRef:
    """A ticket in Jira. ``id`` is the numeric id, which survives moves; ``key`` does not."""

    id: str
    key: str

    @property
    def project(self) -> str:
        """The key of the project that the ticket is in, unless it was moved since ``key`` was read."""
        return self.key.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class Mark:
    """What the entity property of a ticket of ours says: its key and the rule that made it; "" where
    there is none."""

    key: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of rich text. ``identity`` is what stays the same when Jira rewrites markup;
    ``raw`` is the block in the site's dialect (an ADF node, or wiki text). ``pictures`` are the
    pictures and files in it, as blocks without other text."""

    identity: str
    raw: Any
    pictures: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """Rich text as a row of blocks, so that text a person wrote around ours can stay."""

    blocks: tuple[Block, ...] = ()

    @property
    def identities(self) -> tuple[str, ...]:
        return tuple(block.identity for block in self.blocks)


class FieldKind(StrEnum):
    """How a field is compared and merged. Of an ``OPAQUE`` field, what Jira shows cannot be compared
    with what was sent, only with what Jira showed before."""

    PLAIN = "plain"
    OPAQUE = "opaque"
    TEXT = "text"
    LABELS = "labels"


@dataclass(frozen=True, slots=True)
class DraftField:
    """One field in the site's own terms.

    ``value`` is canonical: JSON-compatible and equal exactly when Jira would show the same; a
    Document for ``TEXT``, a sorted list of strings for ``LABELS``; None for "empty". ``key`` is the
    rule's key for the field, as ``fields.priority``, ``wish`` a digest of what the rule gave
    (``wish_digest``). ``on_create_screen`` is None where the create screen was not read.
    """

    id: str
    name: str
    kind: FieldKind
    value: Any
    ownership: Ownership = Ownership.SHARED
    key: str = ""
    wish: str = ""
    on_create_screen: bool | None = None

    def left(self, base: Base) -> bool:
        """Whether the field is people's by now, whatever upstream says."""
        ours_until = self.ownership is Ownership.YIELD and self.id in base.theirs
        return ours_until or self.ownership is Ownership.TICKET


# The ``screen`` of a parked field whose name or value our own look-up did not find: nothing was sent to
# Jira, and every draft looks it up anew.
UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class ParkedField:
    """A field that is not written, while everything else of its ticket is.

    It is tried again once ``wish`` (the digest of what the rule gives) or ``screen`` (the digest of how
    Jira described the field) is another, or once a person asks for it (``again``). ``tries`` counts the
    looks that found nothing new.
    """

    parked: Parked
    wish: str
    screen: str = UNRESOLVED
    again: bool = False
    tries: int = 0

    def holds(self, wish: str, screen: str) -> bool:
        """Whether the field is still not to be tried."""
        tried = self.screen != UNRESOLVED and not self.again
        return tried and (self.wish, self.screen) == (wish, screen)

    def to_json(self) -> dict[str, Any]:
        mine = {name: getattr(self, name) for name in self.__slots__ if name != "parked"}
        return {**mine, "parked": self.parked.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ParkedField:
        return cls(**{**data, "parked": Parked.from_json(data["parked"])})


@dataclass(frozen=True, slots=True)
class Draft:
    """Desired, resolved against one site: field names to ids, values to canonical form.

    ``unmakable`` says why Jira would not make the ticket, None where nothing is known against it. It
    does not matter to a ticket that exists. ``parked_fields`` says which fields cannot be resolved, and
    why: by field id or, where the id is not known either, by the rule's name for the field. A field that
    is also among ``fields`` is written without the items of its list that are not there. It also has the
    ``failed_parts`` of the rule. ``former`` is what an edit of the rules changed and is to be put
    back, None for nothing.
    """

    desired: Desired
    project: str
    issue_type: str
    fields: Mapping[str, DraftField]
    unmakable: Rejected | None = None
    parked_fields: Mapping[str, ParkedField] = field(default_factory=dict)
    former: Former | None = None

    def without(self, parked: Mapping[str, ParkedField]) -> Draft:
        """The draft with these fields left out."""
        left = {id_: one for id_, one in self.fields.items() if id_ not in parked}
        return replace(self, fields=left, parked_fields={**self.parked_fields, **parked})

    def blame(self, fault: Rejected) -> None:
        """Name the key of the rule that a refusal of Jira's is about, where that is not named."""
        about = {
            Cause.ISSUE_TYPE: "issue_type",
            Cause.PROJECT: "project",
            Cause.TRANSITION: f"status.{self.desired.status.value}",
        }
        for one in self.fields.values():
            if fault.cause is Cause.FIELD and fault.field in (one.id, one.name):
                fault.key = fault.key or one.key
        fault.key = fault.key or about.get(fault.cause, "")

    def parked(self, fault: Rejected) -> Parked:
        """Why the ticket is set aside, with the key at fault and its place."""
        self.blame(fault)
        return Parked.of(fault, self.desired.rule.name, self.desired.place(fault.key))


def wish_of(desired: Desired, name: str) -> str:
    """A digest of what the rule gives the field that it calls ``name``, or of why it gives nothing."""
    failed, given = desired.failed.get(f"fields.{name}"), desired.fields.get(name)
    return wish_digest(name, failed.reason if failed else given.value if given else None)


def wishes_of(desired: Desired) -> dict[str, str]:
    """``wish_of`` by name, also for a summary that the rule does not give. What is ``as_agreed`` is left
    out."""
    worked_out = [name for name, one in desired.fields.items() if not one.as_agreed]
    names = worked_out if "summary" in desired.fields else ["summary", *worked_out]
    return {name: wish_of(desired, name) for name in names}


def failed_parts(desired: Desired) -> dict[str, ParkedField]:
    """The parts of the rule, other than fields, whose template fails, by the rule's key: a comment, a
    value for a transition's screen. Each is reported like a parked field; the rest of the ticket is
    done."""
    return {
        key: ParkedField(parked, wish_digest(key, parked.reason))
        for key, parked in desired.failed.items()
        if not key.startswith("fields.")
    }


def wish_digest(name: str, value: Any) -> str:
    """A digest of a value under a name."""
    text = json.dumps([name, value], sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class JiraStatus:
    """A workflow status: id, display name, category."""

    id: str
    name: str
    category: Category

    @property
    def called(self) -> Name:
        return Name.of(self.name, self.id)


@dataclass(frozen=True, slots=True)
class ScreenField:
    """A field on a screen. ``allowed`` holds names of the allowed values, if listed."""

    id: str
    name: str
    required: bool
    has_default: bool = False
    allowed: tuple[str, ...] = ()

    @property
    def called(self) -> Name:
        return Name.of(self.name, self.id)


@dataclass(frozen=True, slots=True)
class Hop:
    """A transition that Jira offers from where the ticket stands. ``comment_along``: Jira says that a
    comment may go along."""

    id: str
    name: str
    to: JiraStatus
    fields: Mapping[str, ScreenField] = field(default_factory=dict)
    comment_along: bool = False

    @property
    def called(self) -> Name:
        return Name.of(self.name, self.id)


@dataclass(frozen=True, slots=True)
class Observed:
    """The ticket as Jira shows it now. ``fields`` holds canonical values by field id.

    ``edit_screen`` has the fields that may be edited now, by id: none in a status that forbids edits,
    or without the permission. It is None where Jira does not say. ``comment_along``: Jira
    says that an edit may bring a comment along. ``history`` is None where it was not asked for.
    ``assignee`` is None where the ticket is assigned to nobody.
    """

    ref: TicketRef
    project: str
    issue_type: str
    status: JiraStatus
    resolution: str
    fields: Mapping[str, Any]
    hops: tuple[Hop, ...] = ()
    updated: str = ""
    edit_screen: Mapping[str, ScreenField] | None = None
    comment_along: bool = False
    history: History | None = None
    assignee: Person | None = None

    def described(self, field_id: str) -> str:
        """A digest of how Jira describes a field for editing, "" where it does not say. The project is
        part of it, because another project may have other values under the same names."""
        if self.edit_screen is None:
            return ""
        screen = self.edit_screen.get(field_id)
        return (
            "absent"
            if screen is None
            else wish_digest(screen.name, [self.project, *screen.allowed])
        )

    @property
    def statuses(self) -> tuple[JiraStatus, ...]:
        """The statuses that are known here: the ticket's own, and those that transitions lead to."""
        return (self.status, *(hop.to for hop in self.hops))


def remembered(value: Any) -> Any:
    """A canonical value in the form the base keeps: documents as the identities of their blocks."""
    return list(value.identities) if isinstance(value, Document) else value


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal in the form the base keeps, across JSON's loss of tuples and key
    order."""
    left, right = remembered(left), remembered(right)
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@dataclass(frozen=True, slots=True)
class FieldBase:
    """One field's last agreement. ``shown`` is None until Jira has been read after our write."""

    sent: Any
    shown: Any = None
    looked: bool = False


@dataclass(frozen=True, slots=True)
class Base:
    """Per field, what we last sent and what Jira showed after; and how far we got with the rest.

    ``status`` is the upstream status last carried out, ``jira_status`` the id of the status that our
    last move left the ticket in. ``closed_by_us`` tells our close from a person's; ``resolution`` is
    the one that our last move gave the ticket.

    ``way`` names the status target that our moves lead to (or have led to), "" for none. ``walked``
    holds the ids of the statuses that the ticket has stood in on the way, the present one last; it is
    empty once the status wanted has been dealt with. ``arrived``: the last move on the way was the one
    that ends it.

    ``commented`` is the marker of the last comment, ``running`` the id of the one running comment.
    ``remote_links`` gives a digest by global id, ``ticket_links`` the names of links between tickets.
    ``unannounced``: the ticket was made, and the tickets that are to be linked with it are not due yet.

    ``wishes`` has, by field id, the digest of what the rule gave when the field was last agreed on.
    ``parked`` are the fields that are not written, by field id or the rule's name, and the other parts
    of the rule whose templates fail, by the rule's key. ``agreement`` is None unless the rule tells
    upstream what people do in Jira. ``theirs`` are the ids of the fields that yield to people and that a
    person has changed: they are not written any more. ``found`` are those whose value the ticket had
    when it became ours, and that we have not written since; ``subjects`` are the references of those
    that were on the ticket when it was last agreed on that these values stay.

    ``wrote`` is when we last wrote to the ticket (seconds since the epoch, by our clock), 0 where the
    ticket has not been watched since it was made. ``attended``: since it was made or we last closed it,
    somebody else did something about it (``sync/domain/attendance.py``).
    """

    fields: Mapping[str, FieldBase] = field(default_factory=dict)
    status: Status | None = None
    jira_status: str = ""
    way: str = ""
    walked: tuple[str, ...] = ()
    arrived: bool = False
    closed_by_us: bool = False
    resolution: str = ""
    commented: str = ""
    running: str = ""
    remote_links: Mapping[str, str] = field(default_factory=dict)
    ticket_links: tuple[str, ...] = ()
    unannounced: bool = False
    wishes: Mapping[str, str] = field(default_factory=dict)
    parked: Mapping[str, ParkedField] = field(default_factory=dict)
    agreement: Agreement | None = None
    wrote: float = 0.0
    attended: bool = False
    theirs: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()

    def agreed(self, wish: str) -> str:
        """The id of the field that was last agreed on as the rule still wishes it, "" for none."""
        return next((id_ for id_, known in self.wishes.items() if known == wish), "")

    def with_sent(self, sent: Mapping[str, Any]) -> Base:
        """The base after we wrote ``sent`` (canonical values by field id)."""
        return self.written({id_: remembered(value) for id_, value in sent.items()})

    def written(self, values: Mapping[str, Any]) -> Base:
        """The same for values in the form in which the base remembers them."""
        return replace(
            self,
            fields={**self.fields, **{id_: FieldBase(sent=one) for id_, one in values.items()}},
            found=tuple(id_ for id_ in self.found if id_ not in values),
        )

    def stepped(self, status_id: str, *, arrived: bool = False) -> Base:
        """The base with one more status on the way: the one the ticket stands in now."""
        before = tuple(id_ for id_ in self.walked if id_ != status_id)
        return replace(self, walked=(*before, status_id), arrived=arrived)

    def brought_to(self, status_id: str) -> bool:
        """Whether a move of ours, on a way that is not dealt with yet, led to this status."""
        moved = self.arrived or len(self.walked) > 1
        return moved and self.walked[-1:] == (status_id,)

    def to_json(self) -> dict[str, Any]:
        data = {name: getattr(self, name) for name in self.__slots__}
        return data | {
            "fields": {
                id_: {"sent": f.sent, "shown": f.shown, "looked": f.looked}
                for id_, f in self.fields.items()
            },
            "status": self.status.value if self.status else None,
            "parked": {id_: one.to_json() for id_, one in self.parked.items()},
            "agreement": self.agreement.to_json() if self.agreement else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Base:
        """Read back what ``to_json`` wrote. Raises ValueError or TypeError on anything else."""
        if not data:
            return cls()
        return cls(
            fields={id_: FieldBase(**f) for id_, f in data.get("fields", {}).items()},
            status=Status(data["status"]) if data.get("status") else None,
            walked=tuple(data.get("walked", ())),
            ticket_links=tuple(data.get("ticket_links", ())),
            theirs=tuple(data.get("theirs", ())),
            found=tuple(data.get("found", ())),
            subjects=tuple(data.get("subjects", ())),
            parked={i: ParkedField.from_json(p) for i, p in data.get("parked", {}).items()},
            agreement=Agreement.from_json(data.get("agreement")),
            **{name: data[name] for name in _AS_THEY_ARE if name in data},
        )


_AS_THEY_ARE = {*Base.__slots__} - {
    *("fields", "status", "walked", "ticket_links", "theirs", "found", "subjects"),
    *("parked", "agreement"),
}

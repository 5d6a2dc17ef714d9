"""A ticket: as we want it in the site's own terms, as Jira shows it, and what we last agreed on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from sync.domain.errors import Cause, Parked, Rejected
from sync.domain.names import Name
from sync.domain.rule import Category, Desired, Ownership
from sync.domain.subject import Status

MARKER_PROPERTY = "ticket-sync"
# On every ticket of ours, beside its own marker: finds all tickets that changed in Jira in bulk.
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
    ``raw`` is the block in the site's dialect (an ADF node, or wiki text)."""

    identity: str
    raw: Any


@dataclass(frozen=True, slots=True)
class Document:
    """Rich text as a row of blocks, so that text a person wrote around ours can stay."""

    blocks: tuple[Block, ...] = ()

    @property
    def identities(self) -> tuple[str, ...]:
        return tuple(block.identity for block in self.blocks)


class FieldKind(StrEnum):
    """How a field is compared and merged."""

    PLAIN = "plain"
    TEXT = "text"
    LABELS = "labels"


@dataclass(frozen=True, slots=True)
class DraftField:
    """One field in the site's own terms.

    ``value`` is canonical: JSON-compatible and equal exactly when Jira would show the same; a
    Document for ``TEXT``, a sorted list of strings for ``LABELS``; None for "empty". ``key`` is the
    rule's key for the field, as ``fields.priority``.
    """

    id: str
    name: str
    kind: FieldKind
    value: Any
    ownership: Ownership = Ownership.SHARED
    key: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """Desired, resolved against one site: field names to ids, values to canonical form.

    ``unmakable`` says why Jira would not make the ticket, None where nothing is known against it. It
    does not matter to a ticket that exists."""

    desired: Desired
    project: str
    issue_type: str
    fields: Mapping[str, DraftField]
    unmakable: Rejected | None = None

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
    """A field on a transition's screen. ``allowed`` holds names of the allowed values, if listed."""

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
    """A transition that Jira offers from where the ticket stands."""

    id: str
    name: str
    to: JiraStatus
    fields: Mapping[str, ScreenField] = field(default_factory=dict)

    @property
    def called(self) -> Name:
        return Name.of(self.name, self.id)


@dataclass(frozen=True, slots=True)
class Observed:
    """The ticket as Jira shows it now. ``fields`` holds canonical values by field id."""

    ref: TicketRef
    project: str
    issue_type: str
    status: JiraStatus
    resolution: str
    fields: Mapping[str, Any]
    hops: tuple[Hop, ...] = ()
    updated: str = ""

    @property
    def statuses(self) -> tuple[JiraStatus, ...]:
        """The statuses that are known here: the ticket's own, and those that transitions lead to."""
        return (self.status, *(hop.to for hop in self.hops))


def remembered(value: Any) -> Any:
    """A canonical value in the form the base keeps: documents as the identities of their blocks."""
    return list(value.identities) if isinstance(value, Document) else value


def same(left: Any, right: Any) -> bool:
    """Whether two remembered values are equal, across JSON's loss of tuples and key order."""
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

    def with_sent(self, sent: Mapping[str, Any]) -> Base:
        """The base after we wrote ``sent`` (canonical values by field id)."""
        changed = {id_: FieldBase(sent=remembered(value)) for id_, value in sent.items()}
        return replace(self, fields={**self.fields, **changed})

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
            **{name: data[name] for name in _AS_THEY_ARE if name in data},
        )


_AS_THEY_ARE = {*Base.__slots__} - {"fields", "status", "walked", "ticket_links"}

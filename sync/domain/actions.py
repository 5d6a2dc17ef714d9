"""Actions: what a plan asks to be done, as frozen values that print themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.domain.history import Person
from sync.domain.rule import RemoteLink, TicketLink
from sync.domain.subject import Kind, Status, SubjectRef
from sync.domain.ticket import FieldKind, Hop, TicketRef
from sync.domain.wording import rewording, short


@dataclass(frozen=True, slots=True)
class Change:
    """One field's change. Labels change by ``add`` and ``remove``, the rest by ``after``. ``back``: the
    field is put back to what it was before an edit of the rules."""

    id: str
    name: str
    kind: FieldKind
    before: Any
    after: Any
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    back: bool = False

    def __str__(self) -> str:
        return f"{self.name}{' put back' if self.back else ''}: {self.words}"

    @property
    def words(self) -> str:
        """What changes."""
        if self.kind is FieldKind.LABELS:
            parts = [f"+{label}" for label in self.add] + [f"-{label}" for label in self.remove]
            return " ".join(parts)
        if self.kind is FieldKind.TEXT:
            return rewording(self.before, self.after)
        return f"{short(self.before)} → {short(self.after)}"


@dataclass(frozen=True, slots=True)
class Create:
    """Make the ticket, with the label and the property that mark it as ours, in one call: otherwise a
    ticket whose marking failed could not be found after a lost reply."""

    project: str
    issue_type: str
    summary: str

    def __str__(self) -> str:
        return f"create {self.issue_type} in {self.project}: {short(self.summary)}"


@dataclass(frozen=True, slots=True)
class Find:
    """Search for a ticket whose create call may have worked."""

    marker: str

    def __str__(self) -> str:
        return f"find the ticket labelled {self.marker}"


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take a ticket that is there as ours. ``extras`` are further tickets with the same marker."""

    ref: TicketRef
    extras: tuple[TicketRef, ...] = ()

    def __str__(self) -> str:
        more = f" (and report {', '.join(e.key for e in self.extras)})" if self.extras else ""
        return f"adopt {self.ref.key}{more}"


@dataclass(frozen=True, slots=True)
class Look:
    """Read the ticket before anything is decided. ``reasons`` say why: what of ours has changed, or
    which call is open."""

    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"look at the ticket: {'; '.join(self.reasons)}"


@dataclass(frozen=True, slots=True)
class Update:
    """Write fields that changed."""

    changes: tuple[Change, ...]

    def __str__(self) -> str:
        return "update " + "; ".join(map(str, self.changes))


@dataclass(frozen=True, slots=True)
class Transition:
    """Move the ticket by one transition. ``arrives``: it leads to where the rule wants the ticket."""

    hop: Hop
    fields: Mapping[str, Any] = field(default_factory=dict)
    arrives: bool = True

    def __str__(self) -> str:
        to, by = self.hop.to.name, self.hop.name
        way = f" by {by!r}" if by and by != to else ""
        given = ", ".join(f"{name}={short(value)}" for name, value in self.fields.items())
        return f"move to {to}{way}" + (f" with {given}" if given else "")


@dataclass(frozen=True, slots=True)
class Comment:
    """Say something on the ticket. ``marker`` finds the comment after a lost reply; ``edit`` is the
    id of the running comment to rewrite instead of adding one. ``public``: customers of a service
    project see it, too."""

    text: str
    marker: str
    edit: str = ""
    public: bool = False

    def __str__(self) -> str:
        what = "edit the running comment" if self.edit else "comment"
        return f"{what}{' in public' if self.public else ''}: {short(self.text)}"


@dataclass(frozen=True, slots=True)
class LinkRemote:
    """Put (upsert) the link back to a subject."""

    link: RemoteLink

    def __str__(self) -> str:
        return f"link to {self.link.url}"


@dataclass(frozen=True, slots=True)
class LinkTickets:
    """Link this ticket with another."""

    link: TicketLink

    def __str__(self) -> str:
        return f"link ({self.link.type}) with {self.link.other}"


@dataclass(frozen=True, slots=True)
class UnlinkTickets:
    """Take a link of ours between this ticket and another away."""

    link: TicketLink

    def __str__(self) -> str:
        return f"unlink ({self.link.type}) from {self.link.other}"


@dataclass(frozen=True, slots=True)
class MarkUpstream:
    """Tell upstream the status of a subject: a mark of an issue (``Status.OPEN`` clears the mark), the
    state of an incident.

    ``who`` acted in Jira, ``at`` that time (seconds since the epoch); nobody and None where we act by
    ourselves. ``only_unmarked``: do nothing where somebody has set a mark already.
    """

    ref: SubjectRef
    status: Status
    who: Person | None = None
    at: float | None = None
    only_unmarked: bool = False

    def __str__(self) -> str:
        subject = f"{self.ref.kind.value} {self.ref.id}"
        if self.ref.kind is Kind.INCIDENT:
            verb = {Status.CLOSED: "close", Status.CANCELLED: "cancel"}.get(self.status, "open")
            what = f"{verb} {subject} upstream"
        elif self.status is Status.OPEN:
            what = f"take the mark off {subject} upstream"
        else:
            what = f"mark {subject} upstream as {self.status.value.replace('_', ' ')}"
        return what + (f" for {self.who.name}" if self.who and self.who.name else "")


@dataclass(frozen=True, slots=True)
class CommentUpstream:
    """Say something on a subject upstream, in Markdown.

    ``sign`` is in the text and in no other, so that the comment is found after a lost reply. ``told``
    is the Jira comment that the text is a copy of (its id and its ``updated``), None for an
    announcement of the ticket.
    """

    ref: SubjectRef
    text: str
    sign: str
    who: Person | None = None
    at: float | None = None
    told: tuple[str, float] | None = None

    @property
    def name(self) -> str:
        """What the agreement remembers of it while other parts of the telling are still to do."""
        return f"{self.ref} {self.sign}"

    def __str__(self) -> str:
        subject = f"{self.ref.kind.value} {self.ref.id}"
        if self.told is None:
            return f"announce the ticket on {subject} upstream"
        return f"comment on {subject} upstream: {short(self.text)}"


@dataclass(frozen=True, slots=True)
class CopyComment:
    """Put a comment from upstream onto the ticket. ``id`` is the comment's upstream."""

    id: str
    comment: Comment

    @property
    def name(self) -> str:
        """As ``CommentUpstream.name``."""
        return f"copy {self.comment.marker}"

    def __str__(self) -> str:
        return f"copy a comment from upstream: {short(self.comment.text)}"


@dataclass(frozen=True, slots=True)
class Leave:
    """Deliberately do nothing, and say why."""

    reason: str

    def __str__(self) -> str:
        return f"leave: {self.reason}"


Action = (
    Create
    | Find
    | Adopt
    | Look
    | Update
    | Transition
    | Comment
    | LinkRemote
    | LinkTickets
    | UnlinkTickets
    | MarkUpstream
    | CommentUpstream
    | CopyComment
    | Leave
)

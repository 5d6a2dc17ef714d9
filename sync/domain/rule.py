"""What a rule asks of one ticket, in the rule's own words: Desired and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sync.domain.epics import EpicOf
from sync.domain.errors import Parked
from sync.domain.subject import Kind, Status, SubjectRef
from sync.domain.subject_comments import UpstreamComment


@dataclass(frozen=True, slots=True)
class RuleRef:
    """A rule's name and where it is written."""

    name: str
    file: str = ""
    line: int = 0

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}" if self.file else ""

    def __str__(self) -> str:
        return f"{self.name} ({self.where})" if self.file else self.name


class Ownership(StrEnum):
    """Who owns a field after creation, in order from ours to the ticket's.

    ``source``: always ours. ``shared``: the newest upstream change wins, otherwise a person's edit
    stays. ``yield``: ours until a person changes it, then theirs for good. ``ticket``: set at creation,
    then theirs.
    """

    SOURCE = "source"
    SHARED = "shared"
    YIELD = "yield"
    TICKET = "ticket"

    def is_more_ours_than(self, other: Ownership) -> bool:
        """Whether a field with this owner may be written where one with the other would be left."""
        order = list(Ownership)
        return order.index(self) < order.index(other)


class OnDeleted(StrEnum):
    """What to do when the ticket was deleted in Jira."""

    RECREATE = "recreate"
    PARK = "park"
    IGNORE = "ignore"


class Category(StrEnum):
    """Jira's status categories, by the keys its API uses."""

    NEW = "new"
    INDETERMINATE = "indeterminate"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class StatusTarget:
    """Where a ticket should stand for one upstream status.

    One of ``status`` (name or id), ``transition`` (name or id) and ``category`` is set, or none when
    the ticket's status is to be left alone. ``prefer`` chooses among several statuses of the
    category, in order. ``via`` names statuses to pass through. ``resolution`` lists resolutions in
    order of preference, sent only if the transition's screen has the field. ``fields`` are values
    for the screens on the way, by name or id. ``comments``: the comment on arriving goes along with the
    transition. ``any``: of several statuses or resolutions that fit, one
    is taken. ``leave`` means: no move for this status.
    """

    status: str = ""
    transition: str = ""
    category: Category | None = None
    prefer: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    resolution: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    comments: bool = False
    any: bool = False

    @property
    def leave(self) -> bool:
        return not (self.status or self.transition or self.category)

    def __str__(self) -> str:
        if self.status:
            return f"status {self.status!r}"
        if self.transition:
            return f"transition {self.transition!r}"
        if self.category:
            return f"a status of category {self.category.value!r}"
        return "any status"


@dataclass(frozen=True, slots=True)
class FieldWish:
    """A field's value as the rule gives it (plain TOML or rendered text), and who owns it.

    ``value`` None or "" means: not set. Text of rich fields is Markdown. ``asked_by`` is the rule that
    gives the value where it is not the ticket's own: an incident's, for the parent of its issues.
    ``as_agreed``: the value is the one last agreed on, and was not worked out; ``value`` is None. A
    ticket that Jira is asked for is given no such wish, because what people did to it counts as well.
    """

    value: Any
    ownership: Ownership = Ownership.SHARED
    asked_by: RuleRef | None = None
    as_agreed: bool = False


@dataclass(frozen=True, slots=True)
class RemoteLink:
    """A link from the ticket to a subject. ``global_id`` makes it an upsert in Jira."""

    global_id: str
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class TicketLink:
    """A wished link between this ticket and that of another subject (Jira issue link).

    ``type`` is the link type's name; ``outward`` True when this ticket is the outward side.
    ``other`` is the other ticket's Jira key. ``optional``: a site that does not take it goes without.
    """

    type: str
    other: str
    outward: bool = True
    optional: bool = False


# A ticket with one of these was declined: it is left closed when the subject comes back.
LEAVE_CLOSED_RESOLUTIONS = (
    "Won't Do",
    "Won't Fix",
    "Declined",
    "Duplicate",
    "Cannot Reproduce",
    "Rejected",
)
LEAVE_CLOSED_STATUSES = ("Won't Do", "Won't Fix", "Declined", "Rejected", "Cancelled", "Canceled")


@dataclass(frozen=True, slots=True)
class Policy:
    """The rule's standing choices for a ticket after it exists. Durations are in seconds.

    ``public_comments``: customers of a service project see our comments.
    """

    on_deleted: OnDeleted = OnDeleted.PARK
    leave_closed_resolutions: tuple[str, ...] = LEAVE_CLOSED_RESOLUTIONS
    leave_closed_statuses: tuple[str, ...] = LEAVE_CLOSED_STATUSES
    create_when_ended: bool = True
    running_comment: bool = False
    public_comments: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """One way in which a ticket can stand: in a status, by name or id; with a resolution, by name or id;
    or in a category of statuses. Exactly one is given."""

    status: str = ""
    resolution: str = ""
    category: Category | None = None

    def __str__(self) -> str:
        if self.resolution:
            return f"resolution {self.resolution!r}"
        return repr(self.status) if self.status else f"category {self.category!s}"


class Acknowledge(StrEnum):
    """When an issue that has no mark is marked as investigating by itself: never, when its ticket is
    made, or when a person assigns the ticket."""

    NEVER = "never"
    MADE = "made"
    ASSIGNED = "assigned"


class Side(StrEnum):
    """One of the two systems that people act in."""

    JIRA = "jira"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True)
class UpstreamWish:
    """What a rule says of telling upstream (``[rule.upstream]``). Durations are in seconds.

    ``since`` names the time from which on the rule has said so: what people did before is not told.
    ``issue`` and ``incident`` say which signs stand for which upstream status. ``Status.OPEN`` is that
    of an issue without a mark, and of an open incident. ``targets`` are where the rule moves a ticket
    for an upstream status.

    ``comments`` is "all", "none", or a word that a comment has to mention. ``copies``: upstream's
    comments go onto the ticket. ``ignore`` names accounts by id, name or address; what they do is not
    told. ``wins`` is the side that wins where both have acted, None for whoever acted later.
    """

    since: str = ""
    issue: Mapping[Status, tuple[Sign, ...]] = field(default_factory=dict)
    incident: Mapping[Status, tuple[Sign, ...]] = field(default_factory=dict)
    targets: Mapping[Status, StatusTarget] = field(default_factory=dict)
    comments: str = "none"
    copies: bool = False
    announce: bool = False
    acknowledge: Acknowledge = Acknowledge.NEVER
    ignore: tuple[str, ...] = ()
    wins: Side | None = None
    settle: float = 15.0
    tie: float = 5.0

    def signs(self, kind: Kind) -> Mapping[Status, tuple[Sign, ...]]:
        """The signs for subjects of a kind."""
        return self.incident if kind is Kind.INCIDENT else self.issue


@dataclass(frozen=True, slots=True)
class SubjectState:
    """What telling upstream needs to know of one subject on a ticket. Times are in seconds since the
    epoch.

    ``at`` is the latest time at which the status can have become what it is; ``marked_at`` is when it
    did, None where that is not known. ``joined_at`` is since when the subject is known, or on this
    ticket: by then a person put it there (``placed_at``, 0 where nobody did).
    """

    ref: SubjectRef
    status: Status
    at: float
    marked_at: float | None = None
    joined_at: float = 0.0
    placed_at: float = 0.0
    comments: tuple[UpstreamComment, ...] = ()


@dataclass(frozen=True, slots=True)
class Desired:
    """What the rule asks of one ticket now. Projected from snapshots; knows nothing of Jira's state.

    ``issue_type`` lists names in order of preference; the first the project has is taken. ``fields``
    is keyed by the name the rule uses: ``summary``, ``description``, ``priority``, ``labels``,
    ``components``, ``assignee``, ``due_date``, ``parent``, a custom field's display name, or an id.
    ``places`` says where in the rule files a key is written (``fields.priority``: file and line).
    ``status_comment`` is for arriving at ``status``; ``update_comment`` for changed fields. Both are
    Markdown, None for none. ``failed`` says, by the rule's key (``fields.priority``), why a part has no
    value: its template fails on these snapshots. ``version`` names the state projected, the same for
    the same snapshots. ``upstream`` is what is to be told upstream, None for nothing; ``subjects`` are
    then the ticket's; ``refs`` are the references of all of them. ``epic_of`` gives the epics that
    fields name, None where nobody may be asked.
    """

    key: str
    rule: RuleRef
    site: str
    project: str
    issue_type: tuple[str, ...]
    fields: Mapping[str, FieldWish]
    status: Status
    target: StatusTarget
    version: str
    status_comment: str | None = None
    update_comment: str | None = None
    comment_on: tuple[str, ...] = ()
    remote_links: tuple[RemoteLink, ...] = ()
    ticket_links: tuple[TicketLink, ...] = ()
    policy: Policy = field(default_factory=Policy)
    upstream: UpstreamWish | None = None
    subjects: tuple[SubjectState, ...] = ()
    refs: tuple[str, ...] = ()
    failed: Mapping[str, Parked] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    epic_of: EpicOf | None = field(default=None, compare=False, repr=False)

    def asker(self, key: str) -> RuleRef:
        """The rule that gives the value of a key. It is the ticket's own rule, or that of an incident
        where the key is the parent that the incident gives its issues."""
        wish = self.fields.get(key.removeprefix("fields."))
        return wish.asked_by if wish and wish.asked_by else self.rule

    def place(self, key: str) -> str:
        """Where the rule has a key, else where the rule begins."""
        return place(self.places, key) or self.rule.where


def place(places: Mapping[str, str], key: str) -> str:
    """The place of a key, else of the list or table that it stands in; "" for none."""
    at = key.partition("[")[0]
    while at and at not in places:
        at = at.rpartition(".")[0]
    return places.get(at, "")

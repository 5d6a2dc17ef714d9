"""A ticket as the tracker in memory keeps it, and what people do to it by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sync.domain.actions import Comment
from sync.domain.history import Act, Part, Person, TicketComment
from sync.domain.rule import Category, RemoteLink
from sync.domain.ticket import JiraStatus, Mark, TicketRef

TO_DO = JiraStatus("10000", "To Do", Category.NEW)
IN_PROGRESS = JiraStatus("10001", "In Progress", Category.INDETERMINATE)
DONE = JiraStatus("10002", "Done", Category.DONE)
WONT_DO = JiraStatus("10003", "Won't Do", Category.DONE)
# The account that the tracker calls the site with.
US = Person("ticket-sync", "Ticket Sync", "ticket-sync@example.com")
# Whoever else is meant, where it does not matter who.
SOMEBODY = Person("data.owner", "Data Owner", "data.owner@example.com")


@dataclass(slots=True)
class MemoryTicket:
    """A ticket. ``acts`` are kept oldest first, ``talk`` has the comments by id, oldest first.

    A method that takes ``at`` and ``who`` is what anybody does, and is found in the history; an
    assignment to ``status`` or a field is not.
    """

    ref: TicketRef
    project: str
    issue_type: str
    fields: dict[str, Any]
    created_at: float
    status: JiraStatus = TO_DO
    resolution: str = ""
    acts: list[Act] = field(default_factory=list)
    talk: dict[str, TicketComment] = field(default_factory=dict)
    remote_links: dict[str, RemoteLink] = field(default_factory=dict)
    deleted: bool = False
    mark: Mark = field(default_factory=Mark)

    def carries(self, label: str) -> bool:
        return label in (self.fields.get("labels") or ())

    @property
    def comments(self) -> dict[str, tuple[str, str]]:
        """Marker and text of each comment, by id."""
        return {one.id: (one.marker, one.text) for one in self.talk.values()}

    @property
    def public(self) -> set[str]:
        """The ids of the comments that customers would see."""
        return {one.id for one in self.talk.values() if not one.restricted}

    def move(
        self, to: JiraStatus, at: float, who: Person = SOMEBODY, resolution: str | None = None
    ) -> None:
        """To another status and, where one is given, to another resolution ("" for none)."""
        self._act(Part.STATUS, self.status.id, to.id, at, who)
        self.status = to
        if resolution is not None:
            self.resolve(resolution, at, who)

    def resolve(self, resolution: str, at: float, who: Person = SOMEBODY) -> None:
        self._act(Part.RESOLUTION, self.resolution, resolution, at, who)
        self.resolution = resolution

    def assign(self, account: str, at: float, who: Person = SOMEBODY) -> None:
        """To the account with this id, "" for nobody."""
        self._act(Part.ASSIGNEE, str(self.fields.get("assignee") or ""), account, at, who)
        self.fields["assignee"] = account or None

    def _act(self, part: Part, before: str, after: str, at: float, who: Person) -> None:
        if before != after:
            self.acts.append(Act(part, at, who, str(before), str(after)))

    def say(self, id_: str, comment: Comment, at: float, who: Person = SOMEBODY) -> None:
        """Add a comment; one that is not public is for the team alone."""
        self.talk[id_] = TicketComment(
            id_, who, at, at, comment.text, not comment.public, comment.marker
        )

    def reword(self, id_: str, text: str, at: float, *, public: bool) -> None:
        """Change a comment, and who sees it."""
        self.talk[id_] = replace(self.talk[id_], text=text, updated=at, restricted=not public)

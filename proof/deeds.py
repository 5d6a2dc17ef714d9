"""What people do on one side of a ticket, and how it must show on the other side: once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from proof.jira import Jira
from proof.outcome import Outcome
from proof.upstream import Upstream
from sync.domain.ticket import marker_label
from sync.sandbox.coalesce.subjects import Incident, Issue

PETRA = {"name": "Petra", "email": {"user_email": "petra@example.com"}}


@dataclass(slots=True)
class Deed(ABC):
    """One act on one subject of its own. ``name`` says what was in its way."""

    upstream: Upstream
    jira: Jira
    name: str
    subject: Issue | Incident
    # What the path of the call has that tells of the act.
    step: ClassVar[str]
    kind: ClassVar[str] = "issue"
    callback: ClassVar[bool] = False

    @property
    def path(self) -> str:
        """The path of the call that tells of the act, as a regular expression."""
        return f"{self.subject.id}(/{self.step}|[.])"

    @property
    def tickets(self) -> list[dict[str, Any]]:
        label = marker_label(f"coalesce:{self.kind}:{self.subject.id}")
        return [one for one in self.jira.tickets() if label in one["labels"]]

    @property
    def ticket(self) -> dict[str, Any]:
        """The ticket of the subject. Raises IndexError where there is none yet."""
        return self.tickets[0]

    def prepare(self) -> None:
        """Do what has to be told before the act, by default nothing."""
        return

    def prepared(self) -> bool:
        """Whether what has to be told before the act has been told."""
        return True

    @abstractmethod
    def act(self) -> None: ...

    @abstractmethod
    def told(self) -> int:
        """How often the act shows on the other side."""

    def stands(self) -> bool:
        """Whether the other side is as the act asks for."""
        return True

    def judge(self, found: Outcome) -> None:
        """Add what is lost or doubled."""
        times, tickets = self.told(), len(self.tickets)
        found.wanted, found.made = found.wanted + 1, found.made + tickets
        name = f"{type(self).__name__}, {self.name}"
        if not times or not self.stands():
            found.lost.append(f"{name}: told {times} times, {self.subject.title}")
        if times > 1 or tickets > 1:
            found.doubled.append(f"{name}: told {times} times, {tickets} tickets")

    def _events(self, type_: str, **how: str) -> int:
        """So many events of the subject had this type and these values."""
        with self.upstream.sandbox.lock:
            found = [e for e in self.upstream.sandbox.events if e["type"] == type_]
        messages = [one[self.kind] for one in found]
        wanted = {f"{self.kind}_id": self.subject.id, **how}
        return sum(all(one[k] == v for k, v in wanted.items()) for one in messages)


class Mark(Deed):
    """A ticket is closed: its issue is marked as fixed."""

    step, callback = "mark-fixed", True

    def act(self) -> None:
        self.jira.act("transition", self.ticket["key"], "Done")

    def told(self) -> int:
        return self._events("issue_status_updated", status="fixed")

    def stands(self) -> bool:
        return getattr(self.subject, "status", "") == "fixed"


class Clear(Deed):
    """A ticket goes back to where it began: the mark that it set is taken off."""

    step = "clear-status"

    def prepare(self) -> None:
        self.jira.act("transition", self.ticket["key"], "In Progress")

    def prepared(self) -> bool:
        return getattr(self.subject, "status", "") == "investigating"

    def act(self) -> None:
        self.jira.act("transition", self.ticket["key"], "To Do")

    def told(self) -> int:
        return self._events("issue_status_updated", status="")

    def stands(self) -> bool:
        return getattr(self.subject, "status", None) == ""


class CommentUp(Deed):
    """Somebody comments on a ticket."""

    step, callback = "comment", True

    def act(self) -> None:
        self.jira.act("comment", self.ticket["key"], f"The loader was down ({self.name}).")

    def told(self) -> int:
        return sum(f"({self.name})" in one.message for one in self.subject.remarks)


class CommentDown(Deed):
    """Somebody comments on an issue upstream."""

    step = "comment"

    @property
    def path(self) -> str:
        return f"/issue/({self.ticket['id']}|{self.ticket['key']})/comment$"

    def act(self) -> None:
        text = f"Seen in the lake as well ({self.name})."
        self.upstream.sandbox.comment(self.subject.id, text, PETRA)

    def told(self) -> int:
        comments = self.ticket["comments"]
        return sum(f"({self.name})" in str(comment) for comment in comments)


class Close(Deed):
    """The ticket of an incident is closed."""

    step, kind = "close", "incident"

    def act(self) -> None:
        self.jira.act("transition", self.ticket["key"], "Done")

    def told(self) -> int:
        return self._events("incident_closed")

    def stands(self) -> bool:
        return getattr(self.subject, "state", "") == "closed"


DEEDS: tuple[type[Deed], ...] = (Mark, Clear, CommentUp, CommentDown, Close)

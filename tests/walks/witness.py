"""What people did on both sides, as seen from outside, and what both sides must come to by that."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sync.domain.rule import Category
from sync.domain.subject import Status
from sync.domain.ticket import JiraStatus
from sync.domain.upstream_comments import marker_of
from sync.sandbox.coalesce.subjects import Incident, Issue
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, TO_DO, MemoryTicket

IN_REVIEW = JiraStatus("10004", "In Review", Category.INDETERMINATE)
PETRA = {"name": "Petra", "email": {"user_email": "petra@example.com"}}
TRIAGE = {"name": "Triage robot", "email": {"user_email": "triage-robot@example.com"}}
# Closer than this, in seconds, nobody was surely later.
TIE = 5.0
CATEGORY = {Status.OPEN: Category.NEW, Status.INVESTIGATING: Category.INDETERMINATE}
ENDS = {"": Status.CLOSED, "Won't Do": Status.CANCELLED}


def state_of(subject: Issue | Incident) -> Status:
    """A subject's status, in one word."""
    if isinstance(subject, Incident):
        return Status(subject.state)
    return Status.CLOSED if subject.ended_at else Status(subject.status or "open")


@dataclass(slots=True)
class Deed:
    """The last act of a person on one side. ``edition`` is that of the rules then in force; ``what`` is
    None where it is not sure that the act counts as one."""

    at: float
    edition: int
    what: object


@dataclass(slots=True)
class Words:
    """A comment that a person made. ``due``: it has to be on the other side, as far as is known;
    ``barred``: it must never be there."""

    id: str
    text: str
    due: bool
    barred: bool = False


@dataclass(slots=True)
class Story:
    """What people did to one subject and its ticket. ``touched`` is when somebody last did anything to
    the subject upstream; ``acts`` counts the acts on both sides, ``moves`` those in Jira."""

    jira: Deed | None = None
    upstream: Deed | None = None
    touched: float = 0.0
    acts: int = 0
    moves: int = 0
    up: dict[str, Words] = field(default_factory=dict)
    down: dict[str, Words] = field(default_factory=dict)

    def begin_anew(self) -> None:
        """Ordinary rules bring the ticket to where it is to stand: acts from before do not count."""
        self.jira = self.upstream = None

    def let_off(self) -> None:
        """No comment from before has to be told any more."""
        for words in (*self.up.values(), *self.down.values()):
            words.due = False


def meaning(ticket: MemoryTicket, subject: Issue | Incident, done: Status) -> Status:
    """The status that a ticket's place stands for; ``done`` is that of Done for an issue."""
    closed = ticket.status.category is Category.DONE
    if isinstance(subject, Incident):
        return ENDS.get(ticket.resolution, Status.CLOSED) if closed else Status.OPEN
    if closed:
        return Status.NO_ACTION_NEEDED if ticket.resolution == "Won't Do" else done
    return Status.OPEN if ticket.status == TO_DO else Status.INVESTIGATING


def belongs(ticket: MemoryTicket, state: Status) -> bool:
    """Whether a ticket stands where the rule moves it for a subject's status."""
    return ticket.status.category is CATEGORY.get(state, Category.DONE)


def wrongs(
    story: Story,
    ticket: MemoryTicket,
    subject: Issue | Incident,
    *,
    done: Status,
    edition: int,
    theirs: bool,
) -> list[str]:
    """What is not as it must be with one subject and its ticket, once everything has come to rest.

    ``theirs``: somebody upstream, and not we, set the status that the subject has.
    """
    state, wanted = state_of(subject), meaning(ticket, subject, done)
    jira, up = (d if d and d.edition == edition else None for d in (story.jira, story.upstream))
    if isinstance(subject, Issue) and state.ended:
        return []
    if not jira and not up:
        return []
    if state.ended and wanted.ended:
        # What is over stays as it ended.
        wanted = state
    agree = wanted is state or belongs(ticket, state)
    declined = ticket.resolution == "Won't Do" and wanted is not state
    left = theirs and wanted is Status.OPEN
    found = []
    if not agree and not declined and not left:
        found.append(f"the ticket stands for {wanted}, upstream says {state}")
    if jira and jira.at > story.touched + TIE:
        if (ticket.status.id, ticket.resolution) != jira.what:
            found.append(f"{jira.what} was the last act, the ticket is in {ticket.status.name}")
        if wanted is not state and not (theirs and (agree or left)):
            found.append(f"{wanted} in Jira was the last act, upstream says {state}")
    if up and up.what and (not jira or up.at >= jira.at) and state is not up.what:
        found.append(f"{up.what} upstream was the last act, it says {state}")
    return found


def signs_of(subject: Issue | Incident) -> list[str]:
    """The last line of each comment upstream, in which a copy says where it came from."""
    return [remark.message.rstrip().splitlines()[-1] for remark in subject.remarks]


def excess(story: Story, ticket: MemoryTicket, subject: Issue | Incident) -> list[str]:
    """The comments that are on the other side more often than they may be."""
    signs = signs_of(subject)
    copies = Counter(sign for sign in signs if sign.startswith("memory://"))
    markers = Counter(one.marker for one in ticket.talk.values() if one.marker)
    found = [f"{one} is there {n} times" for one, n in (copies + markers).items() if n > 1]
    for words in story.up.values():
        if words.barred and any(f"focusedCommentId={words.id}" in sign for sign in signs):
            found.append(f"comment {words.text!r} must not be told, and is")
    for words in story.down.values():
        if words.barred and markers[marker_of(words.id)]:
            found.append(f"comment {words.text!r} must not be copied, and is")
    return found


def lacking(story: Story, ticket: MemoryTicket, subject: Issue | Incident) -> list[str]:
    """The comments that are to be on the other side, and are not."""
    found, markers = [], {one.marker for one in ticket.talk.values()}
    told = list(zip(signs_of(subject), (one.message for one in subject.remarks), strict=True))
    for words in story.up.values():
        texts = [text for sign, text in told if f"focusedCommentId={words.id}" in sign]
        if words.due and (not texts or words.text not in texts[-1]):
            found.append(f"comment {words.text!r} is not told: {texts}")
    found += [
        f"comment {words.text!r} is not copied"
        for words in story.down.values()
        if words.due and marker_of(words.id) not in markers
    ]
    return found


PLACES = {
    "to do": (TO_DO, ""),
    "in progress": (IN_PROGRESS, ""),
    "in review": (IN_REVIEW, ""),
    "done": (DONE, "Done"),
    "won't do": (DONE, "Won't Do"),
}

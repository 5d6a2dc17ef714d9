"""What is needed from outside: Source, SourceApi and Upstream (who sends), Tracker, SiteHealth, Epics
and NoticeSource (Jira), Clock.

Every method that goes outside raises only the faults of ``sync.domain.errors``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sync.domain.actions import Change, Comment
from sync.domain.acts import Ability, Actor
from sync.domain.epics import EpicWish
from sync.domain.notice import Notice
from sync.domain.pace import Pace
from sync.domain.rule import Desired, RemoteLink, TicketLink
from sync.domain.subject import Event, Snapshot, Status, SubjectRef
from sync.domain.surroundings import Impact
from sync.domain.ticket import Base, Draft, Hop, Mark, Observed, TicketRef


class Clock(Protocol):
    """Time, so that tests can bring their own."""

    def time(self) -> float:
        """Seconds since the epoch, UTC. People and time servers set it, also back."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, never set back: for waits within one process."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait, or let a simulated clock run."""
        ...


class SystemClock:
    """The clock of the machine."""

    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)
    # Last, because the class hides the module of this name from here on.
    time = staticmethod(time.time)


@dataclass(frozen=True, slots=True)
class Authenticity:
    """Whether a delivery is authentic. ``reason`` is for our log; the sender is not told it."""

    ok: bool
    reason: str = ""


class Verifier(Protocol):
    """The check of one delivery's signature, while its body comes in. No method raises."""

    def update(self, part: bytes) -> None:
        """Go on with the next part of the body."""
        ...

    def verdict(self, now: float) -> Authenticity:
        """Whether the parts so far are the body that was signed. ``now`` is in seconds since epoch."""
        ...


class Source(Protocol):
    """A system that sends deliveries about subjects. Safe to share between threads.

    A source translates its own format into the domain's language: kinds, event types and statuses as in
    ``sync.domain.subject``, payloads as in ``sync.domain.payload``. ``name`` is in the references of its
    subjects and in the path that it delivers to, ``/webhooks/<name>``.
    """

    name: str

    def verifier(self, headers: Mapping[str, str]) -> Verifier:
        """Begin to check a delivery's signature. ``headers`` has lower-case names."""
        ...

    def identify(self, body: bytes) -> tuple[str, str]:
        """The delivery's id and the raw event type, read cheaply; empty strings where unreadable.

        Deliveries with one id are one delivery: only the first is kept.
        """
        ...

    def read(self, body: bytes) -> Sequence[Event]:
        """The events of a body, none or more. Raises Unreadable, with a reason in words."""
        ...

    def outline(self, head: bytes) -> Event:
        """What the head of a body that was cut off shows: the delivery's id ("" where it shows none),
        and which subject the first event is about (None where it names none). Never raises."""
        ...


def verified(source: Source, headers: Mapping[str, str], body: bytes, now: float) -> Authenticity:
    """Check the signature of a whole body."""
    verifier = source.verifier(headers)
    verifier.update(body)
    return verifier.verdict(now)


class NoticeSource(Protocol):
    """The webhooks of one site of a tracker. Safe to share between threads.

    ``path`` is where the site sends them, ``/webhooks/<tracker>/<site>``.
    """

    site: str
    path: str

    def verifier(self, headers: Mapping[str, str], in_path: str) -> Verifier:
        """Begin to check where a webhook comes from. ``headers`` has lower-case names. ``in_path`` is
        what follows ``path`` in the request's path, without the slash, "" if nothing does."""
        ...

    def read(self, body: bytes) -> Notice:
        """The notice in a body. Raises Unreadable, with a reason in words."""
        ...


@dataclass(frozen=True, slots=True)
class Changed:
    """A ticket that a search found. ``updated`` is when it last changed, in its tracker's form."""

    ref: TicketRef
    updated: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A delivery that the sender has given up, as the sender's API describes it.

    ``created_at`` is the time of the event (seconds since the epoch), ``status_code`` the last answer
    to the delivery, 0 if there was none. ``subject`` is the subject's id, "" if unknown.
    """

    id: str
    event_id: str
    event_type: str
    subject: str
    created_at: float
    status_code: int
    redelivery_of: str = ""


@dataclass(frozen=True, slots=True)
class SentDelivery:
    """A delivery as the sender's own log has it. ``outcome`` is pending, delivered, failed, skipped or
    not_routed; ``reason`` says why it was skipped, as the sender puts it. ``status_code`` is our last
    answer, 0 if there was none."""

    event_id: str
    event_type: str
    outcome: str
    reason: str
    status_code: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a delivery: the exact body sent (None if it is not kept), and the answer."""

    body: bytes | None
    status_code: int
    error: str = ""


class SourceApi(Protocol):
    """The API of a source. ``name`` is the source's.

    Every method raises only the faults of the domain, and Rejected with cause PERMISSION where our
    credentials lack a scope.
    """

    name: str

    def issues_updated(self, since: float, until: float) -> Iterator[list[str]]:
        """Ids of issues updated between two times (seconds since the epoch), page by page."""
        ...

    def issues(self, ids: Sequence[str]) -> list[Snapshot]:
        """Issues by id, as the API knows them. Ids that it does not know are left out."""
        ...

    def incidents_updated(self, since: float, until: float) -> list[Snapshot]:
        """Incidents updated between two times, with ``issue_ids``."""
        ...

    def incidents(self, ids: Sequence[str]) -> list[Snapshot]:
        """Incidents by id, with ``issue_ids``. Ids that the API does not know are left out."""
        ...

    def impact(self, identifiers: Sequence[Mapping[str, Any]]) -> Impact:
        """What is touched where these entities break, in one call. Identifiers are those of payloads.
        Entities that the API does not know have no impact. ``of`` is left empty."""
        ...

    def owner_emails(self, ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The addresses by which owners are reached, by the ids as given, with a call for each 100.
        Owners that the API does not know, and those without an address, are left out."""
        ...

    def failed_deliveries(self, since: float, until: float) -> Iterator[list[FailedDelivery]]:
        """Deliveries of events between two times that failed for good, page by page."""
        ...

    def sent_deliveries(self, since: float, until: float) -> Iterator[list[SentDelivery]]:
        """All deliveries of events between two times, whatever became of them, newest first, page by
        page."""
        ...

    def attempts(self, delivery_id: str) -> list[Attempt]:
        """The attempts at a delivery, oldest first."""
        ...

    def bodies(self, event_id: str) -> list[bytes]:
        """The bodies that were sent of an event, as far as they are kept."""
        ...

    def redeliver(self, delivery_id: str) -> None:
        """Have an event sent again, as a new delivery."""
        ...


class Upstream(Protocol):
    """The way by which a source is told what people did to tickets. Safe to share between threads.

    ``name`` is the source's, ``way`` how the source is told, in words ("" where it cannot be told).

    ``at`` is the time of the act (seconds since the epoch). The source is told no time ahead of our
    clock: the clock of the tracker may be fast. ``actor`` may lack an email address if the settings have
    one to stand in.

    Every method that writes makes one call, and may raise: Refused (proven not done; ``retry_after`` as
    the source asked), SiteDown, Unknown (may have been done), Missing (the subject is not there),
    Already (it stands as asked for), and Rejected: with cause PERMISSION where the ability is off, a
    scope is missing or the actor lacks an address. Rejected because an ability is off makes no call.
    """

    name: str
    way: str

    def mark(
        self,
        ref: SubjectRef,
        status: Status,
        actor: Actor,
        at: float,
        *,
        only_unmarked: bool = False,
    ) -> None:
        """Set the status of an issue: investigating, expected, fixed or no action needed.

        With ``only_unmarked`` nothing happens where the issue has a status. The method returns either
        way, so that only a look at the issue tells who set it.
        """
        ...

    def clear(self, ref: SubjectRef, actor: Actor, at: float) -> None:
        """Take the status of an issue away."""
        ...

    def comment(self, ref: SubjectRef, text: str, actor: Actor, at: float) -> str:
        """Add a comment (Markdown) to an issue or incident. Returns the comment's id, "" where the
        source does not tell it."""
        ...

    def move_incident(self, ref: SubjectRef, status: Status, actor: Actor, at: float) -> None:
        """Close or cancel an incident, or open it again."""
        ...

    def called(self, actor: Actor) -> str:
        """The name by which the source will show this actor. Makes no call."""
        ...

    def unable(self, what: Ability) -> str:
        """Why an ability is off, in words; "" where it is on, or to be tried again. Makes no call."""
        ...

    def probe(self) -> None:
        """Find out which abilities are off, as far as that shows without a change to anything.

        Raises SiteDown and Refused where the source cannot be asked.
        """
        ...


class SiteHealth(Protocol):
    """Whether calls to one site of a tracker are made now, and why not. Safe to share between threads.

    Only ``ready`` may make a call to the site. ``down``, ``paused_for`` and ``stalled`` tell what the
    site itself does; ``resting`` tells that a person wants it left alone.
    """

    def rest(self, words: str) -> None:
        """Make no call at all from now on, because of a pause by a person, in words; "" ends the rest.
        Every method that would make a call raises SitePaused with the words meanwhile."""
        ...

    def resting(self) -> str:
        """The words of ``rest``, "" where calls may be made."""
        ...

    def ready(self) -> None:
        """Return if calls are made now, else raise SiteDown or Refused. Probes a site that is down if a
        probe is due."""
        ...

    def down(self) -> str:
        """Why no calls are made now, in words; "" if calls are made or a probe is due."""
        ...

    def paused_for(self) -> float:
        """Seconds until the end of a pause that the tracker asked for, 0 if there is none."""
        ...

    def pause(self, seconds: float) -> None:
        """Make no calls for ``seconds``, because the tracker has asked another daemon for a pause."""
        ...

    def paces(self) -> Sequence[Pace]:
        """The rate limits of the tracker that calls are spaced by now; none while nothing is limited."""
        ...

    def share(self, others: Iterable[Pace]) -> None:
        """Leave to other daemons with our account their part of the rate limits, by what they knew a
        moment ago. What was said before is forgotten."""
        ...

    def stalled(self) -> frozenset[str]:
        """The projects whose calls hang, so that a further call about them may raise Stalled now."""
        ...

    def waiting(self) -> Mapping[str, int]:
        """How many calls wait long for a pause or a pace to let them go, by project ("" for none)."""
        ...

    def lent(self) -> int:
        """How many further calls may be made in place of calls under way that hang."""
        ...


class Epics(Protocol):
    """The epics of one site of a tracker, by name. Safe to share between threads. Methods raise as those
    of ``Tracker``."""

    def find(self, wish: EpicWish, project: str, *, recent: bool = False) -> TicketRef | None:
        """The epic of a project that a rule names: the one that bears our label, else the oldest that is
        not done and has exactly this name, in any case of letters. The search index may lag.
        ``recent``: an answer of the last minute will do, and labels are not looked for. Raises Rejected
        where the project has no such issue type."""
        ...

    def labelled(self, wish: EpicWish, project: str) -> TicketRef | None:
        """The epic that bears our label and is there."""
        ...

    def make(self, wish: EpicWish, project: str, *, not_after: float = math.inf) -> TicketRef:
        """Make the epic, with our label, in one call. Raises Refused if the call has not been sent by
        ``not_after`` (seconds since the epoch)."""
        ...


class Tracker(Protocol):
    """The tickets of one site of a tracker. Safe to share between threads.

        draft = tracker.draft(desired)
        ref = tracker.create(draft)
        observed = tracker.read(ref.id, draft.project)

    Every method that makes calls may raise Refused, Rejected and SiteDown. A method that writes raises
    Unknown where no answer came, although the tracker may have carried out the call.
    """

    site: str
    # Seconds after which a search surely finds a new ticket: the search index lags behind.
    index_lag: float
    # Seconds from the start of a method until its call has been sent, or never will be.
    goes_out_within: float
    # Seconds from the start of a method until its call has surely ended on our side.
    longest_call: float
    # Seconds for which the tracker may carry out a call that has ended on our side.
    afterwork: float

    @property
    def health(self) -> SiteHealth:
        """The health of the site."""
        ...

    @property
    def epics(self) -> Epics | None:
        """The epics of the site, None where rules cannot name any."""
        ...

    def draft(self, desired: Desired, *, base: Base | None = None, anew: bool = False) -> Draft:
        """Resolve names to ids and values to canonical form. The site's metadata is cached.

        The marker label of ``desired.key`` is among the draft's labels. Texts over the tracker's limits
        are cut with a visible note. A name or value that cannot be resolved is among ``Draft.parked``.
        ``base`` is that of a ticket that exists: a field that the rule wishes as it was last agreed on
        keeps that value, whatever became of it on the site. Without ``base`` the ticket is to be made;
        raises Rejected where it cannot be made without what cannot be resolved. ``anew``: a person asked
        for another try, so cached metadata over a few seconds old is loaded again.
        """
        ...

    def show(self, fields: Iterable[str]) -> None:
        """Have these fields, by id, read with every ticket from now on, beside those that rules name. A
        field that the site does not have is passed over."""
        ...

    def create(self, draft: Draft, *, not_after: float = math.inf) -> TicketRef:
        """Make the ticket, with its marker, in one call. Raises Refused if the call has not been sent by
        ``not_after`` (seconds since the epoch)."""
        ...

    def find(self, key: str) -> list[TicketRef]:
        """Tickets with the marker of our ticket key, oldest first. The search index may lag."""
        ...

    def mark_of(self, ref: TicketRef) -> Mark:
        """What the ticket's entity property says of it."""
        ...

    def verify(self, project: str) -> None:
        """Make sure that the site knows our account and that our account may see the project, so that a
        ticket which the site does not show is not there. Raises SiteDown or Rejected otherwise."""
        ...

    def read(
        self, ticket_id: str, project: str = "", *, history_since: float | None = None
    ) -> Observed:
        """The ticket with the transitions it offers. A ticket keeps its id when it is moved.

        ``history_since``: with its history, whose acts begin at this time of the tracker's (seconds
        since the epoch). That takes no further call where the ticket has no comments and its tracker
        shows all acts at once.

        Raises TicketGone when the ticket is not there; but Rejected where ``project``, the ticket's last
        known project, is given and our account may not see the project.
        """
        ...

    def read_many(self, ids: Iterable[str]) -> dict[str, Observed | None]:
        """Tickets by id or key, without transitions, with a call for each 100.

        By id, with None for a ticket that is gone or hidden from our account. A ticket that was moved to
        another project keeps its id and has a new key.
        """
        ...

    def changed_since(self, since: float) -> Iterator[Changed]:
        """Tickets with the family label that changed since then (seconds since the epoch; 0 for all),
        with a call for each 100. The search index may lag by ``index_lag``."""
        ...

    def matching(self, query: str) -> Iterator[Changed]:
        """Tickets found by a query in the tracker's language (JQL for Jira), with a call for each 100.
        Raises Rejected, with the tracker's message, for a query that the tracker does not understand.

            tracker.matching('project = DATA AND labels = data-quality')
        """
        ...

    def field_id(self, name: str) -> str:
        """The id of a field by its name or id; tickets are read with it from now on. Raises Rejected
        where there is no such field, or several of the name.

            tracker.field_id("Monitor")   # "customfield_10031"
        """
        ...

    def update(
        self, ref: TicketRef, changes: Sequence[Change], comment: Comment | None = None
    ) -> None:
        """Write field changes in one call. Labels are added and removed; other fields are replaced.

        A ``comment`` goes along, and is made if the changes are. Only for a ticket that was read with
        ``Observed.comment_along``.
        """
        ...

    def transition(
        self, ref: TicketRef, hop: Hop, fields: Mapping[str, Any], comment: Comment | None = None
    ) -> None:
        """Take one transition. ``fields`` are keyed by field id, with values as the rule gave them.

        A ``comment`` goes along; whether it was made is to be looked up by its marker, for a transition
        without a screen is taken and the comment dropped.

        Raises Unknown also when somebody else moved the ticket meanwhile, so the caller must read again.
        """
        ...

    def comment(self, ref: TicketRef, text: str, marker: str, *, public: bool = False) -> str:
        """Add a comment (Markdown) with a marker that people do not see. Returns the comment's id.

        In a service project, customers see the comment if it is ``public``.
        """
        ...

    def find_comment(self, ref: TicketRef, marker: str) -> str:
        """The id of the comment with this marker, "" if there is none."""
        ...

    def edit_comment(
        self, ref: TicketRef, comment_id: str, text: str, *, public: bool = False
    ) -> None:
        """Replace a comment's text (Markdown), and who sees it. Raises Missing when the comment was
        deleted."""
        ...

    def link_remote(self, ref: TicketRef, link: RemoteLink) -> None:
        """Add a link to an address, or change the one with the same global id."""
        ...

    def link_tickets(self, ref: TicketRef, link: TicketLink, *, again: bool = False) -> None:
        """Link two tickets. ``again``: look for the link first: an earlier call may have made it."""
        ...

    def unlink_tickets(self, ref: TicketRef, link: TicketLink) -> None:
        """Remove a link between two tickets. Does nothing if there is no such link."""
        ...

    def browse_url(self, key: str) -> str:
        """The address of a ticket for people."""
        ...

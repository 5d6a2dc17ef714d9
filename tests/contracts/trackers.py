"""The implementations of ``sync.ports.Tracker``, each with the hands that people have on its site."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from sync.domain.actions import Comment
from sync.domain.errors import Outage, SiteDown, Unknown
from sync.domain.rule import TicketLink
from sync.domain.ticket import Hop, ScreenField, TicketRef
from sync.ports import Tracker
from sync.sandbox.memory import DONE, IN_PROGRESS, TO_DO, MemoryTicket, MemoryTracker
from tests.adapters.jira.world import World, desired
from tests.clock import SimulatedClock

LAG = 30.0
# What cannot agree, by implementation and question: why. The question has to fail there; one that no
# longer does makes the suite fail.
CANNOT_AGREE: Mapping[tuple[str, str], str] = {
    (
        "memory",
        "test_only_what_changed_since_is_told",
    ): "the twin does not keep when a ticket was changed, and tells of all of ours",
    ("memory", "test_any_query_of_jql_is_understood"): 'the twin understands only labels = "x"',
    (
        "memory",
        "test_a_value_that_the_site_does_not_have_is_refused_at_the_latest_by_the_create_call",
    ): "the twin has no lists of priorities and components",
    (
        "memory",
        "test_an_address_that_nobody_has_is_set_aside_by_the_draft",
    ): "the twin knows no people",
    (
        "memory",
        "test_a_custom_field_is_found_by_its_name",
    ): "the twin has only the fields that every Jira has",
    (
        "memory",
        "test_a_site_that_lets_us_in_no_more_is_down_until_a_probe_finds_it_well",
    ): "the twin has no breaker: each call fails by itself, where a test asks for a failure",
    **{
        (
            kind,
            "test_a_ticket_is_read_in_bulk_as_soon_as_it_is_made",
        ): "Data Center has no bulk fetch: the adapter reads in bulk by a search, whose index lags"
        for kind in ("datacenter", "datacenter in German")
    },
}


class Site(ABC):
    """One site: ``tracker`` is under test, the other methods are what people do and see there."""

    tracker: Tracker
    clock: SimulatedClock

    def make(self, key: str = "coalesce:issue:1", **how: Any) -> TicketRef:
        """A ticket made through the tracker."""
        return self.tracker.create(self.tracker.draft(desired(key, **how)))

    def pass_lag(self) -> None:
        self.clock.sleep(LAG + 1)

    @abstractmethod
    def make_by_hand(self, project: str, summary: str, *labels: str) -> TicketRef: ...

    @abstractmethod
    def labels(self, ref: TicketRef) -> set[str]: ...

    @abstractmethod
    def add_label(self, ref: TicketRef, label: str) -> None: ...

    @abstractmethod
    def remove_label(self, ref: TicketRef, label: str) -> None: ...

    @abstractmethod
    def move(self, ref: TicketRef, project: str) -> TicketRef:
        """To another project; the ticket with its new key."""

    @abstractmethod
    def delete(self, ref: TicketRef) -> None: ...

    @abstractmethod
    def hide(self, project: str) -> None:
        """Take the right to see a project from our account."""

    @abstractmethod
    def take(self, ref: TicketRef, hop: Hop) -> None:
        """A person takes a transition that asks for nothing."""

    @abstractmethod
    def resolve(self, ref: TicketRef, resolution: str) -> None:
        """A person changes the resolution, where the ticket stands."""

    @abstractmethod
    def assign(self, ref: TicketRef, name: str) -> None:
        """A person assigns the ticket to the user with this user name, "" for nobody."""

    @abstractmethod
    def say(self, ref: TicketRef, text: str, *, internal: bool = False) -> str:
        """A person comments; returns the comment's id."""

    @abstractmethod
    def reword(self, ref: TicketRef, comment_id: str, text: str) -> None:
        """A person changes a comment."""

    @abstractmethod
    def comments(self, ref: TicketRef) -> list[str]: ...

    @abstractmethod
    def for_customers(self, ref: TicketRef) -> list[str]:
        """The comments that customers of a service project see."""

    @abstractmethod
    def delete_comment(self, ref: TicketRef, comment_id: str) -> None: ...

    @abstractmethod
    def remote_links(self, ref: TicketRef) -> list[tuple[str, str]]:
        """Title and address of each."""

    @abstractmethod
    def ticket_links(self, ref: TicketRef) -> list[tuple[str, str, bool]]:
        """Type, the other's key and whether this one is the outward side, of each."""

    @abstractmethod
    def lose_reply_of_create(self) -> None:
        """The next create call works, but its reply is lost."""

    @abstractmethod
    def lock_out(self) -> None:
        """Our credentials are not accepted any more."""

    @abstractmethod
    def let_in(self) -> None:
        """Our credentials are accepted again."""


_RESOLUTION = {
    "resolution": ScreenField("resolution", "Resolution", required=True, allowed=("Done", "Fixed"))
}
_STOP = Hop("301", "Stop Progress", TO_DO)
_RESOLVE = Hop("5", "Resolve Issue", DONE, _RESOLUTION)
_CLASSIC = {
    TO_DO.id: [Hop("4", "Start Progress", IN_PROGRESS), _RESOLVE],
    IN_PROGRESS.id: [_STOP, _RESOLVE],
    DONE.id: [Hop("3", "Reopen Issue", TO_DO)],
}


def links_of(twin: MemoryTracker, ticket_id: str) -> list[TicketLink]:
    """Links between a ticket and others that were not deleted, as the ticket shows them."""
    keys = {ticket.ref.id: ticket.ref.key for ticket in twin.alive}
    sides = [(t, a, b, True) for t, a, b in twin.links]
    sides += [(t, b, a, False) for t, a, b in twin.links]
    return [TicketLink(t, keys[b], out) for t, a, b, out in sides if a == ticket_id and b in keys]


class MemorySite(Site):
    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.tracker = self._twin = MemoryTracker(
            self.clock, index_lag=LAG, workflows={"OPS": _CLASSIC}
        )

    def _at(self, ref: TicketRef) -> MemoryTicket:
        return self._twin.tickets[ref.id]

    def make_by_hand(self, project: str, summary: str, *labels: str) -> TicketRef:
        number = len(self._twin.tickets) + 1
        ref = TicketRef(str(10_000 + number), f"{project}-{number}")
        fields = {"summary": summary, "labels": sorted(labels)}
        self._twin.tickets[ref.id] = MemoryTicket(ref, project, "Bug", fields, self.clock.time())
        return ref

    def labels(self, ref: TicketRef) -> set[str]:
        return set(self._at(ref).fields["labels"])

    def add_label(self, ref: TicketRef, label: str) -> None:
        self._at(ref).fields["labels"] = sorted({*self.labels(ref), label})

    def remove_label(self, ref: TicketRef, label: str) -> None:
        self._at(ref).fields["labels"] = sorted(self.labels(ref) - {label})

    def move(self, ref: TicketRef, project: str) -> TicketRef:
        ticket = self._at(ref)
        ticket.ref, ticket.project = TicketRef(ref.id, f"{project}-{ref.id}"), project
        return ticket.ref

    def delete(self, ref: TicketRef) -> None:
        self._at(ref).deleted = True

    def hide(self, project: str) -> None:
        self._twin.hidden.add(project)

    def take(self, ref: TicketRef, hop: Hop) -> None:
        self._at(ref).move(hop.to, self.clock.time())

    def resolve(self, ref: TicketRef, resolution: str) -> None:
        self._at(ref).resolve(resolution, self.clock.time())

    def assign(self, ref: TicketRef, name: str) -> None:
        self._at(ref).assign(name, self.clock.time())

    def say(self, ref: TicketRef, text: str, *, internal: bool = False) -> str:
        id_ = str(1_000 + len(self._at(ref).talk))
        self._at(ref).say(id_, Comment(text, "", public=not internal), self.clock.time())
        return id_

    def reword(self, ref: TicketRef, comment_id: str, text: str) -> None:
        self._at(ref).reword(comment_id, text, self.clock.time(), public=True)

    def comments(self, ref: TicketRef) -> list[str]:
        return [text for _, text in self._at(ref).comments.values()]

    def for_customers(self, ref: TicketRef) -> list[str]:
        at = self._at(ref)
        return [text for id_, (_, text) in at.comments.items() if id_ in at.public]

    def delete_comment(self, ref: TicketRef, comment_id: str) -> None:
        del self._at(ref).talk[comment_id]

    def remote_links(self, ref: TicketRef) -> list[tuple[str, str]]:
        return [(link.title, link.url) for link in self._at(ref).remote_links.values()]

    def ticket_links(self, ref: TicketRef) -> list[tuple[str, str, bool]]:
        return [(one.type, one.other, one.outward) for one in links_of(self._twin, ref.id)]

    def lose_reply_of_create(self) -> None:
        self._twin.fail("create", lambda: Unknown("the reply was lost"), "after")

    def lock_out(self) -> None:
        lost = SiteDown("the token has expired", outage=Outage.AUTHENTICATION)
        self._twin.fail("", lambda: lost)

    def let_in(self) -> None:
        self._twin.heal()


class AdapterSite(Site):
    """The Jira adapter in front of the simulated Jira of one kind, without sockets."""

    def __init__(self, kind: str, language: str = "en_GB") -> None:
        world = World(kind, index_lag=LAG)
        self.clock, self.tracker, self._jira = world.clock, world.tracker, world.jira
        self._jira.translate(language, {})
        self._jira.index_lag = LAG

    def make_by_hand(self, project: str, summary: str, *labels: str) -> TicketRef:
        key = self._jira.person.create(project, "Bug", summary, labels=sorted(labels))
        return TicketRef(self._jira.ticket(key).id, key)

    def labels(self, ref: TicketRef) -> set[str]:
        return set(self._jira.ticket(ref.id).labels)

    def add_label(self, ref: TicketRef, label: str) -> None:
        self._jira.person.add_labels(ref.key, label)

    def remove_label(self, ref: TicketRef, label: str) -> None:
        self._jira.person.remove_labels(ref.key, label)

    def move(self, ref: TicketRef, project: str) -> TicketRef:
        return TicketRef(ref.id, self._jira.person.move(ref.key, project))

    def delete(self, ref: TicketRef) -> None:
        self._jira.person.delete(ref.key)

    def hide(self, project: str) -> None:
        self._jira.deny(project, "BROWSE_PROJECTS")

    def take(self, ref: TicketRef, hop: Hop) -> None:
        self._jira.person.transition(ref.key, hop.name)

    def resolve(self, ref: TicketRef, resolution: str) -> None:
        self._jira.person.resolve(ref.key, resolution)

    def assign(self, ref: TicketRef, name: str) -> None:
        self._jira.person.assign(ref.key, name)

    def say(self, ref: TicketRef, text: str, *, internal: bool = False) -> str:
        return self._jira.person.comment(ref.key, text, internal=internal)

    def reword(self, ref: TicketRef, comment_id: str, text: str) -> None:
        self._jira.person.edit_comment(ref.key, comment_id, text)

    def comments(self, ref: TicketRef) -> list[str]:
        return [comment.text for comment in self._jira.ticket(ref.id).comments]

    def for_customers(self, ref: TicketRef) -> list[str]:
        return [comment.text for comment in self._jira.ticket(ref.id).comments if comment.public]

    def delete_comment(self, ref: TicketRef, comment_id: str) -> None:
        self._jira.person.delete_comment(ref.key, comment_id)

    def remote_links(self, ref: TicketRef) -> list[tuple[str, str]]:
        return [(link["title"], link["url"]) for link in self._jira.ticket(ref.id).remote_links]

    def ticket_links(self, ref: TicketRef) -> list[tuple[str, str, bool]]:
        site, found = self._jira.site, []
        issue = site.find(ref.id)
        assert issue is not None
        for link in issue.links:
            outward = link.source == issue.id
            other = site.find(str(link.target if outward else link.source))
            assert other is not None
            found.append((link.type.name, other.key, outward))
        return found

    def lose_reply_of_create(self) -> None:
        self._jira.faults.add("drop", method="POST", path="/issue$", after=True, count=1)

    def lock_out(self) -> None:
        self._jira.faults.add("unauthorized")

    def let_in(self) -> None:
        self._jira.faults.clear()


IMPLEMENTATIONS: Mapping[str, Callable[[], Site]] = {
    "memory": MemorySite,
    "cloud": lambda: AdapterSite("cloud"),
    "datacenter": lambda: AdapterSite("datacenter"),
    # Faults are told apart by statuses, keys and questions, never by English words.
    "cloud in Japanese": lambda: AdapterSite("cloud", "ja_JP"),
    "datacenter in German": lambda: AdapterSite("datacenter", "de_DE"),
}

"""The world of the machine with people on both sides: how it begins, and what it comes to in the end."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync.domain.agreement import Agreement
from sync.domain.subject import Status
from sync.domain.ticket import Base, marker_label
from sync.sandbox.coalesce.subjects import Incident, Issue
from sync.sandbox.memory_ticket import MemoryTicket
from sync.store import leases, subjects
from sync.store.engine import open_store
from sync.worker.sweeps.run import Run, Window
from sync.worker.sweeps.upstream import IncidentsSweep, IssuesSweep
from tests.adapters.coalesce.in_process import InProcess
from tests.walks.both_ways import BothWays
from tests.walks.lives import MEMORY, template
from tests.walks.witness import Story, excess, lacking, wrongs
from tests.walks.world import START, SimulatedClock

TALKING = 'comments = "all"\ncopy_comments = true'
# What a rule says of telling upstream; None where it says nothing.
EDITIONS = {
    "all": TALKING,
    "announcing": f"{TALKING}\nannounce = true",
    "acknowledging": f'{TALKING}\nacknowledge = "assigned"',
    "ignoring": f'{TALKING}\nignore = ["robot"]',
    "marks": "",
    "off": None,
}


class BothWorlds(RuleBasedStateMachine):
    """The world, and what is known of it from outside. Without the acts, which a machine adds."""

    @initialize(edition=st.sampled_from(["all", "announcing", "acknowledging", "marks"]))
    def begin(self, edition: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="machine", dir=MEMORY))
        shutil.copy(template(), self.folder / "store.db")
        self.clock = SimulatedClock()
        self.upstream = InProcess(self.clock)
        self.sandbox = self.upstream.sandbox
        self.store = open_store(f"sqlite:///{self.folder / 'store.db'}")
        self.world = BothWays(
            self.store, self.folder / "rules", self.upstream, EDITIONS[edition] or ""
        )
        self.jira = self.world.jira
        self.edition, self.name, self.done = 0, edition, Status.FIXED
        # How often a rule has begun to acknowledge by itself.
        self.acknowledging = int(edition == "acknowledging")
        self.numbers = itertools.count(1)
        self.stories: dict[str, Story] = {}
        self.late: list[dict[str, Any]] = []
        # By event, who caused it: a person upstream or, in what is missing here, we.
        self.by_people: set[str] = set()
        for subject in (self.sandbox.open_issue(), self.sandbox.open_incident([])):
            self.stories[subject.id] = Story()
        self.happened()
        self.world.settle()

    # What is there

    @property
    def subjects(self) -> list[Issue | Incident]:
        return [*self.sandbox.issues.values(), *self.sandbox.incidents.values()]

    def subject(self, place: int) -> Issue | Incident:
        return self.subjects[place % len(self.subjects)]

    @staticmethod
    def ref(subject: Issue | Incident) -> str:
        """The name of a subject, as the store has it."""
        kind = "incident" if isinstance(subject, Incident) else "issue"
        return f"coalesce:{kind}:{subject.id}"

    def pair(self, place: int) -> tuple[Issue | Incident, MemoryTicket | None]:
        """A subject and its ticket, if there is one yet."""
        subject = self.subject(place)
        label = marker_label(self.ref(subject))
        found = [one for one in self.jira.alive if one.carries(label)]
        assert len(found) < 2
        return subject, found[0] if found else None

    def agreement(self, ticket: MemoryTicket | None) -> Agreement | None:
        """What is agreed for a ticket by the rule now in force."""
        (rule,) = self.world.rules().rules
        wish = rule.projection.upstream
        row = next((r for r in self.world.rows() if ticket and r.jira_id == ticket.ref.id), None)
        known = Base.from_json(row.base).agreement if row else None
        return known if known and wish and known.since == wish.since else None

    def known_to_be_over(self, subject: Issue | Incident) -> bool:
        """Whether we take the subject for one that has ended."""
        with self.store.read() as session:
            rows = subjects.load(session, [self.ref(subject)])
        return any(subjects.to_snapshot(row).status.ended for row in rows.values())

    def happened(self) -> None:
        """What has just happened upstream was done by people."""
        self.by_people |= {event["event_id"] for event in self.sandbox.events[-1:]}

    # What is done in the end, and at any time before

    @rule()
    def sweep(self) -> None:
        """Ask upstream for what has changed."""
        window = Window(START, self.clock.time())
        for kind in (IssuesSweep, IncidentsSweep):
            sweep = kind(self.store, self.world.triage, self.upstream.api)
            sweep.sweep(Run(sweep, window, {}, dry=False))

    @rule()
    def restart(self) -> None:
        """As after kill -9: nothing is finished, and what was held is taken over."""
        self.world.close()
        self.store.close()
        self.store = open_store(f"sqlite:///{self.folder / 'store.db'}")
        self.upstream.api = self.upstream.connect()
        self.world = BothWays(
            self.store, self.folder / "rules", self.upstream, "", before=self.world
        )
        leases.release_all_of(self.store, leases.owners(self.store))

    # In the end

    @invariant()
    def no_comment_is_there_twice_and_nothing_leaks(self) -> None:
        for place in range(len(getattr(self, "stories", ()))):
            subject, ticket = self.pair(place)
            if ticket is not None:
                found = excess(self.stories[subject.id], ticket, subject)
                assert not found, found

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.calm()
        finally:
            self.world.close()
            self.store.close()
            self.upstream.api.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def calm(self) -> None:
        self.jira.heal()
        self.upstream.heal()
        self.restart()
        self.world.deliver(*self.late)
        self.come_to_rest()
        found = [words for place in range(len(self.subjects)) for words in self.judged(place)]
        assert not found, found
        before = self.written()
        self.clock.sleep(3600)
        self.come_to_rest()
        assert self.written() == before, "it goes on writing after it has settled"

    def come_to_rest(self) -> None:
        for _ in range(2):
            self.sweep()
            self.world.look()
            self.world.settle(within=7 * 3600)

    def judged(self, place: int) -> list[str]:
        subject, ticket = self.pair(place)
        assert ticket is not None, subject.id
        story, name = self.stories[subject.id], f"{type(subject).__name__} {subject.id[:8]}: "
        known = self.agreement(ticket)
        if known is not None and known.held:
            assert story.acts >= 5
            return []
        found = lacking(story, ticket, subject)
        marks = self.marks(subject)
        ours = [one for one in marks if one["event_id"] not in self.by_people]
        if len(ours) > story.moves + self.acknowledging:
            found.append(f"{len(ours)} marks of ours for {story.moves} acts")
        if known is not None:
            theirs = not marks or marks[-1]["event_id"] in self.by_people
            found += wrongs(
                story, ticket, subject, done=self.done, edition=self.edition, theirs=theirs
            )
        return [name + one for one in found]

    def marks(self, subject: Issue | Incident) -> list[dict[str, Any]]:
        types = ("issue_status_updated", "incident_open", "incident_closed", "incident_cancelled")
        kind = "incident" if isinstance(subject, Incident) else "issue"
        return [
            event
            for event in self.sandbox.events
            if event["type"] in types and event.get(kind, {}).get(f"{kind}_id") == subject.id
        ]

    def written(self) -> tuple[Any, ...]:
        """What is on both sides, and how often something was written there."""
        calls = self.jira.calls
        writes = ("create", "update", "transition", "comment", "edit_comment", "link_remote")
        return (
            len(self.sandbox.events),
            [len(one.remarks) for one in self.subjects],
            [calls[name] for name in writes],
        )

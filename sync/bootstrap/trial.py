"""The trial ticket of ``init --verify``: made, moved through its states and removed again.

It goes the way of every ticket, by the same walks and the rules on disk, on a store of its own that is
thrown away. It has another label than the tickets of issues, so that no sweep takes it for one, and an
entity property by which a later trial finds what an earlier one had to leave behind.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sync.adapters.jira import JiraSite, JiraTracker
from sync.bootstrap.adapters import jira_site
from sync.domain.errors import Fault, Rejected, TicketGone, Unknown
from sync.domain.rule import Category, Desired
from sync.domain.subject import EventType, Snapshot, Status
from sync.domain.text import cut
from sync.domain.ticket import Base, Draft, TicketRef, is_marker
from sync.ports import Clock, SystemClock
from sync.rules import Rule, RuleSet
from sync.settings import Settings
from sync.store import claims, continuity, subjects, tickets
from sync.store.engine import Store
from sync.store.subjects import Subject
from sync.store.tables import SubjectRow, TicketRow, TicketState
from sync.store.temporary import temporary_store
from sync.worker.walk.converge import Converger
from sync.worker.walk.past import agreed

LABEL = "ticket-sync-trial"
# The beginning of its summary and of its key.
MARK = "[trial of ticket-sync]"
KEY = "ticket-sync-trial:"
# Seconds that a walk which fails is tried again, and that a ticket is searched for whose making had no
# answer.
PATIENCE = 20.0
_LEASE = 300.0
# How often a closed ticket is walked again at the time that its rule says.
_MOST_JUMPS = 3
_LONGEST_SUMMARY = 255
# By each state that the subject takes on, what sends it there.
STATES = (
    (Status.OPEN, EventType.ISSUE_CREATED),
    (Status.INVESTIGATING, EventType.ISSUE_STATUS_UPDATED),
    (Status.CLOSED, EventType.ISSUE_CLOSED),
)


class TrialTracker(JiraTracker):
    """A site whose every ticket is marked as a trial. No epic is made for one."""

    def __init__(self, site: JiraSite, clock: Clock) -> None:
        super().__init__(site, clock)
        self.epics = None

    def draft(self, desired: Desired, *, base: Base | None = None, anew: bool = False) -> Draft:
        """As ``Tracker.draft``, with the words and the label of a trial. Nothing is told upstream."""
        made = super().draft(replace(desired, upstream=None), base=base, anew=anew)
        fields = dict(made.fields)
        if summary := fields.get("summary"):
            words = cut(f"{MARK} {summary.value}", _LONGEST_SUMMARY, "", utf16=True)
            fields["summary"] = replace(summary, value=words)
        if labels := fields.get("labels"):
            kept = {one for one in labels.value or () if not is_marker(one)}
            fields["labels"] = replace(labels, value=sorted({*kept, LABEL}))
        return replace(made, fields=fields)

    def find(self, key: str) -> list[TicketRef]:
        """The trial tickets of a key, by the label and the entity property."""
        return [ref for ref in self._trials() if self.mark_of(ref).key == key]

    def left_behind(self) -> list[TicketRef]:
        """The tickets of all trials that are there."""
        return [ref for ref in self._trials() if self.mark_of(ref).key.startswith(KEY)]

    def _trials(self) -> list[TicketRef]:
        return [one.ref for one in self.matching(f'labels = "{LABEL}" ORDER BY created ASC')]


def trial_tracker(settings: Settings, site: str) -> TrialTracker:
    """The site of the settings. Makes no call."""
    return TrialTracker(jira_site(site, settings.sites[site]), SystemClock())


class _Clock(SystemClock):
    """The time, which can be set forward: a rule may close a ticket only after a while."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


@dataclass(frozen=True, slots=True)
class Stand:
    """How the trial ticket stands after a walk. ``status`` is its status in Jira; ``moved`` whether the
    walk moved it there; ``done`` whether it is closed; ``amiss`` says what went wrong and what to do, ""
    for nothing."""

    key: str
    status: str
    moved: bool
    done: bool = False
    amiss: str = ""


class Trial:
    """One trial ticket. ``store`` is empty and is thrown away afterwards."""

    def __init__(self, store: Store, tracker: TrialTracker, rule: Rule, rules: RuleSet) -> None:
        self._store, self.tracker = store, tracker
        self._clock = _Clock()
        self._rule = rule
        self._converger = Converger(store, {tracker.site: tracker}, lambda: rules, self._clock)
        self._key = f"{KEY}{uuid.uuid4()}"
        self._row_id = 0
        self._subject: Subject | None = None
        self._status = self._aside = ""
        # Whether the ticket of an earlier trial is used again.
        self.again = False

    def begin(self, snapshot: Snapshot, left: TicketRef | None = None) -> None:
        """Put the made-up subject and its ticket on record. ``left`` is the closed ticket of an earlier
        trial, which is used again. Raises the tracker's faults where that cannot be read."""
        now = self._clock.time()
        self._subject = Subject.first(snapshot, now)
        linked: dict[str, Any] = self._as_left(snapshot, left) if left else {}
        self.again = bool(left)
        continuity.check(self._store, {self.tracker.site: ""}, now)
        with self._store.write() as session:
            # No ticket of a trial was made by an earlier life of this store.
            continuity.surveyed(session, self.tracker.site, now, {})
            subjects.add(session, snapshot, now)
            row = tickets.add(
                session,
                TicketRow(
                    key=self._key,
                    rule=self._rule.name,
                    site=self.tracker.site,
                    created_at=now - self._rule.hold - 1,
                    **{"project": "", **linked},
                ),
            )
            assert row.id is not None
            self._row_id = row.id
            tickets.link(session, str(snapshot.ref), row.id, now)

    def _as_left(self, snapshot: Snapshot, left: TicketRef) -> dict[str, Any]:
        """The columns of a ticket that an earlier trial closed."""
        seen = self.tracker.read(left.id)
        self._key = self.tracker.mark_of(left).key
        draft = self.tracker.draft(self._rule.project_ticket(self._key, [snapshot]), base=Base())
        base = replace(
            agreed(draft, seen),
            status=Status.CLOSED,
            jira_status=seen.status.id,
            closed_by_us=True,
            arrived=True,
        )
        return {
            "project": seen.project,
            "state": TicketState.LINKED,
            "jira_id": left.id,
            "jira_key": left.key,
            "base": base.to_json(),
        }

    def walk(self, status: Status, event: EventType) -> Stand:
        """Let the subject take on a status, and the ticket follow. Raises nothing that a walk met: see
        ``amiss``."""
        now = self._clock.time()
        assert self._subject is not None
        snapshot = replace(
            self._subject.snapshot, status=status, event_type=event, event_time=int(now * 1e9)
        )
        self._subject = self._subject.followed_by(snapshot, now)
        with self._store.write() as session:
            session.merge(SubjectRow(**self._subject.columns()))
            row = tickets.by_ids(session, [self._row_id])[self._row_id]
            tickets.make_due(row, now, event.value, look=True)
        row = self._walked()
        return self._stand(row)

    def _walked(self) -> TicketRow:
        end, jumps = time.monotonic() + PATIENCE, 0
        while True:
            now = self._clock.time()
            for claim in claims.claim(self._store, owner="trial", now=now, lease=_LEASE, limit=1):
                self._converger.walk(claim)
            row = self._row()
            if row.due_at is None or row.parked_at is not None or time.monotonic() > end:
                return row
            if row.state != TicketState.LINKED or row.attempts or row.intents:
                time.sleep(min(1.0, max(0.05, row.due_at - now)))
            elif self._ended and jumps < _MOST_JUMPS:
                # Due later because the rule says so (`close_after`), and not because something failed.
                self._clock.ahead += max(0.0, row.due_at - now) + 0.001
                jumps += 1
            else:
                return row

    @property
    def _ended(self) -> bool:
        return self._subject is not None and self._subject.ended_at is not None

    def _row(self) -> TicketRow:
        with self._store.read() as session:
            return tickets.by_ids(session, [self._row_id])[self._row_id]

    def _stand(self, row: TicketRow) -> Stand:
        amiss = _amiss(row)
        if not amiss and (aside := _aside(row)) != self._aside:
            # A field that is set aside is told of once; the ticket goes on without it.
            self._aside = amiss = aside
        before, status, done = self._status, "", False
        if row.jira_id:
            try:
                shown = self.tracker.read(row.jira_id, row.project).status
                status, done = shown.name, shown.category is Category.DONE
            except Fault as fault:
                amiss = amiss or said(fault)
        self._status = status
        return Stand(row.jira_key, status, bool(before) and before != status, done, amiss)

    def ref(self) -> TicketRef | None:
        """The trial's ticket, None where there is none. Raises the tracker's faults, Unknown where no
        answer came whether it was made, and a search does not show it yet."""
        if not self._row_id:
            return None
        row = self._row()
        if row.jira_id:
            return TicketRef(row.jira_id, row.jira_key)
        if row.state != TicketState.CREATING:
            return None
        end = time.monotonic() + PATIENCE
        while not (found := self.tracker.find(self._key)):
            if time.monotonic() > end:
                raise Unknown("no answer came to making the ticket, and no search shows it yet")
            time.sleep(min(1.0, PATIENCE / 10))
        return found[0]


@contextmanager
def trial(tracker: TrialTracker, rule: Rule, rules: RuleSet) -> Iterator[Trial]:
    """A trial whose store lasts for the block."""
    with temporary_store() as store:
        yield Trial(store, tracker, rule, rules)


def removed(tracker: TrialTracker, ref: TicketRef) -> str:
    """Delete the ticket of a trial; "" where it is gone, else why it is not. Raises nothing."""
    try:
        tracker.delete(ref)
    except Fault as fault:
        return "" if _gone(tracker, ref) else said(fault)
    return ""


def _gone(tracker: TrialTracker, ref: TicketRef) -> bool:
    try:
        tracker.read(ref.id)
    except TicketGone:
        return True
    except Fault:
        pass
    return False


def said(fault: Fault) -> str:
    """A fault and what to do about it."""
    remedy = fault.remedy if isinstance(fault, Rejected) else ""
    return f"{str(fault).rstrip('.')}. {remedy or ''}".strip()


def _amiss(row: TicketRow) -> str:
    if row.parked_at is not None and row.parked:
        return str(row.parked.get("words") or row.parked.get("reason") or "")
    if row.error:
        return row.error
    if row.state in (TicketState.NEW, TicketState.CREATING):
        return "whether Jira made the ticket is not known yet"
    return ""


def _aside(row: TicketRow) -> str:
    """Which fields are set aside, and why."""
    fields = (row.parked or {}).get("fields", {})
    return "; ".join(str(one.get("words") or one) for one in fields.values())

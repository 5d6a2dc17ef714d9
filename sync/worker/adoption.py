"""Adoption: a ticket in Jira that a person or another tool made becomes the ticket of a subject.

Without adoption ticket-sync would make a second one. Pairs of subject and ticket are given, or found by
a subject's id in the ticket's text. Nothing is written to Jira here: the ticket becomes due, and its
next walk marks it. The present values of its fields become the base, so only later changes upstream
are written over them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from sync.domain.errors import Fault
from sync.domain.subject import Kind, Snapshot, Status, SubjectRef
from sync.domain.ticket import Base, Document, Draft, FieldBase, FieldKind, Observed, remembered
from sync.ports import Clock, SourceApi, Tracker
from sync.rules import RuleSet
from sync.store import deliveries, journal, subjects, tickets
from sync.store.engine import Session, Store
from sync.store.tables import TicketRow, TicketState

BULK = 100
_T = TypeVar("_T")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Fate(StrEnum):
    """What becomes of a pair. ``already``: the ticket is the subject's already. ``conflict``: nothing is
    done, because the subject would get a second ticket, the ticket belongs to another subject, or the
    pair cannot be read."""

    ADOPT = "adopt"
    ALREADY = "already"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Pair:
    """A ticket (its Jira key), a subject (reference or id, "" if unknown), what becomes of them."""

    ticket: str
    subject: str
    fate: Fate
    words: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    observed: Observed
    snapshot: Snapshot
    key: str
    rule: str
    draft: Draft


@dataclass(slots=True)
class Adoption:
    """One round of adopting on one site. With ``apply`` False it decides, and writes nothing."""

    store: Store
    tracker: Tracker
    rules: RuleSet
    clock: Clock
    source: str
    api: SourceApi | None = None
    apply: bool = False
    _taken: dict[str, str] = field(default_factory=dict, init=False)

    def pairs(self, given: Iterable[tuple[str, str]]) -> list[Pair]:
        """Adopt given (subject, ticket key) pairs. Raises the tracker's faults."""
        found: list[Pair] = []
        for some in _chunks(given):
            shown = self._shown([ticket for _, ticket in some])
            for subject, ticket in some:
                observed = shown.get(ticket)
                if observed is None:
                    words = "there is no such ticket, or it is not visible to us"
                    found.append(Pair(ticket, subject, Fate.CONFLICT, words))
                else:
                    found.append(self._one(observed, subject))
        return found

    def matching(self, jql: str) -> list[Pair]:
        """Adopt the tickets of a JQL query whose texts name exactly one known subject. Raises Rejected
        for a query that Jira refuses, and the tracker's other faults."""
        found: list[Pair] = []
        for some in _chunks(one.ref.id for one in self.tracker.matching(jql)):
            for observed in self.tracker.read_many(some).values():
                if observed is not None:
                    found.append(self._named(observed))
        return found

    def _named(self, observed: Observed) -> Pair:
        known = self._known_ids(ids_in(observed))
        if len(known) == 1:
            return self._one(observed, str(known[0].ref))
        words = "its text names no issue or incident that is known"
        if known:
            words = f"its text names several: {', '.join(str(s.ref) for s in known)}"
        return Pair(observed.ref.key, "", Fate.CONFLICT, words)

    def _known_ids(self, ids: Sequence[str]) -> list[Snapshot]:
        refs = [str(SubjectRef(self.source, kind, id_)) for id_ in ids for kind in Kind]
        with self.store.read() as session:
            known = {
                ref: subjects.to_snapshot(r) for ref, r in subjects.load(session, refs).items()
            }
        missing = [id_ for id_ in ids if not any(s.ref.id == id_ for s in known.values())]
        if missing and self.api is not None:
            for snapshot in (*self.api.issues(missing), *self.api.incidents(missing)):
                known[str(snapshot.ref)] = snapshot
        return [known[ref] for ref in sorted(known)]

    def _shown(self, keys: Sequence[str]) -> dict[str, Observed]:
        found = self.tracker.read_many(keys)
        return {shown.ref.key: shown for shown in found.values() if shown is not None}

    def _one(self, observed: Observed, subject: str) -> Pair:
        case = self._case(observed, subject)
        if isinstance(case, str):
            return Pair(observed.ref.key, subject, Fate.CONFLICT, case)
        with self.store.write() if self.apply else self.store.read() as session:
            if self.apply:
                deliveries.lock_triage(session)
            fate, words = self._decide(session, case)
            if fate is Fate.ADOPT:
                self._taken[case.key] = observed.ref.id
                if self.apply:
                    self._take(session, case)
        return Pair(observed.ref.key, str(case.snapshot.ref), fate, words)

    def _case(self, observed: Observed, subject: str) -> _Case | str:
        """What is needed to decide on a pair, or why it cannot be adopted."""
        known = self._known_ids([subject.rsplit(":", 1)[-1]])
        if not known:
            hint = "" if self.api else "; with credentials in [coalesce.api] it could be asked for"
            return f"no issue or incident {subject!r} is known{hint}"
        snapshot = known[0]
        rule = self.rules.match(snapshot)
        if rule is None:
            return "no rule matches its subject, so nothing says how to keep it"
        if rule.site != self.tracker.site:
            return f"rule {rule.ref.name!r} keeps its tickets on site {rule.site!r}"
        try:
            key = rule.ticket_key(snapshot)
            draft = self.tracker.draft(rule.project_ticket(key, [snapshot]), base=Base())
        except Fault as fault:
            return f"rule {rule.ref.name!r}: {fault}"
        return _Case(observed, snapshot, key, rule.ref.name, draft)

    def _decide(self, session: Session, case: _Case) -> tuple[Fate, str]:
        ref, jira_id = str(case.snapshot.ref), case.observed.ref.id
        if self._taken.get(case.key, jira_id) != jira_id:
            return Fate.CONFLICT, "another ticket of this list is for the same subject"
        mine = _mine(session, ref, case.key)
        if mine is not None and mine.jira_id == jira_id:
            if subjects.ticket_ids(session, [ref]).get(ref) == mine.id:
                return Fate.ALREADY, "it is kept already"
            return Fate.ADOPT, "one more subject of a ticket that is kept already"
        if mine is not None and mine.jira_id:
            return Fate.CONFLICT, f"the subject has {mine.jira_key} already"
        if mine is not None and mine.state == TicketState.CREATING:
            return Fate.CONFLICT, "a ticket is being made for the subject at this moment"
        theirs = tickets.by_jira_ids(session, self.tracker.site, [jira_id]).get(jira_id)
        if theirs is not None and theirs.key != case.key:
            return Fate.CONFLICT, f"it is kept already, as the ticket of {theirs.key}"
        return Fate.ADOPT, f"as rule {case.rule!r} keeps it"

    def _take(self, session: Session, case: _Case) -> None:
        now, ref = self.clock.time(), str(case.snapshot.ref)
        if not subjects.load(session, [ref]):
            subjects.put(session, None, case.snapshot, now)
            session.flush()
        row = _mine(session, ref, case.key)
        if row is None:
            row = tickets.add(
                session,
                TicketRow(
                    key=case.key,
                    rule=case.rule,
                    site=self.tracker.site,
                    project=case.observed.project,
                    created_at=now,
                ),
            )
        if row.jira_id is None:
            row.state = TicketState.LINKED
            row.jira_id, row.jira_key = case.observed.ref.id, case.observed.ref.key
            row.project = case.observed.project
            row.base = agreed(case.draft, case.observed).to_json()
            row.intents, row.seen = [], ""
            row.parked, row.parked_at, row.error = None, None, ""
            # Its lease ends, so that a walk that was about to make the ticket stops at its next step.
            row.lease_owner, row.lease_until = None, None
        assert row.id is not None
        tickets.link(session, ref, row.id, now)
        tickets.make_due(row, now, "adopted", look=True)
        entry = journal.Entry("adopt", f"{case.observed.ref.key} was taken over for {ref}")
        journal.write(session, entry, at=now, ticket_id=row.id, rule=case.rule)


def _mine(session: Session, ref: str, key: str) -> TicketRow | None:
    """The ticket of a subject or, where it has none, the ticket of its key. A ticket that only stands in
    because a rule could not place the subject does not count."""
    own = tickets.by_ids(session, subjects.ticket_ids(session, [ref]).values())
    placed = (row for row in own.values() if row.state != TicketState.UNPLACED)
    return next(placed, None) or tickets.by_keys(session, [key]).get(key)


def agreed(draft: Draft, observed: Observed) -> Base:
    """The base of a ticket that others made: what it shows now counts as what we last sent."""
    fields = {
        id_: FieldBase(remembered(one.value), remembered(observed.fields[id_]), looked=True)
        for id_, one in draft.fields.items()
        if id_ in observed.fields and one.kind is not FieldKind.LABELS
    }
    return Base(fields=fields, status=Status.OPEN, jira_status=observed.status.id)


def ids_in(observed: Observed) -> list[str]:
    """The ids (UUIDs) in a ticket's texts and labels, each once, in lower case."""
    found: dict[str, None] = {}
    for value in observed.fields.values():
        for text in _texts(value):
            found.update(dict.fromkeys(id_.lower() for id_ in _UUID.findall(text)))
    return list(found)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Document):
        yield from value.identities
        yield from (str(block.raw) for block in value.blocks)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _chunks(items: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(items)
    while some := list(islice(rest, BULK)):
        yield some

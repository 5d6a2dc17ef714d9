"""Adoption: a ticket in Jira that a person or another tool made becomes the ticket of a subject.

Without adoption ticket-sync would make a second one. Pairs of subject and ticket are given, or found by
a subject's id in the ticket's text. Tickets that bear our own markers, which a store that is new or was
restored does not know, are found by those. Nothing is written to Jira here: the ticket becomes due, and
its next walk marks it. The present values of its fields become the base, so only later changes upstream
are written over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from sync.domain.errors import Fault
from sync.domain.subject import Kind, Snapshot, SubjectRef
from sync.domain.ticket import Base, Draft, Mark, Observed, marker_label
from sync.domain.wording import short
from sync.ports import Clock, SourceApi, Tracker
from sync.rules import RuleSet, Undecided
from sync.store import deliveries, journal, placements, subjects, tickets
from sync.store.asides import Aside
from sync.store.engine import Session, Store
from sync.store.tables import TicketRow, TicketState
from sync.worker.ahead import Ahead, Fate, Pair, Unheard, epic_in_words
from sync.worker.naming import ANY_ID, By, Naming, as_id, ids_in, is_id
from sync.worker.triage.routing import without_number
from sync.worker.walk.past import agreed

BULK = 100
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Case:
    """A ticket, the subjects that are to belong to it, and what their rule makes of them. ``ours``: the
    ticket bears the marker of ``key``. Only such a ticket may be taken without subjects or draft."""

    observed: Observed
    snapshots: tuple[Snapshot, ...]
    key: str
    rule: str
    draft: Draft | None
    ours: bool = False

    @property
    def subject(self) -> str:
        return ", ".join(str(one.ref) for one in self.snapshots) or self.key


@dataclass(slots=True)
class Adoption:
    """One round of adopting on one site. With ``apply`` False it decides, and writes nothing. With
    ``ahead``, subjects that are not known are recorded ahead. ``progress`` is called with how many
    tickets were looked at so far."""

    store: Store
    tracker: Tracker
    rules: RuleSet
    clock: Clock
    source: str
    api: SourceApi | None = None
    apply: bool = False
    ahead: Ahead | None = None
    progress: Callable[[int], object] = int
    # The pairs so far, also where a fault ends the round.
    found: list[Pair] = field(default_factory=list, init=False)
    # Of the pairs so far, the ticket (Jira's id) by our key, and our key by the ticket.
    _taken: dict[str, str] = field(default_factory=dict, init=False)
    _given: dict[str, str] = field(default_factory=dict, init=False)
    _by_name: dict[str, list[str]] | None = field(default=None, init=False)
    # What the API said of the subjects of one chunk, by id; None of those that it does not know.
    _heard: dict[str, Snapshot | None] = field(default_factory=dict, init=False)
    # The tickets of one chunk by Jira id, and the fields that Jira was surely asked for.
    _seen: dict[str, Observed | None] = field(default_factory=dict, init=False)
    _asked: set[str] = field(default_factory=set, init=False)

    def pairs(self, given: Iterable[tuple[str, str]]) -> list[Pair]:
        """Adopt given (subject, ticket key) pairs. Raises the tracker's faults."""
        found = self.found
        for some in _chunks(given):
            shown = self._shown([ticket for _, ticket in some])
            self._heard.clear()
            self._known_ids([as_id(subject) for subject, _ in some])
            for subject, ticket in some:
                observed = shown.get(ticket)
                if observed is None:
                    words = "there is no such ticket, or it is not visible to us"
                    found.append(Pair(ticket, subject, Fate.CONFLICT, words))
                else:
                    found.append(self._one(observed, self._case(observed, subject), subject))
            self.progress(len(found))
        return found

    def marked(self) -> list[Pair]:
        """Adopt the tickets that bear our markers. Raises the tracker's faults."""
        found = self.found
        for some in _chunks(one.ref.id for one in self.tracker.changed_since(0.0)):
            for observed in self._read(some).values():
                if observed is not None:
                    found.append(self._one(observed, self._our_case(observed)))
            self.progress(len(found))
        return found

    def matching(self, jql: str, naming: Naming = ANY_ID) -> list[Pair]:
        """Adopt the tickets of a JQL query that name exactly one subject. Raises Rejected for a query
        that Jira refuses, Undecided for a pattern that does not end, and the tracker's faults."""
        found = self.found
        for some in _chunks(one.ref.id for one in self.tracker.matching(jql)):
            seen = [one for one in self._read(some).values() if one is not None]
            names = [naming.names(one) for one in seen]
            self._heard.clear()
            if naming.by is By.ID:
                self._known_ids([name for them in names for name in them])
            for observed, them in zip(seen, names, strict=True):
                found.append(self._named(observed, them, naming))
            self.progress(len(found))
        return found

    def _named(self, observed: Observed, names: Sequence[str], naming: Naming) -> Pair:
        if naming.by is By.ID:
            known = [str(one.ref) for one in self._known_ids(names)]
        else:
            if self._by_name is None:
                self._by_name = naming.open_by_name(self.store)
            known = sorted(
                {ref for name in names for ref in self._by_name.get(name.casefold(), ())}
            )
        unheard = "" if known else self._unheard(names, naming)
        if is_id(unheard):
            return self._one(observed, Unheard(observed, unheard), unheard)
        if len(known) == 1:
            return self._one(observed, self._case(observed, known[0]), known[0])
        why = _unnamed(known, names, naming)
        more = "; no id is like this, so that nothing is recorded ahead" if unheard else ""
        return self._unnamed(observed, known, f"{why}{more}")

    def _unheard(self, names: Sequence[str], naming: Naming) -> str:
        """The name of a subject that could be recorded ahead, "" where none could."""
        return names[0] if self.ahead and naming.by is By.ID and len(names) == 1 else ""

    def _unnamed(self, observed: Observed, known: Sequence[str], why: str) -> Pair:
        """What becomes of a ticket that does not name one subject."""
        with self.store.read() as session:
            kept = tickets.by_jira_ids(session, self.tracker.site, [observed.ref.id])
        if kept and not known:
            return Pair(observed.ref.key, "", Fate.ALREADY, "it is kept already")
        return Pair(observed.ref.key, "", Fate.CONFLICT, why)

    def _known_ids(self, ids: Sequence[str]) -> list[Snapshot]:
        """The subjects of these ids, as the store or else the API knows them, by reference."""
        known = self._stored(ids)
        here = {snapshot.ref.id for snapshot in known.values()}
        missing = [id_ for id_ in dict.fromkeys(ids) if id_ not in here]
        self._ask(missing)
        known |= {str(one.ref): one for id_ in missing if (one := self._heard.get(id_)) is not None}
        return [known[ref] for ref in sorted(known)]

    def _stored(self, ids: Sequence[str]) -> dict[str, Snapshot]:
        known: dict[str, Snapshot] = {}
        refs = (str(SubjectRef(self.source, kind, id_)) for id_ in ids for kind in Kind)
        with self.store.read() as session:
            for some in _chunks(refs):
                rows = subjects.load(session, some)
                known |= {ref: subjects.to_snapshot(row) for ref, row in rows.items()}
        return known

    def _ask(self, ids: Sequence[str]) -> None:
        """Ask the API about subjects, each once for a chunk."""
        unasked = [id_ for id_ in ids if id_ not in self._heard]
        if unasked and self.api is not None:
            self._heard |= dict.fromkeys(unasked)
            for snapshot in (*self.api.issues(unasked), *self.api.incidents(unasked)):
                self._heard[snapshot.ref.id] = snapshot

    def _shown(self, keys: Sequence[str]) -> dict[str, Observed]:
        """The tickets of these keys, by the key as it was given: in letters of any case, and also one
        that the ticket had before it was moved."""
        found = [one for one in self._read(keys).values() if one is not None]
        by_key = {one.ref.key.casefold(): one for one in found}
        shown = {key: by_key[key.casefold()] for key in keys if key.casefold() in by_key}
        moved = {one.ref.id for one in found} - {one.ref.id for one in shown.values()}
        return shown | self._moved([key for key in keys if key not in shown], moved)

    def _moved(self, keys: Sequence[str], ids: set[str]) -> dict[str, Observed]:
        """The tickets of these ids, by the one of these keys that each had before. Jira's answer for
        many does not say by which key a ticket was asked for."""
        shown: dict[str, Observed] = {}
        for key in dict.fromkeys(keys):
            found = self.tracker.read_many([key]) if ids else {}
            if one := next(filter(None, found.values()), None):
                shown[key] = one
            ids -= found.keys()
        return shown

    def _read(self, some: Sequence[str]) -> dict[str, Observed | None]:
        """The tickets of one chunk."""
        found = self.tracker.read_many(some)
        self._seen = {one.ref.id: one for one in found.values() if one is not None}
        return found

    def _one(self, observed: Observed, case: _Case | Unheard | str, subject: str = "") -> Pair:
        if isinstance(case, str):
            return Pair(observed.ref.key, subject, Fate.CONFLICT, case)
        if isinstance(case, Unheard):
            assert self.ahead is not None
            return self.ahead.record(case, apply=self.apply)
        with self.store.write() if self.apply else self.store.read() as session:
            if self.apply:
                deliveries.lock_triage(session)
            fate, words = self._decide(session, case)
            if fate is Fate.ADOPT:
                self._taken[case.key] = observed.ref.id
                self._given[observed.ref.id] = case.key
                if self.apply:
                    self._take(session, case)
        return Pair(observed.ref.key, case.subject, fate, words)

    def _case(self, observed: Observed, subject: str) -> _Case | Unheard | str:
        """What is needed to decide on a pair, or why it cannot be adopted."""
        id_ = as_id(subject)
        known = self._known_ids([id_])
        if not known and self.ahead is not None:
            return Unheard(observed, id_)
        if not known:
            hint = "" if self.api else "; with credentials in [coalesce.api] it could be asked for"
            return f"no issue or incident {subject!r} is known{hint}; it can be recorded ahead"
        snapshot = known[0]
        try:
            rule = self.rules.match(snapshot)
        except Undecided as fault:
            return str(fault)
        if rule is None:
            return "no rule matches its subject, so nothing says how to keep it"
        if rule.site != self.tracker.site:
            return f"rule {rule.ref.name!r} keeps its tickets on site {rule.site!r}"
        try:
            key = rule.ticket_key(snapshot)
            draft = self.tracker.draft(rule.project_ticket(key, [snapshot]), base=Base())
            observed = self._with_fields(observed, draft)
        except Fault as fault:
            return f"rule {rule.ref.name!r}: {fault}"
        return _Case(observed, (snapshot,), key, rule.ref.name, draft)

    def _with_fields(self, observed: Observed, draft: Draft) -> Observed:
        """The ticket with what people wrote in the fields of the rule: nobody may have asked Jira for
        these when the chunk was read, so that it is read once more."""
        ids = draft.fields.keys()
        if not ids <= observed.fields.keys() | self._asked:
            self._asked |= ids
            self._seen |= self.tracker.read_many(list(self._seen))
        return self._seen.get(observed.ref.id) or observed

    def _our_case(self, observed: Observed) -> _Case | str:
        """The case of a ticket that bears our family label: its entity property names its key. Where the
        property was lost, as in an import, a subject in its text whose marker it bears does."""
        mark = self.tracker.mark_of(observed.ref)
        snapshots = self._marked_subjects(observed, mark)
        key = mark.key or (self._key_of(snapshots[0]) if snapshots else "")
        if not key:
            return "it bears our label, and nothing says for which issue or incident it was made"
        rule = self.rules.get(mark.rule)
        try:
            if rule is None and snapshots:
                rule = self.rules.match(snapshots[0])
        except Undecided as fault:
            return str(fault)
        if rule is None or not snapshots:
            return _Case(observed, (), key, mark.rule, None, ours=True)
        try:
            draft = self.tracker.draft(rule.project_ticket(key, snapshots), base=Base())
            observed = self._with_fields(observed, draft)
        except Fault as fault:
            return f"rule {rule.ref.name!r}: {fault}"
        return _Case(observed, snapshots, key, rule.ref.name, draft, ours=True)

    def _marked_subjects(self, observed: Observed, mark: Mark) -> tuple[Snapshot, ...]:
        """The known subjects of a ticket of ours: those of its key, or of its marker label."""
        labels = observed.fields.get("labels") or ()
        wanted = without_number(mark.key)
        # Most keys name their subject, so that the texts need not be asked for.
        attempts = [[wanted.rpartition(":")[2]]] if wanted else []
        for ids in (*attempts, ids_in(observed)):
            found = [(one, self._key_of(one)) for one in self._known_ids(ids)]
            mates = tuple(
                one
                for one, key in found
                if key and (key == wanted if wanted else marker_label(key) in labels)
            )
            if mates:
                return mates
        return ()

    def _key_of(self, snapshot: Snapshot) -> str:
        """The key of the ticket that the rules in force would make, "" where they make none."""
        try:
            rule = self.rules.match(snapshot)
            return rule.ticket_key(snapshot) if rule is not None else ""
        except Fault:
            return ""

    def _decide(self, session: Session, case: _Case) -> tuple[Fate, str]:
        jira_id = case.observed.ref.id
        if self._taken.get(case.key, jira_id) != jira_id:
            return Fate.CONFLICT, "another ticket of this list is for the same subject"
        mine = _mine(session, case)
        if mine is not None and mine.jira_id == jira_id:
            on_it = subjects.ticket_ids(session, [case.subject]).get(case.subject)
            if case.ours or on_it == mine.id:
                return Fate.ALREADY, "it is kept already"
            return _decided_by_a_person(session, case, mine) or (
                Fate.ADOPT,
                "one more subject of a ticket that is kept already",
            )
        return self._against(session, case, mine) or (
            Fate.ADOPT,
            f"as rule {case.rule!r} keeps it"
            if case.snapshots
            else "it bears our marker; its subjects join it when they are heard of",
        )

    def _against(
        self, session: Session, case: _Case, mine: TicketRow | None
    ) -> tuple[Fate, str] | None:
        """Why the ticket cannot become that of its subjects, which have ``mine``; None where it can."""
        jira_id = case.observed.ref.id
        if mine is not None and mine.jira_id:
            return Fate.CONFLICT, f"the subject has {mine.jira_key} already"
        if mine is not None and mine.state == TicketState.CREATING:
            return Fate.CONFLICT, "a ticket is being made for the subject at this moment"
        theirs = tickets.by_jira_ids(session, self.tracker.site, [jira_id]).get(jira_id)
        if theirs is not None and theirs.key != case.key:
            return Fate.CONFLICT, f"it is kept already, as the ticket of {theirs.key}"
        if self._given.get(jira_id, case.key) != case.key:
            return Fate.CONFLICT, "another subject of this list gets the ticket"
        if epic := epic_in_words(session, self.tracker.site, case.observed):
            return Fate.CONFLICT, f"it is {epic}"
        return _decided_by_a_person(session, case, mine)

    def _take(self, session: Session, case: _Case) -> None:
        now, observed = self.clock.time(), case.observed
        refs = [str(snapshot.ref) for snapshot in case.snapshots]
        there = subjects.load(session, refs)
        for snapshot in case.snapshots:
            if str(snapshot.ref) not in there:
                subjects.add(session, snapshot, now)
        session.flush()
        row = _mine(session, case)
        if row is None:
            row = tickets.add(
                session,
                TicketRow(
                    key=case.key,
                    rule=case.rule,
                    site=self.tracker.site,
                    project=observed.project,
                    created_at=now,
                ),
            )
        if row.jira_id is None:
            # The subject's own row may have been meant for another site.
            row.site = self.tracker.site
            become(row, observed, case.draft)
        assert row.id is not None
        for ref in refs:
            tickets.link(session, ref, row.id, now)
        if refs:
            tickets.make_due(row, now, "adopted", look=True)
        entry = journal.Entry("adopt", f"{observed.ref.key} was taken over for {case.subject}")
        journal.write(session, entry, at=now, ticket_id=row.id, rule=case.rule)


def become(row: TicketRow, observed: Observed, draft: Draft | None) -> None:
    """Let a locked row that has no ticket in Jira stand for this one from now on."""
    row.state = TicketState.LINKED
    row.jira_id, row.jira_key = observed.ref.id, observed.ref.key
    row.project = observed.project
    # Without a draft, the first walk agrees on what the ticket shows then.
    row.base = agreed(draft, observed).to_json() if draft else {}
    row.intents, row.seen = [], ""
    row.parked, row.parked_at, row.error = None, None, ""
    # Its lease ends, so that a walk that was about to make the ticket stops at its next step.
    row.lease_owner, row.lease_until = None, None


def _decided_by_a_person(
    session: Session, case: _Case, mine: TicketRow | None
) -> tuple[Fate, str] | None:
    """Why what a person decided about the ticket of a subject stands against another one; None where
    nobody did, and for a ticket of ours, which follows what was decided."""
    if mine is None or case.ours or not (mine.aside or mine.merged):
        return None
    key, into = case.observed.ref.key, _name_of_into(session, mine)
    what = f"merged into {into}" if into else Aside(mine.aside["how"]).words if mine.aside else ""
    if mine.jira_id and not into:
        return Fate.CONFLICT, f"it is {what} by a person; first: ticket-sync retry {key}"
    to = into if mine.jira_id else key
    return (
        Fate.CONFLICT,
        f"its ticket was {what} by a person; to put it on {to} all the same: "
        f"ticket-sync link {case.subject} {to}",
    )


def _name_of_into(session: Session, row: TicketRow) -> str:
    """The name of the ticket that a ticket was merged into, "" where it was not."""
    into = row.merged["into"] if row.merged else 0
    return placements.names(session, [into]).get(into, ("", ""))[0]


def _mine(session: Session, case: _Case) -> TicketRow | None:
    """The ticket of the key or, where it has no marker, the one that its subject has. A ticket that only
    stands in because a rule could not place the subject does not count."""
    refs = [] if case.ours else [str(snapshot.ref) for snapshot in case.snapshots]
    own = tickets.by_ids(session, subjects.ticket_ids(session, refs).values())
    placed = (row for row in own.values() if row.state != TicketState.UNPLACED)
    return next(placed, None) or tickets.by_keys(session, [case.key]).get(case.key)


def _unnamed(known: Sequence[str], names: Sequence[str], naming: Naming) -> str:
    """Why a ticket does not name one subject."""
    if known:
        return f"its text names several: {', '.join(known)}"
    if naming.pattern is None:
        return "its text names no issue or incident that is known"
    if not names:
        return "the pattern finds nothing in it"
    shown = ", ".join(repr(short(name)) for name in names[:3])
    what = (
        "issue or incident" if naming.by is By.ID else f"open issue or incident of this {naming.by}"
    )
    return f"the pattern finds {shown}, and no such {what} is known"


def _chunks(items: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(items)
    while some := list(islice(rest, BULK)):
        yield some

"""The slate: what triage has read of the store, and how triage leaves it.

Triage decides in memory. It reads its rows in a few queries without any lock, changes them on the slate,
and writes all changes in one short transaction. Meanwhile others may have changed what was read:

- Subjects, links and memberships change under triage's lock alone (``deliveries.lock_triage``). The lock
  counts its turns: where the turn is another than the one that was read, somebody was faster.
- Tickets change at any time, by walks for example. Each change of a ticket names what was read of it.
- A delivery that was triaged meanwhile does not wait any more.

In each case nothing is written, and triage reads and decides again (``Overtaken``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
)
from sqlmodel import Session

from sync.domain.subject import SubjectRef
from sync.store import continuity, deliveries, expected
from sync.store.claims import Claim, LeaseLost
from sync.store.deliveries import Outcome, Overtaken
from sync.store.engine import Dialect, Store, dialect_of, insert_into
from sync.store.journal import LONGEST_WORDS, Entry
from sync.store.placements import Placement
from sync.store.subjects import Subject, to_snapshot
from sync.store.tables import (
    ExpectedRow,
    JournalRow,
    LinkRow,
    MembershipRow,
    SubjectRow,
    TicketRow,
    table_of,
)
from sync.store.ticket_changes import COLUMNS, DUE, TAKEN, WHOLE, Ticket
from sync.store.tickets import BATCH, made_since, told_open

_T = TypeVar("_T")

# How often triage decides without a lock, before it takes the lock first.
TRIES = 3


class Slate:
    """The rows that one round of triage concerns. It reads in the session that it was made with, and
    remembers what it has read."""

    def __init__(self, session: Session) -> None:
        # Statements go over the connection, which knows nothing of what a session has still to write.
        session.flush()
        self._session, self._connection = session, session.connection()
        self._turn, self._expecting = deliveries.turn(session)
        self._subjects: dict[str, Subject | None] = {}
        self._put: dict[str, Subject] = {}
        self._by_id: dict[int, Ticket] = {}
        # None for a key of which the store has no ticket, and for a subject without a ticket.
        self._by_key: dict[str, Ticket | None] = {}
        self._of: dict[str, Ticket | None] = {}
        self._new: list[Ticket] = []
        self._moved: dict[str, tuple[Ticket | None, float]] = {}
        # By subject: the placement on record beside its link, where a person put it there.
        self._placed: dict[str, dict[str, Any]] = {}
        # By ticket: its subjects, each with its end.
        self._on: dict[Ticket, dict[str, float | None]] = {}
        self._issues: dict[str, set[str]] = {}
        self._members: dict[tuple[str, str], bool] = {}
        self._lines: list[tuple[Ticket, float, Entry, str]] = []
        self._outcomes: list[Outcome] = []
        # Expected subjects: those that have their tickets now, and why others do not.
        self._met: list[tuple[str, str]] = []
        self._unmet: dict[tuple[str, str], str] = {}
        self._in_jira: dict[tuple[str, str], Ticket | None] = {}

    # -- reading

    def subjects(self, refs: Iterable[str]) -> dict[str, Subject]:
        """Those of the subjects that are known, by reference."""
        wanted = sorted(set(refs))
        unread = [ref for ref in wanted if ref not in self._subjects]
        if unread:
            self._subjects.update(dict.fromkeys(unread))
            for row in self._rows(_SUBJECTS, unread):
                self._subjects[row.ref] = Subject(
                    to_snapshot(row), row.first_seen_at, row.ended_at, row.occurrences
                )
        return {ref: one for ref in wanted if (one := self._subjects[ref]) is not None}

    def ticket_of(self, ref: str) -> Ticket | None:
        """The ticket of a subject, None where it has none."""
        if ref not in self._of:
            self.tickets_of([ref])
        return self._of[ref]

    def tickets_of(self, refs: Iterable[str]) -> list[Ticket]:
        """The tickets of some subjects, each once, ordered by id."""
        wanted = set(refs)
        unread = sorted(wanted - self._of.keys())
        if unread:
            self._of.update(dict.fromkeys(unread))
            # A subject that is not known has no ticket.
            unread = [ref for ref in unread if self._subjects.get(ref, True) is not None]
            for row in self._rows(_TICKETS_OF, unread):
                self._of[row.subject] = self._ticket(row)
                if row.placed is not None:
                    self._placed[row.subject] = row.placed
        found = {ticket: None for ref in sorted(wanted) if (ticket := self._of[ref]) is not None}
        return sorted(found, key=lambda one: (one.id is None, one.id or 0))

    def tickets_by_key(self, keys: Iterable[str]) -> None:
        """Read the tickets of our own keys together, for ``ticket``."""
        unread = sorted(set(keys) - self._by_key.keys())
        self._by_key.update(dict.fromkeys(unread))
        for row in self._rows(_TICKETS, unread):
            self._ticket(row)

    def ticket(self, key: str) -> Ticket | None:
        """The ticket of our own key, None where there is none."""
        if key not in self._by_key:
            self.tickets_by_key([key])
        return self._by_key[key]

    def ticket_by_id(self, id_: int) -> Ticket | None:
        """The ticket of a row id, None where there is none."""
        known = self._by_id.get(id_)
        if known is None:
            known = next(map(self._ticket, self._rows(_TICKETS_BY_ID, [id_])), None)
        return known

    def placed(self, ref: str) -> bool:
        """Whether a person, and not a rule, put a subject on its ticket."""
        return self.ticket_of(ref) is not None and ref in self._placed

    def claimed(self, claim: Claim) -> Ticket:
        """The ticket of a claim. Raises LeaseLost where it is not there any more."""
        for row in self._rows(_TICKETS_BY_ID, [claim.ticket_id]):
            return self._ticket(row)
        raise LeaseLost(f"the lease on ticket {claim.ticket_id} was lost")

    def ends_on(self, ticket: Ticket) -> Mapping[str, float | None]:
        """The subjects on a ticket, each with its end (None while it is open)."""
        if ticket not in self._on:
            self._read_ends()
        return self._on[ticket]

    def places_of(self, refs: Iterable[str]) -> tuple[dict[str, list[str]], list[str]]:
        """Reads together the tickets of some subjects, and of the incidents that they belong to. Returns
        the incidents by subject, and the subjects without a ticket."""
        wanted = list(refs)
        incidents = self.incidents_of(wanted)
        self.tickets_of({*wanted, *(one for them in incidents.values() for one in them)})
        return incidents, [ref for ref in wanted if self._of[ref] is None]

    def incidents_of(self, issues: Iterable[str]) -> dict[str, list[str]]:
        """For each of these issues that belongs to incidents: those incidents, in order."""
        found: dict[str, list[str]] = {}
        for issue, incident in self._rows(_INCIDENTS, sorted(set(issues))):
            found.setdefault(issue, []).append(incident)
        return {issue: sorted(them) for issue, them in found.items()}

    def issues_of(self, incidents: Iterable[str]) -> dict[str, set[str]]:
        """The issues of some incidents, also those without a snapshot."""
        wanted = sorted(set(incidents))
        unread = [one for one in wanted if one not in self._issues]
        if unread:
            self._issues.update({one: set() for one in unread})
            for incident, issue in self._rows(_ISSUES, unread):
                self._issues[incident].add(issue)
        return {one: self._issues[one] for one in wanted}

    def made_since(self, rule: str, start: float) -> int:
        """How many tickets of a rule were recorded after ``start``, without those that were spared."""
        found = made_since(self._session, rule, start)
        for ticket in (*self._new, *self._by_id.values()):
            found += ticket.counts(rule, start) - ticket.counted(rule, start)
        return found

    def told_open(self, ticket: Ticket, ref: str) -> bool:
        """See ``tickets.told_open``."""
        return ticket.id is not None and told_open(self._session, ticket.id, ref)

    def from_before(self, began: Mapping[str, float | None]) -> tuple[set[str], float]:
        """See ``continuity.from_before``."""
        return continuity.from_before(self._session, began)

    def expected(self, refs: Iterable[str]) -> dict[str, ExpectedRow]:
        """What was recorded ahead for some subjects, by reference."""
        if not self._expecting:
            return {}
        found: dict[str, ExpectedRow] = {}
        by_source: dict[str, dict[str, str]] = {}
        for ref in refs:
            parsed = SubjectRef.parse(ref)
            by_source.setdefault(parsed.source, {})[parsed.id] = ref
        for source, ids in by_source.items():
            rows = expected.of_ids(self._session, source, ids)
            found |= {ids[id_]: row for id_, row in rows.items() if not row.words}
        for row in found.values():
            self._session.expunge(row)
        return found

    def in_jira(self, site: str, jira_id: str) -> Ticket | None:
        """The ticket that is this one in Jira, None where none is."""
        at = (site, jira_id)
        if at not in self._in_jira:
            found = self._connection.execute(_TICKET_IN_JIRA, {"b_site": site, "b_id": jira_id})
            row = found.first()
            self._in_jira[at] = None if row is None else self._ticket(row)
        return self._in_jira[at]

    # -- changing

    def put(self, ref: str, subject: Subject) -> None:
        """Write a subject over what is known of it."""
        self._subjects[ref] = self._put[ref] = subject
        ticket = self._of.get(ref)
        if ticket is not None and ticket in self._on:
            self._on[ticket][ref] = subject.ended_at

    def add(self, ticket: Ticket) -> Ticket:
        """Record a new ticket, whose key has none."""
        self._new.append(ticket)
        self._by_key[ticket.key] = ticket
        self._on[ticket] = {}
        return ticket

    def place(self, ref: str, ticket: Ticket, placement: Placement) -> None:
        """Let a subject belong to a ticket because a person says so."""
        self.link(ref, ticket, placement.at)
        self._placed[ref], self._moved[ref] = placement.to_json(), (ticket, placement.at)

    def link(self, ref: str, ticket: Ticket | None, now: float) -> None:
        """Let a subject belong to a ticket and no more to the one before; None: to no ticket. A
        placement stays with the subject, as where its ticket is followed by another."""
        before = self.ticket_of(ref)
        if before is ticket:
            return
        if before in self._on:
            self._on[before].pop(ref, None)
        self._of[ref], self._moved[ref] = ticket, (ticket, now)
        if ticket in self._on:
            self._on[ticket][ref] = self._ended(ref)

    def set_issues(self, incident: str, issues: set[str]) -> tuple[set[str], set[str]]:
        """Record all issues of an incident. Returns those that are new and those that belong no more."""
        known = self.issues_of([incident])[incident]
        joined, left = issues - known, known - issues
        self._members.update({(incident, issue): True for issue in joined})
        self._members.update({(incident, issue): False for issue in left})
        self._issues[incident] = set(issues)
        return joined, left

    def take(self, row: ExpectedRow, ticket: Ticket) -> None:
        """An expected subject gets its ticket, which is ``ticket`` from now on, if it is not already."""
        self._met.append((row.subject_id, row.source))
        if self.in_jira(row.site, row.jira_id) is None:
            ticket.take(row.jira_id, row.jira_key, row.project)
            self._in_jira[row.site, row.jira_id] = ticket

    def decline(self, row: ExpectedRow, words: str) -> None:
        """An expected subject does not get its ticket; ``words`` say why."""
        self._unmet[row.subject_id, row.source] = words

    def journal(self, ticket: Ticket, at: float, entry: Entry) -> None:
        """Add an entry about a ticket to the journal."""
        self._lines.append((ticket, at, entry, ticket.rule))

    def outcome(self, outcome: Outcome) -> None:
        """Record what became of a delivery."""
        self._outcomes.append(outcome)

    # -- writing

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(
            self._put
            or self._new
            or self._moved
            or self._members
            or self._lines
            or self._outcomes
            or any(ticket.changed for ticket in self._by_id.values())
        )

    def write(self, session: Session) -> None:
        """Write all changes, in a transaction that ends at once. Raises Overtaken, after which nothing
        of the transaction may be committed."""
        deliveries.lock_triage(session, self._turn)
        connection, dialect = session.connection(), dialect_of(session)
        put = _upserts(dialect)
        self._write_new(connection, put)
        self._write_changed(connection, dialect)
        tickets = (*self._new, *self._by_id.values())
        _each(connection, TAKEN, [one.as_taken() for one in tickets if one.taken])
        expected.settle(connection, self._met, self._unmet)
        self._write_subjects(connection, put)
        self._write_members(connection, put)
        _each(connection, _LINE, [_line(*one) for one in self._lines])
        deliveries.record(session, self._outcomes)

    def _write_new(self, connection: Connection, put: _Upserts) -> None:
        if not self._new:
            return
        rows = [ticket.as_new() for ticket in self._new]
        ids = connection.execute(put.tickets, rows).all()
        if len(ids) < len(rows):
            raise Overtaken("another process recorded a ticket of the same key")
        by_key = {ticket.key: ticket for ticket in self._new}
        for id_, key in ids:
            by_key[key].id = id_

    def _write_changed(self, connection: Connection, dialect: Dialect) -> None:
        changed = [one for _, one in sorted(self._by_id.items()) if one.changed]
        due = [ticket.as_due() for ticket in changed if ticket.only_due]
        whole = [ticket.as_whole() for ticket in changed if not ticket.only_due]
        if whole and dialect == "postgresql":
            # In the order of all who write several tickets: so no two wait for each other.
            connection.execute(_LOCKED, {"wanted": [ticket.id for ticket in changed]})
        if _each(connection, DUE, due) + _each(connection, WHOLE, whole) != len(changed):
            raise Overtaken("a ticket was changed since it was read")

    def _write_subjects(self, connection: Connection, put: _Upserts) -> None:
        _each(connection, put.subjects, [one.columns() for _, one in sorted(self._put.items())])
        moved = sorted(self._moved.items())
        to = [
            {
                "subject": ref,
                "ticket_id": ticket.id,
                "created_at": at,
                "placed": self._placed.get(ref),
            }
            for ref, (ticket, at) in moved
            if ticket is not None
        ]
        _each(connection, put.links, to)
        off = [{"b_subject": ref} for ref, (ticket, _) in moved if ticket is None]
        _each(connection, _NO_LINK, off)

    def _write_members(self, connection: Connection, put: _Upserts) -> None:
        pairs = sorted(self._members.items())
        on = [{"incident": one, "issue": issue} for (one, issue), belongs in pairs if belongs]
        _each(connection, put.members, on)
        off = [{"b_one": one, "b_issue": issue} for (one, issue), belongs in pairs if not belongs]
        _each(connection, _NO_MEMBER, off)

    # -- inside

    def _rows(self, statement: Any, wanted: Sequence[Any]) -> Iterator[Any]:
        """The rows of a statement for any number of keys."""
        for start in range(0, len(wanted), BATCH):
            some = wanted[start : start + BATCH]
            yield from self._connection.execute(statement, {"wanted": some})

    def _ticket(self, row: Row[Any]) -> Ticket:
        known = self._by_id.get(row.id)
        if known is None:
            self._by_id[row.id] = self._by_key[row.key] = known = Ticket.read(row)
        return known

    def _read_ends(self) -> None:
        """Read the subjects of all tickets that the slate has, because one of them is asked for."""
        unread = {id_: one for id_, one in self._by_id.items() if one not in self._on}
        self._on.update({one: {} for one in unread.values()})
        for id_, ref, ended in self._rows(_ENDS, sorted(unread)):
            if ref not in self._moved:
                now = self._put.get(ref)
                self._on[unread[id_]][ref] = now.ended_at if now else ended
        for ref, (ticket, _) in self._moved.items():
            if ticket in self._on:
                self._on[ticket].setdefault(ref, self._ended(ref))

    def _ended(self, ref: str) -> float | None:
        known = self.subjects([ref]).get(ref)
        return known.ended_at if known else None


def decided(store: Store, decide: Callable[[Slate], _T]) -> _T:
    """What ``decide`` returns, after what it left on its slate was written.

    It decides without a lock, again whenever another process was faster, and at last within the lock.
    """
    for number in count():
        with suppress(Overtaken):
            if number >= TRIES:
                with store.write() as session:
                    deliveries.lock_triage(session)
                    slate = Slate(session)
                    found = decide(slate)
                    slate.write(session)
                return found
            with store.read() as session:
                slate = Slate(session)
                found = decide(slate)
            if slate.changed:
                with store.write() as session:
                    slate.write(session)
            return found
    raise AssertionError("it counts on")


@dataclass(frozen=True, slots=True)
class _Upserts:
    """Statements that write rows over those that are there, for one database."""

    tickets: Any
    subjects: Any
    links: Any
    members: Any


@lru_cache(maxsize=2)
def _upserts(dialect: Dialect) -> _Upserts:
    # Made once: to make one takes longer than to run it.
    ticket, subject, link, member = (
        insert_into(dialect, table_of(row))
        for row in (TicketRow, SubjectRow, LinkRow, MembershipRow)
    )
    new = {n: v for n, v in subject.excluded.items() if n not in ("ref", "first_seen_at")}
    to = {"ticket_id": link.excluded.ticket_id, "placed": link.excluded.placed}
    return _Upserts(
        # JSON that is the same in each row is not made for each.
        ticket.values(base=literal_column("'{}'"))
        .on_conflict_do_nothing()
        .returning(_TICKET.c.id, _TICKET.c.key),
        subject.on_conflict_do_update(index_elements=["ref"], set_=new),
        link.on_conflict_do_update(index_elements=["subject"], set_=to),
        member.on_conflict_do_nothing(),
    )


_TICKET, _SUBJECT = table_of(TicketRow), table_of(SubjectRow)
_LINK, _MEMBER = table_of(LinkRow), table_of(MembershipRow)
_WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
_SUBJECTS = select(_SUBJECT).where(_SUBJECT.c.ref.in_(_WANTED))
_TICKETS = select(*COLUMNS).where(_TICKET.c.key.in_(_WANTED))
_TICKETS_BY_ID = select(*COLUMNS).where(_TICKET.c.id.in_(_WANTED))
_LOCKED = (
    select(_TICKET.c.id).where(_TICKET.c.id.in_(_WANTED)).order_by(_TICKET.c.id).with_for_update()
)
_TICKETS_OF = (
    select(_LINK.c.subject, _LINK.c.placed, *COLUMNS)
    .join(_LINK, _LINK.c.ticket_id == _TICKET.c.id)
    .where(_LINK.c.subject.in_(_WANTED))
)
_ENDS = (
    select(_LINK.c.ticket_id, _LINK.c.subject, _SUBJECT.c.ended_at)
    .join(_SUBJECT, _SUBJECT.c.ref == _LINK.c.subject)
    .where(_LINK.c.ticket_id.in_(_WANTED))
)
_INCIDENTS = select(_MEMBER.c.issue, _MEMBER.c.incident).where(_MEMBER.c.issue.in_(_WANTED))
_ISSUES = select(_MEMBER.c.incident, _MEMBER.c.issue).where(_MEMBER.c.incident.in_(_WANTED))
_TICKET_IN_JIRA = select(*COLUMNS).where(
    _TICKET.c.site == bindparam("b_site"), _TICKET.c.jira_id == bindparam("b_id")
)
_LINE = insert(table_of(JournalRow))
_NO_LINK = delete(_LINK).where(_LINK.c.subject == bindparam("b_subject"))
_NO_MEMBER = delete(_MEMBER).where(
    _MEMBER.c.incident == bindparam("b_one"), _MEMBER.c.issue == bindparam("b_issue")
)


def _line(ticket: Ticket, at: float, entry: Entry, rule: str) -> dict[str, Any]:
    return {
        "ticket_id": ticket.id,
        "at": at,
        "action": entry.action,
        "rule": rule,
        "result": entry.result,
        "words": entry.words[:LONGEST_WORDS],
        "detail": dict(entry.detail),
    }


def _each(connection: Connection, statement: Any, rows: Sequence[dict[str, Any]]) -> int:
    """Run a statement for each of these rows; how many rows of the table that changed."""
    return connection.execute(statement, rows).rowcount if rows else 0

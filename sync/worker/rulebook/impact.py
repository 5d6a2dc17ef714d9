"""What an edit of the rules does to tickets there are: which it changes, and making those due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice

from sqlmodel import Session, col, select

from sync.domain.difference import differences
from sync.domain.errors import Rejected
from sync.domain.subject import Snapshot
from sync.rules import IncidentIssues, RuleSet
from sync.store import journal, memberships, parking, subjects, tickets
from sync.store.engine import Store
from sync.store.tables import LinkRow, SubjectRow, TicketRow, TicketState
from sync.worker.triage.routing import Router
from sync.worker.walk.facts import desire, gather, rule_for

BATCH = 100
SPREAD_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Impact:
    """What an edit would touch. ``changed`` holds the open tickets of which something else would be
    asked, as row id and what differs; ``made`` is how many tickets it would make for subjects that
    have none; ``parked`` the parked tickets of rules it changes."""

    changed: tuple[tuple[int, tuple[str, ...]], ...]
    made: int
    parked: tuple[int, ...]
    looked_at: int

    @property
    def size(self) -> int:
        """How many tickets of people's it would touch or make."""
        return len(self.changed) + self.made


def changed_rules(old: RuleSet, new: RuleSet) -> frozenset[str]:
    """Names of rules that came, went, or say something else."""
    before = {rule.ref.name: (rule.digest, rule.issues) for rule in old.rules}
    after = {rule.ref.name: (rule.digest, rule.issues) for rule in new.rules}
    names = before.keys() | after.keys()
    return frozenset(name for name in names if before.get(name) != after.get(name))


def renamed(old: RuleSet, new: RuleSet) -> Mapping[str, str]:
    """Rules that only have another name now: the new name by the old one."""
    gone = [rule for rule in old.rules if new.get(rule.ref.name) is None]
    came = {
        (rule.digest, rule.issues): rule.ref.name
        for rule in new.rules
        if old.get(rule.ref.name) is None
    }
    known = ((rule.ref.name, came.get((rule.digest, rule.issues))) for rule in gone)
    return {before: after for before, after in known if after is not None}


def follow_names(store: Store, old: RuleSet, new: RuleSet) -> None:
    """Write down the new names of rules with all of their tickets: what is at rest is walked no more,
    and yet an incident's ticket, for one, is asked what its rule says of its issues."""
    for before, after in renamed(old, new).items():
        while tickets.rename_rule(store, before, after, limit=10 * BATCH):
            pass


def impact(store: Store, old: RuleSet, new: RuleSet, now: float) -> Impact:
    """What replacing ``old`` by ``new`` would do. Reads only; no call is made outside."""
    changed: list[tuple[int, tuple[str, ...]]] = []
    parked: list[int] = []
    looked_at = 0
    for ids in _batches(_ids(store, old, new)):
        with store.read() as session:
            for row in _rows(session, ids):
                assert row.id is not None
                if row.parked_at is not None:
                    parked.append(row.id)
                    continue
                looked_at += 1
                differing = _differing(session, row, old, new, now)
                if differing:
                    changed.append((row.id, differing))
    made = len(_new_keys(store, new))
    return Impact(tuple(changed), made, tuple(parked), looked_at)


def _ids(store: Store, old: RuleSet, new: RuleSet) -> list[int]:
    """Tickets that an edit can reach: open ones, and those set aside, of rules that it changes.

    A ticket whose rule has another name now, and that was not walked since, still has the old one. What
    an incidents' rule says of their issues reaches the issues' tickets, whatever rule those are of.
    """
    names = changed_rules(old, new)
    if not names:
        return []
    known = [rule.ref.name for rule in new.rules]
    of_rules = col(TicketRow.rule).in_(sorted(names)) | col(TicketRow.rule).not_in(known)
    incidents = [name for name in names if _says_of_issues(old, name) != _says_of_issues(new, name)]
    still_open = (
        select(LinkRow.subject)
        .join(SubjectRow, col(SubjectRow.ref) == col(LinkRow.subject))
        .where(col(LinkRow.ticket_id) == col(TicketRow.id), col(SubjectRow.ended_at).is_(None))
    ).exists()
    query = (
        select(TicketRow.id)
        .where(
            of_rules | col(TicketRow.id).in_(memberships.issues_of_rules(incidents)),
            col(TicketRow.state).not_in([TicketState.GONE.value, TicketState.SPARED.value]),
            still_open | col(TicketRow.parked_at).is_not(None),
        )
        .order_by(col(TicketRow.id))
    )
    with store.read() as session:
        return [id_ for id_ in session.exec(query) if id_ is not None]


def _says_of_issues(rules: RuleSet, name: str) -> IncidentIssues | None:
    rule = rules.get(name)
    return rule.issues if rule else None


def _rows(session: Session, ids: Sequence[int]) -> list[TicketRow]:
    query = select(TicketRow).where(col(TicketRow.id).in_(ids)).order_by(col(TicketRow.id))
    return list(session.exec(query))


def _batches(ids: Sequence[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _differing(
    session: Session, row: TicketRow, old: RuleSet, new: RuleSet, now: float
) -> tuple[str, ...]:
    facts = gather(session, row)
    if not facts.snapshots:
        return ()
    try:
        rule = rule_for(facts, new)
        after, _ = desire(facts, rule, now, new)
    except Rejected as fault:
        return (str(fault),)
    try:
        known = rule_for(facts, old)
        before, _ = desire(facts, known, now, old)
    except Rejected:
        return ("it could not be worked out before",)
    found = differences(before, after, made=facts.ref is not None)
    if not found and rule.issues != known.issues:
        return ("links to tickets",)
    return found


def _new_keys(store: Store, rules: RuleSet) -> set[str]:
    """Keys of the tickets that open subjects without one would get."""
    keys: set[str] = set()
    for batch in unrouted(store):
        for snapshot, _ in batch:
            rule = rules.match(snapshot)
            if rule is None:
                continue
            try:
                keys.add(rule.ticket_key(snapshot))
            except Rejected:
                keys.add(str(snapshot.ref))
    return keys


def unrouted(store: Store) -> Iterator[list[tuple[Snapshot, SubjectRow]]]:
    """Open subjects that belong to no ticket, in batches, oldest reference first."""
    last = ""
    has_none = ~(select(LinkRow.subject).where(col(LinkRow.subject) == SubjectRow.ref)).exists()
    while True:
        query = (
            select(SubjectRow)
            .where(col(SubjectRow.ref) > last, col(SubjectRow.ended_at).is_(None), has_none)
            .order_by(col(SubjectRow.ref))
            .limit(BATCH)
        )
        with store.read() as session:
            rows = list(session.exec(query))
        if not rows:
            return
        last = rows[-1].ref
        yield [(subjects.to_snapshot(row), row) for row in rows]


def route_unrouted(store: Store, rules: RuleSet, now: float) -> int:
    """Give open subjects that a rule matches now the ticket they did not have; how many subjects."""
    routed = 0
    slots = (now + number * SPREAD_SECONDS for number in count())
    for batch in unrouted(store):
        wanted = {str(s.ref): s for s, _ in batch if rules.match(s) is not None}
        if not wanted:
            continue
        with store.write() as session:
            known = subjects.load(session, wanted)
            router = Router(session, rules, now, wanted, lambda: next(slots))
            for _, row in sorted(known.items()):
                router.route(subjects.to_snapshot(row), row)
                routed += 1
    return routed


def reach(store: Store, found: Impact, now: float, *, only_new: bool = False) -> int:
    """Make the tickets that an edit changes due, spread over time, and let parked ones be tried
    again; how many. With ``only_new``, tickets that are there stay as they are."""
    due = 0
    why = dict(found.changed)
    for ids in _batches([] if only_new else list(why)):
        with store.write() as session:
            # Locked: the end of a walk meanwhile must not write over what is asked here.
            for row in tickets.by_ids(session, ids).values():
                assert row.id is not None
                at = now + due * SPREAD_SECONDS
                tickets.make_due(row, at, "the rules changed")
                words = f"an edit of the rules changes {', '.join(why[row.id])}"
                entry = journal.Entry("edit", words)
                journal.write(session, entry, at=now, ticket_id=row.id, rule=row.rule)
                due += 1
    for ids in _batches(found.parked):
        with store.write() as session:
            due += parking.retry(session, _rows(session, ids), now, "the rules changed")
    return due

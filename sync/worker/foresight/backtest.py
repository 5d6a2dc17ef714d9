"""Backtest: stored deliveries replayed through a rule set, to see which tickets it would have made.

Merging and routing are the real ones, on a temporary store and by the time of the deliveries. Walks are
reduced to the decision whether a ticket is made. No call is made outside.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import islice

from sync.domain.errors import Rejected, Unreadable
from sync.domain.rule import Acknowledge
from sync.domain.subject import Kind, Snapshot, Status, SubjectRef, trusted
from sync.ports import Source
from sync.rules import Rule, RuleSet, patience
from sync.store import claims, deliveries, subjects, tickets
from sync.store.engine import Session, Store
from sync.store.tables import DeliveryRow, TicketRow, TicketState
from sync.store.temporary import temporary_store
from sync.worker.foresight.besides import with_besides
from sync.worker.rulebook.trial_routing import LOOKING
from sync.worker.triage.batch import Triage
from sync.worker.triage.wanted import asks_around, lacks_impact
from sync.worker.walk.facts import Facts, gather, rule_for

# Deliveries this close together are merged, as triage would merge them under load.
WINDOW_SECONDS = 30.0
MOST = 200

# (When the delivery was received, the snapshot it brought.)
Event = tuple[float, Snapshot]


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """What a rule set would have made of the history. Mappings are counts by project or rule.

    ``announced`` and ``acknowledged`` are how many subjects upstream would have been told by itself of
    a new ticket; None where no rule tells upstream. What people did in Jira is in no delivery, so what
    else would have been told is not known.

    ``closed`` and ``reopened`` are how often tickets would have been closed because all their subjects
    had ended, and opened again because a subject came back; tickets from before the window count, too.

    What only the source's API tells of a subject counts as it is known today. ``impact_unknown`` is how
    many issues have no impact on record; None where no rule asks for it.
    """

    made: int = 0
    by_project: Mapping[str, int] = field(default_factory=dict)
    by_rule: Mapping[str, int] = field(default_factory=dict)
    walks_by_rule: Mapping[str, int] = field(default_factory=dict)
    closed_by_rule: Mapping[str, int] = field(default_factory=dict)
    spared: int = 0
    closed: int = 0
    reopened: int = 0
    grouped: int = 0
    umbrellas: int = 0
    parked: int = 0
    unmatched: int = 0
    subjects: int = 0
    deliveries: int = 0
    announced: int | None = None
    acknowledged: int | None = None
    impact_unknown: int | None = None


@dataclass(slots=True)
class _Time:
    """The clock of the history."""

    now: float

    def time(self) -> float:
        return self.now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@patience(LOOKING)
def backtest(
    store: Store,
    sources: Mapping[str, Source],
    rules: RuleSet,
    since: float,
    until: float,
    *,
    watch: Callable[[int], object] = int,
) -> BacktestResult:
    """What these rules would have made of the deliveries between two times (seconds since the epoch).

    Subjects that were known before ``since`` count as having had their tickets. Tickets that wait at the
    end for a hold or a close count as they would if nothing more happened. ``watch`` is called with
    how many deliveries were replayed so far; what it raises ends the backtest. Raises StoreUnavailable.
    """
    with temporary_store() as trial:
        run = _Run(trial, rules, since)
        run.begin(_before(store, since))
        for batch in _batches(_history(store, sources, since, until)):
            watch(run.events)
            run.take(_besides(store, rules, batch))
        # What is held at the end, or waits to be closed, goes on as if nothing more happened.
        run.let_pass(math.inf)
        return run.result()


class _Run:
    def __init__(self, trial: Store, rules: RuleSet, since: float) -> None:
        self._trial = trial
        self._rules = rules
        self._since = since
        self._clock = _Time(since - 1)
        self._triage = Triage(trial, {}, lambda: rules, self._clock)
        self._walks: Counter[str] = Counter()
        # The tickets that are closed now, and how often tickets were closed and opened again.
        self._closed: set[int] = set()
        self._closes: Counter[str] = Counter()
        self._reopens = 0
        self.events = 0
        self._seen: set[str] = set()
        self._impact_unknown: set[str] = set()

    def begin(self, known: Iterator[Snapshot]) -> None:
        """Take in the subjects from before the window, whose tickets exist and are not counted."""
        while some := list(islice(known, MOST)):
            with self._trial.write() as session:
                self._triage.merge_snapshots(session, some)
        with self._trial.write() as session:
            tickets.count_as_made(session)

    def take(self, batch: list[Event]) -> None:
        """Let time pass to the end of a batch, then take it in."""
        self.let_pass(batch[-1][0])
        self.events += len(batch)
        self._seen.update(str(snapshot.ref) for _, snapshot in batch)
        if self._rules.ask_impact:
            self._impact_unknown |= {str(one.ref) for _, one in batch if lacks_impact(one)}
        with self._trial.write() as session:
            self._triage.merge_snapshots(session, [snapshot for _, snapshot in batch])
            self._walk(session)

    def let_pass(self, until: float) -> None:
        """Let time pass: each ticket that becomes due until then is walked at its time."""
        while (due := claims.next_due(self._trial, now=self._clock.now)) is not None:
            if due > until:
                break
            self._clock.now = max(self._clock.now, due)
            with self._trial.write() as session:
                self._walk(session)
        self._clock.now = max(self._clock.now, until)

    def _walk(self, session: Session) -> None:
        """Decide of each due ticket, as a walk would: made, spared, or held for longer."""
        session.flush()
        now = self._clock.now
        for row in tickets.due(session, now):
            row.due_at = None
            facts = gather(session, row)
            try:
                rule = rule_for(facts, self._rules)
            except Rejected:
                # The ticket would be parked.
                continue
            self._walks[rule.ref.name] += 1
            self._decide(row, rule, facts)

    def _decide(self, row: TicketRow, rule: Rule, facts: Facts) -> None:
        now = self._clock.now
        if row.state == TicketState.NEW:
            if rule.hold and facts.ended:
                row.state = TicketState.SPARED
            elif rule.hold and now < row.created_at + rule.hold:
                row.due_at = row.created_at + rule.hold
            elif not facts.ended or rule.policy.create_when_ended:
                row.project = rule.project
                self._make(row)
        if row.state == TicketState.LINKED:
            self._keep(row, rule, facts)

    def _keep(self, row: TicketRow, rule: Rule, facts: Facts) -> None:
        """Close a ticket, open it again, or let its close wait."""
        assert row.id is not None
        over_at = (facts.ended_at or 0.0) + rule.close_after
        if not facts.ended:
            self._reopens += row.id in self._closed
            self._closed.discard(row.id)
        elif self._clock.now < over_at:
            row.due_at = over_at
        elif row.id not in self._closed:
            self._closes[rule.ref.name] += 1
            self._closed.add(row.id)

    def _make(self, row: TicketRow) -> None:
        row.state = TicketState.LINKED
        row.jira_id = row.jira_key = str(row.id)
        row.due_at = None

    def result(self) -> BacktestResult:
        """The counts of the whole run."""
        with self._trial.read() as session:
            fresh = tickets.recorded_since(session, self._since)
            links = tickets.links(session)
        made = {row.id: row for row in fresh if row.state == TicketState.LINKED}
        members = Counter(id_ for id_ in links.values() if id_ in made)
        announced, acknowledged = self._told(links, {id_: row.rule for id_, row in made.items()})
        return BacktestResult(
            made=len(made),
            by_project=_ordered(Counter(row.project for row in made.values())),
            by_rule=_ordered(Counter(row.rule for row in made.values())),
            walks_by_rule=_ordered(self._walks),
            spared=sum(row.state == TicketState.SPARED for row in fresh),
            closed=self._closes.total(),
            closed_by_rule=_ordered(self._closes),
            reopened=self._reopens,
            grouped=sum(count - 1 for count in members.values()),
            umbrellas=sum(row.key.startswith("storm:") for row in made.values()),
            parked=sum(row.state == TicketState.UNPLACED for row in fresh),
            unmatched=len(self._seen - links.keys()),
            subjects=len(self._seen),
            impact_unknown=self._without_impact(),
            deliveries=self.events,
            announced=announced,
            acknowledged=acknowledged,
        )

    def _without_impact(self) -> int | None:
        return len(self._impact_unknown) if self._rules.ask_impact else None

    def _told(
        self, links: Mapping[str, int], rule_of: Mapping[int | None, str]
    ) -> tuple[int | None, int | None]:
        """How many subjects upstream is told of their new tickets by itself: announced, acknowledged.
        ``links`` has ticket ids by subject, ``rule_of`` the rules of new tickets by id."""
        if not self._rules.tells:
            return None, None
        announced = acknowledged = 0
        for ref, id_ in links.items():
            rule = self._rules.get(rule_of[id_]) if id_ in rule_of else None
            wish = rule.projection.upstream if rule else None
            if wish is not None:
                issue = SubjectRef.parse(ref).kind is Kind.ISSUE
                announced += wish.announce
                acknowledged += issue and wish.acknowledge is Acknowledge.MADE
        return announced, acknowledged


def _ordered(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda pair: (-pair[1], pair[0])))


def _batches(events: Iterator[Event]) -> Iterator[list[Event]]:
    batch: list[Event] = []
    for event in events:
        if batch and (event[0] - batch[0][0] > WINDOW_SECONDS or len(batch) >= MOST):
            yield batch
            batch = []
        batch.append(event)
    if batch:
        yield batch


def _history(
    store: Store, sources: Mapping[str, Source], since: float, until: float
) -> Iterator[Event]:
    """Deliveries, and subjects that only a sweep found, in the order of time."""
    return merge(
        _delivered(store, sources, since, until),
        _undelivered(store, since, until),
        key=lambda event: event[0],
    )


def _delivered(
    store: Store, sources: Mapping[str, Source], since: float, until: float
) -> Iterator[Event]:
    last = since, 0
    while True:
        with store.read() as session:
            rows = deliveries.received_between(session, until, after=last)
        for row in rows:
            yield from _told_by(row, sources)
        if not rows:
            return
        last = rows[-1].received_at, rows[-1].seq or 0


def _told_by(row: DeliveryRow, sources: Mapping[str, Source]) -> Iterator[Event]:
    source = sources.get(row.source)
    if source is None:
        return
    try:
        found = [s for event in source.read(row.body) if (s := event.snapshot)]
    except Unreadable:
        return
    yield from ((row.received_at, trusted(snapshot, row.received_at)) for snapshot in found)


def _besides(store: Store, rules: RuleSet, batch: list[Event]) -> list[Event]:
    """Deliveries with what the store has of their subjects that no delivery tells, as far as rules ask
    for it."""
    if not (rules.ask_severity or asks_around(rules)):
        return batch
    known = with_besides(store, [snapshot for _, snapshot in batch])
    return [(at, snapshot) for (at, _), snapshot in zip(batch, known, strict=True)]


def _undelivered(store: Store, since: float, until: float) -> Iterator[Event]:
    with store.read() as session:
        rows = subjects.never_delivered(session, since, until)
    for row in rows:
        yield row.first_seen_at, subjects.to_snapshot(row)


def _before(store: Store, since: float) -> Iterator[Snapshot]:
    """Subjects as they may have stood when the window began.

    The store keeps only the newest state of each. A subject of which a delivery in the window speaks
    therefore counts as open at the beginning, and as older than that delivery.
    """
    with store.read() as session:
        within = deliveries.subjects_since(session, since)
    last = ""
    while True:
        with store.read() as session:
            rows = subjects.open_and_known_before(session, since, after=last, limit=MOST)
        if not rows:
            break
        last = rows[-1].ref
        for row in rows:
            snapshot = subjects.to_snapshot(row)
            yield replace(snapshot, event_time=1) if row.ref in within else snapshot
    rest = iter(sorted(within))
    while some := list(islice(rest, MOST)):
        with store.read() as session:
            rows = subjects.ended_and_known_before(session, since, some)
        for row in rows:
            yield replace(subjects.to_snapshot(row), status=Status.OPEN, event_time=1)

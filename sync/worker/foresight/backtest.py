"""Backtest: stored deliveries replayed through a rule set, to see which tickets it would have made.

The real merging and routing run, on a scratch store and on the time of the deliveries; of the walks,
only what decides whether a ticket is made. No call is made outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from heapq import merge

from sqlmodel import Session, col, select

from sync.domain.errors import Unreadable
from sync.domain.subject import Snapshot, Status
from sync.ports import Source
from sync.rules import RuleSet
from sync.store import deliveries, subjects
from sync.store.engine import Store
from sync.store.tables import LinkRow, SubjectRow, TicketRow, TicketState
from sync.worker.foresight.trial_store import scratch_store
from sync.worker.triage.batch import Triage
from sync.worker.walk.facts import gather, rule_for

# Deliveries this close together are merged, as a daemon under load would.
WINDOW_SECONDS = 30.0
MOST = 200

# (when it came, what it said)
Event = tuple[float, Snapshot]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a rule set would have made of the history. Counters are by name."""

    made: int = 0
    by_project: Mapping[str, int] = field(default_factory=dict)
    by_rule: Mapping[str, int] = field(default_factory=dict)
    walks_by_rule: Mapping[str, int] = field(default_factory=dict)
    spared: int = 0
    grouped: int = 0
    umbrellas: int = 0
    parked: int = 0
    unmatched: int = 0
    subjects: int = 0
    deliveries: int = 0


class _Time:
    """The clock of the history."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def backtest(
    store: Store, sources: Mapping[str, Source], rules: RuleSet, since: float, until: float
) -> Tally:
    """What these rules would have made of what was received between two times (seconds since the
    epoch). Subjects that were known before count as having had their tickets. Raises
    StoreUnavailable."""
    with scratch_store() as scratch:
        run = _Run(scratch, rules, since)
        run.begin(list(_before(store, since)))
        for batch in _batches(_history(store, sources, since, until)):
            run.take(batch)
        run.finish(until)
        return run.tally()


class _Run:
    def __init__(self, scratch: Store, rules: RuleSet, since: float) -> None:
        self._scratch = scratch
        self._rules = rules
        self._since = since
        self._clock = _Time(since - 1)
        self._triage = Triage(scratch, {}, lambda: rules, self._clock)
        self._walks: Counter[str] = Counter()
        self._events = 0
        self._seen: set[str] = set()

    def begin(self, known: list[Snapshot]) -> None:
        """Take what was there before the window: their tickets exist, and do not count."""
        for start in range(0, len(known), MOST):
            with self._scratch.write() as session:
                self._triage.merge_snapshots(session, known[start : start + MOST])
        with self._scratch.write() as session:
            for row in session.exec(select(TicketRow)):
                self._make(row)

    def take(self, batch: list[Event]) -> None:
        """Let time pass to the end of a batch, then take it in."""
        self._pass(batch[-1][0])
        self._events += len(batch)
        self._seen.update(str(snapshot.ref) for _, snapshot in batch)
        with self._scratch.write() as session:
            self._triage.merge_snapshots(session, [snapshot for _, snapshot in batch])
            self._walk(session)

    def finish(self, until: float) -> None:
        """Let the holds run out that end before ``until``."""
        self._pass(until)

    def _pass(self, until: float) -> None:
        """Do at its time what becomes due until then."""
        while True:
            with self._scratch.write() as session:
                query = select(TicketRow.due_at).where(col(TicketRow.due_at).is_not(None))
                due = session.exec(query.order_by(col(TicketRow.due_at)).limit(1)).first()
                if due is None or due > until:
                    break
                self._clock.now = max(self._clock.now, due)
                self._walk(session)
        self._clock.now = max(self._clock.now, until)

    def _walk(self, session: Session) -> None:
        """What a walk decides of each due ticket: made, spared, held on."""
        session.flush()
        now = self._clock.now
        for row in session.exec(select(TicketRow).where(col(TicketRow.due_at) <= now)):
            row.due_at = None
            facts = gather(session, row)
            rule = rule_for(facts, self._rules)
            self._walks[rule.ref.name] += 1
            if row.state != TicketState.NEW:
                continue
            if rule.hold and facts.ended:
                row.state = TicketState.SPARED
            elif rule.hold and now < row.created_at + rule.hold:
                row.due_at = row.created_at + rule.hold
            elif not facts.ended or rule.policy.create_when_ended:
                row.project = rule.project
                self._make(row)

    def _make(self, row: TicketRow) -> None:
        row.state = TicketState.LINKED
        row.jira_id = row.jira_key = str(row.id)
        row.due_at = None

    def tally(self) -> Tally:
        """Count what came of it."""
        with self._scratch.read() as session:
            fresh = list(
                session.exec(select(TicketRow).where(col(TicketRow.created_at) >= self._since))
            )
            made = {row.id: row for row in fresh if row.state == TicketState.LINKED}
            links = list(session.exec(select(LinkRow)))
        members = Counter(link.ticket_id for link in links if link.ticket_id in made)
        linked = {link.subject for link in links}
        return Tally(
            made=len(made),
            by_project=_ordered(Counter(row.project for row in made.values())),
            by_rule=_ordered(Counter(row.rule for row in made.values())),
            walks_by_rule=_ordered(self._walks),
            spared=sum(row.state == TicketState.SPARED for row in fresh),
            grouped=sum(count - 1 for count in members.values()),
            umbrellas=sum(row.key.startswith("storm:") for row in made.values()),
            parked=sum(row.state == TicketState.UNPLACED for row in fresh),
            unmatched=len(self._seen - linked),
            subjects=len(self._seen),
            deliveries=self._events,
        )


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
    """Deliveries, and subjects that came without one (found by a sweep), in the order of time."""
    return merge(
        _delivered(store, sources, since, until),
        _undelivered(store, since, until),
        key=lambda event: event[0],
    )


def _delivered(
    store: Store, sources: Mapping[str, Source], since: float, until: float
) -> Iterator[Event]:
    last, latest = 0, since
    while True:
        with store.read() as session:
            rows = deliveries.received_since(session, since, after=last)
        for row in rows:
            source = sources.get(row.source)
            if source is None or row.received_at > until:
                continue
            try:
                events = source.read(row.body)
            except Unreadable:
                continue
            # Receivers' clocks may differ a little; time does not run backwards.
            latest = max(latest, row.received_at)
            yield from ((latest, event.snapshot) for event in events if event.snapshot is not None)
        if not rows:
            return
        last = rows[-1].seq or 0


def _undelivered(store: Store, since: float, until: float) -> Iterator[Event]:
    query = (
        select(SubjectRow)
        .where(
            col(SubjectRow.first_seen_at) >= since,
            col(SubjectRow.first_seen_at) <= until,
        )
        .order_by(col(SubjectRow.first_seen_at))
    )
    with store.read() as session:
        delivered = deliveries.subjects_since(session)
        rows = [row for row in session.exec(query) if row.ref not in delivered]
    for row in rows:
        yield row.first_seen_at, subjects.to_snapshot(row)


def _before(store: Store, since: float) -> Iterator[Snapshot]:
    """Subjects as they may have stood when the window began.

    Only their newest state is kept, so one that is spoken of within the window counts as open at its
    start, and as older than everything said then.
    """
    query = select(SubjectRow).where(col(SubjectRow.first_seen_at) < since)
    with store.read() as session:
        within = deliveries.subjects_since(session, since)
        rows = [
            row for row in session.exec(query) if row.ref in within or not Status(row.status).ended
        ]
    for row in rows:
        snapshot = subjects.to_snapshot(row)
        if row.ref in within:
            still = Status.OPEN if snapshot.status.ended else snapshot.status
            snapshot = replace(snapshot, status=still, event_time=1)
        yield snapshot

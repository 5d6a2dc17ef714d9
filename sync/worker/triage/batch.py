"""Triage: accepted deliveries become snapshots, and the tickets of their subjects become due.

All snapshots of a subject in a batch are merged before anything is written, so a burst of deliveries
costs one update and one walk. A batch is read, decided in memory and written in one short transaction
(``sync.store.slate``), so that nobody who writes to the store waits for rules, patterns or an API.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from sync import tracing
from sync.domain.errors import Unreadable
from sync.domain.subject import (
    CLOCK_SKEW,
    Event,
    EventType,
    Kind,
    Snapshot,
    merge_from_api,
    newest,
    same_event,
    says_the_same,
    trusted,
)
from sync.ports import Clock, Source
from sync.rules import RuleSet, patience
from sync.store import deliveries
from sync.store.attempts import MOST, Attempts
from sync.store.deliveries import Outcome, Overtaken
from sync.store.engine import Session, Store, StoreUnavailable
from sync.store.errors import of_database, unavailable
from sync.store.slate import TRIES, Slate, decided
from sync.store.subjects import Subject
from sync.store.tables import DeliveryRow
from sync.store.usable import check_usable
from sync.telemetry import EVENTS, READ_SECONDS
from sync.worker.triage.arrivals import ARRIVALS
from sync.worker.triage.asking import Answers, Asking
from sync.worker.triage.incidents import follow_incident, read_together
from sync.worker.triage.news import with_news
from sync.worker.triage.origins import ORIGINS
from sync.worker.triage.routing import SEARCHES, Router
from sync.worker.triage.wanted import Wanted, around, asks_around, wanted_of

log = structlog.get_logger("triage")

_T = TypeVar("_T")

BATCH = 200
# Others who write wait while a batch is written: a batch after one that took longer is smaller.
HOLD_SECONDS = 0.05
SMALLEST = 20
# Steps in a row that the database must fail before the deliveries of a batch are triaged one by one.
_PATIENCE = 3
# How often the database must fail a delivery while it takes others, until the delivery is set aside.
_TRIES = 3

# Takes the known snapshot (None for an unknown subject) and the new one, and returns the merged one.
Merge = Callable[[Snapshot | None, Snapshot], Snapshot]


@dataclass(frozen=True, slots=True)
class Read:
    """One delivery of a batch, and its events: any number.

    ``refs`` names the subject of each event, "" for an event without one. ``dead`` says why the
    delivery cannot be read, "" usually.
    """

    row: DeliveryRow
    events: Sequence[Event] = ()
    refs: Sequence[str] = ()
    dead: str = ""

    def outcome(self, outcomes: Mapping[str, str], answers: Answers) -> Outcome:
        """What became of the delivery. ``outcomes`` has what became of each subject, in words."""
        if self.dead:
            return deliveries.dead_letter(self.row, self.dead)
        return Outcome(
            self.row.seq,
            _outcome(self, outcomes, answers),
            subjects=list(dict.fromkeys(filter(None, self.refs))),
            event_type=self.events[0].type.value if self.events else "",
        )


class Triage:
    """Takes batches of accepted deliveries through reading, merging and routing."""

    def __init__(
        self,
        store: Store,
        sources: Mapping[str, Source],
        rules: Callable[[], RuleSet],
        clock: Clock,
        asking: Asking | None = None,
    ) -> None:
        self._asking = asking or Asking({}, clock)
        self._store = store
        self._attempts = Attempts(store)
        # The threads of this process decide one after another, so that none overtakes the other.
        self._alone = threading.RLock()
        self._size = BATCH
        # Whether deliveries may wait that the last batch left out.
        self.more = False
        self._sources = sources
        self._rules = rules
        self._clock = clock
        # How many batches in a row the database has failed; by the id of a delivery, in how many rounds
        # in a row the database has failed it while it took others.
        self._failed_batches = 0
        self._failed_alone: Counter[str] = Counter()

    def batch(self, limit: int = BATCH) -> int:
        """Triage up to ``limit`` deliveries; returns their number. Raises StoreUnavailable.

        If a batch fails, its deliveries are triaged one by one, so that a failing one does not delay the
        others. While the store is unavailable, the whole batch is tried again a few times first.
        """
        try:
            count = self._batch(min(limit, self._size))
        except StoreUnavailable:
            self._failed_batches += 1
            if self._failed_batches < _PATIENCE:
                raise
            log.warning("batches fail; triaging their deliveries one by one")
        except Exception as error:
            _log("a batch failed; triaging its deliveries one by one", error)
        else:
            self._failed_batches = 0
            return count
        return self._one_by_one(limit)

    def _one_by_one(self, limit: int) -> int:
        """Triage up to ``limit`` deliveries, each in a transaction of its own; returns how many left the
        inbox.

        A delivery becomes a dead letter at once where reading or routing it failed. Where the database
        failed it, the database may be at fault: the delivery becomes a dead letter only after several
        rounds in which the database took another one. Raises StoreUnavailable where it took none.
        """
        done, failed = self._each(limit)
        refused = {id_: error for id_, error in failed.items() if of_database(error)}
        for id_ in failed.keys() - refused.keys():
            done += self._bury(id_, failed[id_])
        if refused and not done:
            raise unavailable(next(iter(refused.values())))
        self._failed_alone = Counter({id_: self._failed_alone[id_] + 1 for id_ in refused})
        for id_, times in self._failed_alone.items():
            if times >= _TRIES:
                done += self._bury(id_, refused[id_])
        return done

    def _each(self, limit: int) -> tuple[int, dict[str, Exception]]:
        """Triage up to ``limit`` deliveries by themselves: how many went well, and by id why others did
        not. Raises StoreUnavailable where the store takes nothing at all."""
        with self._store.read() as session:
            ids = [row.id for row in deliveries.next_batch(session, limit)]
        done, failed = 0, dict[str, Exception]()
        for id_ in ids:
            try:
                done += self._batch(1, only=id_)
            except Exception as error:
                if of_database(error) and not any(map(of_database, failed.values())):
                    # Every further try would fail as well while the store takes nothing at all.
                    check_usable(self._store)
                failed[id_] = error
        return done, failed

    def _bury(self, id_: str, error: Exception) -> int:
        """Make a delivery that fails a dead letter; 1, or 0 where it is not in the inbox any more."""
        words = f"storing its snapshot failed ({type(error).__name__}); this is a defect of ours"
        if of_database(error):
            words = f"storing its snapshot failed, while others were stored: {unavailable(error)}"
        with self._store.write() as session:
            deliveries.lock_triage(session)
            rows = deliveries.next_batch(session, 1, only=id_)
            deliveries.record(session, [deliveries.dead_letter(row, words) for row in rows])
        for row in rows:
            _log("dead letter", error, delivery=row.id, reason=words)
        return len(rows)

    def _batch(self, limit: int, only: str = "") -> int:
        answers, began = Answers(), time.perf_counter()
        tries = 0
        while True:
            with self._alone, self._attempts.attempt(limit, only) as (session, rows):
                self.more = self._attempts.more
                if not rows:
                    return 0
                try:
                    if tries < TRIES:
                        read, to_ask = self._round(Slate(session), rows, answers)
                    else:
                        read, to_ask = self._round_within_lock(limit, only, answers)
                except Overtaken:
                    # A smaller batch is decided sooner, so that less can change meanwhile.
                    tries, limit = tries + 1, max(1, limit // 4)
                    continue
            if not to_ask:
                break
            # No transaction is open while the API is asked. The batch is read again afterwards.
            self._asking.ask(to_ask, answers)
        self._tell(read)
        if tracing.traces is not None:
            seconds = time.perf_counter() - began
            for r in read:
                tracing.traces.triaged(r.row.id, seconds, len(read), dead=bool(r.dead))
        return len(read)

    def _round(
        self, slate: Slate, rows: Sequence[DeliveryRow], answers: Answers
    ) -> tuple[list[Read], Wanted]:
        """Decide on a batch and write it. Returns what was read, and what is to be asked first; then
        nothing is written. Raises Overtaken."""
        read, to_ask = self._decide(slate, rows, answers)
        if not to_ask:
            with self._store.write() as session:
                began = self._clock.monotonic()
                slate.write(session)
            held = self._clock.monotonic() - began
            size = self._size // 2 if held > HOLD_SECONDS else self._size * 2
            self._size = min(BATCH, max(SMALLEST, size))
        return read, to_ask

    def _round_within_lock(
        self, limit: int, only: str, answers: Answers
    ) -> tuple[list[Read], Wanted]:
        """As ``_round``, where others were faster several times: now they wait."""
        with self._store.write() as session:
            deliveries.lock_triage(session)
            slate = Slate(session)
            rows = deliveries.next_batch(session, limit, only=only)
            read, to_ask = self._decide(slate, rows, answers)
            if not to_ask:
                slate.write(session)
        return read, to_ask

    def _decide(
        self, slate: Slate, rows: Sequence[DeliveryRow], answers: Answers
    ) -> tuple[list[Read], Wanted]:
        read = [self._read(row) for row in rows]
        events = [event for r in read for event in r.events]
        wanted = self._wanted(slate, events, answers)
        if not wanted:
            self._take(slate, read, answers)
        return read, wanted

    def _wanted(self, slate: Slate, events: Sequence[Event], answers: Answers) -> Wanted:
        """What the API should be asked before a batch is taken."""
        to_ask = wanted_of(slate, events, self._rules())
        if left := {ref: to_ask[ref] for ref in to_ask if ref not in answers.asked}:
            return Wanted(left)
        # What the API said of subjects may choose the rules that ask for what is around them.
        told = _told(events)
        refs = {str(one.ref) for one in told}
        learnt = [one for ref, one in answers.snapshots.items() if ref not in refs]
        return self._around(slate, [*told, *learnt], answers)

    def _around(
        self,
        slate: Slate,
        snapshots: Sequence[Snapshot],
        answers: Answers,
        *,
        merge: Merge = newest,
    ) -> Wanted:
        """What of the surroundings of subjects should be asked for, after these snapshots of them."""
        rules = self._rules()
        if not asks_around(rules):
            return Wanted()
        merged, _ = self._merged(slate, snapshots, answers, merge)
        with patience(SEARCHES):
            wanted = around(slate, {ref: after for ref, (_, after) in merged.items()}, rules)
        return Wanted(
            around={one: names for one, names in wanted.items() if one not in answers.around}
        )

    def ask_around(self, snapshots: Sequence[Snapshot]) -> Answers:
        """Ask for what is around subjects, as far as rules ask for it and it is not known, after what an
        API says of the subjects. Raises StoreUnavailable."""
        answers = Answers()
        while asks_around(self._rules()):
            with self._store.read() as session:
                wanted = self._around(Slate(session), snapshots, answers, merge=merge_from_api)
            if not wanted:
                break
            self._asking.ask(wanted, answers)
        return answers

    def _tell(self, read: Sequence[Read]) -> None:
        """Log and count what a batch held, once nobody waits for it any more."""
        now = self._clock.time()
        for r in read:
            READ_SECONDS.observe(max(0.0, now - r.row.received_at))
            if r.dead:
                level = log.error if r.row.attempts > MOST else log.warning
                level("dead letter", delivery=r.row.id, reason=r.dead)
            for event in r.events:
                EVENTS.labels(event.type.value).inc()
                if event.type is EventType.UNKNOWN:
                    log.warning(
                        "an event was not understood", delivery=r.row.id, reason=event.message
                    )
        log.info("triaged", deliveries=len(read), readable=sum(not r.dead for r in read))

    def _take(self, slate: Slate, read: Sequence[Read], answers: Answers) -> None:
        """Merge what a batch says on the slate, with what became of each delivery."""
        _remember(read)
        events = [event for r in read for event in r.events]
        outcomes = self.merge(slate, _told(events), learnt=answers)
        # An event of an unknown type brings in what the API says.
        only_named = {str(e.about): e for e in events if e.about and str(e.about) not in outcomes}
        from_api = [
            replace(snapshot, workspace=only_named[ref].workspace)
            for ref, snapshot in answers.snapshots.items()
            if ref in only_named
        ]
        outcomes |= self.merge(slate, from_api, merge=merge_from_api, learnt=answers)
        for r in read:
            slate.outcome(r.outcome(outcomes, answers))

    def merge_snapshots(
        self, session: Session, snapshots: Sequence[Snapshot], *, merge: Merge = newest
    ) -> dict[str, str]:
        """As ``merge``, all within a transaction of the caller's."""
        slate = Slate(session)
        outcomes = self.merge(slate, snapshots, merge=merge)
        slate.write(session)
        return outcomes

    def learn(self, snapshots: Sequence[Snapshot]) -> None:
        """Take in what an API says of subjects."""
        self.decided(lambda slate: self.merge(slate, snapshots, merge=merge_from_api))

    def decided(self, decide: Callable[[Slate], _T]) -> _T:
        """What ``decide`` returns, after what it left on its slate was written."""
        with self._alone:
            return decided(self._store, decide)

    def merge(
        self,
        slate: Slate,
        snapshots: Sequence[Snapshot],
        *,
        merge: Merge = newest,
        slots: Callable[[], float] | None = None,
        learnt: Answers | None = None,
    ) -> dict[str, str]:
        """Merge snapshots on a slate, and make the tickets of the subjects that changed due.

        Webhooks and sweeps both come in through here. ``merge`` merges the known snapshot of a subject
        with the new one. ``slots`` returns the due time of the next ticket (backfill spreads them, to
        stay behind live traffic); without it tickets are due now. ``learnt`` is what an API says of some
        of the subjects and of what is around them. Returns the outcome of each subject, in words, by
        reference.
        """
        if not snapshots:
            return {}
        rules = self._rules()
        merged, told = self._merged(slate, snapshots, learnt or Answers(), merge)
        known = slate.subjects(merged)
        older = _older(slate, merged.keys() - known.keys(), told) if merge is newest else {}
        outcomes: dict[str, str] = {}
        changed: dict[str, tuple[Snapshot | None, Snapshot]] = {}
        for ref, (before, after) in sorted(merged.items()):
            if before == after or not (rules.tells or _another(before, after)):
                outcomes[ref] = "older than what is known"
            else:
                changed[ref] = before, after
        with patience(SEARCHES):
            outcomes |= self._route(slate, rules, known, changed, slots, same=merge is not newest)
        return {
            ref: "; ".join(filter(None, (said, older.get(ref)))) for ref, said in outcomes.items()
        }

    def _merged(
        self, slate: Slate, snapshots: Sequence[Snapshot], learnt: Answers, merge: Merge
    ) -> tuple[dict[str, tuple[Snapshot | None, Snapshot]], dict[str, Snapshot]]:
        """Each subject as it was known (None for an unknown one) and as it is after these snapshots and
        what was learnt; and the snapshots of each subject as one."""
        told: dict[str, Snapshot] = {}
        for one in snapshots:
            # What a delivery brought has been held against the time of its arrival.
            snapshot = one if one.event_id else trusted(one, self._clock.time())
            ref = str(one.ref)
            told[ref] = newest(told[ref], snapshot) if ref in told else snapshot
        known, now = slate.subjects(told), self._clock.time()
        found: dict[str, tuple[Snapshot | None, Snapshot]] = {}
        for ref, snapshot in told.items():
            before = _known(known.get(ref), now)
            found[ref] = before, learnt.onto(ref, merge(before, snapshot))
        return found, told

    def _route(
        self,
        slate: Slate,
        rules: RuleSet,
        known: Mapping[str, Subject],
        changed: Mapping[str, tuple[Snapshot | None, Snapshot]],
        slots: Callable[[], float] | None,
        *,
        same: bool,
    ) -> dict[str, str]:
        """Put changed snapshots, each with the one before, on the slate, and route those with news.
        ``same``: those that say the same as before have none."""
        now = self._clock.time()
        outcomes: dict[str, str] = {}
        news = {ref: one[1] for ref, one in changed.items() if not (same and _nothing_new(*one))}
        if rules.tells:
            news = with_news(slate, rules, changed, same=same)
        router = Router(slate, rules, now, news, slots)
        read_together(slate, news.values())
        for ref, (before, after) in changed.items():
            row = known.get(ref)
            slate.put(ref, row.followed_by(after, now) if row else Subject.first(after, now))
            if ref not in news:
                outcomes[ref] = "nothing new"
                continue
            came_back = row is not None and row.ended_at is not None and not after.status.ended
            outcomes[ref] = router.route(after, over=row if came_back else None)
            if after.ref.kind is Kind.INCIDENT:
                follow_incident(slate, router, rules, before, after)
        return outcomes

    def _read(self, row: DeliveryRow) -> Read:
        if row.attempts > MOST:
            words = f"triage did not end {MOST} times: the program died or was killed on it"
            return Read(row, dead=words)
        source = self._sources.get(row.source)
        if source is None:
            return Read(row, dead=f"no source named {row.source!r} is configured")
        try:
            events = [
                replace(e, snapshot=trusted(e.snapshot, row.received_at)) if e.snapshot else e
                for e in source.read(row.body)
            ]
            subjects_ = [e.snapshot.ref if e.snapshot else e.about for e in events]
            return Read(row, events, [str(ref) if ref else "" for ref in subjects_])
        except Unreadable as error:
            return Read(row, dead=str(error))
        except Exception as error:
            # A body that makes the reader fail must not delay the other deliveries of its batch.
            log.exception("reading a delivery failed", delivery=row.id)
            words = f"the reader failed on it ({type(error).__name__}); this is a defect of ours"
            return Read(row, dead=words)


def _told(events: Iterable[Event]) -> list[Snapshot]:
    """The snapshots of events that have one."""
    return [event.snapshot for event in events if event.snapshot is not None]


def _remember(read: Iterable[Read]) -> None:
    """Before the tickets are due, so that their walks find what they come of."""
    for r in read:
        ARRIVALS.note(r.refs, r.row.received_at)
        if tracing.traces is not None:
            ORIGINS.note(r.refs, r.row.received_at, r.row.id)


def _nothing_new(before: Snapshot | None, after: Snapshot) -> bool:
    return before is not None and says_the_same(before, after)


def _another(before: Snapshot | None, after: Snapshot) -> bool:
    """Whether more changed than when the status was set, which only telling upstream needs."""
    return before is None or not same_event(before, after)


def _known(row: Subject | None, now: float) -> Snapshot | None:
    """The snapshot on record. One from the future, as earlier versions took them in, is not newer than
    what follows: all that is known of its moment is when the subject was first seen."""
    if row is None:
        return None
    snapshot = row.snapshot
    if snapshot.event_time <= (now + CLOCK_SKEW) * 1e9:
        return snapshot
    return trusted(snapshot, min(now, row.first_seen_at))


def _log(what: str, error: Exception, **facts: str) -> None:
    """Log an error: a defect of ours with its traceback, an error of the database without, because that
    quotes the values of the statement."""
    if of_database(error):
        log.warning(what, why=str(unavailable(error)), **facts)
    else:
        log.error(what, exc_info=error, **facts)


def _older(
    slate: Slate, unknown: Iterable[str], snapshots: Mapping[str, Snapshot]
) -> dict[str, str]:
    """Which of these subjects began before the store did, in words; also a line in the log."""
    began = {ref: snapshots[ref].began for ref in unknown}
    older, whole = slate.from_before(began) if began else (set[str](), 0.0)
    if older:
        log.warning(
            "subjects began before the store did",
            subjects=len(older),
            first=min(older),
            store_began=f"{datetime.fromtimestamp(whole, UTC):%F %T} UTC",
            remedy="tickets that an earlier store made for them are looked for in Jira; if another "
            "store has them, stop, and correct url in [store]",
        )
    return dict.fromkeys(older, "it began before this store did")


def _outcome(read: Read, outcomes: Mapping[str, str], answers: Answers) -> str:
    """What became of a delivery, in words: of each of its subjects, if it has several."""
    about_one = len(set(read.refs)) == 1
    words: list[str] = []
    for event, ref in zip(read.events, read.refs, strict=True):
        if ref:
            parts = [outcomes.get(ref, ""), answers.words(ref)]
            if event.about is not None:
                parts.insert(0, f"{event.message}; nothing is concluded from it")
            said = "; ".join(filter(None, parts))
            words.append(said if about_one else f"{ref}: {said}")
        elif event.type is EventType.PING:
            words.append(f"ping: {event.message}")
        else:
            words.append("names no subject we follow")
    return "; ".join(dict.fromkeys(words)) or "holds no event"

"""Converge: one walk of one ticket. Gather, plan, apply, settle; faults end it as outcomes.py says."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import structlog

from sync import tracing
from sync.domain.errors import Rejected
from sync.domain.pause import Pause, active, covering
from sync.domain.plan import plan
from sync.domain.rule import RuleRef
from sync.domain.ticket import Base, Draft
from sync.ports import Clock, Tracker
from sync.rules import Rule, RuleSet
from sync.store import edit_progress
from sync.store.claims import Claim, LeaseLost
from sync.store.engine import Store
from sync.store.gathered import Gathered
from sync.store.journal import ENDED_IN_HOLD
from sync.store.open_items import RESTING
from sync.store.tables import TicketRow, TicketState
from sync.telemetry import WALKS
from sync.worker.triage.batch import Triage
from sync.worker.triage.incidents import announce
from sync.worker.triage.origins import ORIGINS
from sync.worker.triage.routing import place, placing_rule, wanted_again
from sync.worker.walk.apply import Apply
from sync.worker.walk.breaker import Breaker
from sync.worker.walk.creation import Creation
from sync.worker.walk.delays import note_made, note_settled
from sync.worker.walk.epics import Epics
from sync.worker.walk.facts import (
    Facts,
    desire,
    drafted,
    facts_of,
    rule_for,
    settled_by,
    sited,
    tracker_for,
)
from sync.worker.walk.intents import IntentLog
from sync.worker.walk.kept import Kept
from sync.worker.walk.outcomes import Endings, Pace
from sync.worker.walk.past import Past, agreed
from sync.worker.walk.record import Record
from sync.worker.walk.refusals import Refusals
from sync.worker.walk.telling import NO_WAYS, Ways

log = structlog.get_logger("worker")

# Within so many seconds each process follows an edit of the rules.
_FOLLOWED_WITHIN = 2.0
# Outcomes after which the next walk comes of something else.
_OVER = ("settled", "spared")


class Converger:
    """Walks claimed tickets. Safe to share between threads."""

    def __init__(  # noqa: PLR0913  (each is a part of the outside, or how walks are timed)
        self,
        store: Store,
        trackers: Mapping[str, Tracker],
        rules: Callable[[], RuleSet],
        clock: Clock,
        pace: Pace | None = None,
        jitter: Callable[[], float] = random.random,
        *,
        ways: Ways = NO_WAYS,
        pauses: Callable[[], Sequence[Pause]] = tuple,
    ) -> None:
        """``pauses`` gives those by people, also those that were over lately."""
        self._store = store
        self._trackers = trackers
        self._rules = rules
        self._clock = clock
        self._pace = pace or Pace()
        self._end = Endings(rules, trackers, clock, self._pace, jitter)
        self._refusals = Refusals(clock)
        self._past = Past(store, clock)
        self._epics = Epics(store, clock)
        self._pauses = pauses
        triage = Triage(store, {}, rules, clock)
        self._ways = replace(ways, learn=triage.learn, breaker=Breaker(clock))

    def recover_by(self, recover: Callable[[], None]) -> None:
        """Let lost deliveries be fetched so before a walk believes the API. Called before any walk."""
        self._ways = replace(self._ways, recover=recover)

    def walk(self, claim: Claim) -> str:
        """Walk one ticket to where its rule wants it, as far as it goes now; how it ended."""
        if tracing.traces is None:
            outcome = self._until_lost(claim)
        else:
            outcome = self._traced(claim, tracing.traces)
        WALKS.labels(outcome).inc()
        return outcome

    def _traced(self, claim: Claim, traces: tracing.Traces) -> str:
        row, refs = claim.about.row, claim.about.refs
        delivery = ORIGINS.newest(refs)
        facts = {"rule": row.rule, "site": row.site, "subject": refs[0] if refs else ""}
        with traces.walk(delivery, facts) as walk:
            walk.outcome = self._until_lost(claim)
        if walk.outcome in _OVER:
            ORIGINS.forget(refs, delivery)
        return walk.outcome

    def _until_lost(self, claim: Claim) -> str:
        try:
            return self._walk(claim)
        except LeaseLost:
            return "lease lost"

    def _walk(self, claim: Claim) -> str:
        pen = (self._store, claim, self._clock, self._pace.lease)
        facts = _understood(claim.about)
        if not isinstance(facts, Facts):
            return self._end.unreadable(claim.about.row, Record(*pen), facts)
        record = Record(*pen, facts.base, facts.intents)
        if claim.about.row.aside is not None:
            return self._end.left_alone(record)
        ref = RuleRef(facts.rule_name)
        try:
            if facts.nothing_asked:
                return self._end.without_subjects(facts, record)
            rules = self._rules()
            if facts.state is TicketState.UNPLACED:
                rule = rules.get(facts.rule_name)
                ref = rule.ref if rule else ref
                record.rule = ref.name
                return self._place(facts, record, rules)
            rule = rule_for(facts, rules)
            ref = rule.ref
            record.rule = ref.name
            placed = sited(facts, rule)
            if placed is not facts or ref.name != facts.rule_name:
                # Edits of rules find tickets by the rule's name, claims find them by the site's.
                record.note(change=_kept(ref.name, placed))
                facts = placed
            return self._by_rule(facts, record, rule, rules)
        except LeaseLost:
            raise
        except Exception as fault:
            return self._end.fault(facts, record, ref, fault)

    def _by_rule(self, facts: Facts, record: Record, rule: Rule, rules: RuleSet) -> str:
        """Go on with a ticket whose rule is known."""
        if self._pauses() and self._waited(facts, rule, self._clock.time()):
            # The pause has just begun, or the ticket's rule or project is another than on record.
            return self._end.paused(facts, record)
        if facts.state in RESTING:
            return self._rest(facts, record, rule)
        return self._unless_on_hold(facts, record, rule) or self._towards(
            facts, record, rule, rules
        )

    def _waited(self, facts: Facts, rule: Rule, since: float) -> bool:
        """Whether the ticket waited for a pause by a person at that time (seconds since the epoch), or
        has since."""
        project = facts.project or ("" if facts.ref else rule.project)
        return covering(active(self._pauses(), since), rule.name, facts.site, project) is not None

    def _rest(self, facts: Facts, record: Record, rule: Rule) -> str:
        if wanted_again(facts.state, rule, ended=facts.ended):
            return self._end.revive(facts, record)
        record.settle()
        return facts.state.value

    def _unless_on_hold(self, facts: Facts, record: Record, rule: Rule) -> str:
        """How the walk ends of a ticket that waits before it is made; "" where it does not wait."""
        if facts.state is not TicketState.NEW or not rule.hold:
            return ""
        if (
            self._past.ticket_of(facts, rule.project, tracker_for(facts, self._trackers))
            is not None
        ):
            return ""
        over_at = facts.created_at + rule.hold
        if facts.ended_by(over_at):
            return self._end.spare(record, ENDED_IN_HOLD)
        if self._clock.time() >= over_at or facts.asked_for:
            return ""
        record.settle(again_at=over_at)
        return "held"

    def _towards(self, facts: Facts, record: Record, rule: Rule, rules: RuleSet) -> str:
        """Make the ticket, or bring it to where its rule wants it."""
        tracker, now = tracker_for(facts, self._trackers), self._clock.time()
        desired, again_at = desire(facts, rule, now, rules)
        if facts.ref is not None and facts.base == Base():
            # Taken over before anything was heard of its subjects. It may be under an epic of people,
            # so that none is looked for or made yet.
            known = drafted(facts, rules, tracker, desired)
            record.base = agreed(known, tracker.read(facts.ref.id, facts.project))
            facts = replace(facts, base=record.base)
        epic_of = self._epics.wanted(desired, facts, tracker, record)
        desired = replace(desired, epic_of=epic_of)
        draft = drafted(facts, rules, tracker, desired, anew=facts.look)
        if facts.former is not None and draft.former is None:
            # This process has not followed the undo yet, so the ticket stays due for it.
            again_at = now + _FOLLOWED_WITHIN
        intent_log = IntentLog(record, tracker, self._clock)
        try:
            return self._converge(facts, intent_log, rule, draft, again_at)
        except Rejected as fault:
            draft.blame(fault)
            raise

    def _converge(
        self, facts: Facts, intent_log: IntentLog, rule: Rule, draft: Draft, again_at: float | None
    ) -> str:
        record, ref = intent_log.record, facts.ref
        if ref is None:
            ref = Creation(facts, draft, intent_log, self._past).make(self._refusals)
            if ref is None:
                return "left"
            waited = bool(rule.hold) or self._waited(facts, rule, facts.created_at)
            note_made(facts, self._clock.time(), waited=waited)
            facts = replace(facts, look=False)
        if record.base.unannounced:
            self._announce(facts, record, rule, ref.key)
        unsure = self._past.unsure(facts)
        kept = Kept(facts.edit, self._rules().digest)
        if facts.undoes is not None and facts.former is None:
            # Nothing is left to be put back: the edit was made again, or its lines are kept no more.
            record.note(change=edit_progress.put_back(facts.undoes))
        made = Apply(facts, draft, intent_log, self._ways, unsure=unsure, kept=kept).converge(ref)
        draft = replace(draft, former=None)
        if made.parked is not None:
            return self._end.park(facts, record, made.parked)
        if not facts.related and not plan(draft, record.base, None, intents=record.intents):
            record.settled_by = settled_by(rule)
        ended = self._end.settled(record, again_at)
        now = self._clock.time()
        note_settled(facts, now, waited=self._waited(facts, rule, facts.due_at or now))
        return ended

    def _announce(self, facts: Facts, record: Record, rule: Rule, key: str) -> None:
        """Make the related tickets of a new ticket due. That this is to be done is on record since the
        ticket was made, so that a crash before this point loses nothing."""
        now, children = self._clock.time(), rule.issues.as_children
        tell = partial(announce, self._store, facts.ticket_id, key, now, to_issues=children)
        if facts.related:
            tell()
        else:
            # It may belong to an incident by now. The next write finds out by the way.
            record.if_related = tell
        record.base = replace(record.base, unannounced=False)

    def _place(self, facts: Facts, record: Record, rules: RuleSet) -> str:
        """Put the subjects where they belong, once their rule can say so. Raises Rejected until then,
        and Undecided as long as it is undecided which rule that is."""
        for snapshot in facts.snapshots:
            rule = placing_rule(rules, facts.rule_name, snapshot)
            if rule is not None:
                rule.ticket_key(snapshot)
        refs = [str(snapshot.ref) for snapshot in facts.snapshots]
        place(self._store, rules, self._clock.time(), refs, record.claim)
        return "placed"


def _understood(about: Gathered) -> Facts | Exception:
    """The facts, or why what is on record cannot be understood."""
    try:
        return facts_of(about)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        log.exception("a record cannot be read", key=about.row.key)
        return error


def _kept(rule: str, facts: Facts) -> Callable[[TicketRow], None]:
    def change(row: TicketRow) -> None:
        row.rule = rule
        row.site, row.project = facts.site, facts.project

    return change

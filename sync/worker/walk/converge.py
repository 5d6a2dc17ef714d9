"""Converge: one walk of one ticket. Gather, plan, apply, settle; and every fault has its answer."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace as replaced

import structlog

from sync.domain.errors import (
    Gone,
    Missing,
    Parked,
    Refused,
    Rejected,
    SiteDown,
    Stalled,
    Unknown,
)
from sync.domain.rule import RuleRef
from sync.domain.ticket import TicketRef
from sync.ports import Clock, Tracker
from sync.rules import Rule, RuleSet
from sync.store import deliveries, tickets
from sync.store.engine import Session, Store
from sync.store.open_items import RESTING
from sync.store.tables import TicketRow, TicketState
from sync.store.tickets import Claim, LeaseLost
from sync.telemetry import WALKS
from sync.worker.triage.incidents import incidents_due, is_related, issues_due, parent_refused
from sync.worker.triage.routing import place, placing_rule, wanted_again
from sync.worker.walk.apply import MISSING_TRIES, Apply
from sync.worker.walk.creation import make
from sync.worker.walk.facts import Facts, desire, gather, rule_for, sited, tracker_for
from sync.worker.walk.outcomes import Endings, Pace, parked_for
from sync.worker.walk.record import NotYet, Record
from sync.worker.walk.refusals import Refusals

log = structlog.get_logger("worker")


class Converger:
    """Walks claimed tickets. Safe to share between threads."""

    def __init__(
        self,
        store: Store,
        trackers: Mapping[str, Tracker],
        rules: Callable[[], RuleSet],
        clock: Clock,
        pace: Pace | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._trackers = trackers
        self._rules = rules
        self._clock = clock
        self._pace = pace or Pace()
        self._jitter = jitter
        self._end = Endings(rules, clock, self._pace, jitter)
        self._refusals = Refusals(clock)

    def walk(self, claim: Claim) -> str:
        """Walk one ticket to where its rule wants it, as far as it goes now; how it ended."""
        record = Record(self._store, claim, self._clock, self._pace.lease)
        with self._store.read() as session:
            row = session.get(TicketRow, claim.ticket_id)
            if row is None:
                return "gone"
            facts = _gathered(session, row)
        try:
            if isinstance(facts, Facts):
                outcome = self._walk(facts, record)
            else:
                outcome = self._end.unreadable(row, record, facts)
        except LeaseLost:
            outcome = "lease lost"
        WALKS.labels(outcome).inc()
        return outcome

    def _walk(self, facts: Facts, record: Record) -> str:
        ref = RuleRef(facts.rule_name)
        try:
            if not facts.snapshots:
                return self._end.without_subjects(facts, record)
            rule = rule_for(facts, self._rules())
            ref = rule.ref
            record.rule = rule.ref.name
            placed = sited(facts, rule)
            if placed is not facts or rule.ref.name != facts.rule_name:
                # Edits find a rule's tickets by its name, and claims those of a site that is up by its.
                record.note(_kept(rule.ref.name, placed))
                facts = placed
            if facts.state is TicketState.UNPLACED:
                return self._place(facts, record)
            return self._towards(facts, record)
        except NotYet as open_end:
            record.retry(str(open_end), again_at=open_end.again_at, counted=False)
            return "unsure"
        except Stalled as fault:
            if fault.project and facts.due_at is not None:
                return self._end.stalled(facts, record, fault)
            return self._end.later(facts, record, str(fault), fault.retry_after)
        except Refused as fault:
            return self._end.later(facts, record, str(fault), fault.retry_after)
        except Unknown as fault:
            return self._end.later(facts, record, str(fault), fault.retry_after, look=True)
        except SiteDown as fault:
            wait = max(fault.retry_after or 0.0, self._pace.site_down) * (1 + self._jitter() / 2)
            again_at = self._clock.time() + wait
            if facts.due_at is not None and tracker_for(facts, self._trackers).health.down():
                # Nobody claims it before the site is probed: it keeps its place in the queue.
                again_at = facts.due_at
            record.retry(str(fault), again_at=again_at, counted=False)
            return "site down"
        except Gone as fault:
            return self._end.gone(facts, record, ref, fault)
        except Missing as fault:
            # Not the ticket: something else that every Jira has. Something stands before it, perhaps.
            if facts.attempts < MISSING_TRIES:
                return self._end.later(facts, record, str(fault), None, look=True)
            remedy = "Check the site's `url` and what stands between it and us, then retry."
            return self._end.park(
                facts, record, parked_for(Rejected(str(fault), remedy=remedy), ref)
            )
        except Rejected as fault:
            refused = parent_refused(fault, self._rules(), facts.site, facts.incidents)
            return self._end.park(facts, record, refused or parked_for(fault, ref))
        except LeaseLost:
            raise
        except Exception as error:
            log.exception("a walk failed", key=facts.key)
            words = (
                f"a walk failed on {type(error).__name__}; this is a defect of ours, see the log"
            )
            if facts.attempts < 8:
                return self._end.later(facts, record, words, None)
            return self._end.park(
                facts, record, Parked(words, "Please report it with the log.", rule=ref.name)
            )

    def _towards(self, facts: Facts, record: Record) -> str:
        rule = rule_for(facts, self._rules())
        if facts.state in RESTING:
            if wanted_again(facts.state, rule, ended=facts.ended):
                return self._end.revive(facts, record)
            record.settle(None)
            return facts.state.value
        now = self._clock.time()
        if facts.state is TicketState.NEW and rule.hold:
            if facts.ended:
                return self._end.spare(
                    record, "the subject ended before its hold was over; no ticket is needed"
                )
            if now < facts.created_at + rule.hold:
                record.settle(None, again_at=facts.created_at + rule.hold)
                return "held"
        tracker = tracker_for(facts, self._trackers)
        desired, again_at = desire(facts, rule, now, self._rules())
        draft = tracker.draft(desired, anew=facts.look)
        if facts.ref is None:
            made = make(facts, draft, tracker, record, self._clock, self._refusals)
            if made is None:
                return "held"
            ref, base = made
            facts = replaced(facts, look=False)
        else:
            ref, base = facts.ref, facts.base
        if base.untold:
            # That it is so is on record since the ticket was made, so that no crash forgets it.
            self._tell(facts, rule, ref)
            base = replaced(base, untold=False)
        base, last = Apply(facts, draft, tracker, record, self._clock).converge(ref, base)
        if last.parked is not None:
            return self._end.park(facts, record, last.parked, base)
        record.settle(base, again_at=again_at)
        return "settled"

    def _tell(self, facts: Facts, rule: Rule, ref: TicketRef) -> None:
        """Make the tickets due that are to be linked with one that was made just now."""
        with self._store.read() as session:
            # Most belong to no incident: then there is nothing to write.
            if not is_related(session, facts.ticket_id):
                return
        now = self._clock.time()
        with self._store.write() as session:
            incidents_due(session, facts.ticket_id, now, ref.key)
            if rule.issues.as_children:
                issues_due(session, facts.ticket_id, now, ref.key)

    def _place(self, facts: Facts, record: Record) -> str:
        """Put its subjects where they belong, once their rule can say so. Raises Rejected until then."""
        rules = self._rules()
        for snapshot in facts.snapshots:
            rule = placing_rule(rules, facts.rule_name, snapshot)
            if rule is not None:
                rule.ticket_key(snapshot)
        now = self._clock.time()
        with self._store.write() as session:
            deliveries.lock_triage(session)
            row = tickets.claimed(session, record.claim)
            tickets.release(row, record.claim, again_at=None, now=now)
            place(session, rules, now, [str(snapshot.ref) for snapshot in facts.snapshots])
        return "placed"


def _gathered(session: Session, row: TicketRow) -> Facts | Exception:
    """The facts, or why what is on record cannot be understood."""
    try:
        return gather(session, row)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        log.exception("a record cannot be read", key=row.key)
        return error


def _kept(rule: str, facts: Facts) -> Callable[[TicketRow], None]:
    def change(row: TicketRow) -> None:
        row.rule = rule
        row.site, row.project = facts.site, facts.project

    return change

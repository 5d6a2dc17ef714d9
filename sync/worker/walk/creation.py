"""Making a ticket exactly once.

The intent is on record before the call. A reply that never came leaves the ticket ``creating``: then
only searching for its marker, past the lag of Jira's index, tells whether it was made; nothing is
created again before that.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog

from sync.domain.actions import Adopt, Hold
from sync.domain.backoff import search_delay
from sync.domain.errors import Fault, Missing, Refused, Rejected, Unknown
from sync.domain.plan import Standing, plan_unmade
from sync.domain.subject import Status
from sync.domain.ticket import Base, Draft, TicketRef
from sync.ports import Clock, Tracker
from sync.store.tables import TicketRow, TicketState
from sync.worker.walk.facts import Facts
from sync.worker.walk.record import Entry, NotYet, Record
from sync.worker.walk.refusals import Refusals

log = structlog.get_logger("worker")


def make(
    facts: Facts,
    draft: Draft,
    tracker: Tracker,
    record: Record,
    clock: Clock,
    refusals: Refusals,
) -> tuple[TicketRef, Base] | None:
    """The ticket, made or found, and its base; None when none is wanted.

    Raises the tracker's faults, and NotYet while the outcome of an earlier call is open.
    """
    standing = Standing.NEW
    if facts.state is TicketState.CREATING:
        found = _find(facts, draft, tracker, record, clock)
        if found is not None:
            return found
        standing = Standing.ABSENT
    planned = plan_unmade(draft, standing)
    action = planned.actions[0]
    if isinstance(action, Hold):
        record.settle(None, Entry("hold", str(action), "held"))
        return None

    if not facts.look:
        # Who asks for another look, as `retry` does, gets one.
        refusals.check(draft)
    # What may take long comes before the intent, from which the time of the call is reckoned.
    tracker.health.ready()
    begun = clock.time()

    def intend(row: TicketRow) -> None:
        if row.state != TicketState.NEW or row.jira_id is not None:
            raise Refused("the ticket became another's while it was about to be made")
        row.state = TicketState.CREATING
        row.intent_at = begun
        row.searches = 0
        row.project = draft.project
        row.base = base.to_json()

    base = _fresh_base(draft)
    record.step(intend, Entry("intend", f"about to {action}"))
    try:
        # A process that stood still meanwhile must not send it: others may have given it up.
        ref = tracker.create(draft, not_after=begun + tracker.goes_out_within)
    except Unknown as fault:
        # The call has ended on our side.
        ended = clock.time() - tracker.longest_call
        record.step(_still_open(ended), Entry("create", str(fault), "unknown"))
        raise NotYet(str(fault), clock.time() + search_delay(0)) from fault
    except Fault as fault:
        if isinstance(fault, Rejected):
            refusals.note(draft, fault)
        record.step(_not_made)
        raise
    refusals.forget(draft)
    record.step(_linked(ref, base), Entry("create", f"{action}: {ref.key}"))
    log.info("created", ticket=ref.key, key=facts.key, rule=draft.desired.rule.name)
    return ref, base


def _find(
    facts: Facts, draft: Draft, tracker: Tracker, record: Record, clock: Clock
) -> tuple[TicketRef, Base] | None:
    """Look for the ticket of an open create. None when it is proven that there is none."""
    now = clock.time()
    refs = _there(tracker, tracker.find(facts.key), facts.project)
    if refs:
        adopt = Adopt(refs[0], tuple(refs[1:]))
        # The base was put on record with the intent: it is what the lost call sent.
        base = replace(facts.base, status=Status.OPEN)
        entries = [Entry("adopt", str(adopt))]
        if adopt.extras:
            entries.append(
                Entry(
                    "double",
                    f"{', '.join(extra.key for extra in adopt.extras)} carry the marker of "
                    f"{adopt.ref.key} too; they are left as they are",
                    "warning",
                )
            )
            log.warning("several tickets with one marker", kept=adopt.ref.key, key=facts.key)
        record.step(_linked(adopt.ref, base), *entries)
        log.info("adopted", ticket=adopt.ref.key, key=facts.key)
        return adopt.ref, base
    # After a crash nobody knows when the call went out, only when it was decided on; and Jira may go
    # on for a while with a call that was given up.
    over_at = (facts.intent_at or now) + tracker.longest_call + tracker.afterwork
    proven_at = over_at + tracker.index_lag
    if now >= proven_at:
        # To somebody it does not know, or who may not see the project, Jira shows nothing: only a
        # search between two proofs that this is not so proves anything.
        tracker.verify(facts.project)
        refs = tracker.find(facts.key)
        tracker.verify(facts.project)
        if refs:
            raise Refused("its ticket has just come to light")
        record.step(_not_made, Entry("find", "not there; the call did not make it"))
        return None

    def searched(row: TicketRow) -> None:
        row.searches += 1

    record.step(searched)
    again = max(now + 0.05, min(now + search_delay(facts.searches), proven_at + 0.05))
    raise NotYet("the create call was not answered; searching for its ticket", again)


def _there(tracker: Tracker, refs: list[TicketRef], project: str) -> list[TicketRef]:
    """Those of the tickets found that are there: the index may still show what was deleted."""
    found = []
    for ref in refs:
        with suppress(Missing):
            found.append(tracker.read(ref.id, project).ref)
    return found


def _fresh_base(draft: Draft) -> Base:
    base = Base(status=Status.OPEN, untold=True)
    return base.with_sent({id_: f.value for id_, f in draft.fields.items() if f.value is not None})


def _not_made(row: TicketRow) -> None:
    row.state = TicketState.NEW
    row.intent_at = None
    row.searches = 0


def _still_open(at: float) -> Callable[[TicketRow], None]:
    def change(row: TicketRow) -> None:
        row.intent_at = at

    return change


def _linked(ref: TicketRef, base: Base) -> Callable[[TicketRow], None]:
    def change(row: TicketRow) -> None:
        row.state = TicketState.LINKED
        row.jira_id = ref.id
        row.jira_key = ref.key
        row.seen = ""
        row.base = base.to_json()
        row.intent_at = None
        row.searches = 0
        row.error = ""

    return change

"""How a walk ends that does not end with a settled ticket, and when the next one is due.

``_ENDS`` is the table of what each fault does; the methods of ``Endings`` are the kinds of ending.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from sync.domain.backoff import delay
from sync.domain.errors import (
    Already,
    Cause,
    Fault,
    Missing,
    Parked,
    Refused,
    Rejected,
    SiteDown,
    SitePaused,
    Stalled,
    TicketGone,
    Unknown,
)
from sync.domain.intent import NO_INTENTS
from sync.domain.rule import OnDeleted, RuleRef
from sync.domain.ticket import Base
from sync.ports import Clock, Tracker
from sync.rules import RuleSet
from sync.store import asides, parking
from sync.store.journal import Entry
from sync.store.steps import Changes
from sync.store.tables import TicketRow, TicketState
from sync.telemetry import FAULTS, cause_of
from sync.worker.walk.breaker import Untold
from sync.worker.walk.facts import Facts, rule_for, tracker_for
from sync.worker.walk.record import LookAgain, NotYet, Record
from sync.worker.walk.refusals import FAILURES, lasting

log = structlog.get_logger("worker")

# A 404 that is not the ticket's own may pass. After this many tries people are asked to look.
MISSING_TRIES = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """How walks are timed, in seconds. Parked tickets are tried again by themselves, ever later."""

    lease: float = 120.0
    parked_first: float = 15 * 60.0
    parked_cap: float = 6 * 3600.0
    # Nobody claims the tickets of a site before it is probed, so a longer wait would only delay the
    # ticket that was under way when the site went down.
    site_down: float = 1.0


@dataclass(frozen=True, slots=True)
class Tries:
    """Tried again after the backoff and, after ``most`` tries in a row, parked with the ``remedy``.

    ``look``: the next walk reads the ticket before it decides.
    """

    look: bool = False
    most: float = math.inf
    remedy: str = ""


class Endings:
    """Each method ends a walk and returns how, in a word. Safe to share between threads."""

    def __init__(
        self,
        rules: Callable[[], RuleSet],
        trackers: Mapping[str, Tracker],
        clock: Clock,
        pace: Pace,
        jitter: Callable[[], float],
    ) -> None:
        self._rules = rules
        self._trackers = trackers
        self._clock = clock
        self._pace = pace
        self._jitter = jitter

    def fault(self, facts: Facts, record: Record, rule: RuleRef, fault: Exception) -> str:
        """End a walk that met a fault, as the table says."""
        known = isinstance(fault, Fault | NotYet | LookAgain | Untold)
        FAULTS.labels(facts.site, cause_of(fault) if known else "defect").inc()
        ends = next(ends for kind, ends in _ENDS if isinstance(fault, kind))
        if isinstance(ends, Tries):
            return self._retry(facts, record, rule, fault, ends)
        return ends(self, facts, record, rule, fault)

    def unreadable(self, row: TicketRow | Any, record: Record, error: Exception) -> str:
        """The record of the ticket cannot be understood. Parked, or each walk would fail unseen."""
        parked = Parked(
            f"what is on record of this ticket cannot be read ({type(error).__name__})",
            "A newer version may have written it: use that one. Else report it with the log.",
            rule=row.rule,
        )
        record.rule = row.rule
        return self._park(row.key, record, parked, row.attempts, 1.0)

    def settled(self, record: Record, again_at: float | None) -> str:
        """The ticket is as its rule wants it, save for parked fields: what Jira or a person changes may
        let these be written, so the ticket is looked at again, ever later."""
        parked = record.base.parked
        if parked:
            tries = min(one.tries for one in parked.values())
            later = self._clock.time() + self._wait(tries) * (0.75 + self._jitter() / 2)
            again_at = later if again_at is None else min(again_at, later)
            tried = {id_: replace(one, tries=one.tries + 1) for id_, one in parked.items()}
            record.base = replace(record.base, parked=tried)
        record.settle(again_at=again_at)
        return "settled"

    def _wait(self, tries: int) -> float:
        return min(self._pace.parked_cap, self._pace.parked_first * 2.0 ** min(tries, 10))

    def park(self, facts: Facts, record: Record, parked: Parked) -> str:
        """Set the ticket aside until a person or time helps."""
        tries = facts.attempts if facts.parked else 0
        return self._park(facts.key, record, parked, tries, 0.75 + self._jitter() / 2)

    def _park(self, key: str, record: Record, parked: Parked, tries: int, spread: float) -> str:
        record.park(parked, again_at=self._clock.time() + self._wait(tries) * spread)
        log.warning("parked", key=key, why=str(parked))
        return "parked"

    def paused(self, facts: Facts, record: Record) -> str:
        """A person has paused what the ticket belongs to since it was claimed. It keeps its place."""
        record.finish(again_at=facts.due_at if facts.due_at is not None else self._clock.time())
        return "paused"

    def spare(self, record: Record, words: str) -> str:
        """No ticket is needed."""
        record.finish(Entry("spare", words, "spared"), change=_state(TicketState.SPARED))
        return "spared"

    def left_alone(self, record: Record) -> str:
        """A person took the ticket out of our hands: it stays as it is, whatever made it due."""
        record.finish(change=asides.mark)
        return "left alone"

    def revive(self, facts: Facts, record: Record) -> str:
        """A subject is open although its ticket is spared or gone: the subject came back while the walk
        ended that let the ticket rest, or the rule was edited. The next walk makes the ticket."""
        entry = Entry("revive", f"a subject of it is open; it is {facts.state.value} no more")
        now = self._clock.time()
        record.finish(entry, change=_state(TicketState.NEW), again_at=now)
        return "revived"

    def without_subjects(self, facts: Facts, record: Record) -> str:
        """Nothing speaks for the ticket any more: what there is in Jira stays as it is."""
        if facts.state in (TicketState.NEW, TicketState.UNPLACED):
            return self.spare(record, "nothing belongs to it any more")
        record.settle()
        return "settled"

    # The endings of the table.

    def _retry(
        self, facts: Facts, record: Record, rule: RuleRef, fault: Exception, tries: Tries
    ) -> str:
        words = str(fault)
        if facts.attempts >= tries.most:
            parked = Parked(words, tries.remedy, rule=rule.name, where=rule.where)
            return self.park(facts, record, parked)
        retry_after = fault.retry_after if isinstance(fault, Refused | Unknown) else None
        wait = delay(facts.attempts + 1, jitter=self._jitter(), retry_after=retry_after)
        record.retry(words, again_at=self._clock.time() + wait, look=tries.look)
        log.info("later", key=facts.key, why=words, seconds=round(wait, 1))
        return "retry"

    def _not_yet(self, _facts: Facts, record: Record, _rule: RuleRef, fault: NotYet) -> str:
        record.retry(str(fault), again_at=fault.again_at, counted=False)
        return "unsure"

    def _unknown(self, facts: Facts, record: Record, rule: RuleRef, fault: Unknown) -> str:
        # Each walk reads the ticket first, and makes a call again only where it was not carried out.
        # Other calls may have failed in between, each once, so this takes more failures than a create.
        again = facts.error == str(fault) and facts.attempts >= 2 * FAILURES - 1
        if fault.failed and (again or facts.parked):
            lasts = lasting(facts, str(fault))
            return self.park(facts, record, parked_for(lasts, rule, self._rules()))
        return self._retry(facts, record, rule, fault, Tries(look=True))

    def _untold(self, facts: Facts, record: Record, rule: RuleRef, untold: Untold) -> str:
        if not untold.wait:
            return self._retry(facts, record, rule, untold.fault, Tries(look=True))
        # How long upstream fails says nothing about the ticket, so the try does not count.
        again_at = self._clock.time() + untold.wait * (1 + self._jitter() / 4)
        record.retry(str(untold), again_at=again_at, counted=False, look=True)
        log.info("untold", key=facts.key, why=str(untold), seconds=round(untold.wait, 1))
        return "untold"

    def _stalled(self, facts: Facts, record: Record, rule: RuleRef, fault: Stalled) -> str:
        if not fault.project or facts.due_at is None:
            return self._retry(facts, record, rule, fault, Tries())

        def change(row: TicketRow) -> None:
            row.project = fault.project
            row.error = str(fault)

        record.finish(change=change, again_at=facts.due_at)
        log.info("stalled", key=facts.key, why=str(fault))
        return "stalled"

    def _site_down(self, facts: Facts, record: Record, _rule: RuleRef, fault: SiteDown) -> str:
        wait = max(fault.retry_after or 0.0, self._pace.site_down) * (1 + self._jitter() / 2)
        again_at = self._clock.time() + wait
        known = isinstance(fault, SitePaused) or tracker_for(facts, self._trackers).health.down()
        if facts.due_at is not None and known:
            again_at = facts.due_at
        record.retry(str(fault), again_at=again_at, counted=False)
        return "site down"

    def _gone(self, facts: Facts, record: Record, rule: RuleRef, _fault: TicketGone) -> str:
        on_deleted = rule_for(facts, self._rules()).policy.on_deleted
        name = facts.ref.key if facts.ref else facts.key
        if on_deleted is OnDeleted.PARK and facts.merged is None:
            parked = Parked(
                f"{name} was deleted in Jira, or our account may no longer see it",
                "Restore it, or give our account 'Browse projects', and retry; or set "
                '`on_deleted = "recreate"` or `"ignore"` in the rule.',
                cause=Cause.PERMISSION,
                rule=rule.name,
                where=rule.where,
            )
            return self.park(facts, record, parked)
        wanted = not facts.ended and facts.merged is None
        again = on_deleted is OnDeleted.RECREATE and wanted

        def change(row: TicketRow) -> None:
            row.state = TicketState.NEW if again else TicketState.GONE
            row.jira_id = None
            row.jira_key = "" if again else row.jira_key
            row.admission, row.admission_at, row.untold = None, None, 0
            parking.lift(row)

        record.base, record.intents = Base(), NO_INTENTS
        words = f"{name} was deleted in Jira; " + ("making it anew" if again else "left so")
        again_at = self._clock.time() if again else None
        record.finish(Entry("gone", words, "warning"), change=change, again_at=again_at)
        log.warning("gone", ticket=name, words=words)
        return "gone"

    def _rejected(self, facts: Facts, record: Record, rule: RuleRef, fault: Rejected) -> str:
        return self.park(facts, record, parked_for(fault, rule, self._rules()))

    def _defect(self, facts: Facts, record: Record, rule: RuleRef, fault: Exception) -> str:
        log.error("a walk failed", key=facts.key, exc_info=fault)
        words = f"a walk failed on {type(fault).__name__}; this is a defect of ours, see the log"
        tries = Tries(most=8, remedy="Please report it with the log.")
        return self._retry(facts, record, rule, RuntimeError(words), tries)


_Ends = Tries | Callable[[Endings, Facts, Record, RuleRef, Any], str]

# The first line that names a class of the fault says how the walk ends.
_ENDS: tuple[tuple[type[Exception], _Ends], ...] = (
    # Tried again when the end of the earlier call can be known. The try does not count.
    (NotYet, Endings._not_yet),
    (LookAgain, Tries(look=True)),
    # Upstream does not answer. All else is done, and nothing is held up.
    (Untold, Endings._untold),
    # Somebody was faster: the next walk sees what there is.
    (Already, Tries(look=True)),
    # Keeps its place in the queue: nobody claims tickets of a project whose calls hang.
    (Stalled, Endings._stalled),
    (Refused, Tries()),
    # The call may have been carried out.
    (Unknown, Endings._unknown),
    # Keeps its place in the queue: nobody claims tickets of a site that is down, or paused.
    (SiteDown, Endings._site_down),
    # Parked, made anew, or left so, as the rule's `on_deleted` says.
    (TicketGone, Endings._gone),
    # Not the ticket, but something that every Jira has: perhaps something else answers in its place.
    (
        Missing,
        Tries(
            look=True,
            most=MISSING_TRIES,
            remedy="Check the site's `url` and what stands between it and us, then retry.",
        ),
    ),
    # Parked with Jira's words.
    (Rejected, Endings._rejected),
    # An error of this program: tried again, then parked.
    (Exception, Endings._defect),
)


def _state(state: TicketState) -> Changes:
    def change(row: TicketRow) -> None:
        row.state = state
        parking.lift(row)

    return change


def parked_for(fault: Rejected, ref: RuleRef, rules: RuleSet) -> Parked:
    """Why a ticket is set aside of which something was refused for good, and where in the rules."""
    rule = rules.get(ref.name)
    return Parked.of(fault, ref.name, rule.place(fault.key) if rule else ref.where)

"""Endings: how a walk ends that does not end with a settled ticket, and when the next one is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sync.domain.backoff import delay
from sync.domain.errors import Cause, Missing, Parked, Rejected, Stalled
from sync.domain.rule import OnDeleted, RuleRef
from sync.domain.ticket import Base
from sync.ports import Clock
from sync.rules import RuleSet
from sync.store import parking
from sync.store.journal import Entry
from sync.store.tables import TicketRow, TicketState
from sync.worker.walk.facts import Facts, rule_for
from sync.worker.walk.record import Record

log = structlog.get_logger("worker")


@dataclass(frozen=True, slots=True)
class Pace:
    """How walks are timed, in seconds. Parked tickets are tried again by themselves, ever later."""

    lease: float = 120.0
    parked_first: float = 15 * 60.0
    parked_cap: float = 6 * 3600.0
    # Until the site is probed nobody claims its tickets: a longer wait would only hold up the oldest.
    site_down: float = 1.0


class Endings:
    """Each method ends a walk and returns how, in a word. Safe to share between threads."""

    def __init__(
        self,
        rules: Callable[[], RuleSet],
        clock: Clock,
        pace: Pace,
        jitter: Callable[[], float],
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._pace = pace
        self._jitter = jitter

    def later(
        self,
        facts: Facts,
        record: Record,
        words: str,
        retry_after: float | None,
        *,
        look: bool = False,
    ) -> str:
        wait = delay(facts.attempts + 1, jitter=self._jitter(), retry_after=retry_after)
        record.retry(words, again_at=self._clock.time() + wait, look=look)
        log.info("later", key=facts.key, why=words, seconds=round(wait, 1))
        return "retry"

    def stalled(self, facts: Facts, record: Record, fault: Stalled) -> str:
        """It keeps its place in the queue: while the project hangs, nobody claims what is known to be
        of that project."""

        def change(row: TicketRow) -> None:
            row.project = fault.project
            row.error = str(fault)

        record.finish(change=change, again_at=facts.due_at)
        log.info("stalled", key=facts.key, why=str(fault))
        return "stalled"

    def park(self, facts: Facts, record: Record, parked: Parked, base: Base | None = None) -> str:
        if base is not None:

            def change(row: TicketRow) -> None:
                row.base = base.to_json()

            record.step(change)
        steps = min(facts.attempts, 10) if facts.parked else 0
        wait = min(self._pace.parked_cap, self._pace.parked_first * 2.0**steps)
        again_at = self._clock.time() + wait * (0.75 + self._jitter() / 2)
        record.park(parked, again_at=again_at)
        log.warning("parked", key=facts.key, why=str(parked))
        return "parked"

    def unreadable(self, row: TicketRow, record: Record, error: Exception) -> str:
        """What is on record cannot be understood: told of, or it would fail unseen at each lease."""
        parked = Parked(
            f"what is on record of this ticket cannot be read ({type(error).__name__})",
            "A newer version may have written it: use that one. Else report it with the log.",
            rule=row.rule,
        )
        wait = self._pace.parked_first * 2.0 ** min(row.attempts, 10)
        record.rule = row.rule
        again_at = self._clock.time() + min(self._pace.parked_cap, wait)
        record.park(parked, again_at=again_at)
        log.warning("parked", key=row.key, why=str(parked))
        return "parked"

    def gone(self, facts: Facts, record: Record, ref: RuleRef, fault: Missing) -> str:
        """The ticket is not there any more: the rule says what that means."""
        rule = rule_for(facts, self._rules())
        policy = rule.policy
        name = facts.ref.key if facts.ref else facts.key
        if policy.on_deleted is OnDeleted.PARK:
            parked = Parked(
                f"{name} was deleted in Jira, or our account may no longer see it",
                "Restore it, or give our account 'Browse projects', and retry; or set "
                '`on_deleted = "recreate"` or `"ignore"` in the rule.',
                cause=Cause.PERMISSION,
                rule=ref.name,
                where=ref.where,
            )
            return self.park(facts, record, parked)
        again = policy.on_deleted is OnDeleted.RECREATE and not facts.ended

        def change(row: TicketRow) -> None:
            row.state = TicketState.NEW if again else TicketState.GONE
            row.jira_id = None
            row.jira_key = "" if again else row.jira_key
            row.base = {}
            row.comment_intent = None
            parking.lift(row)

        words = f"{name} was deleted in Jira; " + ("making it anew" if again else "left so")
        record.finish(
            Entry("gone", words, "warning"),
            change=change,
            again_at=self._clock.time() if again else None,
        )
        log.warning("gone", ticket=name, words=words)
        return "gone"

    def spare(self, record: Record, words: str) -> str:
        def change(row: TicketRow) -> None:
            row.state = TicketState.SPARED
            parking.lift(row)

        record.finish(Entry("spare", words, "held"), change=change)
        return "spared"

    def revive(self, facts: Facts, record: Record) -> str:
        """A subject is open although its ticket rests: it came back while the walk ended that let the
        ticket rest, or the rule was edited. The next walk makes it."""

        def change(row: TicketRow) -> None:
            row.state = TicketState.NEW

        words = f"a subject of it is open; it is {facts.state.value} no more"
        record.finish(Entry("revive", words), change=change, again_at=self._clock.time())
        return "revived"

    def without_subjects(self, facts: Facts, record: Record) -> str:
        """Nothing speaks for it any more: what there is in Jira stays as it is."""
        if facts.state in (TicketState.NEW, TicketState.UNPLACED):
            return self.spare(record, "nothing belongs to it any more")
        record.settle(None)
        return "settled"


def parked_for(fault: Rejected, ref: RuleRef) -> Parked:
    """Why a ticket is set aside that Jira refused something for good."""
    return Parked(
        str(fault),
        fault.remedy,
        cause=fault.cause,
        field=fault.field,
        rule=ref.name,
        where=ref.where,
    )

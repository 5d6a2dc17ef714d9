"""Planning: what rules would do to every open ticket, without touching anything.

Gathers as a walk does, drafts as a walk does, and asks the same pure decision; nothing is written,
neither to Jira nor to the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from sqlmodel import col, select

from sync.domain.errors import Fault, Missing, Rejected
from sync.domain.forecast import counted, foresee, foresee_unmade
from sync.domain.plan import Plan
from sync.domain.rule import RuleRef
from sync.ports import Tracker
from sync.rules import Rule, RuleSet
from sync.store.engine import Store
from sync.store.tables import LinkRow, SubjectRow, TicketRow, TicketState
from sync.worker.foresight.trial_store import would_route
from sync.worker.walk.facts import Facts, desire, gather, rule_for, sited, tracker_for
from sync.worker.walk.outcomes import parked_for

BATCH = 200
THREADS = 8


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would be done for one ticket. ``ticket`` is its Jira key, "" for one to be made. ``waits``
    says what it waits for first; ``trouble`` why it could not be worked out, if so."""

    key: str
    ticket: str
    site: str
    rule: RuleRef
    title: str
    subjects: tuple[str, ...]
    plan: Plan = field(default_factory=Plan)
    waits: str = ""
    trouble: str = ""

    def __bool__(self) -> bool:
        return bool(self.plan) or bool(self.trouble)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The tickets for which something would be done, and of how many that is said."""

    tickets: tuple[Foreseen, ...]
    looked_at: int
    live: bool

    @property
    def counts(self) -> dict[str, int]:
        """Tickets by what would be done to them, and ``trouble``: those that could not be worked out."""
        found = counted({str(n): t.plan for n, t in enumerate(self.tickets)})
        return {**found, "trouble": sum(bool(ticket.trouble) for ticket in self.tickets)}

    @property
    def changes(self) -> bool:
        """Whether anything would be done at all."""
        return any(ticket.plan for ticket in self.tickets)


def forecast(
    store: Store,
    rules: RuleSet,
    trackers: Mapping[str, Tracker],
    now: float,
    *,
    live: bool = False,
) -> Forecast:
    """What these rules would do to every open ticket, and which tickets they would make.

    Against what was last known, or with ``live`` against the tickets as Jira shows them now. Sites are
    asked for their fields either way. Raises StoreUnavailable.
    """
    routed = dict(would_route(store, rules, now))
    planner = _Planner(rules, trackers, now, live)
    with ThreadPoolExecutor(THREADS if live else 1, "plan") as pool:
        facts = [_joined(one, routed.pop(one.key, None)) for one in open_tickets(store)]
        # What is left is new: its row ids are those of the copy, and mean nothing here.
        found = list(pool.map(planner.foresee, [*facts, *routed.values()]))
    return Forecast(tuple(one for one in found if one), len(found), live)


def open_tickets(store: Store) -> Iterator[Facts]:
    """Every ticket that has an open subject or something still to be done, oldest first."""
    still_open = (
        select(LinkRow.subject)
        .join(SubjectRow, col(SubjectRow.ref) == col(LinkRow.subject))
        .where(col(LinkRow.ticket_id) == col(TicketRow.id), col(SubjectRow.ended_at).is_(None))
    ).exists()
    last = 0
    while True:
        query = (
            select(TicketRow)
            .where(
                col(TicketRow.id) > last,
                col(TicketRow.state).not_in([TicketState.GONE.value, TicketState.SPARED.value]),
                still_open | col(TicketRow.due_at).is_not(None),
            )
            .order_by(col(TicketRow.id))
            .limit(BATCH)
        )
        with store.read() as session:
            rows = list(session.exec(query))
            batch = [gather(session, row) for row in rows]
        if not rows:
            return
        last = rows[-1].id or 0
        yield from batch


def _joined(facts: Facts, routed: Facts | None) -> Facts:
    """A ticket with the subjects that would come to it."""
    if routed is None:
        return facts
    return replace(facts, snapshots=routed.snapshots, occurrences=routed.occurrences)


class _Planner:
    def __init__(
        self, rules: RuleSet, trackers: Mapping[str, Tracker], now: float, live: bool
    ) -> None:
        self._rules = rules
        self._trackers = trackers
        self._now = now
        self._live = live
        self._down: dict[str, str] = {}

    def foresee(self, facts: Facts) -> Foreseen:
        titles = (str(s.payload.get("title", "")) for s in facts.snapshots)
        told = Foreseen(
            key=facts.key,
            ticket=facts.ref.key if facts.ref else "",
            site=facts.site,
            rule=RuleRef(facts.rule_name),
            title=next(iter(titles), ""),
            subjects=tuple(str(s.ref) for s in facts.snapshots),
        )
        if not facts.snapshots:
            return told
        try:
            rule = rule_for(facts, self._rules)
            facts = sited(facts, rule)
            told = replace(told, rule=rule.ref, site=facts.site)
            if facts.site in self._down:
                return replace(told, trouble=self._down[facts.site])
            return replace(told, plan=self._plan(facts, rule), waits=self._waits(facts, rule))
        except Rejected as fault:
            return replace(told, plan=Plan(parked=parked_for(fault, told.rule)))
        except Missing as fault:
            return replace(
                told, trouble=f"{fault}; the rule's `on_deleted` will say what becomes of it"
            )
        except Fault as fault:
            # The site will not answer the next question either; ask no more of it.
            self._down[facts.site] = str(fault)
            return replace(told, trouble=str(fault))

    def _plan(self, facts: Facts, rule: Rule) -> Plan:
        if facts.state is TicketState.UNPLACED:
            for snapshot in facts.snapshots:
                rule.ticket_key(snapshot)
        if facts.state is TicketState.NEW and rule.hold and facts.ended:
            return Plan()
        tracker = tracker_for(facts, self._trackers)
        desired, _ = desire(facts, rule, self._now, self._rules)
        draft = tracker.draft(desired)
        if facts.ref is None:
            return foresee_unmade(draft, unsure=facts.state is TicketState.CREATING)
        observed = tracker.read(facts.ref.id) if self._live else None
        return foresee(draft, facts.base, observed, facts.intents)

    def _waits(self, facts: Facts, rule: Rule) -> str:
        left = facts.created_at + rule.hold - self._now
        if facts.state is TicketState.NEW and rule.hold and left > 0:
            return f"for {left:.0f} s of its hold; not made if the subject ends before"
        return ""


def by_rule(tickets: Iterable[Foreseen]) -> dict[str, int]:
    """How many tickets each rule touches."""
    found: dict[str, int] = {}
    for ticket in tickets:
        found[ticket.rule.name] = found.get(ticket.rule.name, 0) + 1
    return found

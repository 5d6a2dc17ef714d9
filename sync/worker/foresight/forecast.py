"""Forecast of the rules: what walks by them would do to every open ticket, without touching anything.

Gathers and drafts as a walk does, and asks the same pure decision. Writes neither to Jira nor to the
store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from sync.domain.durations import in_words
from sync.domain.errors import Fault, Missing, Rejected
from sync.domain.forecast import COUNTED, count
from sync.domain.pause import Pause, active, covering
from sync.domain.plan import Plan
from sync.domain.rule import RuleRef
from sync.ports import Tracker
from sync.rules import IMPACT, Rule, RuleSet
from sync.store import admissions, open_items, paused, tickets
from sync.store.engine import Store
from sync.store.tables import TicketState
from sync.worker.rulebook.trial_routing import would_route
from sync.worker.triage.wanted import lacks_impact
from sync.worker.walk.beginning import Beginning
from sync.worker.walk.facts import Facts, changed_since, gather_all, rule_for, sited, unchanged
from sync.worker.walk.foresee import Foresight
from sync.worker.walk.outcomes import parked_for

THREADS = 8


@dataclass(frozen=True, slots=True)
class TicketForecast:
    """What would be done for one ticket.

    ``key`` is our own key, ``ticket`` the Jira key, "" for a ticket to be made. ``waits`` says what the
    ticket waits for before it is made, or while it is paused, ``trouble`` why the plan could not be
    worked out; "" for nothing.
    ``apart``: the rule only begins to tell upstream of the ticket, and so the two sides, which differ
    like this, will count as agreed. ``lacking``: how many of the issues have no impact on record,
    although the rule asks for it.
    """

    key: str
    ticket: str
    site: str
    rule: RuleRef
    title: str
    subjects: tuple[str, ...]
    plan: Plan = field(default_factory=Plan)
    waits: str = ""
    trouble: str = ""
    apart: str = ""
    lacking: int = 0

    def __bool__(self) -> bool:
        return bool(self.plan) or bool(self.trouble) or bool(self.apart)


class Forecast:
    """The tickets for which something would be done, out of ``looked_at`` tickets.

    ``tickets`` may be worked out as it is gone through, so as not to hold all at once. The numbers are
    complete at its end. ``total`` is how many tickets are looked at in the end. ``telling``: a rule
    tells upstream what people do. ``untold`` is how many acts wait for a person to accept them.
    ``watch`` is called with each ticket looked at, also where nothing would be done; what it raises ends
    the forecast.
    """

    def __init__(
        self,
        found: Iterable[TicketForecast],
        *,
        live: bool,
        settled: int = 0,
        beginning: Beginning | None = None,
        telling: bool = False,
        untold: int = 0,
    ) -> None:
        self.live = live
        self.telling = telling
        self.untold = untold
        self._beginning = beginning
        # Those that are known to be settled need no look.
        self.looked_at = settled
        self.settled = settled
        self.total = settled
        self.watch: Callable[[TicketForecast], object] = lambda _one: None
        self.acting = 0
        self.changes = False
        self._counts = dict.fromkeys(COUNTED, 0)
        self._trouble = 0
        self._lacking = 0
        self.tickets: Iterable[TicketForecast] = self._counted(found)

    @property
    def counts(self) -> dict[str, int]:
        """Tickets by what would be done to them, and ``trouble``: those that could not be worked out.

        ``begin`` are those of which a rule begins to tell upstream, ``differ`` those among them whose
        two sides differ, and will count as agreed all the same."""
        begun = self._beginning
        return {
            **self._counts,
            "begin": begun.count if begun else 0,
            "differ": begun.differ if begun else 0,
            "trouble": self._trouble,
        }

    @property
    def unasked(self) -> str:
        """Why it is not known of all tickets in ``begin`` whether their sides differ, "" if it is."""
        return self._beginning.unasked if self._beginning else ""

    @property
    def lacking(self) -> str:
        """Of how many issues the impact is not known yet that their rules ask for, as a sentence; "" for
        none."""
        if not self._lacking:
            return ""
        issues = "issue" if self._lacking == 1 else "issues"
        return (
            f"What {self._lacking:,} {issues} of these tickets have an impact on is not known yet: it "
            "is asked for once the rules are in force, and the tickets follow."
        )

    def whole(self) -> Forecast:
        """The forecast with all its tickets at hand."""
        self.tickets = tuple(self.tickets)
        return self

    def _counted(self, found: Iterable[TicketForecast]) -> Iterator[TicketForecast]:
        for one in found:
            self.looked_at += 1
            self.watch(one)
            self._lacking += one.lacking
            if one:
                self.acting += 1
                self.changes = self.changes or bool(one.plan)
                count(self._counts, one.plan)
                self._trouble += bool(one.trouble)
                yield one


def forecast_all(
    store: Store,
    rules: RuleSet,
    trackers: Mapping[str, Tracker],
    now: float,
    *,
    live: bool = False,
    known: RuleSet | None = None,
) -> Forecast:
    """What these rules would do to every open ticket, and which tickets they would make.

    Compares with what was last known of each ticket or, with ``live``, with the ticket as Jira shows it
    now. Sites are asked for their fields either way. ``known`` are the rules in force: of the tickets
    that these have settled, only the parts that differ are worked out. Raises StoreUnavailable, also
    while the tickets are gone through.
    """
    routed = dict(would_route(store, rules, now))
    changed = changed_since(known or rules, rules) | changed_since(rules, rules)
    # What people did to a ticket is seen only by reading it.
    settled_by = [] if live else unchanged(changed)
    with store.read() as session:
        ids, settled = open_items.open_or_due(
            session, settled_by=settled_by, sites=trackers, but=routed
        )
        untold = admissions.counts(admissions.grouped(session)).acts if rules.tells else 0
        pauses = active(paused.load(session), now)
    foresight = Foresight(rules, trackers, now, live=live, changed=changed)
    forecaster = _Forecaster(rules, foresight, now, live, pauses)
    begun = Beginning(rules, trackers, now)
    found = _forecasts(store, forecaster, ids, routed, begun)
    made = Forecast(
        found, live=live, settled=settled, beginning=begun, telling=rules.tells, untold=untold
    )
    made.total += len(ids) + len(routed)
    return made


def _forecasts(
    store: Store,
    forecaster: _Forecaster,
    ids: Sequence[int],
    routed: dict[str, Facts],
    begun: Beginning,
) -> Iterator[TicketForecast]:
    with ThreadPoolExecutor(THREADS, "plan") as pool:
        # Threads wait for Jira. Where only the store is read, they would wait for each other.
        run = pool.map if forecaster.live else map
        for page in _facts(store, ids):
            apart = begun.apart(page)
            joined = [_joined(f, routed.pop(f.key, None)) for f in page]
            for facts, one in zip(page, run(forecaster.ticket, joined), strict=True):
                yield replace(one, apart=apart.get(facts.ticket_id, ""))
        # The tickets left in ``routed`` would be new. Their row ids are those of the trial's copy.
        yield from run(forecaster.ticket, list(routed.values()))


def _facts(store: Store, ids: Sequence[int]) -> Iterator[list[Facts]]:
    """The facts of tickets, in pages."""
    for start in range(0, len(ids), tickets.BATCH):
        with store.read() as session:
            rows = tickets.records(session, ids[start : start + tickets.BATCH])
            page = list(gather_all(session, rows))
        yield page


def _joined(facts: Facts, routed: Facts | None) -> Facts:
    """A ticket with the subjects that would come to it."""
    if routed is None:
        return facts
    return facts.joined_by(routed)


class _Forecaster:
    def __init__(
        self,
        rules: RuleSet,
        foresight: Foresight,
        now: float,
        live: bool,
        pauses: Sequence[Pause] = (),
    ) -> None:
        self._pauses = pauses
        self.live = live
        self._rules = rules
        self._now = now
        self._foresight = foresight
        self._down: dict[str, str] = {}

    def ticket(self, facts: Facts) -> TicketForecast:
        titles = (str(s.payload.get("title", "")) for s in facts.snapshots)
        found = TicketForecast(
            key=facts.key,
            ticket=facts.ref.key if facts.ref else "",
            site=facts.site,
            rule=RuleRef(facts.rule_name),
            title=next(iter(titles), ""),
            subjects=tuple(str(s.ref) for s in facts.snapshots),
        )
        if not facts.snapshots:
            return found
        try:
            rule = rule_for(facts, self._rules)
            facts = sited(facts, rule)
            lacking = sum(map(lacks_impact, facts.snapshots)) if rule.asks(IMPACT) else 0
            found = replace(found, rule=rule.ref, site=facts.site, lacking=lacking)
            if facts.site in self._down:
                return replace(found, trouble=self._down[facts.site])
            return replace(
                found, plan=self._foresight.plan(facts, rule), waits=self._waits(facts, rule)
            )
        except Rejected as fault:
            return replace(found, plan=Plan(parked=parked_for(fault, found.rule, self._rules)))
        except Missing as fault:
            return replace(
                found, trouble=f"{fault}; the rule's `on_deleted` will say what becomes of it"
            )
        except Fault as fault:
            # The site is unlikely to answer the next question, so it is asked no more.
            self._down[facts.site] = str(fault)
            return replace(found, trouble=str(fault))

    def _waits(self, facts: Facts, rule: Rule) -> str:
        project = facts.project or ("" if facts.ref else rule.project)
        if found := covering(self._pauses, rule.name, facts.site, project):
            return f"because {found.words}"
        left = facts.created_at + rule.hold - self._now
        if facts.state is TicketState.NEW and rule.hold and left > 0 and not facts.asked_for:
            return f"for {in_words(left)} of its hold; not made if the subject ends before"
        return ""

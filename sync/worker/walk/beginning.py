"""Tickets whose rules begin to tell upstream: both sides count as agreed, and how many stand apart.

A rule begins when it is turned on, edited or given other tickets, and with a new store. What people did
before then is not told, so a person should know where the two sides differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync.domain.errors import Fault, Rejected
from sync.domain.sides import apart, begins
from sync.domain.ticket import Observed
from sync.domain.upstream_view import View
from sync.ports import Tracker
from sync.rules import Parts, Rule, RuleSet
from sync.store.tables import TicketState
from sync.worker.walk.facts import Facts, desire, rule_for


class Beginning:
    """Counts tickets that begin to be told of. ``count`` and ``differ`` are numbers of tickets;
    ``unasked`` says why a site could not be asked how its tickets stand, "" for nothing."""

    def __init__(self, rules: RuleSet, trackers: Mapping[str, Tracker], now: float) -> None:
        self._rules = rules
        self._trackers = trackers
        self._now = now
        self.count = 0
        self.differ = 0
        self.unasked = ""

    def apart(self, page: Iterable[Facts]) -> dict[int, str]:
        """Of these tickets, by row id, those that begin to be told of: how the two sides of each
        differ, "" where they do not. A call for each 100 of them, none if there are none."""
        if not self._rules.tells:
            return {}
        found: dict[str, dict[str, tuple[Facts, Rule]]] = {}
        for facts in page:
            rule = self._begun_by(facts)
            if rule is not None and facts.ref is not None:
                found.setdefault(facts.site, {})[facts.ref.id] = facts, rule
        words: dict[int, str] = {}
        for site, some in found.items():
            shown = self._shown(site, some)
            for id_, (facts, rule) in some.items():
                words[facts.ticket_id] = self._words(facts, rule, shown.get(id_))
        self.count += len(words)
        self.differ += sum(map(bool, words.values()))
        return words

    def _begun_by(self, facts: Facts) -> Rule | None:
        """The rule that begins to tell upstream of a ticket, None where none does."""
        if facts.state is not TicketState.LINKED or not facts.snapshots:
            return None
        try:
            rule = rule_for(facts, self._rules)
        except Rejected:
            return None
        return rule if begins(rule.projection.upstream, facts.base.agreement) else None

    def _shown(self, site: str, ids: Iterable[str]) -> Mapping[str, Observed | None]:
        tracker = self._trackers.get(site)
        if tracker is None or self.unasked:
            return {}
        try:
            return tracker.read_many(ids)
        except Fault as fault:
            self.unasked = str(fault)
            return {}

    def _words(self, facts: Facts, rule: Rule, shown: Observed | None) -> str:
        if shown is None:
            return ""
        # Only how the subjects stand is of interest: no field is worked out.
        desired, _ = desire(facts, rule, self._now, self._rules, only=Parts())
        if desired.upstream is None:
            return ""
        foreign = shown.project not in ("", desired.project) and not desired.project.isdigit()
        return apart(View(desired.upstream, desired.subjects, shown, foreign=foreign))

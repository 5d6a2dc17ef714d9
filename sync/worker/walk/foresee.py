"""What a walk would do for one ticket, without walking: gather, desire, draft, decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sync.domain.actions import Leave
from sync.domain.admission import Admission
from sync.domain.forecast import forecast, forecast_unmade
from sync.domain.history import History
from sync.domain.plan import Plan
from sync.domain.sides import begins
from sync.domain.ticket import Draft, TicketRef
from sync.ports import Tracker
from sync.rules import Parts, Rendered, Rule, RuleSet
from sync.store.tables import TicketState
from sync.worker.walk.epics import EpicsForeseen
from sync.worker.walk.facts import Facts, desire, drafted, tracker_for


class Foresight:
    """What these rules would do now. ``live``: compared with the ticket as Jira shows it, instead of
    with what was last known. Sites are asked for their fields either way. ``changed``: of settled
    tickets, only what differs is worked out (``changed_since``). Shared by threads."""

    def __init__(
        self,
        rules: RuleSet,
        trackers: Mapping[str, Tracker],
        now: float,
        *,
        live: bool = False,
        changed: Mapping[str, Parts] | None = None,
    ) -> None:
        self._rules = rules
        self._trackers = trackers
        self._now = now
        self._live = live
        self._epics = EpicsForeseen()
        # What people did to a ticket is seen only by reading it, and then all of it counts.
        self._changed = {} if live else changed or {}

    def plan(self, facts: Facts, rule: Rule, rendered: Rendered | None = None) -> Plan:
        """Raises the tracker's faults, and Rejected for what would be set aside as a whole. ``rendered``
        is as in ``Rule.project_ticket``."""
        if facts.state is TicketState.UNPLACED:
            # Raises what keeps the subject from being placed, where that has not been mended.
            for snapshot in facts.snapshots:
                rule.ticket_key(snapshot)
        over_at = facts.created_at + rule.hold
        held = facts.state is TicketState.NEW and rule.hold
        if facts.nothing_asked or (held and facts.ended_by(over_at)):
            return Plan()
        tracker = tracker_for(facts, self._trackers)
        only = self._changed.get(facts.settled_by)
        desired, _ = desire(facts, rule, self._now, self._rules, rendered, only)
        if only is not None and not (only.fields or desired.failed):
            # The ticket stands where it should, so a status or a comment asks nothing of it yet. Where
            # the rule begins to tell upstream, both sides count as agreed.
            return Plan()
        desired = replace(desired, epic_of=self._epics.wanted(desired, tracker))
        draft = drafted(facts, self._rules, tracker, desired)
        if facts.ref is None:
            unsure = facts.state is TicketState.CREATING
            return forecast_unmade(draft, unsure=unsure, history=History(read_at=self._now))
        return self._of_made(draft, facts, facts.ref, tracker)

    def _of_made(self, draft: Draft, facts: Facts, ref: TicketRef, tracker: Tracker) -> Plan:
        """What a walk would do for a ticket that is in Jira."""
        wish, observed = draft.desired.upstream, None
        # What people did since the edit that is undone is seen only by reading the ticket.
        if self._live or draft.former is not None:
            # The acts from before count as well: they tell who brought the ticket where it stands.
            observed = tracker.read(ref.id, history_since=None if wish is None else 0.0)
        unread = History(read_at=self._now, address=tracker.browse_url(ref.key))
        waits = facts.admission is Admission.WAITING
        made = forecast(draft, facts.base, observed, facts.intents, history=unread, waits=waits)
        return _but_agreed(made) if begins(wish, facts.base.agreement) else made


def _but_agreed(made: Plan) -> Plan:
    """The plan without the words that both sides count as agreed: nothing is done about that."""
    words = set(map(Leave, made.telling.reasons))
    return replace(made, actions=tuple(one for one in made.actions if one not in words))

"""Routing: which ticket a subject belongs to, and when that ticket is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import structlog

from sync.domain.errors import Rejected
from sync.domain.rule import OnDeleted
from sync.domain.subject import Snapshot
from sync.rules import SEVERITY, Rule, RuleSet, Undecided, patience
from sync.store import journal, memberships, parking, subjects, tickets
from sync.store.engine import Session
from sync.store.open_items import RESTING
from sync.store.tables import SubjectRow, TicketRow, TicketState

log = structlog.get_logger("triage")

NO_RULE = "no rule matches"
# Seconds that the slow searches of one transaction may take: others wait for the transaction to end.
# A subject that is undecided by then is left to a walk, which takes the time outside of a transaction.
SEARCHES = 0.1
_NOT_MADE = (TicketState.NEW, TicketState.SPARED)
_ONCE_MADE = (TicketState.LINKED, TicketState.GONE)


class Router:
    """Finds or records the ticket of each subject of one triage batch, within its transaction."""

    def __init__(
        self,
        session: Session,
        rules: RuleSet,
        now: float,
        snapshots: Mapping[str, Snapshot],
        slots: Callable[[], float] | None = None,
        known: Iterable[str] | None = None,
    ) -> None:
        # Only subjects that the store knows (``known``; None: all may be) have tickets.
        self._slots = slots
        self._session = session
        self._rules = rules
        self.now = now
        refs = snapshots if known is None else known
        self._of_subject = dict(subjects.ticket_ids(session, refs)) if refs else {}
        ids = self._of_subject.values()
        self._by_id = tickets.by_ids(session, ids) if ids else {}
        # None for a key that the store has no ticket of.
        self._by_key: dict[str, TicketRow | None] = {row.key: row for row in self._by_id.values()}
        self._incidents = memberships.incidents_of(session, snapshots)
        # By rule: how many tickets are new, counted once and counted on.
        self._new: dict[str, int] = {}

    def route(self, snapshot: Snapshot, row: SubjectRow, *, over: SubjectRow | None = None) -> str:
        """Make the subject's ticket due, recording it first if there is none. Says what was done.

        ``over`` is the subject as it stood before, where it had ended and comes back by this.
        """
        known = self.ticket_of(row.ref)
        if known is None:
            return self._find_place(snapshot, row.ref) or NO_RULE
        if known.state == TicketState.UNPLACED:
            return self._place_anew(snapshot, row.ref, known)
        if known.state in _NOT_MADE and (placed := self._match_anew(snapshot, row.ref, known)):
            return placed
        rule = self._rule_of(known, snapshot)
        if rule and over and self._over(known, rule, snapshot, over):
            placed = self._place(snapshot, row.ref, rule, after=known)
            # The old ticket keeps the subject as it ended: it may still have to be closed.
            subjects.depart(known, over)
            return placed
        if over is not None:
            self._restart_hold(known, row.ref)
        self._due(known, rule, snapshot)
        return f"ticket {known.jira_key or known.key} is due"

    def _find_place(self, snapshot: Snapshot, ref: str, tried: str = "") -> str:
        """Put a subject on its incident's ticket or on one of its own. Says what was done, "" where no
        rule matches. ``tried`` is the rule that tried before and failed, "" for none."""
        host = self._host(ref)
        if host is not None:
            return self.move(snapshot, host)
        try:
            rule = placing_rule(self._rules, tried, snapshot)
        except Undecided as fault:
            return self._wait(snapshot, ref, fault)
        return self._place(snapshot, ref, rule) if rule is not None else ""

    def _wait(self, snapshot: Snapshot, ref: str, fault: Undecided) -> str:
        """Record that it is undecided which rule matches a subject. A walk finds out, or parks."""
        key = _unplaced(ref)
        if self._ticket(key) is None:
            # Without a rule: that of the pattern is no more the subject's than any other.
            self._by_key[key] = tickets.add(
                self._session,
                TicketRow(key=key, rule="", site=fault.site, project="", created_at=self.now),
            )
        ticket = self._by_key[key]
        assert ticket is not None
        ticket.state, ticket.rule, ticket.site = TicketState.UNPLACED, "", fault.site
        self._put(snapshot, ref, ticket, None)
        return str(fault)

    def _wait_again(self, snapshot: Snapshot, ref: str, known: TicketRow, fault: Undecided) -> str:
        """Take a subject of which that is undecided now off a ticket that is not made."""
        words = self._wait(snapshot, ref, fault)
        self.leave(known, f"which rule matches {ref} is undecided now")
        return words

    def _rule_of(self, ticket: TicketRow, snapshot: Snapshot) -> Rule | None:
        """The rule that keeps a ticket, None where none does or the walk has to find out."""
        try:
            return self._rules.get(ticket.rule) or self._rules.match(snapshot)
        except Undecided:
            return None

    def _place_anew(self, snapshot: Snapshot, ref: str, known: TicketRow) -> str:
        """Try again to find the ticket of a subject that its rule failed to place."""
        placed = self._find_place(snapshot, ref, known.rule)
        if not placed:
            tickets.unlink(self._session, ref)
            self.forget(ref)
            self.leave(known, NO_RULE)
            return NO_RULE
        if self.ticket_of(ref) is not known:
            self.leave(known, f"{ref} has found its ticket")
        return placed

    def _match_anew(self, snapshot: Snapshot, ref: str, known: TicketRow) -> str:
        """As long as a ticket is not made, what becomes known of its subject may choose another rule.
        Says what was done, "" where nothing is to be done."""
        own = self._rules.get(known.rule)
        try:
            rule = self._rules.match(snapshot)
        except Undecided as fault:
            return "" if self._host(ref) is known else self._wait_again(snapshot, ref, known, fault)
        if rule is own or self._host(ref) is known:
            return ""
        if rule is None:
            # Other rules keep what they have begun, for example while `when` asks for a status. But what
            # is known late should have been known before.
            if own is None or not (own.asks(SEVERITY) and snapshot.severity):
                return ""
            tickets.unlink(self._session, ref)
            self._of_subject.pop(ref, None)
            self.leave(known, f"{NO_RULE}, now that more is known of {ref}")
            return NO_RULE
        placed = self._place(snapshot, ref, rule)
        if self.ticket_of(ref) is not known:
            self.leave(known, f"{ref} is on the ticket of rule {rule.ref.name!r} now")
        return placed

    def leave(self, ticket: TicketRow, why: str) -> None:
        """A subject left a ticket that is not made: the ticket is spared if no subject is left on it.

        A walk that is under way has seen the subject, and would make the ticket. The walk's lease ends
        here, so that it can put nothing more on record, least of all an intent to create.
        """
        assert ticket.id is not None
        self._session.flush()
        if subjects.of_ticket(self._session, ticket.id):
            return
        ticket.state = TicketState.SPARED
        ticket.due_at = None
        ticket.lease_owner = None
        ticket.lease_until = None
        parking.lift(ticket)
        entry = journal.Entry("spare", why, "spared")
        journal.write(self._session, entry, at=self.now, ticket_id=ticket.id, rule=ticket.rule)

    def ticket_of(self, ref: str) -> TicketRow | None:
        """The ticket of a subject of this batch, once it has been routed."""
        return self._by_id.get(self._of_subject.get(ref, -1))

    def forget(self, ref: str) -> None:
        """The subject has no ticket any more: route it anew."""
        self._of_subject.pop(ref, None)
        self._incidents = {one: them for one, them in self._incidents.items() if one != ref}

    def joined(self, incident: str, issues: Iterable[str]) -> None:
        """Issues belong to an incident from now on, also those of this batch that are routed later."""
        for issue in issues:
            known = self._incidents.get(issue, [])
            if incident not in known:
                self._incidents = {**self._incidents, issue: [*known, incident]}

    def move(self, snapshot: Snapshot, ticket: TicketRow) -> str:
        """Put a subject on a ticket that is there, instead of one of its own."""
        self._put(snapshot, str(snapshot.ref), ticket, self._rules.get(ticket.rule))
        return f"it is on its incident's ticket {ticket.jira_key or ticket.key}"

    def _put(self, snapshot: Snapshot, ref: str, ticket: TicketRow, rule: Rule | None) -> None:
        assert ticket.id is not None
        self._session.flush()
        tickets.link(self._session, ref, ticket.id, self.now)
        self._of_subject[ref] = ticket.id
        self._by_id[ticket.id] = ticket
        self._due(ticket, rule, snapshot)

    def _host(self, ref: str) -> TicketRow | None:
        """The ticket of the incident that an issue belongs to, where its rule puts issues there."""
        incidents = self._incidents.get(ref, [])
        if not incidents:
            return None
        ids = subjects.ticket_ids(self._session, incidents)
        rows = tickets.by_ids(self._session, ids.values())
        for incident in incidents:
            row = rows.get(ids.get(incident, -1))
            rule = self._rules.get(row.rule) if row else None
            if row and rule and rule.issues.on_ticket and row.state != TicketState.GONE:
                return row
        return None

    def _place(
        self, snapshot: Snapshot, ref: str, rule: Rule, *, after: TicketRow | None = None
    ) -> str:
        """Put a subject on the ticket of its key, recording that first. ``after``: see _generation."""
        fault = None
        try:
            key = self._generation(rule.ticket_key(snapshot), rule, snapshot, after)
        except Rejected as failed:
            key, fault = _unplaced(ref), failed
        ticket = self._ticket(key)
        if ticket is None and not fault and (umbrella := self._umbrella(rule)):
            key = self._generation(umbrella, rule, snapshot, after)
            ticket = self._ticket(key)
        if ticket is None:
            ticket = tickets.add(
                self._session,
                TicketRow(
                    key=key, rule=rule.ref.name, site=rule.site, project="", created_at=self.now
                ),
            )
            self._by_key[key] = ticket
            if rule.ref.name in self._new:
                self._new[rule.ref.name] += 1
        elif ticket.state in _NOT_MADE and not fault and ticket.rule != rule.ref.name:
            ticket.rule, ticket.site, ticket.project = rule.ref.name, rule.site, ""
        self._put(snapshot, ref, ticket, rule)
        if fault is not None:
            # The ticket's walk meets the same fault, parks the ticket with the reason, and tries again.
            ticket.state, ticket.rule, ticket.site = TicketState.UNPLACED, rule.name, rule.site
            return f"rule {rule.ref.name!r} does not say on which ticket: {fault}"
        return f"rule {rule.ref.name!r}: ticket {key} is due"

    def _due(self, ticket: TicketRow, rule: Rule | None, snapshot: Snapshot) -> None:
        at = max(self.now, self._slots()) if self._slots else self.now
        resting = ticket.state in RESTING
        if resting and wanted_again(ticket.state, rule, ended=snapshot.status.ended):
            ticket.state = TicketState.NEW
            ticket.created_at = self.now
            if ticket.rule in self._new:
                self._new[ticket.rule] += 1
        if ticket.state == TicketState.NEW and rule is not None and rule.hold:
            at = max(at, ticket.created_at + rule.hold)
        tickets.make_due(ticket, at, snapshot.event_type.value)
        if ticket.parked_at is None:
            ticket.attempts = 0

    def _restart_hold(self, ticket: TicketRow, ref: str) -> None:
        """A hold counts from when the subject came back, unless another on the ticket stayed open."""
        if ticket.state != TicketState.NEW or ticket.id is None:
            return
        others = (row for row in subjects.of_ticket(self._session, ticket.id) if row.ref != ref)
        if all(row.ended_at is not None for row in others):
            ticket.created_at = self.now

    def _ticket(self, key: str) -> TicketRow | None:
        if key not in self._by_key:
            self._by_key[key] = tickets.by_keys(self._session, [key]).get(key)
        return self._by_key[key]

    def _generation(self, key: str, rule: Rule, snapshot: Snapshot, after: TicketRow | None) -> str:
        """``key``, or the first of its successors (``key#2``, ``key#3``, …) whose ticket can be used.

        A ticket cannot once it may not be reopened any more, or once it was deleted and is left so:
        leaving it so concerns the subjects that were on it, not those that come later. ``after`` is the
        ticket that the subject has just left.
        """
        number, current = 1, key
        while (ticket := self._ticket(current)) is not None:
            left_so = ticket.state == TicketState.GONE and not _recreates(rule)
            if ticket is not after and not left_so and not self._over(ticket, rule, snapshot):
                return current
            number += 1
            current = f"{key}#{number}"
        return current

    def _over(
        self, ticket: TicketRow, rule: Rule, snapshot: Snapshot, before: SubjectRow | None = None
    ) -> bool:
        """Whether a ticket may not be reopened any more: all its subjects ended too long ago, or left it
        for a successor. ``before`` stands in for what the store says of its subject."""
        within = rule.reopen_within
        if within is None or ticket.id is None or ticket.state not in _ONCE_MADE:
            return False
        rows = subjects.of_ticket(self._session, ticket.id)
        if before is not None:
            rows = [before, *(row for row in rows if row.ref != before.ref)]
        ends = [row.ended_at for row in rows if row.ended_at is not None]
        if len(ends) < len(rows):
            return False
        return not ends or snapshot.event_time / 1e9 - max(ends) > within

    def _umbrella(self, rule: Rule) -> str | None:
        """The key of the one ticket that a storm of new tickets collapses into; None without a storm."""
        if rule.storm is None:
            return None
        limit, window = rule.storm
        if rule.ref.name not in self._new:
            self._new[rule.ref.name] = tickets.made_since(
                self._session, rule.ref.name, self.now - window
            )
        if self._new[rule.ref.name] < limit:
            return None
        return _storm(rule.name, self.now, window)


def keys_tried(rule: Rule, snapshot: Snapshot, now: float) -> set[str]:
    """The keys of all tickets on which the router may put a subject by this rule, each the first of its
    generations."""
    keys = {_unplaced(str(snapshot.ref))}
    with suppress(Rejected):
        keys.add(rule.ticket_key(snapshot))
    if rule.storm is not None:
        keys.add(_storm(rule.name, now, rule.storm[1]))
    return keys


def _storm(rule: str, now: float, window: float) -> str:
    """The key of the ticket that a storm of new tickets collapses into."""
    return f"storm:{rule}:{int(now // window)}"


def _unplaced(ref: str) -> str:
    """The key of the row that stands in for the ticket of a subject that is not placed."""
    return f"unplaced:{ref}"


def placing_rule(rules: RuleSet, name: str, snapshot: Snapshot) -> Rule | None:
    """The rule that places a subject that is on no ticket yet: the first match, else the rule of this
    ``name``, which tried before. Raises Undecided."""
    return rules.match(snapshot) or rules.get(name)


def place(session: Session, rules: RuleSet, now: float, refs: Iterable[str]) -> None:
    """Route subjects again that a rule failed to place. The caller holds triage's lock."""
    known = subjects.load(session, refs)
    snapshots = {ref: subjects.to_snapshot(row) for ref, row in known.items()}
    router = Router(session, rules, now, snapshots)
    with patience(SEARCHES):
        for ref, snapshot in sorted(snapshots.items()):
            router.route(snapshot, known[ref])


def _recreates(rule: Rule | None) -> bool:
    return rule is not None and rule.policy.on_deleted is OnDeleted.RECREATE


def wanted_again(state: str, rule: Rule | None, *, ended: bool) -> bool:
    """Whether a resting ticket is to be made after all. ``ended``: its subjects have ended."""
    if ended:
        return False
    return state == TicketState.SPARED or (state == TicketState.GONE and _recreates(rule))

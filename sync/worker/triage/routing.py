"""Routing: which ticket a subject belongs to, and when that ticket is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import structlog

from sync.domain.errors import Rejected
from sync.domain.rule import OnDeleted
from sync.domain.subject import Kind, Snapshot, SubjectRef
from sync.rules import IMPACT, SEVERITY, Rule, RuleSet, Undecided, patience
from sync.store import journal
from sync.store.asides import Aside
from sync.store.claims import Claim
from sync.store.engine import Store
from sync.store.open_items import RESTING
from sync.store.slate import Slate, decided
from sync.store.subjects import Subject
from sync.store.tables import ExpectedRow, TicketState
from sync.store.ticket_changes import Ticket

log = structlog.get_logger("triage")

NO_RULE = "no rule matches"
# Seconds that the slow searches of one batch may take: the deliveries behind it wait for its end. A
# subject that is undecided by then is left to a walk, which has the time.
SEARCHES = 0.1
_NOT_MADE = (TicketState.NEW, TicketState.SPARED)
_ONCE_MADE = (TicketState.LINKED, TicketState.GONE)


class Router:
    """Finds or records the ticket of each subject of one batch, on a slate."""

    def __init__(
        self,
        slate: Slate,
        rules: RuleSet,
        now: float,
        snapshots: Mapping[str, Snapshot],
        slots: Callable[[], float] | None = None,
    ) -> None:
        self._slots = slots
        self._slate = slate
        self._rules = rules
        self.now = now
        self._matched: dict[str, tuple[Snapshot, Rule | Undecided | None]] = {}
        self._keys: dict[str, tuple[Snapshot, Rule, str | Rejected]] = {}
        # By rule: how many tickets are new, counted once and counted on.
        self._new: dict[str, int] = {}
        # Read together what routing will ask for.
        self._incidents, unplaced = slate.places_of(snapshots)
        apart = (ref for ref in snapshots if self._stands_in(ref))
        self._expected = slate.expected({*unplaced, *apart})
        keys = [self._foreseen(ref, snapshots[ref]) for ref in unplaced]
        slate.tickets_by_key({*keys} - {""})

    def route(self, snapshot: Snapshot, *, over: Subject | None = None) -> str:
        """Make the subject's ticket due, recording it first if there is none. Says what was done.

        ``over`` is the subject as it stood before, where it had ended and comes back by this.
        """
        ref = str(snapshot.ref)
        known = self.ticket_of(ref)
        if known is None:
            return self._find_place(snapshot, ref) or NO_RULE
        if known.state == TicketState.UNPLACED:
            return self._place_anew(snapshot, ref, known)
        if known.state in _NOT_MADE and (placed := self._match_anew(snapshot, ref, known)):
            return placed
        rule = self._rule_of(ref, known, snapshot)
        if rule and over and self._leaves(known, rule, snapshot, (ref, over)):
            named = self._first(known) if self._slate.placed(ref) else ""
            placed = self._place(snapshot, ref, rule, after=known, named=named)
            # The old ticket keeps the subject as it ended: it may still have to be closed.
            known.depart(over)
            return placed
        if over is not None:
            self._restart_hold(known, ref)
        self._due(known, rule, snapshot)
        return f"ticket {known.jira_key or known.key} is due"

    def _stands_in(self, ref: str) -> bool:
        known = self._slate.ticket_of(ref)
        return known is not None and known.state == TicketState.UNPLACED

    def _match(self, ref: str, snapshot: Snapshot) -> Rule | None:
        """The first rule that matches a subject, looked for once. Raises Undecided."""
        known = self._matched.get(ref)
        if known is None or known[0] is not snapshot:
            try:
                known = snapshot, self._rules.match(snapshot)
            except Undecided as fault:
                known = snapshot, fault
            self._matched[ref] = known
        if isinstance(known[1], Undecided):
            raise known[1]
        return known[1]

    def _key(self, ref: str, rule: Rule, snapshot: Snapshot) -> str:
        """The key of a subject's ticket, worked out once. Raises Rejected."""
        known = self._keys.get(ref)
        if known is None or known[0] is not snapshot or known[1] is not rule:
            try:
                known = snapshot, rule, rule.ticket_key(snapshot)
            except Rejected as fault:
                known = snapshot, rule, fault
            self._keys[ref] = known
        if isinstance(known[2], Rejected):
            raise known[2]
        return known[2]

    def _foreseen(self, ref: str, snapshot: Snapshot) -> str:
        """The key by which the ticket of a subject will be looked for, "" where that is not known."""
        try:
            rule = self._match(ref, snapshot)
            return self._key(ref, rule, snapshot) if rule is not None else ""
        except (Undecided, Rejected):
            return ""

    def _find_place(self, snapshot: Snapshot, ref: str, tried: str = "") -> str:
        """Put a subject on its incident's ticket or on one of its own. Says what was done, "" where no
        rule matches. ``tried`` is the rule that tried before and failed, "" for none."""
        host = self._host(ref)
        if host is not None and ref not in self._expected:
            return self.move(snapshot, host)
        try:
            rule = self._match(ref, snapshot) or self._rules.get(tried)
        except Undecided as fault:
            return self._wait(snapshot, ref, fault)
        if rule is not None:
            return self._place(snapshot, ref, rule)
        if host is None:
            return ""
        self._slate.decline(self._expected[ref], f"{NO_RULE}, and it is on its incident's ticket")
        return self.move(snapshot, host)

    def _wait(self, snapshot: Snapshot, ref: str, fault: Undecided) -> str:
        """Record that it is undecided which rule matches a subject. A walk finds out, or parks."""
        key = _unplaced(ref)
        ticket = self._slate.ticket(key)
        if ticket is None:
            # Without a rule: that of the pattern is no more the subject's than any other.
            ticket = self._slate.add(Ticket(key, "", fault.site, self.now))
        ticket.state, ticket.rule, ticket.site = TicketState.UNPLACED, "", fault.site
        self._put(snapshot, ref, ticket, None)
        return str(fault)

    def _wait_again(self, snapshot: Snapshot, ref: str, known: Ticket, fault: Undecided) -> str:
        """Take a subject of which that is undecided now off a ticket that is not made."""
        words = self._wait(snapshot, ref, fault)
        self.leave(known, f"which rule matches {ref} is undecided now")
        return words

    def _rule_of(self, ref: str, ticket: Ticket, snapshot: Snapshot) -> Rule | None:
        """The rule that keeps a ticket, None where none does or the walk has to find out."""
        try:
            return self._rules.get(ticket.rule) or self._match(ref, snapshot)
        except Undecided:
            return None

    def _place_anew(self, snapshot: Snapshot, ref: str, known: Ticket) -> str:
        """Try again to find the ticket of a subject that its rule failed to place."""
        placed = self._find_place(snapshot, ref, known.rule)
        if not placed:
            self.forget(ref)
            self.leave(known, NO_RULE)
            return NO_RULE
        if self.ticket_of(ref) is not known:
            self.leave(known, f"{ref} has found its ticket")
        return placed

    def _match_anew(self, snapshot: Snapshot, ref: str, known: Ticket) -> str:
        """As long as a ticket is not made, what becomes known of its subject may choose another rule.
        Says what was done, "" where nothing is to be done."""
        if self._slate.placed(ref):
            # A person put it there: it stays, whatever the rules would say of it now.
            return ""
        own = self._rules.get(known.rule)
        try:
            rule = self._match(ref, snapshot)
        except Undecided as fault:
            return "" if self._host(ref) is known else self._wait_again(snapshot, ref, known, fault)
        if rule is own or self._host(ref) is known:
            return ""
        if rule is None:
            # Other rules keep what they have begun, for example while `when` asks for a status. But what
            # is known late should have been known before.
            if own is None or not _known_late(own, snapshot):
                return ""
            self._slate.link(ref, None, self.now)
            self.leave(known, f"{NO_RULE}, now that more is known of {ref}")
            return NO_RULE
        placed = self._place(snapshot, ref, rule)
        if self.ticket_of(ref) is not known:
            self.leave(known, f"{ref} is on the ticket of rule {rule.ref.name!r} now")
        return placed

    def leave(self, ticket: Ticket, why: str) -> None:
        """A subject left a ticket that is not made: the ticket is spared if no subject is left on it.

        A walk that is under way has seen the subject, and would make the ticket. The walk's lease ends
        here, so that it can put nothing more on record, least of all an intent to create.
        """
        if self._slate.ends_on(ticket):
            return
        ticket.spare()
        self._slate.journal(ticket, self.now, journal.Entry("spare", why, "spared"))

    def ticket_of(self, ref: str) -> Ticket | None:
        """The ticket of a subject."""
        return self._slate.ticket_of(ref)

    def forget(self, ref: str) -> None:
        """The subject has no ticket any more: route it anew."""
        self._slate.link(ref, None, self.now)
        self._incidents = {one: them for one, them in self._incidents.items() if one != ref}

    def joined(self, incident: str, issues: Iterable[str]) -> None:
        """Issues belong to an incident from now on, also those of this batch that are routed later."""
        for issue in issues:
            known = self._incidents.get(issue, [])
            if incident not in known:
                self._incidents = {**self._incidents, issue: [*known, incident]}

    def move(self, snapshot: Snapshot, ticket: Ticket) -> str:
        """Put a subject on a ticket that is there, instead of one of its own."""
        self._put(snapshot, str(snapshot.ref), ticket, self._rules.get(ticket.rule))
        return f"it is on its incident's ticket {ticket.jira_key or ticket.key}"

    def _put(self, snapshot: Snapshot, ref: str, ticket: Ticket, rule: Rule | None) -> None:
        self._slate.link(ref, ticket, self.now)
        self._due(ticket, rule, snapshot)

    def _host(self, ref: str) -> Ticket | None:
        """The ticket of the incident that an issue belongs to, where its rule puts issues there."""
        for incident in self._incidents.get(ref, []):
            ticket = self.ticket_of(incident)
            rule = self._rules.get(ticket.rule) if ticket else None
            if ticket and rule and rule.issues.on_ticket and ticket.state != TicketState.GONE:
                return ticket
        return None

    def _place(
        self,
        snapshot: Snapshot,
        ref: str,
        rule: Rule,
        *,
        after: Ticket | None = None,
        named: str = "",
    ) -> str:
        """Put a subject on the ticket of its key, or on the one recorded for it ahead. Both are recorded
        first. ``after``: see _generation. ``named``: the key of the ticket that a person chose."""
        key, own, fault = self._own(ref, rule, snapshot, after, named)
        if fault is not None:
            ticket = own or self._slate.add(self._fresh(key, rule))
            self._put(snapshot, ref, ticket, rule)
            # The ticket's walk meets the same fault, parks the ticket with the reason, and tries again.
            ticket.state, ticket.rule, ticket.site = TicketState.UNPLACED, rule.name, rule.site
            return f"rule {rule.ref.name!r} does not say on which ticket: {fault}"
        taken, declined = (None, "") if named else self._taken(ref, rule, key, own)
        if taken is not None:
            self._put(snapshot, ref, taken, rule)
            return f"rule {rule.ref.name!r}: ticket {taken.jira_key} is due"
        if own is None and not named and (umbrella := self._umbrella(rule)):
            key, own = self._generation(umbrella, rule, snapshot, after)
        ticket = self._recorded(key, own, rule)
        self._put(snapshot, ref, ticket, rule)
        if declined:
            self._slate.journal(ticket, self.now, journal.Entry("adopt", declined, "warning"))
        return f"rule {rule.ref.name!r}: ticket {key} is due"

    def _fresh(self, key: str, rule: Rule) -> Ticket:
        if rule.ref.name in self._new:
            self._new[rule.ref.name] += 1
        return Ticket(key, rule.ref.name, rule.projection.site, self.now)

    def _recorded(self, key: str, ticket: Ticket | None, rule: Rule) -> Ticket:
        """The ticket of a key, recorded if it is not yet, kept by the rule while it is not made."""
        if ticket is None:
            return self._slate.add(self._fresh(key, rule))
        if ticket.state in _NOT_MADE and ticket.rule != rule.ref.name:
            ticket.rule, ticket.site, ticket.project = rule.ref.name, rule.site, ""
        return ticket

    def _own(
        self, ref: str, rule: Rule, snapshot: Snapshot, after: Ticket | None, named: str
    ) -> tuple[str, Ticket | None, Rejected | None]:
        """The key that a rule gives a subject, and its ticket, None where it is still to be recorded.
        Where the rule fails on that: those that stand in, and why."""
        try:
            named = named or self._key(ref, rule, snapshot)
            return *self._generation(named, rule, snapshot, after), None
        except Rejected as fault:
            key = _unplaced(ref)
            return key, self._slate.ticket(key), fault

    def _taken(
        self, ref: str, rule: Rule, key: str, own: Ticket | None
    ) -> tuple[Ticket | None, str]:
        """The ticket that was recorded ahead for a subject; None, and why in words, where it does not
        get that, with no words where nothing was recorded. ``key`` and ``own`` are the ticket that the
        rule gives it."""
        row = self._expected.get(ref)
        if row is None:
            return None, ""
        there = self._slate.in_jira(row.site, row.jira_id)
        if there is not None:
            # A person may have merged it since.
            there = self._merged_into(there) or there
        if why := _against(row, rule, own, there) or self._spoken_for(ref, there):
            self._slate.decline(row, why)
            return None, f"{row.jira_key} was recorded ahead for {ref}, but {why}"
        ticket = there or own
        if ticket is None:
            # It does not count as new by now: a storm is not about tickets that others made.
            made = min(self.now, row.at)
            ticket = self._slate.add(Ticket(key, rule.ref.name, row.site, made))
        if ticket is not there:
            ticket.rule, ticket.site = rule.ref.name, row.site
        self._slate.take(row, ticket)
        words = f"{row.jira_key} was recorded ahead for {ref} by {row.by}"
        if ticket.jira_key != row.jira_key:
            words += f", and is {ticket.jira_key} now"
        self._slate.journal(ticket, self.now, journal.Entry("adopt", words))
        return ticket, ""

    def _spoken_for(self, ref: str, there: Ticket | None) -> str:
        """Why a subject cannot come to a ticket that others have, "" where it can. An incident would
        speak for the issues there."""
        if there is None or not _is_incident(ref):
            return ""
        others = self._slate.ends_on(there)
        fits = not others or any(map(_is_incident, others))
        return "" if fits else "that is a ticket of issues, which would end with the incident"

    def _due(self, ticket: Ticket, rule: Rule | None, snapshot: Snapshot) -> None:
        at = max(self.now, self._slots()) if self._slots else self.now
        resting = ticket.state in RESTING
        if resting and wanted_again(ticket.state, rule, ended=snapshot.status.ended):
            ticket.state = TicketState.NEW
            ticket.created_at = self.now
            if ticket.rule in self._new:
                self._new[ticket.rule] += 1
        if ticket.state == TicketState.NEW and rule is not None and rule.hold:
            at = max(at, ticket.created_at + rule.hold)
        ticket.make_due(at, snapshot.event_type.value)
        ticket.afresh = True

    def _restart_hold(self, ticket: Ticket, ref: str) -> None:
        """A hold counts from when the subject came back, unless another on the ticket stayed open."""
        if ticket.state != TicketState.NEW or ticket.id is None:
            return
        others = (end for one, end in self._slate.ends_on(ticket).items() if one != ref)
        if all(end is not None for end in others):
            ticket.created_at = self.now

    def _generation(
        self, key: str, rule: Rule, snapshot: Snapshot, after: Ticket | None
    ) -> tuple[str, Ticket | None]:
        """``key``, or the first of its successors (``key#2``, ``key#3``, …) whose ticket can be used,
        with that ticket, None where it is still to be recorded.

        A ticket cannot once it may not be reopened any more, or once it was deleted and is left so:
        leaving it so concerns the subjects that were on it, not those that come later. ``after`` is the
        ticket that the subject has just left.
        """
        tried, first, number, current = {key}, key, 1, key
        while (ticket := self._slate.ticket(current)) is not None:
            into = self._merged_into(ticket)
            usable = into or ticket
            left_so = usable.state == TicketState.GONE and not _recreates(rule)
            if usable is not after and not left_so and not self._over(usable, rule, snapshot):
                return usable.key, usable
            if into is not None and (root := self._first(into)) not in tried:
                # Whatever a ticket's key leads to goes where a person merged the ticket.
                first, number, current = root, 1, root
                tried.add(root)
                continue
            number += 1
            current = f"{first}#{number}"
        return current, None

    def _first(self, ticket: Ticket) -> str:
        """The key of the first of a ticket's generations."""
        key = without_number(ticket.key)
        first = self._slate.ticket(key)
        return key if first is not None and first.rule == ticket.rule else ticket.key

    def _merged_into(self, ticket: Ticket) -> Ticket | None:
        """The ticket that a ticket was merged into in the end, None where it was not merged."""
        into = None
        while ticket.merged is not None:
            into = self._slate.ticket_by_id(ticket.merged["into"])
            if into is None:
                return None
            ticket = into
        return into

    def _leaves(
        self, ticket: Ticket, rule: Rule, snapshot: Snapshot, before: tuple[str, Subject]
    ) -> bool:
        """Whether a subject that comes back gets another ticket: not where its ticket was opened again
        by a person, and we opened the subject for that."""
        over = self._over(ticket, rule, snapshot, before)
        return over and not self._slate.told_open(ticket, before[0])

    def _over(
        self,
        ticket: Ticket,
        rule: Rule,
        snapshot: Snapshot,
        before: tuple[str, Subject] | None = None,
    ) -> bool:
        """Whether a ticket may not be reopened any more: all its subjects ended too long ago, or left it
        for a successor. ``before`` is a subject as it stood, instead of as it is now."""
        within = rule.reopen_within
        if within is None or ticket.id is None or ticket.state not in _ONCE_MADE:
            return False
        ends = self._slate.ends_on(ticket)
        if before is not None:
            ends = {**ends, before[0]: before[1].ended_at}
        last = 0.0
        for end in ends.values():
            if end is None:
                return False
            last = max(last, end)
        return not ends or snapshot.event_time / 1e9 - last > within

    def _umbrella(self, rule: Rule) -> str | None:
        """The key of the one ticket that a storm of new tickets collapses into; None without a storm."""
        if rule.storm is None:
            return None
        limit, window = rule.storm
        if rule.ref.name not in self._new:
            self._new[rule.ref.name] = self._slate.made_since(rule.ref.name, self.now - window)
        if self._new[rule.ref.name] < limit:
            return None
        return _storm(rule.name, self.now, window)


def _against(row: ExpectedRow, rule: Rule, own: Ticket | None, there: Ticket | None) -> str:
    """Why a subject that was recorded ahead does not get its ticket, "" where it does. ``there`` is that
    ticket where it is kept already; ``own`` is the one that its rule gives it."""
    if there is not None:
        return "" if there.state == TicketState.LINKED else "that was deleted in Jira"
    if rule.site != row.site:
        return f"rule {rule.ref.name!r} keeps its tickets on site {rule.site!r}, not {row.site!r}"
    if own is not None and own.state == TicketState.LINKED:
        return f"rule {rule.ref.name!r} puts it on {own.jira_key}"
    if own is not None and own.aside is not None:
        return f"its ticket is {Aside(own.aside['how']).words} by a person"
    if own is not None and own.state == TicketState.CREATING:
        return "a ticket was being made for it at that moment"
    return ""


def _is_incident(ref: str) -> bool:
    return SubjectRef.parse(ref).kind is Kind.INCIDENT


def _known_late(rule: Rule, snapshot: Snapshot) -> bool:
    """Whether something is known of a subject that the rule asks for and no delivery tells."""
    if rule.asks(SEVERITY) and snapshot.severity:
        return True
    return rule.chooses_by(IMPACT) and snapshot.impact is not None


def keys_tried(rule: Rule, snapshot: Snapshot, now: float) -> set[str]:
    """The keys of all tickets on which the router may put a subject by this rule, each the first of its
    generations."""
    keys = {_unplaced(str(snapshot.ref))}
    with suppress(Rejected):
        keys.add(rule.ticket_key(snapshot))
    if rule.storm is not None:
        keys.add(_storm(rule.name, now, rule.storm[1]))
    return keys


def without_number(key: str) -> str:
    """The key without the number of its generation."""
    head, mark, number = key.rpartition("#")
    return head if mark and number.isdigit() else key


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


def place(store: Store, rules: RuleSet, now: float, refs: Iterable[str], claim: Claim) -> None:
    """End the walk of a ticket whose rule failed to place its subjects, and route these again. Raises
    LeaseLost."""

    def decide(slate: Slate) -> None:
        known = slate.subjects(refs)
        snapshots = {ref: one.snapshot for ref, one in known.items()}
        slate.claimed(claim).release(claim, now)
        router = Router(slate, rules, now, snapshots)
        with patience(SEARCHES):
            for _, snapshot in sorted(snapshots.items()):
                router.route(snapshot)

    decided(store, decide)


def _recreates(rule: Rule | None) -> bool:
    return rule is not None and rule.policy.on_deleted is OnDeleted.RECREATE


def wanted_again(state: str, rule: Rule | None, *, ended: bool) -> bool:
    """Whether a resting ticket is to be made after all. ``ended``: its subjects have ended."""
    if ended:
        return False
    return state == TicketState.SPARED or (state == TicketState.GONE and _recreates(rule))

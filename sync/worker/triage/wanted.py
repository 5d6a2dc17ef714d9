"""What triage wants to know of subjects and deliveries do not say, by what the rules ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.domain.subject import Event, Kind, Snapshot
from sync.domain.surroundings import digest_of, entities_in, owners_in
from sync.rules import COMMENTS, EMAILS, IMPACT, Rule, RuleSet, Undecided
from sync.store.slate import Slate
from sync.store.subjects import Subject
from sync.store.tables import TicketState

_NOT_MADE = (TicketState.UNPLACED, TicketState.NEW, TicketState.SPARED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the API should be asked. ``subjects`` are those to be read, each with what is wanted of it,
    in words. ``around`` has the names (identifiers of entities, ids of owners) to ask about, by subject
    and fact (``IMPACT`` or ``EMAILS``)."""

    subjects: Mapping[str, str] = field(default_factory=dict)
    around: Mapping[tuple[str, str], Sequence[Any]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.subjects or self.around)


def wanted_of(slate: Slate, events: Sequence[Event], rules: RuleSet) -> dict[str, str]:
    """The subjects of a batch that the API should be asked for, each with what should be asked."""
    found = {str(event.about): "what happened" for event in events if event.about is not None}
    snapshots = [s for event in events if (s := event.snapshot) is not None]
    if not (_asks(rules) or any(map(_is_part, snapshots))):
        return found
    return found | _not_told(slate, snapshots, rules)


def _not_told(slate: Slate, snapshots: Sequence[Snapshot], rules: RuleSet) -> dict[str, str]:
    """The subjects of deliveries that should be asked for, each with what should be asked."""
    known = slate.subjects(str(snapshot.ref) for snapshot in snapshots)
    made, found = _made(slate, known), dict[str, str]()
    for snapshot in snapshots:
        ref = str(snapshot.ref)
        what = _unsaid(snapshot, known.get(ref), rules, made=ref in made)
        if not what and ref in made and _copied(slate, ref, rules):
            what = "its comments"
        if what:
            found[ref] = what
    return found


def _asks(rules: RuleSet) -> bool:
    """Whether rules ask for what no delivery says."""
    return rules.ask_severity or rules.ask_issues or rules.ask_comments


def _copied(slate: Slate, ref: str, rules: RuleSet) -> bool:
    """Whether comments on a subject go onto its ticket."""
    ticket = slate.ticket_of(ref) if rules.ask_comments else None
    rule = rules.get(ticket.rule) if ticket is not None else None
    return rule is not None and rule.asks(COMMENTS)


def _is_part(snapshot: Snapshot) -> bool:
    return not snapshot.payload.get("title")


def _unsaid(snapshot: Snapshot, known: Subject | None, rules: RuleSet, *, made: bool) -> str:
    """What should be asked of a subject, "" for nothing. ``made``: its ticket is made, or may be."""
    if known is None and _is_part(snapshot):
        return "what its event left out"
    if snapshot.ref.kind is Kind.INCIDENT:
        return "its issues" if rules.ask_issues and known is None else ""
    told = made or (known is not None and bool(known.snapshot.severity))
    return "its severity" if rules.ask_severity and not told else ""


def _made(slate: Slate, refs: Iterable[str]) -> set[str]:
    """Those of the subjects whose ticket is made, or may be."""
    made = {one for one in slate.tickets_of(refs) if one.state not in _NOT_MADE}
    return {ref for ref in refs if slate.ticket_of(ref) in made}


def asks_around(rules: RuleSet) -> bool:
    """Whether rules ask for what is around issues."""
    return rules.ask_impact or rules.ask_emails


def around(
    slate: Slate, snapshots: Mapping[str, Snapshot], rules: RuleSet
) -> dict[tuple[str, str], Sequence[Any]]:
    """What should be asked about issues, each as it stands now, and is not known of the names that they
    have now.

    The impact is asked for where the rule of an issue names it, and while a condition on it may still
    choose the rule; addresses where its rule names them.
    """
    if not asks_around(rules):
        return {}
    issues = {ref: one for ref, one in snapshots.items() if one.ref.kind is Kind.ISSUE}
    made, found = _made(slate, issues), dict[tuple[str, str], Sequence[Any]]()
    for ref, snapshot in issues.items():
        rule = _rule(slate, ref, snapshot, rules)
        asks = {fact for fact in (IMPACT, EMAILS) if rule is not None and rule.asks(fact)}
        if rules.choose_by_impact and ref not in made:
            asks.add(IMPACT)
        found |= {(ref, fact): names for fact in asks if (names := _unknown(snapshot, fact))}
    return found


def lacks_impact(snapshot: Snapshot) -> bool:
    """Whether the impact of an issue could be asked for, and is not known at all."""
    return snapshot.impact is None and bool(entities_in(snapshot.payload))


def _unknown(snapshot: Snapshot, fact: str) -> Sequence[Any]:
    """The names to ask about, none where the answer is known."""
    if fact == IMPACT:
        names: Sequence[Any] = entities_in(snapshot.payload)
        known = snapshot.impact.of if snapshot.impact else ""
    else:
        names = owners_in(snapshot.payload)
        known = snapshot.contacts.of if snapshot.contacts else ""
    return () if digest_of(names) == known else names


def _rule(slate: Slate, ref: str, snapshot: Snapshot, rules: RuleSet) -> Rule | None:
    """The rule that keeps the ticket of an issue, or that would make the ticket as far as is known."""
    ticket = slate.ticket_of(ref)
    if ticket is not None and ticket.state not in _NOT_MADE and (rule := rules.get(ticket.rule)):
        return rule
    try:
        return rules.match(snapshot)
    except Undecided:
        return None

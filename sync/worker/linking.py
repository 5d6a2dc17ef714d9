"""Linking: a ticket that a person made in Jira becomes the ticket of a subject, instead of making one.

Nothing is written to Jira here. The ticket becomes due, and its next walk marks it. As after an
adoption, the present values of its fields become the base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync.domain.errors import Fault
from sync.domain.ticket import Base, Draft, Observed, is_own_marker
from sync.ports import Tracker
from sync.rules import Rule, RuleSet
from sync.store import deliveries, journal, tickets
from sync.store.engine import Session, Store
from sync.store.placements import How, Merged
from sync.store.slate import Slate, decided
from sync.store.subjects import Subject
from sync.store.tables import TicketState
from sync.store.ticket_changes import Ticket
from sync.worker.adoption import become
from sync.worker.ahead import epic_in_words
from sync.worker.triage import by_hand
from sync.worker.triage.by_hand import Unmovable, Word, called


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subject by its reference and a ticket by its Jira key. ``instead``: of the ticket that the
    subject has in Jira."""

    ref: str
    key: str
    instead: bool = False


def link(
    store: Store, trackers: Mapping[str, Tracker], rules: RuleSet, wanted: Wanted, word: Word
) -> str:
    """Let a ticket in Jira be the ticket of a subject; what was done, in words. Raises Unmovable and the
    tracker's faults."""
    with store.read() as session:
        slate = Slate(session)
        subject = _subject(slate, wanted.ref)
        source = slate.ticket_of(wanted.ref)
        _may_leave(source, wanted)
    rule = by_hand.rule_for(rules, source.rule if source else "", wanted.ref, subject)
    tracker = _tracker(trackers, source, rule)
    observed = _shown(tracker, wanted.key)
    with store.read() as session:
        ours = tickets.by_jira_ids(session, tracker.site, [observed.ref.id])
        epic = epic_in_words(session, tracker.site, observed)
    if row := ours.get(observed.ref.id):
        id_ = row.id or 0
        return decided(store, lambda slate: _joined(slate, rules, wanted, id_, word))
    if epic:
        raise Unmovable(
            f"{observed.ref.key} is {epic}: it cannot be the ticket of one of them. Name another ticket."
        )
    labels = observed.fields.get("labels") or ()
    if any(is_own_marker(label) for label in labels):
        raise Unmovable(
            f"{observed.ref.key} bears a marker of ticket-sync and the store does not know it. "
            "The page /adopt, and `ticket-sync adopt --markers`, take such tickets over."
        )
    try:
        draft = tracker.draft(rule.project_ticket(wanted.ref, [subject.snapshot]), base=Base())
        if not draft.fields.keys() <= observed.fields.keys():
            # Nobody may have asked for a field of the rule before, and what people wrote there stays.
            observed = _shown(tracker, observed.ref.id)
    except Fault as fault:
        raise Unmovable(f"Rule {rule.ref.name!r} cannot keep {observed.ref.key}: {fault}") from None
    with store.write() as session:
        deliveries.lock_triage(session)
        # Jira was asked meanwhile, and somebody else may have been faster.
        if tickets.by_jira_ids(session, tracker.site, [observed.ref.id]):
            raise Unmovable(f"{observed.ref.key} has just become a ticket of ours. Try again.")
        return _taken(session, wanted, (rule, tracker.site), (observed, draft), word)


def _subject(slate: Slate, ref: str) -> Subject:
    found = slate.subjects([ref]).get(ref)
    if found is None:
        raise Unmovable(f"The subject {ref} was removed a moment ago.")
    return found


def _may_leave(source: Ticket | None, wanted: Wanted) -> None:
    if source is None:
        return
    name, ref, key = called(source), wanted.ref, wanted.key
    if source.jira_key.casefold() == key.casefold():
        raise Unmovable(f"The ticket of {ref} is {name} already.")
    if source.state == TicketState.LINKED and not wanted.instead:
        raise Unmovable(
            f"The ticket of {ref} is {name}. To put it onto {key} all the same, say so (`--instead`, or "
            f"the box beside the button). To put all of {name} onto a ticket that is ours, merge it."
        )


def _tracker(trackers: Mapping[str, Tracker], source: Ticket | None, rule: Rule) -> Tracker:
    made = source is not None and source.state == TicketState.LINKED
    site = source.site if made and source else rule.site
    tracker = trackers.get(site)
    if tracker is None:
        raise Unmovable(f"The Jira site {site!r} is not configured.")
    return tracker


def _shown(tracker: Tracker, key: str) -> Observed:
    found = [shown for shown in tracker.read_many([key]).values() if shown is not None]
    if len(found) != 1:
        raise Unmovable(
            f"There is no ticket {key} on {tracker.site}, or our account may not see it. Correct the "
            "key, or give our account 'Browse projects' there."
        )
    return found[0]


def _joined(slate: Slate, rules: RuleSet, wanted: Wanted, into: int, word: Word) -> str:
    """The ticket is one of ours: the subject joins those that are on it."""
    ref, to = wanted.ref, by_hand.known(slate, into)
    source = slate.ticket_of(ref)
    _may_leave(source, wanted)
    if source is to:
        # It was named by a key that it had before.
        raise Unmovable(f"The ticket of {ref} is {called(to)} already.")
    if source is None:
        return by_hand.put(slate, ref, to, word)
    if by_hand.emptied(slate, source, slate.subjects([ref])):
        return by_hand.merge(slate, source, to, word)
    return by_hand.split(slate, rules, source, [ref], word, to=to)


def _taken(
    session: Session,
    wanted: Wanted,
    kept: tuple[Rule, str],
    shown: tuple[Observed, Draft],
    word: Word,
) -> str:
    """The ticket is not ours yet: it becomes that of the subject, within a transaction that holds
    triage's lock. It is ``kept`` by a rule, on a site."""
    rule, site = kept
    slate = Slate(session)
    source = slate.ticket_of(wanted.ref)
    _may_leave(source, wanted)
    to = _row_for(slate, wanted.ref, rule, source, word)
    slate.write(session)
    left = None if source is to else source
    rows = tickets.by_ids(session, [one.id for one in (to, left) if one and one.id])
    row = rows[to.id or 0]
    # The subject's own row may have been meant for another site, if the rule named that before.
    row.site = site
    become(row, *shown)
    row.rule, row.aside, row.merged = rule.ref.name, None, None
    tickets.make_due(row, word.at, f"linked by {word.by}", look=True)
    instead = f", instead of {called(left)}" if left else ""
    words = f"{wanted.ref} was linked to {row.jira_key}{instead}"
    for id_, one in rows.items():
        entry = journal.Entry("link", word.told(words))
        journal.write(session, entry, at=word.at, ticket_id=id_, rule=one.rule)
    more = (
        " What its fields say stays until something changes upstream, and what is empty "
        "is filled; its status follows."
    )
    if left is None or slate.ends_on(left):
        return f"{words}.{more}"
    rows[left.id or 0].merged = Merged(row.id or 0, word.by, word.at, word.why).to_json()
    return f"{words}.{more}{_closed(left)}"


def _closed(left: Ticket) -> str:
    made = left.state == TicketState.LINKED
    return f" {called(left)} is closed as a duplicate in a moment." if made else ""


def _row_for(slate: Slate, ref: str, rule: Rule, source: Ticket | None, word: Word) -> Ticket:
    """Put the subject onto the row that is to stand for the ticket: its own, where that is of it alone
    and not made, else a new one. Raises Unmovable."""
    subject, placement = _subject(slate, ref), word.placement(How.LINK)
    by_hand.may_give(source)
    if source is None:
        to = by_hand.own_ticket(slate, ref, rule, word)
        slate.place(ref, to, placement)
        return to
    moving = {ref: subject}
    alone = by_hand.emptied(slate, source, moving)
    if not alone:
        by_hand.stays_spoken_for(source, moving, set(slate.ends_on(source)) - {ref})
    if alone and source.state in (TicketState.NEW, TicketState.SPARED):
        slate.place(ref, source, placement)
        return source
    to = by_hand.own_ticket(slate, ref, rule, word)
    slate.place(ref, to, placement)
    if alone and source.state == TicketState.UNPLACED:
        source.spare()
    elif alone and source.state == TicketState.LINKED:
        source.depart(subject)
    if source.aside is None and source.state in by_hand.WALKED:
        source.make_due(word.at, f"link by {word.by}")
    return to

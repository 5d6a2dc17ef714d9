"""By hand: a person says on which ticket subjects belong, and rules leave it at that.

Each act is decided on a slate, so that it is one transaction and never misses what triage does at the
same moment. Nothing is called in Jira here: the tickets become due, and their walks do the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sync.domain.errors import Rejected
from sync.domain.subject import Kind, SubjectRef
from sync.rules import Rule, RuleSet, Undecided
from sync.store import journal
from sync.store.asides import Aside
from sync.store.placements import How, Merged, Placement
from sync.store.slate import Slate
from sync.store.subjects import Subject
from sync.store.tables import TicketState
from sync.store.ticket_changes import Ticket

WALKED = (TicketState.NEW, TicketState.LINKED)
_NOT_MADE = (TicketState.UNPLACED, TicketState.NEW, TicketState.SPARED, TicketState.GONE)


class Unmovable(Exception):
    """It cannot be done as things are. The text says why, and what to do, in sentences for people."""


@dataclass(frozen=True, slots=True)
class Word:
    """Who says so, when (seconds since the epoch), and why, "" where nobody said."""

    by: str
    at: float
    why: str = ""

    def placement(self, how: How) -> Placement:
        """A placement by this word."""
        return Placement(how, self.by, self.at, self.why)

    def told(self, words: str) -> str:
        """What was done, with who did it and why."""
        return f"{words}, by {self.by}{f': {self.why}' if self.why else ''}"


def called(ticket: Ticket) -> str:
    """The name of a ticket for people."""
    return ticket.jira_key or ticket.key


def known(slate: Slate, id_: int) -> Ticket:
    """A ticket by its row id. Raises Unmovable."""
    ticket = slate.ticket_by_id(id_)
    if ticket is None:
        raise Unmovable("The ticket was removed a moment ago.")
    return ticket


def merge(slate: Slate, source: Ticket, into: Ticket, word: Word, *, leave: bool = False) -> str:
    """Put all subjects of a ticket onto another; what was done, in words. The emptied ticket is linked
    with the other in Jira and closed, unless told to ``leave`` it. Raises Unmovable."""
    if source is into:
        raise Unmovable(f"{called(source)} cannot be merged into itself. Name another ticket.")
    if source.merged is not None:
        there = known(slate, source.merged["into"])
        at_once = "already." if there is into else f"already, and not into {called(into)}."
        raise Unmovable(f"{called(source)} is merged into {called(there)} {at_once}")
    may_give(source)
    _may_take(slate, source, into)
    moving = slate.subjects(slate.ends_on(source))
    if not moving:
        raise Unmovable(f"{called(source)} has no subjects that could go to {called(into)}.")
    _speaks(slate, moving, into)
    _move(slate, moving, source, into, word.placement(How.MERGE))
    _empty(slate, source, into, moving, word, leave=leave)
    words = f"{called(source)} was merged into {called(into)}, with {_count(moving)}"
    _note(slate, (source, into), "merge", word, words)
    back = f"ticket-sync split {called(into)} {' '.join(sorted(moving))}"
    if source.state not in _NOT_MADE:
        back = f"{back} --to {called(source)}"
    return f"{words}.{_what_follows(source, into, leave=leave)} To undo it: {back}"


def split(
    slate: Slate,
    rules: RuleSet,
    source: Ticket,
    refs: Sequence[str],
    word: Word,
    *,
    to: Ticket | None = None,
) -> str:
    """Put some subjects of a ticket onto another, or onto a new one of their own; what was done, in
    words. Raises Unmovable."""
    if to is source:
        raise Unmovable(f"{called(source)} is the ticket that they are to leave. Name another one.")
    may_give(source)
    there = slate.ends_on(source)
    for ref in refs:
        if ref not in there:
            its = slate.ticket_of(ref)
            at = f"it is on {called(its)}" if its else "it has no ticket"
            again = " already" if to is not None and its is to else ""
            raise Unmovable(f"{called(source)} does not have {ref}: {at}{again}.")
    moving = slate.subjects(refs)
    if to is not None and len(moving) == len(there):
        return _all_to(slate, source, to, moving, word)
    if len(moving) == len(there):
        raise Unmovable(
            f"All that {called(source)} has is {_count(moving)}: a new ticket would leave it empty. "
            "Name another ticket with --to, or only some of its subjects."
        )
    stays_spoken_for(source, moving, set(there) - set(moving))
    if to is None:
        to = _new(slate, rules, source, moving, word)
    else:
        _may_take(slate, source, to)
        _speaks(slate, moving, to)
        _take_back(to)
    _move(slate, moving, source, to, word.placement(How.SPLIT))
    words = f"{', '.join(sorted(moving))} left {called(source)} for {_whose(to)}"
    _note(slate, (source, to), "split", word, words)
    back = f"ticket-sync merge {called(to)} {called(source)}"
    return f"{words}. Later events of it follow. To undo it: {back}"


def forget(slate: Slate, ref: str, word: Word) -> str:
    """Take a subject off its ticket, which has others; it gets no other ticket. What was done, in words.
    Raises Unmovable."""
    source = slate.ticket_of(ref)
    if source is None:
        raise Unmovable(f"There is no ticket of {ref}.")
    may_give(source)
    there, moving = slate.ends_on(source), slate.subjects([ref])
    stays_spoken_for(source, moving, set(there) - {ref})
    apart = slate.add(Ticket(_own_key(slate, ref), source.rule, source.site, word.at))
    apart.state = TicketState.SPARED
    apart.aside = {"how": Aside.FORGET.value, "by": word.by, "at": word.at}
    _move(slate, moving, source, apart, word.placement(How.FORGET))
    words = f"{ref} left {called(source)} and is forgotten"
    _note(slate, (source, apart), "forget", word, words)
    back = f"ticket-sync merge {apart.key} {called(source)}"
    return f"{words}: it gets no other ticket. To undo it: {back}"


def own_ticket(slate: Slate, ref: str, rule: Rule, word: Word) -> Ticket:
    """A new ticket for a subject alone, whose key no group leads to."""
    return slate.add(Ticket(_own_key(slate, ref), rule.ref.name, rule.site, word.at))


def put(slate: Slate, ref: str, to: Ticket, word: Word) -> str:
    """Put a subject that has no ticket onto one; what was done, in words. Raises Unmovable."""
    _may_take(slate, to, to)
    _speaks(slate, [ref], to)
    slate.place(ref, to, word.placement(How.LINK))
    to.make_due(word.at, f"link by {word.by}")
    words = f"{ref} was put onto {called(to)}"
    _note(slate, [to], "link", word, words)
    return f"{words}."


def emptied(slate: Slate, source: Ticket, moving: Mapping[str, Subject]) -> bool:
    """Whether a ticket has none but these subjects."""
    return set(slate.ends_on(source)) <= set(moving)


# -- what is refused


def may_give(source: Ticket | None) -> None:
    """Whether subjects may be taken off a ticket. Raises Unmovable."""
    if source is None:
        return
    if source.state == TicketState.CREATING:
        raise Unmovable(
            f"Whether {called(source)} was made in Jira is not known yet. Try again in a minute."
        )
    if source.aside is not None and source.jira_key:
        raise _out_of_hands(source)


def _out_of_hands(ticket: Ticket) -> Unmovable:
    assert ticket.aside is not None
    name = called(ticket)
    how = Aside(ticket.aside["how"]).words
    return Unmovable(
        f"{name} is {how}, so nothing is written to it. First: `ticket-sync retry {name}`, or the "
        "button on its page."
    )


def _may_take(slate: Slate, source: Ticket, into: Ticket) -> None:
    """Whether subjects of a ticket may be put onto another."""
    name = called(into)
    if into.merged is not None and not _was_merged_from(slate, into, source):
        there = called(known(slate, into.merged["into"]))
        raise Unmovable(f"{name} was merged into {there} itself. Name {there} instead.")
    if into.state != TicketState.LINKED:
        raise Unmovable(f"{name} is not in Jira, so no subject can be put on it. {_whys(into)}")
    if into.aside is not None:
        raise _out_of_hands(into)
    if source.site != into.site:
        raise Unmovable(
            f"{called(source)} is on site {source.site!r} and {name} on {into.site!r}. Only tickets "
            "of one site can be put together."
        )


def _was_merged_from(slate: Slate, into: Ticket, source: Ticket) -> bool:
    """Whether ``into`` was merged into ``source``, in one step or several."""
    seen: set[int] = set()
    while into.merged is not None and into.merged["into"] not in seen:
        seen.add(into.merged["into"])
        into = known(slate, into.merged["into"])
        if into is source:
            return True
    return False


def _whys(ticket: Ticket) -> str:
    return {
        TicketState.NEW: "It is still to be made: try again once it is.",
        TicketState.CREATING: "It is being made at this moment: try again in a minute.",
        TicketState.SPARED: "No ticket was needed.",
        TicketState.GONE: "It was deleted there.",
        TicketState.UNPLACED: "Its rule cannot say which ticket it is.",
    }[TicketState(ticket.state)]


def _speaks(slate: Slate, moving: Iterable[str], into: Ticket) -> None:
    """An incident speaks for all subjects of its ticket, so it cannot come to a ticket of issues."""
    if _incidents(moving) and not _incidents(slate.ends_on(into)):
        raise Unmovable(
            f"An incident speaks for all that is on its ticket, and {called(into)} is a ticket of "
            "issues: they would end with the incident. Merge it into the incident's ticket instead."
        )


def stays_spoken_for(source: Ticket, moving: Iterable[str], staying: Iterable[str]) -> None:
    """Issues on an incident's ticket are there because of the incident. Raises Unmovable."""
    if _incidents(moving) and not _incidents(staying):
        raise Unmovable(
            f"{called(source)} is the incident's own ticket, and its issues are there because of it. "
            "Split the issues off instead."
        )


def _incidents(refs: Iterable[str]) -> list[str]:
    return [ref for ref in refs if SubjectRef.parse(ref).kind is Kind.INCIDENT]


# -- what is done


def _move(
    slate: Slate, moving: Iterable[str], source: Ticket, to: Ticket, placement: Placement
) -> None:
    for ref in sorted(moving):
        slate.place(ref, to, placement)
    for one in (source, to):
        # What is forgotten, deleted or not needed stays as it is.
        if one.aside is None and (one.state in WALKED or one is to):
            one.make_due(placement.at, f"{placement.how.value} by {placement.by}")
            one.afresh = True


def _empty(
    slate: Slate,
    source: Ticket,
    into: Ticket,
    moved: Mapping[str, Subject],
    word: Word,
    *,
    leave: bool,
) -> None:
    """A ticket that all have left follows the other, and ends."""
    _take_back(into)
    if source.state in _NOT_MADE:
        if source.state != TicketState.GONE:
            # Also ends the lease of a walk that was about to make it.
            source.spare()
        source.aside = None
    else:
        for _, subject in sorted(moved.items()):
            source.depart(subject)
    assert into.id is not None
    source.merged = Merged(into.id, word.by, word.at, word.why, close=not leave).to_json()


def _take_back(ticket: Ticket) -> None:
    """A ticket that a person puts subjects onto is merged no more: it has subjects of its own again."""
    if ticket.merged is not None:
        ticket.merged, ticket.departed = None, []


def _all_to(
    slate: Slate, source: Ticket, to: Ticket, moving: Mapping[str, Subject], word: Word
) -> str:
    """All subjects of a ticket were split off: that is a merge, and may undo one."""
    if to.merged is None:
        return merge(slate, source, to, word)
    _may_take(slate, source, to)
    _move(slate, moving, source, to, word.placement(How.SPLIT))
    _empty(slate, source, to, moving, word, leave=False)
    words = f"All of {called(source)} went back to {called(to)}, and it is merged into that"
    _note(slate, (source, to), "split", word, words)
    return f"{words}."


def _new(
    slate: Slate, rules: RuleSet, source: Ticket, moving: Mapping[str, Subject], word: Word
) -> Ticket:
    ended = sorted(ref for ref, one in moving.items() if one.ended_at is not None)
    if len(ended) == len(moving):
        raise Unmovable(
            f"What has ended needs no ticket of its own: {', '.join(ended)}. With --to it can be put "
            "onto another ticket."
        )
    found = {rule.ref.name: rule for rule in _rules_of(rules, source, moving)}
    if len(found) > 1:
        raise Unmovable(
            f"Several rules would make the ticket: {', '.join(sorted(found))}. Split the subjects of "
            "each off by themselves."
        )
    (rule,) = found.values()
    if rule.site != source.site:
        raise Unmovable(
            f"Rule {rule.ref.name!r} makes its tickets on site {rule.site!r}, and {called(source)} "
            f"is on {source.site!r}."
        )
    first = min(moving, key=lambda ref: (moving[ref].first_seen_at, ref))
    return own_ticket(slate, first, rule, word)


def _rules_of(rules: RuleSet, source: Ticket, moving: Mapping[str, Subject]) -> list[Rule]:
    return [rule_for(rules, source.rule, ref, one) for ref, one in sorted(moving.items())]


def rule_for(rules: RuleSet, before: str, ref: str, subject: Subject) -> Rule:
    """The rule that makes the ticket of a subject: the first match, else the one (``before``) that kept
    it. Raises Unmovable."""
    try:
        rule = rules.match(subject.snapshot) or rules.get(before)
    except (Undecided, Rejected) as fault:
        raise Unmovable(f"Which rule makes the ticket of {ref} is undecided: {fault}") from None
    if rule is None:
        raise Unmovable(f"No rule matches {ref}, so nothing says how its ticket is made.")
    return rule


def _own_key(slate: Slate, ref: str) -> str:
    """A key for a ticket of the subject's own, which no rule gives and no ticket had."""
    key, number = f"own:{ref}", 1
    while slate.ticket(key) is not None:
        number += 1
        # Not as the generations of one ticket are numbered: it is another ticket.
        key = f"own{number}:{ref}"
    return key


def _note(slate: Slate, both: Iterable[Ticket], action: str, word: Word, words: str) -> None:
    for ticket in both:
        slate.journal(ticket, word.at, journal.Entry(action, word.told(words)))


def _count(moving: Mapping[str, Subject]) -> str:
    return next(iter(moving)) if len(moving) == 1 else f"{len(moving)} subjects"


def _whose(to: Ticket) -> str:
    return called(to) if to.jira_key else "a ticket of its own"


def _what_follows(source: Ticket, into: Ticket, *, leave: bool) -> str:
    later = f" Whatever comes for it goes to {called(into)}."
    if into.parked_at is not None:
        later += f" {called(into)} is parked: nothing is written to it before that is mended."
    if source.state in _NOT_MADE:
        return later
    if leave:
        return f"{later} {called(source)} stays in Jira as it is."
    return f"{later} {called(source)} is linked with it as a duplicate and closed in a moment."

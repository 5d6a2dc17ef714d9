"""The story of a ticket: deliveries, decisions and calls in time order; who last wrote each field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sync.domain.errors import Missing, Rejected
from sync.domain.merge import shown_after
from sync.domain.subject import Snapshot
from sync.domain.ticket import Base, Draft, FieldBase, Observed, remembered, same
from sync.ports import Source, Tracker
from sync.rules import Rule, RuleSet
from sync.store import deliveries, journal, placements, subjects, tickets
from sync.store.engine import Session
from sync.store.placements import Placement
from sync.store.tables import DeliveryRow, SubjectRow, TicketRow
from sync.worker.foresight.both_sides import (
    in_jira,
    marked_by,
    upstream_comments,
    upstream_mark,
    where_decided,
)
from sync.worker.foresight.story import Line
from sync.worker.walk.facts import Facts, desire, rule_for

MOST_DELIVERIES = 500
MOST_ENTRIES = 2000


@dataclass(frozen=True, slots=True)
class FieldStory:
    """Who last wrote a field, as far as that is known. ``value`` is what Jira shows now or, where Jira
    was not asked, what we last sent."""

    id: str
    name: str
    by: str
    value: Any


@dataclass(frozen=True, slots=True)
class Story:
    """What the store knows of a ticket. ``ticket`` is None for a subject that never got one. ``placed``
    has the subjects that a person put there; ``into`` names the ticket that it was merged into."""

    ticket: TicketRow | None
    snapshots: tuple[Snapshot, ...]
    lines: tuple[Line, ...]
    placed: Mapping[str, Placement] = field(default_factory=dict)
    into: str = ""

    @property
    def base(self) -> Base:
        """What was last agreed with Jira."""
        return Base.from_json(self.ticket.base if self.ticket else None)


def story_of(
    session: Session,
    name: str,
    sources: Mapping[str, Source] | None = None,
    *,
    ticket: TicketRow | None = None,
) -> Story | None:
    """The story of a ticket (by Jira key, our key, or the id of a subject that belongs to it), or of a
    subject without a ticket. None where the store knows nothing of that name. ``sources`` read from
    deliveries who set a status upstream. ``ticket`` is the one, where that is known."""
    ticket = ticket or tickets.find(session, name)
    placed: Mapping[str, Placement] = {}
    if ticket is not None and ticket.id is not None:
        rows = subjects.of_ticket(session, ticket.id)
        entries = journal.of_ticket(session, ticket.id, MOST_ENTRIES)
        placed = placements.of_ticket(session, ticket.id)
    else:
        rows, entries = subjects.named(session, name), []
        if not rows:
            return None
    lines = [line for subject in rows for line in _upstream(session, subject, sources or {})]
    lines += [Line(e.at, e.action, e.words, e.result, e.rule) for e in entries]
    snapshots = tuple(map(subjects.to_snapshot, rows))
    lines += upstream_comments(snapshots)
    return Story(ticket, snapshots, _in_order(lines), placed, _into(session, ticket))


def _into(session: Session, ticket: TicketRow | None) -> str:
    """The name of the ticket that one was merged into, "" where it was not."""
    if ticket is None or not ticket.merged:
        return ""
    to = ticket.merged["into"]
    return placements.names(session, [to]).get(to, ("", ""))[0]


def _upstream(session: Session, subject: SubjectRow, sources: Mapping[str, Source]) -> list[Line]:
    """What came of a subject, and who set its mark."""
    found = deliveries.for_subject(session, subject.ref, MOST_DELIVERIES)
    of = [_delivered(row, sources) for row in found]
    return [*of, *(upstream_mark(subjects.to_snapshot(subject), of) if sources else ())]


def _in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Of the same instant, what happened outside comes first, because it caused the rest."""
    return tuple(sorted(lines, key=lambda line: (line.at, not line.side)))


def _delivered(row: DeliveryRow, sources: Mapping[str, Source]) -> Line:
    words = f"{row.event_type or 'unreadable'}: {row.outcome or 'waits to be read'}"
    marked, who = marked_by(row, sources)
    words = f"{words}; {marked}" if marked else words
    return Line(
        row.received_at, "delivery", words, row.state, delivery=row.id, side="upstream", who=who
    )


def with_jira(story: Story, observed: Observed | None, rule: Rule | None) -> Story:
    """The story with what its history in Jira tells, where that was read, and with the line of the rule
    by which something was left."""
    lines = [
        replace(line, where=where_decided(rule, line.words)) if line.result == "left" else line
        for line in story.lines
    ]
    if observed is not None:
        lines += in_jira(observed, story.base, rule)
    return replace(story, lines=_in_order(lines))


def authors(
    base: Base, observed: Observed | None = None, names: Mapping[str, str] | None = None
) -> list[FieldStory]:
    """Who last wrote each field that we ever sent.

    ``observed`` is the ticket as Jira shows it now, None where Jira was not asked; ``names`` are
    display names by field id.
    """
    named = names or {}
    return [
        FieldStory(
            id_,
            named.get(id_, id_),
            _author(base, known, observed, id_),
            remembered(observed.fields[id_])
            if observed is not None and id_ in observed.fields
            else known.sent,
        )
        for id_, known in sorted(base.fields.items())
    ]


def _author(base: Base, known: FieldBase, observed: Observed | None, id_: str) -> str:
    if id_ in base.theirs:
        return "a person"
    before = "whoever wrote it before the ticket was taken over"
    if observed is None or id_ not in observed.fields:
        return before if id_ in base.found else "ticket-sync, as far as it has looked"
    now = observed.fields[id_]
    if id_ in base.found and same(now, known.shown):
        return before
    return _last_writer(known, now)


def _last_writer(known: FieldBase, now: Any) -> str:
    # A list may hold elements of people beside ours: what they added or removed is named.
    if isinstance(now, list) and isinstance(known.sent, list) and not isinstance(known.shown, str):
        theirs = [f"+{one}" for one in now if one not in known.sent]
        theirs += [f"-{one}" for one in known.sent if one not in now]
        return f"ticket-sync, and a person ({_few(theirs)})" if theirs else "ticket-sync"
    return "ticket-sync" if same(now, shown_after(known, now)) else "a person"


def _few(parts: Sequence[str], most: int = 6) -> str:
    return ", ".join(parts[:most]) + (" …" if len(parts) > most else "")


def shown_now(
    facts: Facts, rules: RuleSet, tracker: Tracker, now: float
) -> tuple[Observed, Draft | None]:
    """The ticket as Jira shows it now, and what its rule wants of its fields. Reads only.

    The ticket's history is read where its rule tells upstream what people do. Where no rule keeps the
    ticket any more, or its rule fails, there is no draft. Raises the tracker's faults.
    """
    draft: Draft | None = None
    telling = facts.base.agreement is not None
    with suppress(Rejected):
        rule = rule_for(facts, rules)
        telling = telling or rule.tells
        desired, _ = desire(facts, rule, now, rules)
        # A draft also has the tracker read the fields that are in it.
        draft = tracker.draft(desired, base=facts.base)
    if facts.ref is None:
        raise Missing("there is no ticket in Jira")
    return tracker.read(facts.ref.id, history_since=0.0 if telling else None), draft


def rule_of(facts: Facts, rules: RuleSet) -> Rule | None:
    """The rule that keeps a ticket, None where there is none any more."""
    with suppress(Rejected):
        return rule_for(facts, rules)
    return None

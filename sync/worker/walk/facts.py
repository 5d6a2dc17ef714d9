"""Gather: everything one walk needs to know, read in one short transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sync.domain.errors import Cause, Rejected
from sync.domain.intent import NO_INTENTS, Intents
from sync.domain.rule import Desired
from sync.domain.subject import Kind, Snapshot, Status
from sync.domain.ticket import Base, TicketRef
from sync.ports import Tracker
from sync.rules import Rule, RuleSet
from sync.rules.context import group_status
from sync.store import continuity, memberships, subjects
from sync.store.engine import Session
from sync.store.memberships import IncidentOf
from sync.store.tables import Record, SiteRow, SubjectRow, TicketRow, TicketState
from sync.worker.walk.incidents import closed_with_incident, has_parent, ticket_links, with_parent


@dataclass(frozen=True, slots=True)
class Facts:
    """A ticket's record and its subjects, as they stood when the walk began.

    A ticket whose subjects all belong to other tickets now, and left nothing behind, has no
    ``snapshots``: nothing is asked of it.
    """

    ticket_id: int
    key: str
    state: TicketState
    site: str
    project: str
    rule_name: str
    ref: TicketRef | None
    base: Base
    look: bool
    attempts: int
    error: str
    created_at: float
    snapshots: tuple[Snapshot, ...]
    occurrences: int
    ended_at: float | None
    due_at: float | None
    parked: bool
    intents: Intents = NO_INTENTS
    # (site, Jira key) of the tickets of an incident's issues.
    issue_tickets: tuple[tuple[str, str], ...] = ()
    # By issue: the incidents it belongs to.
    incidents: Mapping[str, list[IncidentOf]] = field(default_factory=dict)
    # Whether the store may lack tickets of the site. None where this was not read, and where Jira has a
    # ticket of this key that the store does not know.
    whole: SiteRow | None = None

    @property
    def ended(self) -> bool:
        """The subjects of the ticket are over; an incident speaks for the issues on its ticket. In SQL:
        ``~open_items.speaker_open()``."""
        speaking = [s for s in self.snapshots if s.ref.kind is Kind.INCIDENT] or self.snapshots
        return all(snapshot.status.ended for snapshot in speaking)


def gather_for_walk(session: Session, row: TicketRow) -> Facts:
    """``gather``, and whether the store may lack tickets, which only walks need."""
    site, stray = continuity.known(session, row.site, row.key)
    return replace(gather(session, row), whole=None if stray else site)


def gather(session: Session, row: TicketRow) -> Facts:
    """Read what belongs to one ticket. Raises as ``Gathering.facts``."""
    return Gathering(session, [row]).facts(row)


def gather_all(session: Session, rows: Sequence[TicketRow | Record]) -> Iterator[Facts]:
    """The facts of several tickets, in a few statements for all. Raises as ``Gathering.facts``."""
    found = Gathering(session, rows)
    return map(found.facts, rows)


class Gathering:
    """What belongs to several tickets, read in at most three statements. ``facts`` needs no session."""

    def __init__(self, session: Session, rows: Sequence[TicketRow | Record]) -> None:
        known = subjects.of_tickets(session, [row.id for row in rows if row.id is not None])
        self._subjects: dict[int, list[Record | SubjectRow]] = {
            row.id: _with_departed(row, known.get(row.id, [])) for row in rows if row.id is not None
        }
        issues: list[str] = []
        incidents: list[str] = []
        for those in self._subjects.values():
            own = _incidents_of(those)
            incidents += own
            issues += () if own else [subject.ref for subject in those]
        self._issue_tickets = memberships.linked_of_issues(session, incidents)
        self._incidents = memberships.incidents_with_tickets(session, issues)

    def facts(self, row: TicketRow | Record) -> Facts:
        """The facts of one of the tickets. Raises ValueError, TypeError, KeyError or AttributeError
        where what is on record cannot be understood."""
        assert row.id is not None
        rows = self._subjects[row.id]
        issue_tickets, incidents = self._related(row.id, rows)
        return _facts(row, rows, issue_tickets, incidents)

    def _related(
        self, ticket_id: int, rows: Sequence[Record | SubjectRow]
    ) -> tuple[tuple[tuple[str, str], ...], Mapping[str, list[IncidentOf]]]:
        """``issue_tickets`` and ``incidents`` of the facts: an incident's ticket has the one, an issue's
        the other. An incident speaks for the issues on its own ticket."""
        own = _incidents_of(rows)
        if own:
            linked = {one for ref in own for one in self._issue_tickets.get(ref, ())}
            return tuple((site, key) for id_, site, key in sorted(linked) if id_ != ticket_id), {}
        if not self._incidents:
            return (), {}
        refs = sorted({row.ref for row in rows} & self._incidents.keys())
        return (), {ref: self._incidents[ref] for ref in refs}


def _incidents_of(rows: Sequence[Record | SubjectRow]) -> list[str]:
    return [row.ref for row in rows if row.kind == Kind.INCIDENT]


def _with_departed(row: TicketRow | Record, rows: Sequence[Record]) -> list[Record | SubjectRow]:
    """The subjects of a ticket. One that left speaks for the ticket as it stood then, so that a ticket
    which all have left is still closed."""
    found: list[Record | SubjectRow] = list(rows)
    if row.departed:
        here = {one.ref for one in rows}
        found += [one for one in subjects.departed(row) if one.ref not in here]
    return found


def _facts(
    row: TicketRow | Record,
    rows: Sequence[Record | SubjectRow],
    issue_tickets: tuple[tuple[str, str], ...],
    incidents: Mapping[str, list[IncidentOf]],
) -> Facts:
    assert row.id is not None
    return Facts(
        ticket_id=row.id,
        key=row.key,
        state=TicketState(row.state),
        site=row.site,
        project=row.project,
        rule_name=row.rule,
        ref=TicketRef(row.jira_id, row.jira_key) if row.jira_id else None,
        base=Base.from_json(row.base),
        look=row.look,
        attempts=row.attempts,
        error=row.error,
        created_at=row.created_at,
        snapshots=tuple(map(subjects.to_snapshot, rows)),
        occurrences=sum(r.occurrences for r in rows),
        ended_at=max((r.ended_at for r in rows if r.ended_at is not None), default=None),
        due_at=row.due_at,
        parked=row.parked_at is not None,
        intents=Intents.from_json(row.intents) if row.intents else NO_INTENTS,
        issue_tickets=issue_tickets,
        incidents=incidents,
    )


def rule_for(facts: Facts, rules: RuleSet) -> Rule:
    """The rule that keeps this ticket: the one that made it while it exists, else the first match.

    Raises Rejected when there is neither, and Undecided.
    """
    rule = rules.get(facts.rule_name)
    if rule is None:
        for snapshot in facts.snapshots:
            rule = rules.match(snapshot)
            if rule is not None:
                break
    if rule is None:
        gone = (
            f"the rule {facts.rule_name!r} that made this ticket is gone, and no other rule matches"
        )
        raise Rejected(
            gone if facts.rule_name else "no rule matches its subject",
            cause=Cause.RULE,
            remedy="Bring the rule back under its old name, or add one that matches, then retry.",
        )
    return rule


def sited(facts: Facts, rule: Rule) -> Facts:
    """The facts, with the site that the rule names now, as long as the ticket was surely never made."""
    if facts.state is not TicketState.NEW or facts.site == rule.site:
        return facts
    # The project on record, if any, is one of the other site's.
    return replace(facts, site=rule.site, project="", whole=None)


def tracker_for(facts: Facts, trackers: Mapping[str, Tracker]) -> Tracker:
    """The site the ticket is on. Raises Rejected when it is no longer configured."""
    tracker = trackers.get(facts.site)
    if tracker is None:
        raise Rejected(
            f"the Jira site {facts.site!r} is not configured",
            cause=Cause.RULE,
            remedy=f"Add [sites.{facts.site}] to config.toml, or retry once the rule names another.",
        )
    return tracker


def desire(
    facts: Facts, rule: Rule, now: float, rules: RuleSet | None = None
) -> tuple[Desired, float | None]:
    """What the rule asks of the ticket now, and when to walk it again although nothing came in.

    Until the subject has stayed closed for the rule's ``close_after``, the ticket keeps the status it
    had. ``rules`` tell what the rules of incidents say of their issues.
    """
    snapshots = facts.snapshots
    if rules is not None and facts.incidents:
        snapshots = closed_with_incident(rules, snapshots, facts.incidents)
    keeping, again_at = _quiet(facts, rule, snapshots, now)
    desired = rule.project_ticket(
        facts.key, snapshots, occurrences=facts.occurrences, keeping=keeping
    )
    if rules is not None and (facts.incidents or has_parent(facts.base)):
        desired = with_parent(desired, rules, facts.site, facts.incidents, facts.base)
    if facts.issue_tickets:
        own_key = facts.ref.key if facts.ref else ""
        links = ticket_links(rule, facts.site, own_key, facts.issue_tickets)
        desired = replace(desired, ticket_links=(*desired.ticket_links, *links))
    return desired, again_at


def _quiet(
    facts: Facts, rule: Rule, snapshots: tuple[Snapshot, ...], now: float
) -> tuple[Status | None, float | None]:
    """The status that a ticket keeps while its close waits, and when the wait is over; or twice None.

    The ticket is to stand where the rule wants it for that status. Otherwise a move that is still open
    could bring it, before the wait is over, to where only the close leads.
    """
    if (
        not rule.close_after
        or facts.ref is None
        or facts.ended_at is None
        or now >= facts.ended_at + rule.close_after
        or (facts.base.status is not None and facts.base.status.ended)
        or not group_status(snapshots).ended
    ):
        return None, None
    return facts.base.status or Status.OPEN, facts.ended_at + rule.close_after

"""Gather: everything one walk needs to know, read in one short transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sync.domain.errors import Cause, Rejected
from sync.domain.rule import Desired, RuleRef
from sync.domain.subject import Kind, Snapshot, Status
from sync.domain.ticket import Base, TicketRef
from sync.ports import Tracker
from sync.rules import Rule, RuleSet
from sync.rules.context import group_status
from sync.store import memberships, subjects
from sync.store.engine import Session
from sync.store.memberships import IncidentOf
from sync.store.tables import SubjectRow, TicketRow, TicketState
from sync.worker.triage.incidents import closed_with_incident, ticket_links, with_parent


@dataclass(frozen=True, slots=True)
class Facts:
    """A ticket's record and its subjects, as they stood when the walk began.

    A ticket whose subjects all belong to others now, and left nothing behind, has no ``snapshots``:
    nothing is asked of it.
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
    created_at: float
    intent_at: float | None
    searches: int
    comment_intent: Mapping[str, str] | None
    snapshots: tuple[Snapshot, ...]
    occurrences: int
    ended_at: float | None
    due_at: float | None
    parked: bool
    # (site, Jira key) of the tickets of an incident's issues.
    issue_tickets: tuple[tuple[str, str], ...] = ()
    # By issue: the incidents it belongs to.
    incidents: Mapping[str, list[IncidentOf]] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """The subjects of the ticket are over; an incident speaks for the issues on its ticket. In SQL:
        ``~open_items.speaker_open()``."""
        speaking = [s for s in self.snapshots if s.ref.kind is Kind.INCIDENT] or self.snapshots
        return all(snapshot.status.ended for snapshot in speaking)


def gather(session: Session, row: TicketRow) -> Facts:
    """Read a claimed ticket and its subjects."""
    assert row.id is not None
    rows: list[SubjectRow] = subjects.of_ticket(session, row.id)
    here = {r.ref for r in rows}
    # What left it speaks for it as it stood then, so that it is closed although all have left.
    rows += [r for r in subjects.departed(row) if r.ref not in here]
    ends = [r.ended_at for r in rows if r.ended_at is not None]
    issues = [r.ref for r in rows if r.kind == Kind.ISSUE]
    own = [r.ref for r in rows if r.kind == Kind.INCIDENT]
    members = memberships.tickets_of_issues(session, own)
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
        created_at=row.created_at,
        intent_at=row.intent_at,
        searches=row.searches,
        comment_intent=row.comment_intent,
        snapshots=tuple(subjects.to_snapshot(r) for r in rows),
        occurrences=sum(r.occurrences for r in rows),
        ended_at=max(ends, default=None),
        due_at=row.due_at,
        parked=row.parked_at is not None,
        issue_tickets=tuple(
            (t.site, t.jira_key) for t in members if t.state == TicketState.LINKED and t is not row
        ),
        # An incident speaks for the issues on its own ticket.
        incidents={} if own else memberships.incidents_with_tickets(session, issues),
    )


def rule_for(facts: Facts, rules: RuleSet) -> Rule:
    """The rule that keeps this ticket: the one that made it while it exists, else the first match.

    Raises Rejected when there is neither.
    """
    rule = rules.get(facts.rule_name)
    if rule is None:
        for snapshot in facts.snapshots:
            rule = rules.match(snapshot)
            if rule is not None:
                break
    if rule is None:
        raise Rejected(
            f"the rule {facts.rule_name!r} that made this ticket is gone, and no other rule matches",
            cause=Cause.RULE,
            remedy="Bring the rule back under its old name, or add one that matches, then retry.",
        )
    return rule


def sited(facts: Facts, rule: Rule) -> Facts:
    """The facts, on the site where the ticket is or, as long as it is certain that it was never made,
    on the one that its rule names now."""
    if facts.state is not TicketState.NEW or facts.site == rule.site:
        return facts
    # A project that it may have been to be made in is one of the other site's.
    return replace(facts, site=rule.site, project="")


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
    """What the rule asks of the ticket now, and when to look again although nothing came in.

    A quiet close: until the subject has stayed closed for the rule's ``close_after``, the ticket
    keeps the status it had. ``rules`` are for what the rules of incidents say of their issues.
    """
    snapshots = facts.snapshots
    if rules is not None and facts.incidents:
        snapshots = closed_with_incident(rules, snapshots, facts.incidents)
    keeping, again_at = _quiet(facts, rule, snapshots, now)
    desired = rule.project_ticket(
        facts.key, snapshots, occurrences=facts.occurrences, keeping=keeping
    )
    if rules is not None:
        desired = with_parent(desired, rules, facts.site, facts.incidents, facts.base)
    own_key = facts.ref.key if facts.ref else ""
    links = ticket_links(rule, facts.site, own_key, facts.issue_tickets)
    if links:
        desired = replace(desired, ticket_links=(*desired.ticket_links, *links))
    if desired.rule.name != rule.ref.name:
        desired = replace(desired, rule=RuleRef(rule.ref.name, rule.ref.file, rule.ref.line))
    return desired, again_at


def _quiet(
    facts: Facts, rule: Rule, snapshots: tuple[Snapshot, ...], now: float
) -> tuple[Status | None, float | None]:
    """The status that a ticket keeps while its close waits, and when that is over; (None, None) else.

    It is to stand where the rule wants it for that status: a move that is still open, or a status
    that nobody knows any more, must not lead to where only the close leads.
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

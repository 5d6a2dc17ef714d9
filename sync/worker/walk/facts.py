"""Gather: everything one walk needs to know, read in one short transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sync import __version__
from sync.domain.admission import Admission
from sync.domain.errors import Cause, Rejected
from sync.domain.former import Former
from sync.domain.intent import NO_INTENTS, Intents, agreed_for_sure
from sync.domain.rule import Desired, SubjectState
from sync.domain.subject import Kind, Snapshot, Status
from sync.domain.ticket import Base, Draft, TicketRef
from sync.ports import Tracker
from sync.rules import Parts, Rendered, Rule, RuleSet
from sync.rules.context import group_status
from sync.store import subjects
from sync.store.engine import Session
from sync.store.gathered import Gathered, gathered
from sync.store.memberships import IncidentOf
from sync.store.placements import Merged
from sync.store.tables import Record, SiteRow, TicketRow, TicketState
from sync.worker.walk.incidents import closed_with_incident, has_parent, ticket_links, with_parent
from sync.worker.walk.merged import MergedInto, Own, merged_away


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
    # Whether a subject of the ticket belongs to an incident, or is one with issues.
    related: bool = False
    # (site, Jira key) of the tickets of an incident's issues.
    issue_tickets: tuple[tuple[str, str], ...] = ()
    # By issue: the incidents it belongs to.
    incidents: Mapping[str, list[IncidentOf]] = field(default_factory=dict)
    # Whether the store may lack tickets of the site. None where this was not read, and where Jira has a
    # ticket of this key that the store does not know.
    whole: SiteRow | None = None
    # By subject: when it was first seen.
    first_seen: Mapping[str, float] = field(default_factory=dict)
    # The ticket that this one was merged into, None for a ticket that was not.
    merged: MergedInto | None = None
    # The ``settled_by`` of a ticket that is not due, claimed or parked and has to do with no incident:
    # it is surely as that rule asks. "" for any other ticket.
    settled_by: str = ""
    # What stands between the ticket's acts and upstream, since when, and how many acts wait.
    admission: Admission | None = None
    admission_at: float = 0.0
    untold: int = 0
    # The version of the rules whose edit the walk follows, None where it follows none.
    edit: int | None = None
    # What the edit with the version ``undoes`` changed, which is to be put back.
    undoes: int | None = None
    former: Former | None = None

    def joined_by(self, others: Facts) -> Facts:
        """The facts of a ticket to which subjects would come, with ``others`` as it would stand then."""
        return replace(
            self,
            snapshots=others.snapshots,
            occurrences=others.occurrences,
            first_seen=others.first_seen,
            settled_by="",
        )

    @property
    def nothing_asked(self) -> bool:
        """Whether nothing speaks for the ticket: no subject, or it was merged and is left as it is."""
        left = self.merged is not None and (self.ref is None or not self.merged.close)
        return left or not self.snapshots

    @property
    def asked_for(self) -> bool:
        """Whether a person wanted this ticket of its own for a subject, so that it waits for no hold."""
        return any(one.placed_at >= self.created_at for one in self.snapshots)

    @property
    def ended(self) -> bool:
        """The subjects of the ticket are over; an incident speaks for the issues on its ticket. In SQL:
        ``~open_items.speaker_open()``."""
        speaking = [s for s in self.snapshots if s.ref.kind is Kind.INCIDENT] or self.snapshots
        return all(snapshot.status.ended for snapshot in speaking)

    def ended_by(self, at: float) -> bool:
        """Whether the subjects were over by then (seconds since the epoch), however late that is seen:
        what ended only while its ticket waited for a pause or a site gets the ticket all the same."""
        return self.ended and (self.ended_at is None or self.ended_at < at)


def gather(session: Session, row: TicketRow) -> Facts:
    """Read a ticket's subjects. Raises as ``facts_of``."""
    (about,) = gathered(session, [row])
    return facts_of(about)


def gather_all(session: Session, rows: Sequence[TicketRow | Record]) -> Iterator[Facts]:
    """The facts of several tickets, in a few statements for all. Raises as ``facts_of``."""
    return map(facts_of, gathered(session, rows))


def facts_of(about: Gathered) -> Facts:
    """What the rows say. Raises ValueError, TypeError, KeyError or AttributeError where the rows cannot
    be understood."""
    row, rows = about.row, about.subjects
    assert row.id is not None
    ref = TicketRef(row.jira_id, row.jira_key) if row.jira_id else None
    return Facts(
        ticket_id=row.id,
        key=row.key,
        state=TicketState(row.state),
        site=row.site,
        project=row.project,
        rule_name=row.rule,
        ref=ref,
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
        related=about.related,
        issue_tickets=about.issue_tickets,
        incidents=about.incidents,
        whole=about.site,
        first_seen={one.ref: one.first_seen_at for one in rows},
        merged=_merged(about),
        settled_by=row.settled_by if ref and _rests(about) else "",
        admission=Admission(row.admission) if row.admission else None,
        admission_at=row.admission_at or 0.0,
        untold=row.untold,
        **_of_edit(about),
    )


def _merged(about: Gathered) -> MergedInto | None:
    found = Merged.from_json(about.row.merged)
    if found is None:
        return None
    return MergedInto(*about.into, found.by, found.at, found.why, found.close)


def _of_edit(about: Gathered) -> dict[str, Any]:
    row = about.row
    former = Former.of(about.kept) if about.kept else None
    return {"edit": row.edit if row.edit_open else None, "undoes": row.undoes, "former": former}


def _rests(about: Gathered) -> bool:
    row = about.row
    waits = row.due_at is not None or row.lease_until is not None
    return not (waits or row.parked is not None or about.related)


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


def drafted(
    facts: Facts, rules: RuleSet | None, tracker: Tracker, desired: Desired, *, anew: bool = False
) -> Draft:
    """What the rule asks for in the site's own terms, with what is to be put back of an edit. Raises as
    ``Tracker.draft``."""
    if facts.ref is None:
        return tracker.draft(desired, anew=anew)
    base, former = agreed_for_sure(facts.base, facts.intents), facts.former
    # A process that has not followed yet would write what is undone anew.
    if former is None or (rules is not None and former.rules == rules.digest):
        return tracker.draft(desired, base=base, anew=anew)
    tracker.show(former.fields)
    wishes = {id_: wish for id_, wish in base.wishes.items() if id_ not in former.fields}
    draft = tracker.draft(desired, base=replace(base, wishes=wishes), anew=anew)
    return replace(draft, former=former)


def settled_by(rule: Rule) -> str:
    """A digest of all that a rule asks and of the version that understands it so (``TicketRow``)."""
    told = rule.projection.upstream
    since = told.since if told else ""
    text = f"{__version__}\n{rule.ref.name}\n{rule.projection.digest}\n{rule.issues}{since}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def changed_since(settled: RuleSet, rules: RuleSet) -> dict[str, Parts]:
    """By the ``settled_by`` of a ticket that one of the rules ``settled`` has dealt with: the parts in
    which ``rules`` may ask something else of it, as long as it is not due. No parts: it is surely as
    ``rules`` want it. Where nothing is sure, the ``settled_by`` is left out: nothing is where a rule
    asks something of the tickets of an incident's issues."""
    if settled.ask_of_issues or rules.ask_of_issues:
        return {}
    both = ((one, rules.get(one.name)) for one in settled.rules)
    found = {settled_by(one): now.changed_since(one) for one, now in both if now is not None}
    return {digest: parts for digest, parts in found.items() if not parts.others}


def unchanged(parts: Mapping[str, Parts]) -> list[str]:
    """The ``settled_by`` of the tickets that are surely as wanted, by ``changed_since``."""
    return [digest for digest, changed in parts.items() if not changed]


def sited(facts: Facts, rule: Rule) -> Facts:
    """The facts, with the site that the rule names now, as long as the ticket was surely never made."""
    if facts.state is not TicketState.NEW or facts.site == rule.projection.site:
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
    facts: Facts,
    rule: Rule,
    now: float,
    rules: RuleSet | None = None,
    rendered: Rendered | None = None,
    only: Parts | None = None,
) -> tuple[Desired, float | None]:
    """What the rule asks of the ticket now, and when to walk it again although nothing came in.

    Until the subject has stayed closed for the rule's ``close_after``, the ticket keeps the status it
    had. ``rules`` tell what the rules of incidents say of their issues; ``rendered`` and ``only`` are as
    in ``Rule.project_ticket``.
    """
    if facts.merged is not None:
        return merged_away(rule, facts.merged, _own(facts)), None
    snapshots = facts.snapshots
    if rules is not None and facts.incidents:
        snapshots = closed_with_incident(rules, snapshots, facts.incidents)
    keeping, again_at = _quiet(facts, rule, snapshots, now)
    desired = rule.project_ticket(
        facts.key,
        snapshots,
        occurrences=facts.occurrences,
        keeping=keeping,
        rendered=rendered,
        only=only,
    )
    if rules and rules.as_children and (facts.incidents or has_parent(facts.base)):
        desired = with_parent(desired, rules, facts.site, facts.incidents, facts.base)
    if facts.issue_tickets:
        own_key = facts.ref.key if facts.ref else ""
        links = ticket_links(rule, facts.site, own_key, facts.issue_tickets)
        desired = replace(desired, ticket_links=(*desired.ticket_links, *links))
    if desired.upstream is not None:
        desired = replace(desired, subjects=_as_upstream(facts, desired))
    return desired, again_at


def _as_upstream(facts: Facts, desired: Desired) -> tuple[SubjectState, ...]:
    """The subjects as upstream has them: an issue that its incident's rule takes for closed may be open
    there."""
    told = {snapshot.ref: snapshot.status for snapshot in facts.snapshots}
    return tuple(
        replace(
            one,
            status=told[one.ref],
            joined_at=max(one.placed_at, facts.first_seen.get(str(one.ref), 0.0)),
        )
        for one in desired.subjects
    )


def _own(facts: Facts) -> Own:
    return Own(facts.key, facts.site, facts.snapshots, facts.occurrences, facts.base)


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

"""Why is a ticket like that, and what comes next?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from sync.domain.errors import Fault
from sync.domain.pause import active
from sync.domain.subject import Snapshot
from sync.domain.text import safe_href
from sync.domain.ticket import Draft, Observed
from sync.domain.times import moment, stamp
from sync.operations.deployment import Deployment
from sync.operations.errors import NotFound
from sync.operations.pauses import why_waits
from sync.operations.ticket_fields import FieldView, field_views
from sync.operations.tickets import TOKENS, merged_into, reason_of, unknown
from sync.operations.untold import why_untold
from sync.store import edit_progress, log, paused, placements, tickets
from sync.store.engine import Session
from sync.store.placements import Placement
from sync.store.tables import TicketRow
from sync.store.ticket_search import Standing, standing_of
from sync.worker.foresight.story import Line
from sync.worker.foresight.why import FieldStory, Story, authors, rule_of, shown_now, story_of
from sync.worker.foresight.why import with_jira as with_what_jira_tells
from sync.worker.walk.facts import gather

# Seconds that a page waits for Jira.
ASKED_FOR = 5.0


@dataclass(frozen=True, slots=True)
class SubjectView:
    """A subject of the ticket, with its address in Coalesce Quality ("" for none). ``placed`` says which
    person put it on this ticket, and why; "" where a rule did. ``impact`` says in words what it has an
    impact on, "" where that is not known."""

    ref: str
    status: str
    title: str
    address: str
    ended: bool
    placed: str = ""
    impact: str = ""


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One thing that happened, ``at`` in seconds since the epoch; see ``Line``. ``actor`` is who did it,
    in words."""

    at: float
    what: str
    words: str
    result: str
    rule: str
    delivery: str
    actor: str
    side: str
    where: str


@dataclass(frozen=True, slots=True)
class TicketView:
    """All that the store knows of a ticket. ``title`` is its first subject's; ``address`` is in Jira.
    ``waits`` tells the pause that the ticket waits for, "" where it waits for none."""

    id: int
    ticket: str | None
    key: str
    title: str
    site: str
    project: str
    rule: str
    standing: str
    token: str
    state: str
    sentence: str
    reason: str
    remedy: str
    where: str
    file: str
    line: int
    untold: str
    due_at: float | None
    parked_at: float | None
    recorded_at: float
    attempts: int
    address: str
    subjects: list[SubjectView]
    fields: list[FieldView]
    story: list[StoryLine]
    waits: str = ""
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class InJira:
    """A ticket as Jira shows it now: its fields, and its story with what people did in Jira. ``unasked``
    says why Jira was not asked or did not answer, "" where it did."""

    unasked: str
    status: str
    fields: list[FieldView]
    story: list[StoryLine]


def ids_of(session: Session, name: str) -> list[int]:
    """The row ids of the tickets of a name: several sites may use one key. Raises NotFound."""
    found = tickets.ids_named(session, name)
    if not found:
        remedy = "Search for a part of its title, or for the id of the issue it was made for"
        raise unknown(session, name, remedy)
    return found


def ticket_of(deployment: Deployment, id_: int, now: float) -> TicketView:
    """A ticket by its row id. Raises NotFound."""
    with deployment.store.read() as session:
        row = session.get(TicketRow, id_)
        if row is None:
            raise NotFound(f"There is no ticket with the number {id_}.")
        story = _story(session, row, deployment)
        acted = _acts(session, row)
        waits, pauses = why_waits(session, row, now), active(paused.load(session), now)
        placed = placements.of_ticket(session, id_)
        into = merged_into(row, placements.names(session, [(row.merged or {}).get("into", 0)]))
    standing = standing_of(row, now, pauses)
    why = row.parked or {}
    where = str(why.get("where") or "")
    file, _, line = where.rpartition(":")
    return TicketView(
        id=id_,
        ticket=row.jira_key or None,
        key=row.key,
        title=_title(story.snapshots),
        site=row.site,
        project=row.project,
        rule=row.rule,
        standing=standing.value,
        token=TOKENS[standing],
        state=row.state,
        sentence=sentence(row, standing, now, into),
        reason=reason_of(row, into),
        remedy=str(why.get("remedy") or "") if row.parked_at is not None else "",
        where=where,
        file=file if line.isdigit() else "",
        line=int(line) if line.isdigit() else 0,
        untold=why_untold(row),
        due_at=edit_progress.due_at(row, now),
        parked_at=row.parked_at,
        recorded_at=row.created_at,
        attempts=row.attempts,
        address=address_in_jira(deployment, row),
        subjects=[_subject(one, placed.get(str(one.ref))) for one in story.snapshots],
        fields=field_views(authors(story.base), story.base, None, None),
        story=_lines([*story.lines, *acted]),
        waits=waits,
        merged_into=into,
    )


def in_jira(deployment: Deployment, id_: int, now: float, asking: ThreadPoolExecutor) -> InJira:
    """The ticket as Jira shows it now; Jira is given ``ASKED_FOR`` seconds. Raises NotFound."""
    with deployment.store.read() as session:
        row = session.get(TicketRow, id_)
        if row is None:
            raise NotFound(f"There is no ticket with the number {id_}.")
        story = _story(session, row, deployment)
        acted = _acts(session, row)
        facts = gather(session, row) if row.jira_id else None
    tracker = deployment.trackers.get(row.site)
    unasked, found = _unaskable(row, tracker is not None), None
    if facts is not None and tracker is not None and not unasked:
        wanted = asking.submit(shown_now, facts, deployment.rules(), tracker, now)
        unasked, found = _answer(wanted, row, now)
    observed, draft = found or (None, None)
    rule = rule_of(facts, deployment.rules()) if facts is not None else None
    names = {one.id: one.name for one in draft.fields.values()} if draft else {}
    told = with_what_jira_tells(story, observed, rule)
    return InJira(
        unasked=unasked,
        status=observed.status.name if observed else "",
        fields=field_views(authors(story.base, observed, names), story.base, observed, draft),
        story=_lines([*told.lines, *acted]),
    )


def sentence(row: TicketRow, standing: Standing, now: float, into: str | None = None) -> str:
    """Where the ticket stands, in words. ``into`` names the ticket that it was merged into."""
    name = row.jira_key or "The ticket"
    if into and standing in (Standing.SETTLED, Standing.SPARED):
        return f"{name} was merged into {into}"
    return _standing_of(row, standing, name, now)


def _standing_of(row: TicketRow, standing: Standing, name: str, now: float) -> str:
    match standing:
        case Standing.SETTLED:
            return f"{name} is as its rule wants it"
        case Standing.DUE:
            return f"{name} is looked at now"
        case Standing.PAUSED:
            return f"{name} waits for the end of a pause"
        case Standing.HELD:
            at = edit_progress.due_at(row, now)
            return f"{name} waits{f' until {moment(at)} UTC' if at else f': {row.due_reason}'}"
        case Standing.PARKED:
            return f"{name} is set aside"
        case Standing.UNSURE:
            return "Whether the ticket was made is not known yet"
        case Standing.SPARED:
            return "No ticket was needed"
        case Standing.FORGOTTEN:
            return f"{name} is followed no more"
        case Standing.GONE:
            return f"{name} was deleted in Jira"
        case Standing.UNPLACED:
            return "The rule cannot say which ticket this is"


def address_in_jira(deployment: Deployment, row: TicketRow) -> str:
    """Where people see the ticket in Jira, "" before it is made."""
    site = deployment.settings.sites.get(row.site)
    if site is None or not row.jira_key:
        return ""
    return safe_href(f"{(site.browse_url or site.url).rstrip('/')}/browse/{row.jira_key}")


def _story(session: Session, row: TicketRow, deployment: Deployment) -> Story:
    story = story_of(session, row.key, deployment.sources, ticket=row)
    if story is None:
        raise NotFound("The ticket was removed a moment ago.")
    return story


def _acts(session: Session, row: TicketRow) -> list[Line]:
    """What people did to the ticket here and on the command line."""
    names = {name for name in (row.jira_key, row.key) if name}
    return [
        Line(
            one.at,
            one.act,
            one.words,
            "refused" if one.refused else "",
            who=one.account,
            side="act",
        )
        for name in names
        for one in log.about(session, name)
    ]


def _unaskable(row: TicketRow, known: bool) -> str:
    if not row.jira_id:
        return "there is no ticket in Jira yet"
    return "" if known else f"this daemon does not know the site {row.site!r}"


def _answer(
    wanted: Future[tuple[Observed, Draft | None]], row: TicketRow, now: float
) -> tuple[str, tuple[Observed, Draft | None] | None]:
    try:
        return "", wanted.result(timeout=ASKED_FOR)
    except TimeoutError:
        wanted.cancel()
        return f"Jira {row.site} did not answer within {ASKED_FOR:g} s", None
    except Fault as error:
        return str(error).splitlines()[0], None


_ACTORS = {"jira": "a person in Jira", "upstream": "Coalesce Quality", "act": "a person"}


def _lines(lines: Iterable[Line]) -> list[StoryLine]:
    """The newest first."""
    ordered = sorted(lines, key=lambda line: (line.at, not line.side), reverse=True)
    return [
        StoryLine(
            at=line.at,
            what=line.what.replace("_", " "),
            words=line.words,
            result=line.result,
            rule=line.rule,
            delivery=line.delivery,
            actor=line.who or _ACTORS.get(line.side, "ticket-sync"),
            side=line.side,
            where=line.where,
        )
        for line in ordered
    ]


def _title(snapshots: Sequence[Snapshot]) -> str:
    return str(snapshots[0].payload.get("title") or "") if snapshots else ""


def _subject(one: Snapshot, placed: Placement | None) -> SubjectView:
    address = one.payload.get(f"{one.ref.kind.value}_url")
    return SubjectView(
        ref=str(one.ref),
        status=one.status.value,
        title=str(one.payload.get("title") or one.ref.id),
        address=safe_href(address),
        ended=one.status.ended,
        placed=str(placed or ""),
        impact=one.impact.words if one.impact else "",
    )


# -- the story as `why` prints it


def as_data(
    story: Story, fields: Sequence[FieldStory], unasked: str, waits: str = ""
) -> dict[str, Any]:
    """The story as JSON-compatible data, as ``why --json`` prints it. ``waits`` tells the pause that the
    ticket waits for."""
    ticket = story.ticket
    return {
        "ticket": {
            "jira_key": ticket.jira_key,
            "key": ticket.key,
            "site": ticket.site,
            "rule": ticket.rule,
            "state": ticket.state,
            "due": stamp(ticket.due_at),
            "parked": ticket.parked,
            "untold": why_untold(ticket),
            "waits": waits,
            "merged": ticket.merged and {**ticket.merged, "into": story.into},
        }
        if ticket
        else None,
        "subjects": [
            {
                "ref": str(s.ref),
                "status": s.status.value,
                "title": s.payload.get("title", ""),
                "placed": str(story.placed.get(str(s.ref), "")),
                "impact": s.impact.words if s.impact else "",
            }
            for s in story.snapshots
        ],
        "story": [{**asdict(line), "at": stamp(line.at)} for line in story.lines],
        "fields": [asdict(one) for one in fields],
        "jira_not_asked": unasked,
    }

"""What one delivery would become by a draft: the rule, why not those before, and every field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.adapters.jira import JiraSite
from sync.adapters.jira.offline_draft import SketchedField, is_cloud, sketch
from sync.domain.durations import written
from sync.domain.errors import Unreadable
from sync.domain.rule import Desired
from sync.domain.subject import Status
from sync.domain.telling_words import told_in_words
from sync.domain.times import moment
from sync.operations.deliveries import named
from sync.operations.errors import NotFound, Refused
from sync.operations.ticket import ids_of
from sync.ports import Source
from sync.rules import Rule, RuleSet
from sync.sandbox.coalesce import sample_body
from sync.settings.sections import Site
from sync.store import deliveries, tickets
from sync.store.engine import Session, Store
from sync.store.tables import DeliveryRow
from sync.worker.foresight.preview import AS_IT_IS, Preview, Variation
from sync.worker.foresight.preview import preview as look

SAMPLES = (
    "issue_created",
    "issue_updated",
    "issue_status_updated",
    "issue_closed",
    "incident_open",
    "incident_closed",
    "incident_cancelled",
)
_OFFERED = 30


@dataclass(frozen=True, slots=True)
class Choice:
    """A delivery or sample that can be previewed: ``value`` as ``body_of`` takes it."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """What one rule says of the subject, in the order of the rules."""

    name: str
    where: str
    matched: bool
    reason: str


@dataclass(frozen=True, slots=True)
class FieldPreview:
    """One field. ``value`` is what Jira gets, ``shown`` the same for people (Markdown of rich text).
    ``rich``: the value is a document, as Jira Cloud takes rich text. ``note`` says what only the site
    can resolve, ``problem`` why Jira would not take it."""

    id: str
    name: str
    value: Any
    shown: str
    rich: bool
    note: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TicketPreview:
    """Where the ticket is made and what happens to it beside its fields. ``jira`` is cloud or
    datacenter. ``waits`` say when it is made and what shares it, ``told_upstream`` what upstream would
    be told of it, in words."""

    key: str
    site: str
    jira: str
    project: str
    issue_type: tuple[str, ...]
    status: str
    target: str
    status_comment: str
    links: tuple[str, ...]
    waits: tuple[str, ...]
    told_upstream: tuple[str, ...]

    @property
    def then(self) -> Iterable[str]:
        """What is done once the ticket is made, in words."""
        if self.status != Status.OPEN:
            yield f"Then moved to {self.target}, for it is {self.status}."
            if self.status_comment:
                yield f"Comment: {self.status_comment}"
        for link in self.links:
            yield f"Link back: {link}"


@dataclass(frozen=True, slots=True)
class EventPreview:
    """What one event comes to. ``words`` say it in a sentence; ``rejected`` why the rule fails and
    ``remedy`` what to do about that. ``made``: Jira would get a ticket."""

    event: str
    id: str
    subject: str
    words: str
    made: bool
    rule: str = ""
    where: str = ""
    rules: tuple[RuleAnswer, ...] = ()
    rejected: str = ""
    remedy: str = ""
    fields: tuple[FieldPreview, ...] = ()
    ticket: TicketPreview | None = None


def choices(store: Store) -> tuple[Choice, ...]:
    """The newest deliveries and the samples. Raises StoreUnavailable."""
    with store.read() as session:
        stored = [_choice(row) for row in deliveries.recent(session, _OFFERED)]
    samples = [Choice(f"sample:{name}", f"Sample: {name.replace('_', ' ')}") for name in SAMPLES]
    return (*stored, *samples)


def _choice(row: DeliveryRow) -> Choice:
    about = f" of {row.subject}" if row.subject else ""
    return Choice(row.id, f"{moment(row.received_at)} {row.event_type or 'not read'}{about}")


def body_of(store: Store, chosen: str) -> bytes:
    """The body of a stored delivery by its id, the newest for "", that of a ticket as "ticket:KEY", or
    of a sample as "sample:NAME".

    A delivery may be named by how its id begins. Raises NotFound, Refused and StoreUnavailable.
    """
    kind, _, name = chosen.partition(":")
    if kind == "sample" and name:
        if name not in SAMPLES:
            raise NotFound(f"There is no sample {name}.")
        return sample_body(name)
    with store.read() as session:
        row = _of_ticket(session, name) if kind == "ticket" and name else _row(session, chosen)
    if row is None and not chosen:
        return sample_body(SAMPLES[0])
    if row is None:
        raise NotFound(f"No delivery about ticket {name} is kept, so none can be previewed.")
    return row.body


def _row(session: Session, chosen: str) -> DeliveryRow | None:
    if chosen:
        return named(session, chosen)
    return next(iter(deliveries.recent(session, 1)), None)


def _of_ticket(session: Session, name: str) -> DeliveryRow | None:
    """The newest delivery about a subject of a ticket."""
    subjects = (ref for id_ in ids_of(session, name) for ref in tickets.subjects_on(session, id_))
    rows = (row for ref in subjects for row in deliveries.for_subject(session, ref, 1))
    return max(rows, key=lambda row: row.received_at, default=None)


def previewed(
    sources: Iterable[Source],
    rules: RuleSet,
    sites: Mapping[str, Site],
    body: bytes,
    supposed: Variation = AS_IT_IS,
) -> tuple[EventPreview, ...]:
    """What these rules would make of a delivery, event by event. Asks nobody. Raises Refused where the
    delivery cannot be read."""
    try:
        found = look(sources, rules, body, supposed)
    except Unreadable as error:
        raise Refused(f"The delivery cannot be read: {error}") from None
    clouds = {
        name: is_cloud(JiraSite(name, one.url, "", one.email, deployment=one.deployment))
        for name, one in sites.items()
    }
    return tuple(_event(one, clouds) for one in found)


def _event(found: Preview, clouds: Mapping[str, bool]) -> EventPreview:
    kind, id_ = found.event.type.value, found.event.id
    if found.snapshot is None:
        return EventPreview(
            kind, id_, "", f"A delivery of type {kind} makes no ticket.", made=False
        )
    answers = tuple(
        RuleAnswer(one.rule.ref.name, one.rule.ref.where, one.matched, one.reason)
        for one in found.explained
    )
    about = kind, id_, str(found.snapshot.ref)
    if found.rule is None:
        return EventPreview(*about, "No rule matches: no ticket.", made=False, rules=answers)
    name, where = found.rule.ref.name, found.rule.ref.where
    if found.desired is None:
        why, remedy = str(found.rejected), found.rejected.remedy if found.rejected else ""
        words = f"The ticket would be set aside: {why}"
        return EventPreview(*about, words, False, name, where, answers, why, remedy)
    cloud = clouds.get(found.rule.site, True)
    fields = tuple(_field(one, cloud) for one in sketch(found.desired, cloud=cloud))
    made = not any(one.problem for one in fields)
    ticket = _ticket(found.rule, found.desired, cloud)
    words = (
        f"{' or '.join(ticket.issue_type)} in {ticket.project} ({ticket.site}, "
        f"Jira {'Cloud' if cloud else 'Data Center'})"
    )
    return EventPreview(*about, words, made, name, where, answers, fields=fields, ticket=ticket)


def _field(one: SketchedField, cloud: bool) -> FieldPreview:
    rich = cloud and isinstance(one.value, dict) and "content" in one.value
    shown = one.shown if cloud or not isinstance(one.value, str) else one.value
    return FieldPreview(one.id, one.name, one.value, shown, rich, one.note, one.problem)


def _ticket(rule: Rule, desired: Desired, cloud: bool) -> TicketPreview:
    return TicketPreview(
        key=desired.key,
        site=desired.site,
        jira="cloud" if cloud else "datacenter",
        project=desired.project,
        issue_type=tuple(desired.issue_type),
        status=desired.status.value,
        target=str(desired.target),
        status_comment=desired.status_comment or "",
        links=tuple(link.url for link in desired.remote_links),
        waits=tuple(_waits(rule, desired.key)),
        told_upstream=tuple(told_in_words(desired.upstream)) if desired.upstream else (),
    )


def _waits(rule: Rule, key: str) -> Iterable[str]:
    """When the ticket is made, and what shares it, with the words of the rule."""
    if rule.hold:
        hold = f"{written(rule.hold)} after it was first heard of"
        yield f"Made only if it is still open {hold}: hold = {_as_written(rule.sheet.value('hold'))}"
    if rule.grouping:
        group = _as_written(rule.sheet.value("group_by"))
        yield f"Shares its ticket with all that have the same key, {key}: group_by = {group}"


def _as_written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

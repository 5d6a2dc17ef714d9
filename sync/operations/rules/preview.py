"""What one delivery would become by a draft: the rule, why not those before, and every field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.adapters.jira import JiraSite
from sync.adapters.jira.offline_draft import SketchedField, is_cloud, sketch
from sync.domain.errors import Unreadable
from sync.domain.rule import Desired
from sync.domain.telling_words import UNKNOWN, told_in_words
from sync.domain.times import moment
from sync.operations.errors import NotFound, Refused
from sync.operations.ticket import ids_of
from sync.ports import Source
from sync.rules import RuleSet
from sync.sandbox.coalesce import sample_body
from sync.settings.sections import Site
from sync.store import deliveries, tickets
from sync.store.engine import Session, Store
from sync.store.tables import DeliveryRow
from sync.worker.foresight.preview import Preview
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
    """One field. ``shown`` is for people, ``document`` what Jira Cloud would get of a rich text, None
    for others. ``note`` says what only the site can resolve, ``problem`` why Jira would not take it."""

    id: str
    name: str
    shown: str
    note: str
    problem: str
    document: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class EventPreview:
    """What one event comes to. ``words`` say it in a sentence; ``remedy`` what to do where the rule
    fails. ``then`` are further acts, in words."""

    event: str
    subject: str
    words: str
    made: bool
    remedy: str = ""
    rule: str = ""
    where: str = ""
    rules: tuple[RuleAnswer, ...] = ()
    fields: tuple[FieldPreview, ...] = ()
    then: tuple[str, ...] = ()


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

    Raises NotFound and StoreUnavailable.
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
        raise NotFound(f"There is no delivery {chosen} any more, so it cannot be previewed.")
    return row.body


def _row(session: Session, chosen: str) -> DeliveryRow | None:
    if chosen:
        return deliveries.get(session, chosen)
    return next(iter(deliveries.recent(session, 1)), None)


def _of_ticket(session: Session, name: str) -> DeliveryRow | None:
    """The newest delivery about a subject of a ticket."""
    subjects = (ref for id_ in ids_of(session, name) for ref in tickets.subjects_on(session, id_))
    rows = (row for ref in subjects for row in deliveries.for_subject(session, ref, 1))
    return max(rows, key=lambda row: row.received_at, default=None)


def previewed(
    sources: Iterable[Source], rules: RuleSet, sites: Mapping[str, Site], body: bytes
) -> tuple[EventPreview, ...]:
    """What these rules would make of a delivery, event by event. Asks nobody. Raises Refused where the
    delivery cannot be read."""
    try:
        found = look(sources, rules, body)
    except Unreadable as error:
        raise Refused(f"The delivery cannot be read: {error}") from None
    clouds = {
        name: is_cloud(JiraSite(name, one.url, "", one.email, deployment=one.deployment))
        for name, one in sites.items()
    }
    return tuple(_event(one, clouds) for one in found)


def _event(found: Preview, clouds: Mapping[str, bool]) -> EventPreview:
    kind = found.event.type.value
    if found.snapshot is None:
        return EventPreview(kind, "", f"A delivery of type {kind} makes no ticket.", made=False)
    answers = tuple(
        RuleAnswer(one.rule.ref.name, one.rule.ref.where, one.matched, one.reason)
        for one in found.explained
    )
    about = kind, str(found.snapshot.ref)
    if found.rule is None:
        return EventPreview(*about, "No rule matches: no ticket.", made=False, rules=answers)
    name, where = found.rule.ref.name, found.rule.ref.where
    if found.desired is None:
        words = f"The ticket would be set aside: {found.rejected}"
        remedy = found.rejected.remedy if found.rejected else ""
        return EventPreview(*about, words, False, remedy, name, where, answers)
    desired, cloud = found.desired, clouds.get(found.rule.site, True)
    fields = tuple(_field(one, cloud) for one in sketch(desired, cloud=cloud))
    made = not any(one.problem for one in fields)
    words = (
        f"{' or '.join(desired.issue_type)} in {desired.project} ({desired.site}, "
        f"Jira {'Cloud' if cloud else 'Data Center'})"
    )
    then = tuple(_then(desired))
    return EventPreview(*about, words, made, "", name, where, answers, fields, then)


def _field(one: SketchedField, cloud: bool) -> FieldPreview:
    rich = one.value if cloud and isinstance(one.value, dict) and "content" in one.value else None
    shown = one.shown if cloud or not isinstance(one.value, str) else one.value
    return FieldPreview(one.id, one.name, shown, one.note, one.problem, rich)


def _then(desired: Desired) -> Iterable[str]:
    if desired.status.value != "open":
        yield f"Then moved to {desired.target}, for it is {desired.status.value}."
        if desired.status_comment:
            yield f"Comment: {desired.status_comment}"
    for link in desired.remote_links:
        yield f"Link back: {link.url}"
    told = list(told_in_words(desired.upstream)) if desired.upstream else []
    if told:
        yield f"Upstream would be told: {'; '.join(told)}. {UNKNOWN}"

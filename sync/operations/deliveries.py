"""Did it come, and what became of it?"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sync.adapters.coalesce import without_addresses
from sync.domain.times import stamp
from sync.operations.accounts import Account
from sync.operations.acts import Act, Done, perform
from sync.operations.errors import Changed, NotFound, Refused
from sync.operations.values import Choice, RowId
from sync.store import deliveries, subjects, tickets
from sync.store.deliveries import PAGE
from sync.store.engine import Session, Store
from sync.store.inbox import HEAD
from sync.store.tables import DeliveryRow, DeliveryState, Record

# So many dead letters are looked at for their groups, the newest.
LOOKED_AT = 1000
# Longer bodies are cut for people; the whole one is in the store.
LONGEST_BODY = 200_000

OUTCOMES = {
    "read": DeliveryState.TRIAGED,
    "dead": DeliveryState.DEAD,
    "waiting": DeliveryState.ACCEPTED,
}
_WORDS = {state: word for word, state in OUTCOMES.items()}
_TOKENS = {"read": "ok", "dead": "bad", "waiting": "busy"}


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """Which deliveries; "" for any. ``outcome`` is read, dead or waiting; ``subject`` is a reference or
    an id. ``after`` is the number of the last delivery of the page before."""

    outcome: str = ""
    type: str = ""
    subject: str = ""
    after: RowId = 0

    @property
    def filters(self) -> dict[str, str]:
        """What is asked for, by its name in the address."""
        asked = {"outcome": self.outcome, "type": self.type, "subject": self.subject}
        return {name: value for name, value in asked.items() if value}

    @property
    def narrows(self) -> bool:
        """Whether only some of the dead letters are asked for."""
        return bool(self.type or self.subject)


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """A delivery. ``outcome`` is read, dead or waiting, ``words`` say what became of it.
    ``received_at`` is in seconds since the epoch."""

    id: str
    seq: int
    source: str
    received: str | None
    received_at: float
    event_id: str
    event_type: str
    outcome: str
    token: str
    words: str
    subject: str
    bytes: int
    again: bool


@dataclass(frozen=True, slots=True)
class DeliveryList:
    """Deliveries, newest first. ``after`` leads to the next page, 0 on the last."""

    deliveries: list[DeliveryLine]
    after: int


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Dead letters of one reason: how many, in whose words, the newest of them."""

    reason: str
    count: int
    newest: DeliveryLine


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """All dead letters: how many, how many of them are whole and can be read ``again``, and by reason.
    ``partly``: there are more than were looked at."""

    count: int
    again: int
    groups: list[DeadGroup]
    partly: bool


@dataclass(frozen=True, slots=True)
class AboutSubject:
    """A subject of a delivery, and the ticket it belongs to (None for none): its key and its number."""

    ref: str
    ticket: str | None
    ticket_id: int | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One delivery with its body, in which "***" stands for addresses. ``cut``: the body is longer."""

    delivery: DeliveryLine
    subjects: list[AboutSubject]
    body: str
    cut: bool


@dataclass(frozen=True, slots=True)
class DeliveryChoices:
    """The values to filter by."""

    outcomes: list[Choice]
    types: list[Choice]


@dataclass(frozen=True, slots=True)
class Replayed(Done):
    """That deliveries are read again, and how many."""

    replayed: int = 0


def deliveries_of(store: Store, query: DeliveryQuery, limit: int = PAGE) -> DeliveryList:
    """A page of the deliveries that fit. Raises Refused for an outcome that is none."""
    if query.outcome and query.outcome not in OUTCOMES:
        raise Refused(f"There is no outcome {query.outcome!r}. There are: {', '.join(OUTCOMES)}.")
    state = OUTCOMES.get(query.outcome)
    with store.read() as session:
        refs = _refs(session, query.subject)
        rows = deliveries.page(
            session, state=state, type_=query.type, refs=refs, after=query.after, limit=limit + 1
        )
    found = [_line(row) for row in rows[:limit]]
    return DeliveryList(found, found[-1].seq if len(rows) > limit else 0)


def dead_letters(store: Store) -> DeadLetters:
    """The dead letters by reason, the most frequent first."""
    with store.read() as session:
        count, heads = deliveries.count_dead(session), deliveries.count_heads(session)
        rows = deliveries.page(
            session, state=DeliveryState.DEAD, type_="", refs=None, after=0, limit=LOOKED_AT
        )
    groups: dict[str, DeadGroup] = {}
    for row in rows:
        reason = _without_values(row.outcome)
        known = groups.get(reason)
        if known is None:
            groups[reason] = DeadGroup(row.outcome, 1, _line(row))
        else:
            groups[reason] = replace(known, count=known.count + 1)
    ordered = sorted(groups.values(), key=lambda group: -group.count)
    return DeadLetters(count, count - heads, ordered, count > len(rows))


def delivery_of(store: Store, name: str) -> DeliveryView:
    """One delivery, by its id or how it begins. Raises NotFound, and Refused where several begin so."""
    with store.read() as session:
        row = named(session, name)
        about = _subjects(session, row)
    body = indented(without_addresses(row.body))
    return DeliveryView(_line(row), about, body[:LONGEST_BODY], len(body) > LONGEST_BODY)


def choices(store: Store) -> DeliveryChoices:
    """The values to filter by, with how many deliveries have each."""
    with store.read() as session:
        types, now = deliveries.by_type(session), deliveries.counts(session)
    numbers = {"dead": now.dead, "waiting": now.waiting}
    numbers["read"] = sum(number for _, number in types) - sum(numbers.values())
    return DeliveryChoices(
        outcomes=[Choice(name, numbers[name]) for name in OUTCOMES],
        types=[Choice(name, number) for name, number in types if name],
    )


def sentence(query: DeliveryQuery, found: DeliveryList, dead: DeadLetters) -> str:
    """The answer in words."""
    if dead.count and not query.narrows and query.outcome in ("", "dead"):
        noun = "delivery" if dead.count == 1 else "deliveries"
        return f"{dead.count:,} {noun} could not be read"
    if not found.deliveries:
        return "No delivery fits" if query.filters else "No delivery has come yet"
    return "Deliveries come in and are read" if not query.filters else "Deliveries that fit"


def replay_one(
    store: Store,
    account: Account,
    name: str,
    now: float,
    *,
    wake: Callable[[], object] = lambda: None,
) -> Replayed:
    """Have a delivery read again. Raises NotFound, Refused, and Changed for one of which only the head
    is kept."""
    with store.read() as session:
        row = named(session, name)

    def work() -> str:
        if deliveries.is_head(row):
            raise Changed(f"Delivery {row.id} cannot be read again: it is {row.outcome}.")
        with store.write() as session:
            deliveries.replay(session, row.id)
        wake()
        return replayed_words(1)

    done = perform(store, account, Act("dead replay", row.id), work, now)
    return Replayed(done.id, done.words, done.already, int(not done.already))


def replay_dead(
    store: Store,
    account: Account,
    now: float,
    *,
    shown: int | None = None,
    wake: Callable[[], object] = lambda: None,
) -> Replayed:
    """Have every dead letter read again. Raises Changed where they are more than ``shown``."""
    count = 0

    def work() -> str:
        nonlocal count
        with store.write() as session:
            there = deliveries.count_dead(session) - deliveries.count_heads(session)
            if shown is not None and there > shown:
                raise Changed(
                    f"{there:,} dead letters would be read again, and you have seen {shown:,}. Look at "
                    "them, and press again."
                )
            count = deliveries.replay_dead(session)
        wake()
        return replayed_words(count)

    done = perform(store, account, Act("dead replay", "all"), work, now)
    return Replayed(done.id, done.words, done.already, count)


def replayed_words(count: int) -> str:
    """What becomes of deliveries that are read again."""
    return f"{'1 delivery' if count == 1 else f'{count:,} deliveries'} will be read again."


def named(session: Session, name: str) -> DeliveryRow:
    """A delivery by its id, or how that begins. Raises NotFound and Refused."""
    rows = deliveries.beginning_with(session, name)
    if not rows:
        raise NotFound(
            f"There is no delivery {name!r}. The page Deliveries, and `ticket-sync dead list`, show the "
            "ids of dead letters."
        )
    if len(rows) > 1:
        some = ", ".join(row.id for row in rows[:3])
        raise Refused(f"Several deliveries begin with {name!r}: {some}… Give more of the id.")
    return rows[0]


def indented(text: str) -> str:
    """JSON indented, other text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def as_data(row: DeliveryRow) -> dict[str, Any]:
    """A delivery as JSON-compatible data, as ``dead list --json`` prints it."""
    return {
        "id": row.id,
        "source": row.source,
        "received": stamp(row.received_at),
        "event_id": row.event_id,
        "event_type": row.event_type,
        "state": row.state,
        "reason": row.outcome,
        "bytes": len(row.body),
    }


def _refs(session: Session, subject: str) -> Sequence[str] | None:
    if not subject:
        return None
    return [row.ref for row in subjects.named(session, subject)] or [subject]


def _subjects(session: Session, row: DeliveryRow) -> list[AboutSubject]:
    refs = deliveries.subjects_of(session, row)
    ids = subjects.ticket_ids(session, refs)
    rows = tickets.by_ids(session, ids.values(), lock=False)
    found = []
    for ref in refs:
        ticket = rows.get(ids.get(ref, 0))
        key = ticket.jira_key or None if ticket else None
        found.append(AboutSubject(ref, key, ticket.id if ticket else None))
    return found


def _line(row: DeliveryRow | Record) -> DeliveryLine:
    word = _WORDS[DeliveryState(row.state)]
    size = len(row.body) if isinstance(row, DeliveryRow) else row.bytes
    return DeliveryLine(
        id=row.id,
        seq=row.seq or 0,
        source=row.source,
        received=stamp(row.received_at),
        received_at=row.received_at,
        event_id=row.event_id,
        event_type=row.event_type,
        outcome=word,
        token=_TOKENS[word],
        words=row.outcome or "waits to be read",
        subject=row.subject,
        bytes=size,
        again=not row.outcome.startswith(HEAD),
    )


def _without_values(reason: str) -> str:
    """The reason without what is quoted or a number: these differ from delivery to delivery."""
    # An apostrophe within a word quotes nothing.
    return re.sub(r"(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|“[^”]*”|\d+", "…", reason)


def exported(lines: Iterable[DeliveryLine]) -> Iterable[Sequence[object]]:
    """The rows of a table of deliveries, in the order of ``COLUMNS``."""
    return ([getattr(line, name) for name in COLUMNS] for line in lines)


COLUMNS = (
    "id",
    "received",
    "source",
    "event_type",
    "outcome",
    "words",
    "subject",
    "bytes",
    "event_id",
)

"""What came of it: each subject's ticket as Jira has it, against what its rule asks for."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from proof.traffic import Subject
from sync.domain.ticket import MARKER_PROPERTY
from sync.store.engine import Store, StoreUnavailable

_OPEN = """
SELECT (SELECT count(*) FROM deliveries WHERE state = 'accepted'),
       (SELECT count(*) FROM tickets WHERE due_at IS NOT NULL AND parked IS NULL),
       (SELECT count(*) FROM tickets WHERE lease_owner IS NOT NULL),
       (SELECT count(*) FROM tickets WHERE parked_at IS NOT NULL),
       (SELECT count(*) FROM deliveries WHERE state = 'dead'),
       (SELECT count(*) FROM tickets WHERE parked IS NOT NULL AND parked_at IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How much is still to be done, as the store tells."""

    waiting: int
    due: int
    leased: int
    parked: int
    dead: int
    # Tickets that are kept, save for a parked field.
    fields: int = 0

    @property
    def settled(self) -> bool:
        return not (self.waiting or self.due or self.leased)


def standing(store: Store) -> Standing:
    """Ask the store. Raises StoreUnavailable."""
    with store.read_connection() as connection:
        return Standing(*connection.execute(text(_OPEN)).one())


def settle(
    store: Store, within: float, alive: Callable[[], None] = lambda: None, pause: float = 0.1
) -> float:
    """Wait until nothing is left to do; when that was (monotonic). Raises AssertionError."""
    end = time.monotonic() + within
    last: Standing | None = None
    while time.monotonic() < end:
        alive()
        try:
            last = standing(store)
        except StoreUnavailable:
            last = None
        if last is not None and last.settled:
            return time.monotonic()
        time.sleep(pause)
    raise AssertionError(f"it does not settle within {within:g} s: {last}; {_open(store)}")


def _open(store: Store) -> list[Any]:
    with store.read_connection() as connection:
        rows = connection.execute(
            text(
                "SELECT key, state, jira_key, due_reason, attempts, error FROM tickets "
                "WHERE due_at IS NOT NULL AND parked IS NULL LIMIT 3"
            )
        )
        return [tuple(row) for row in rows]


@dataclass(slots=True)
class Outcome:
    """``lost`` and ``doubled`` are in words, one for each case."""

    wanted: int = 0
    made: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.lost and not self.doubled


def compare(
    subjects: Sequence[Subject], tickets: Sequence[dict[str, Any]], store: Store
) -> Outcome:
    """Hold each subject's tickets to what they should be."""
    with store.read_connection() as connection:
        parked = {
            key
            for (key,) in connection.execute(
                text("SELECT key FROM tickets WHERE parked_at IS NOT NULL")
            )
        }
    by_label: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for ticket in tickets:
        for label in ticket["labels"]:
            by_label[label].append(ticket)
    found = Outcome()
    for subject in subjects:
        _judge(found, subject, by_label[subject.label], parked=subject.ref in parked)
    return found


def _judge(
    found: Outcome, subject: Subject, theirs: Sequence[dict[str, Any]], *, parked: bool
) -> None:
    """Add what is not as it should be with the tickets of one subject."""
    found.wanted += subject.tickets
    found.made += len(theirs)
    name = f"{subject.kind} {subject.id[:8]}"
    if len(theirs) > subject.tickets:
        keys = ", ".join(ticket["key"] for ticket in theirs)
        found.doubled.append(f"{name}: {keys}")
    if len(theirs) < subject.tickets:
        found.lost.append(f"{name}: no ticket")
    if parked is not subject.parked:
        found.lost.append(f"{name}: {'not ' if subject.parked else ''}parked")
    for ticket in theirs:
        found.lost += [f"{name}, {ticket['key']}: {why}" for why in _wrong(subject, ticket)]
        found.doubled += [f"{name}, {ticket['key']}: {why}" for why in _twice(ticket)]


def _wrong(subject: Subject, ticket: dict[str, Any]) -> list[str]:
    """What about a ticket is not as its rule asks for."""
    found = []
    if ticket["category"] != subject.wanted:
        found.append(f"stands in {ticket['category']}, should in {subject.wanted}")
    if not subject.exact:
        return found
    # The shipped rules name the entity, where the title does not.
    if re.sub(r" \([A-Z.]+\)$", "", ticket["summary"]) != subject.title:
        found.append(f"its summary is {ticket['summary']!r}, should be {subject.title!r}")
    if subject.description not in ticket["description"]:
        found.append(
            f"its description is {ticket['description']!r}, should say {subject.description!r}"
        )
    if not ticket["remote_links"]:
        found.append("no link back")
    if "coalesce-quality" not in ticket["labels"]:
        found.append("its label is missing")
    return found


def _twice(ticket: dict[str, Any]) -> list[str]:
    """Comments and links that are there more than once."""
    found = comments_twice(ticket)
    if len(ticket["remote_links"]) > 1:
        found.append(f"{len(ticket['remote_links'])} links back")
    return found


def comments_twice(ticket: dict[str, Any]) -> list[str]:
    """Comments of ours that are there more than once."""
    markers = Counter(
        comment["properties"][MARKER_PROPERTY]["marker"]
        for comment in ticket["comments"]
        if MARKER_PROPERTY in comment["properties"]
    )
    return [f"comment {marker} {count} times" for marker, count in markers.items() if count > 1]

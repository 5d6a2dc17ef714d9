"""Where people have put subjects: which rules then leave alone, and which tickets were merged.

A placement stands beside the link of a subject to its ticket. As long as it is there, no group, no
incident and no edit of the rules takes the subject off that ticket. A merged ticket remembers the ticket
that it was merged into: whatever its key leads to goes there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sync.store.tables import LinkRow, TicketRow


class How(StrEnum):
    """By which act a subject was put where it is."""

    MERGE = "merge"
    SPLIT = "split"
    LINK = "link"
    FORGET = "forget"


_DONE = {How.MERGE: "merged", How.SPLIT: "split off", How.LINK: "linked", How.FORGET: "forgotten"}


@dataclass(frozen=True, slots=True)
class Placement:
    """Who put a subject on its ticket, when (``at``, in seconds since the epoch), and ``why``, "" where
    nobody said."""

    how: How
    by: str
    at: float
    why: str = ""

    def __str__(self) -> str:
        return f"{_DONE[self.how]} by {self.by}{f': {self.why}' if self.why else ''}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Placement | None:
        """Read back what ``to_json`` wrote."""
        if data is None:
            return None
        return cls(How(data["how"]), str(data["by"]), float(data["at"]), str(data["why"]))


@dataclass(frozen=True, slots=True)
class Merged:
    """Into which ticket (its row id) a ticket was merged, by whom and when. ``close``: the ticket is
    linked with the other as a duplicate, and closed."""

    into: int
    by: str
    at: float
    why: str = ""
    close: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Merged | None:
        """Read back what ``to_json`` wrote."""
        if data is None:
            return None
        into, at, close = int(data["into"]), float(data["at"]), bool(data["close"])
        return cls(into, str(data["by"]), at, str(data["why"]), close)


def of_ticket(session: Session, ticket_id: int) -> dict[str, Placement]:
    """The placements of the subjects on a ticket, by subject."""
    query = select(col(LinkRow.subject), col(LinkRow.placed)).where(
        col(LinkRow.ticket_id) == ticket_id, col(LinkRow.placed).is_not(None)
    )
    found = ((ref, Placement.from_json(data)) for ref, data in session.execute(query))
    return {ref: one for ref, one in found if one is not None}


def counts(session: Session, ticket_ids: Iterable[int]) -> dict[int, int]:
    """How many subjects people have put on each of these tickets; tickets without any are left out."""
    query = select(col(LinkRow.ticket_id)).where(
        col(LinkRow.ticket_id).in_(sorted(set(ticket_ids))), col(LinkRow.placed).is_not(None)
    )
    found: dict[int, int] = {}
    for id_ in session.execute(query).scalars():
        found[id_] = found.get(id_, 0) + 1
    return found


def names(session: Session, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """By row id, the name of each ticket (its Jira key, or ours before it is made) and its site."""
    row = TicketRow
    query = select(col(row.id), col(row.jira_key), col(row.key), col(row.site)).where(
        col(row.id).in_(sorted(set(ids)))
    )
    return {id_: (jira or key, site) for id_, jira, key, site in session.execute(query)}

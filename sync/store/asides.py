"""Tickets that a person took out of our hands: set aside for a while, or forgotten for good.

A walk of such a ticket does nothing, so whatever makes it due (a delivery, an edit of the rules, a
sweep) has no effect until a person asks for another try.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sync.store import journal, tickets
from sync.store.engine import Session
from sync.store.tables import TicketRow


class Aside(StrEnum):
    """``set_aside``: among the parked tickets. ``forget``: followed no more, it stays as it is."""

    SET_ASIDE = "set_aside"
    FORGET = "forget"

    @property
    def words(self) -> str:
        """What the ticket is then."""
        return "set aside" if self is Aside.SET_ASIDE else "forgotten"


REMEDY = "Try it again once it may go on."


def how(row: TicketRow) -> Aside | None:
    """Which of the two a ticket is, None for neither."""
    return Aside(row.aside["how"]) if row.aside else None


def take(
    session: Session, row: TicketRow, aside: Aside, account: str, now: float, why: str = ""
) -> None:
    """Take a locked ticket out of our hands. ``why`` is "" where nobody said."""
    row.aside = {"how": aside.value, "by": account, "at": now}
    mark(row)
    row.due_at, row.error, row.attempts = None, "", 0
    # A walk under way learns of it by the count, and is followed by another, which leaves the ticket.
    row.wanted += 1
    words = f"{aside.words} by {account}{f': {why}' if why else ''}"
    journal.write(
        session, journal.Entry(aside.value, words), at=now, ticket_id=row.id, rule=row.rule
    )


def mark(row: TicketRow) -> None:
    """Let a ticket that was taken out of our hands count as parked, or not, as it was meant."""
    assert row.aside is not None
    fields = (row.parked or {}).get("fields", {})
    kept: dict[str, Any] = {"fields": fields} if fields else {}
    if row.aside["how"] == Aside.SET_ASIDE:
        reason = f"set aside by {row.aside['by']}"
        about = {"reason": reason, "remedy": REMEDY, "words": f"{reason}. {REMEDY}"}
        row.parked, row.parked_at = {**about, "cause": "person", **kept}, row.aside["at"]
    else:
        row.parked, row.parked_at = kept or None, None


def take_up(session: Session, ids: Iterable[int]) -> None:
    """Follow tickets again, as a person asks for."""
    for row in tickets.by_ids(session, ids).values():
        if row.aside is not None:
            if row.aside["how"] == Aside.SET_ASIDE:
                row.parked, row.parked_at = None, None
            row.aside = None

"""Acts: what people do to a ticket, as a source is told it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted, as the tracker shows them: the name for people, and the email address, "" where the
    tracker hides it."""

    name: str
    email: str = ""


class Ability(StrEnum):
    """What a source may let us do to its subjects. Each can be off while the others work."""

    MARK = "mark issues"
    CLEAR = "clear the status of issues"
    COMMENT_ISSUE = "comment on issues"
    MOVE_INCIDENT = "close, cancel and reopen incidents"
    COMMENT_INCIDENT = "comment on incidents"

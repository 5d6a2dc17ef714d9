"""What people and programs did to a ticket, as its tracker tells it: who moved it, who assigned it, who
said what."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Person:
    """An account of the tracker. ``id`` is the one by which a ticket's fields name the account, and
    stays the same when the name changes; ``email`` is "" where the tracker does not show it. A deleted
    account may have a name, or nothing at all."""

    id: str = ""
    name: str = ""
    email: str = ""


class Part(StrEnum):
    """What of a ticket an act changed."""

    STATUS = "status"
    RESOLUTION = "resolution"
    ASSIGNEE = "assignee"


@dataclass(frozen=True, slots=True)
class Act:
    """One change of one part of a ticket, by anybody, ourselves included.

    ``at`` is the tracker's time (seconds since the epoch), whose clock may differ from ours. ``before``
    and ``after`` are ids, "" for none: of a status, of a resolution, of an account. ``called`` is the
    name that ``after`` had then, "" where the tracker does not tell.
    """

    part: Part
    at: float
    who: Person
    before: str
    after: str
    called: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class TicketComment:
    """One comment on a ticket, as it stands now.

    ``text`` is Markdown. ``created`` and ``updated`` are the tracker's times (seconds since the epoch).
    ``restricted``: not everybody who sees the ticket sees the comment, because it is for a role or a
    group, or internal to the team of a service project. ``marker`` is the marker of a comment of ours,
    "" for one that somebody else made. ``url`` leads to the comment.
    """

    id: str
    who: Person
    created: float
    updated: float
    text: str
    restricted: bool = False
    marker: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """What happened to a ticket: the acts, oldest first, and its comments, oldest first.

    ``acts`` begins at a time that the reader chose, and has every act since, unless ``complete`` is
    False: then the tracker does not show the oldest of them. ``comments`` has every comment there is.
    ``read_at`` is when the ticket was read, by our clock (seconds since the epoch); ``address`` is the
    ticket's for people.
    """

    acts: tuple[Act, ...] = ()
    comments: tuple[TicketComment, ...] = ()
    read_at: float = 0.0
    address: str = ""
    complete: bool = True

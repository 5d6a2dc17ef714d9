"""What a channel sends, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


class NotSent(Exception):
    """The message was not taken, or that is not known. ``retry_after``: seconds for which the receiver
    asked to be left alone."""

    def __init__(self, words: str, retry_after: float | None = None) -> None:
        super().__init__(words)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that a message says: ``state`` is new, more, still or over. ``link`` is an address, ""
    for none. ``since`` is in seconds since the epoch."""

    state: str
    kind: str
    words: str
    detail: str
    rule: str
    link: str
    count: int
    since: float


@dataclass(frozen=True, slots=True)
class Letter:
    """A message. ``id`` stays the same when the same news is tried again. ``text`` says all of it,
    ``things`` say it for machines. ``link`` is the address of the pages, "" for none. ``at`` is in
    seconds since the epoch."""

    id: str
    title: str
    text: str
    link: str
    at: float
    things: Sequence[Thing] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Sent:
    """What the receiver said to a message, in words."""

    words: str


class Channel(Protocol):
    """A way to people. Safe to use from one thread at a time."""

    def send(self, letter: Letter) -> Sent:
        """Send a message, once. Raises NotSent."""
        ...

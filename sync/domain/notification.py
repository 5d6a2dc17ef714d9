"""What a channel of notifications is told, and when: a decision without a clock, a store or a network.

A concern is something that needs a person. A channel is told of it once it has stood for a moment,
together with whatever else is new; again when it has become much more, or still stands after a long
while; and once that it is over. Between two messages of a channel lies a gap, whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase

# The kinds of concerns, by which settings route them.
KINDS = {
    "parked": "tickets that are set aside",
    "field": "fields that are set aside, of tickets that are kept",
    "dead": "deliveries that could not be read",
    "edit": "an edit of the rules that waits for a person",
    "rules": "mistakes in the rules on disk",
    "untold": "acts that wait for a person before Coalesce Quality is told",
    "held": "tickets that are held, because both sides turned each other round",
    "site": "a Jira site that is down",
    "pause": "tickets that are left half an hour after a pause was over",
    "silence": "no delivery for a long time",
    "daemon": "the daemon itself does not work",
    "store": "damage in the store",
    "notifications": "another channel of notifications that does not get through",
    "other": "whatever else needs a person",
}
# A concern has become much more when its number is so many times what the channel was told.
MUCH_MORE = 2


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that needs a person now. ``key`` names it as long as it lasts, ``kind`` is one of
    ``KINDS``. ``words`` say what it is, ``detail`` what to do; ``link`` is the path of its page.
    ``rule`` is the rule that it is about, "" for none. ``count`` is how many it is, ``since`` in seconds
    since the epoch, None where that is not known."""

    key: str
    kind: str
    words: str
    detail: str = ""
    link: str = ""
    rule: str = ""
    count: int = 1
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """Which concerns a channel is told of: of these kinds (none: of all), and, where a concern is
    about a rule, of rules with these names (patterns with ``*``; none: of all)."""

    kinds: Sequence[str] = ()
    rules: Sequence[str] = ()

    def takes(self, one: Concern) -> bool:
        """Whether the channel is told of a concern."""
        if self.kinds and one.kind not in self.kinds:
            return False
        if not self.rules or not one.rule:
            return True
        return any(fits(one.rule, pattern) for pattern in self.rules)


def fits(rule: str, pattern: str) -> bool:
    """Whether a rule is called by a pattern: its name, in which ``*`` stands for any text."""
    return fnmatchcase(rule, pattern)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a channel speaks, in seconds. ``wait``: how long a concern must have stood, or have
    been gone, before that is news. ``gap``: between two messages. ``again``: until a concern that
    stays is said again, 0 for never."""

    wait: float = 30.0
    gap: float = 300.0
    again: float = 86_400.0


@dataclass(frozen=True, slots=True)
class Known:
    """What a channel knows of a concern: as it was last said, or first seen. Times are in seconds
    since the epoch. ``said``: when the channel was last told, None for not yet. ``gone``: since when the
    concern is not there, None while it is."""

    kind: str
    words: str
    seen: float
    rule: str = ""
    count: int = 1
    said: float | None = None
    gone: float | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What a channel knows, by the concerns' keys, and when its last message was sent."""

    known: Mapping[str, Known] = field(default_factory=dict)
    sent: float | None = None


class Novelty(StrEnum):
    """What is news of a concern: it is ``NEW``, has become ``MORE``, stands ``STILL``, is ``OVER``."""

    NEW = "new"
    MORE = "more"
    STILL = "still"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class News:
    """One thing that a message says. ``since`` is when the concern began, as far as that is known."""

    how: Novelty
    concern: Concern
    since: float


def noticed(memory: Memory, concerns: Iterable[Concern], now: float) -> Memory:
    """The memory after a look at ``now``: concerns that came are in it, those that went are marked,
    and those that went before they were said are forgotten."""
    there = {one.key: one for one in concerns}
    known = {
        key: replace(one, gone=None if key in there else one.gone or now)
        for key, one in memory.known.items()
        if key in there or one.said is not None
    }
    for key, one in there.items():
        if key not in known:
            known[key] = Known(one.kind, one.words, now, one.rule, one.count)
    return replace(memory, known=known)


def news(memory: Memory, concerns: Sequence[Concern], rhythm: Rhythm, now: float) -> list[News]:
    """What a message would say at ``now``: nothing while there is no news, or the last message was a
    moment ago. ``memory`` has noticed the concerns.

    New concerns wait until one of them has stood for ``rhythm.wait``; then all of them are said, so
    that a hundred that come together are one message.
    """
    if memory.sent is not None and 0 <= now - memory.sent < rhythm.gap:
        return []
    found = [_news(memory.known[one.key], one, rhythm, now) for one in concerns]
    fresh = [one for one in found if one is not None]
    fresh += [
        News(Novelty.OVER, Concern(key, one.kind, one.words, rule=one.rule), one.seen)
        for key, one in memory.known.items()
        if one.gone is not None and now - one.gone >= rhythm.wait
    ]
    ripe = (
        one.how is not Novelty.NEW or now - memory.known[one.concern.key].seen >= rhythm.wait
        for one in fresh
    )
    return fresh if any(ripe) else []


def _news(known: Known, one: Concern, rhythm: Rhythm, now: float) -> News | None:
    since = known.seen if one.since is None else one.since
    if known.said is None:
        return News(Novelty.NEW, one, since)
    if one.count >= known.count * MUCH_MORE:
        return News(Novelty.MORE, one, since)
    if rhythm.again and now - known.said >= rhythm.again:
        return News(Novelty.STILL, one, since)
    return None


def said(memory: Memory, told: Iterable[News], now: float) -> Memory:
    """The memory after a message with this news was sent at ``now``."""
    known = dict(memory.known)
    for one in told:
        concern = one.concern
        if one.how is Novelty.OVER:
            del known[concern.key]
        else:
            known[concern.key] = replace(
                known[concern.key], words=concern.words, count=concern.count, said=now
            )
    return Memory(known, now)

"""The words of a message, the same for every channel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from sync.adapters.notify import Letter, Thing
from sync.domain.notification import News, Novelty
from sync.domain.text import cut, one_line
from sync.domain.times import lasting
from sync.settings import Settings

# So many things are said in full; of further ones the number.
MOST_SAID = 25
# The limits of a thing's texts: words of Jira and of templates may be long.
_WORDS, _DETAIL = 400, 300
# How the things of each novelty are headed.
_HEADS = {
    Novelty.NEW: "New",
    Novelty.MORE: "More than before",
    Novelty.STILL: "Still so",
    Novelty.OVER: "Over",
}


class Wording:
    """Makes messages. ``name`` is what the messages call this ticket-sync, ``url`` the address of its
    pages, "" where there are none or their address is not known."""

    def __init__(self, name: str, url: str) -> None:
        self._name, self._url = name, url

    def letter(self, channel: str, news: Sequence[News], sent: float | None, now: float) -> Letter:
        """The message with this news for a channel, at ``now``; ``sent`` is when its last one was."""
        things = [self._thing(one) for one in news]
        return Letter(
            id=_id(channel, news, sent),
            title=f"{self._name}: {_title(news)}",
            text="\n".join(self._lines(things, now)),
            link=self._url,
            at=now,
            things=things[:MOST_SAID],
        )

    def sample(self, channel: str, now: float) -> Letter:
        """A message by which people see that a channel works."""
        words = f"This is a test of the channel {channel!r}. Nothing is wrong."
        more = f"\n{self._url}" if self._url else ""
        id_ = f"msg_test{hashlib.sha256(f'{channel}{now}'.encode()).hexdigest()[:24]}"
        return Letter(id_, f"{self._name}: a test", words + more, self._url, now)

    def _thing(self, one: News) -> Thing:
        about = one.concern
        over = one.how is Novelty.OVER
        return Thing(
            state=one.how.value,
            kind=about.kind,
            words=cut(one_line(about.words), _WORDS),
            detail="" if over else cut(one_line(about.detail), _DETAIL),
            rule=about.rule,
            link=f"{self._url}{about.link}" if self._url and about.link and not over else "",
            count=about.count,
            since=one.since,
        )

    def _lines(self, things: Sequence[Thing], now: float) -> Iterator[str]:
        shown = things[:MOST_SAID]
        for how, head in _HEADS.items():
            some = [one for one in shown if one.state == how]
            if not some:
                continue
            yield f"{head}:"
            for one in some:
                yield f"• {one.words}{_when(one, now)}"
                yield from (f"  {text}" for text in (one.detail, one.link) if text)
        if more := len(things) - len(shown):
            yield f"… and {more} more."
        if self._url:
            yield f"\nAll that needs a person: {self._url}/"
        else:
            yield "\n`ticket-sync status` and `ticket-sync parked` say more."


def wording_of(settings: Settings) -> Wording:
    """The words for a configuration."""
    web = settings.web
    name = f"ticket-sync ({web.title})" if web.title else "ticket-sync"
    return Wording(name, "" if web.login == "off" else web.url)


def _when(one: Thing, now: float) -> str:
    if one.state == Novelty.OVER:
        return f" (it lasted {lasting(max(0.0, now - one.since))})"
    return f" (for {lasting(now - one.since)})" if now - one.since >= 120 else ""


def _title(news: Sequence[News]) -> str:
    ended = sum(one.how is Novelty.OVER for one in news)
    stand = len(news) - ended
    if not stand:
        return "one thing is over" if ended == 1 else f"{ended} things are over"
    if stand == 1:
        first = next(one for one in news if one.how is not Novelty.OVER)
        said = cut(one_line(first.concern.words), 100)
    else:
        said = f"{stand} things need a person"
    return f"{said}; {ended} over" if ended else said


def _id(channel: str, news: Sequence[News], sent: float | None) -> str:
    """A name for a message, the same for each try at the same news."""
    about = [channel, sent, sorted([one.how.value, one.concern.key] for one in news)]
    return f"msg_{hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]}"

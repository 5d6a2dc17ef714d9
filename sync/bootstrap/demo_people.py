"""People in the demo who act on both sides of one ticket after the other, and what must come of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sync.domain.ticket import marker_label
from sync.sandbox.coalesce import CoalesceSandbox, Stream
from sync.sandbox.jira import JiraSandbox
from sync.store.happenings import Happening

ELSA = {"name": "Elsa", "email": {"user_email": "elsa@example.com"}}
# Seconds: between two scenes, between looks for the ticket, and how long the ticket may take. Where the
# delivery was lost on the way, it takes until the next sweep, and people go on to another issue.
_PAUSE = 4.0
_TICK = 0.1
_PATIENCE = 2.5


@dataclass(slots=True)
class Scene:
    """What people did about one issue: ``said`` on the ticket, ``answered`` upstream, ``closed`` in
    Jira. Empty for what they did not come to."""

    issue: str
    key: str = ""
    said: str = ""
    answered: str = ""
    closed: bool = False

    @property
    def acts(self) -> int:
        """How many acts are to arrive on the other side."""
        return bool(self.said) + bool(self.answered) + self.closed


class People:
    """One person in Jira and one upstream, who deal with an issue of their own at a time. ``stream``
    leaves these issues alone."""

    def __init__(self, upstream: CoalesceSandbox, jira: JiraSandbox, stream: Stream) -> None:
        self._upstream = upstream
        self._jira = jira
        self._stream = stream
        self._lock = threading.Lock()
        self._news: list[Happening] = []
        self.scenes: list[Scene] = []

    def run(self, quiet: threading.Event) -> None:
        """Play scenes until ``quiet`` is set. A scene that has begun is played to its end."""
        while not quiet.is_set():
            if self._play():
                quiet.wait(_PAUSE)

    def happened(self) -> list[Happening]:
        """What people did since the last call."""
        with self._lock:
            found, self._news = self._news, []
            return found

    def _play(self) -> bool:
        """Play a scene; whether there was a ticket to play it with."""
        number = len(self.scenes) + 1
        with self._upstream.lock:
            issue = self._upstream.open_issue()
            self._stream.apart.add(issue.id)
        scene = Scene(issue.id)
        self.scenes.append(scene)
        scene.key = self._ticket(issue.id)
        if not scene.key:
            return False
        person, name = self._jira.person, self._jira.person.user.display_name
        text = f"Case {number}: the loader was down."
        person.comment(scene.key, text)
        scene.said = text
        self._tell(scene.key, f"{name} says in Jira: {text}")
        text = f"Thank you for case {number}."
        self._upstream.comment(issue.id, text, ELSA)
        scene.answered = text
        self._tell(scene.key, f"Elsa says upstream: {text}")
        person.transition(scene.key, "Done")
        scene.closed = True
        self._tell(scene.key, f"{name} closes the ticket in Jira")
        return True

    def _ticket(self, issue_id: str) -> str:
        """The key of the issue's ticket once the ticket is there and announced upstream, "" where that
        takes too long."""
        label, until = marker_label(f"coalesce:issue:{issue_id}"), time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            found = self._jira.find_marker(label)
            if found and self._upstream.issues[issue_id].remarks:
                return found[0].key
            time.sleep(_TICK)
        return ""

    def _tell(self, key: str, words: str) -> None:
        with self._lock:
            self._news.append(Happening(time.time(), "person", key, words))


def untold(scenes: Sequence[Scene], upstream: CoalesceSandbox, jira: JiraSandbox) -> Iterator[str]:
    """Every act of the scenes that did not arrive on the other side just once, in words."""
    for one in scenes:
        if not one.key:
            continue
        issue, ticket = upstream.issues[one.issue], jira.ticket(one.key)
        heard = _times(one.said, [remark.message for remark in issue.remarks])
        if heard != 1:
            yield f"{one.key}: what was said in Jira is upstream {heard} times"
        copied = _times(one.answered, [comment.text for comment in ticket.comments])
        if copied != 1:
            yield f"{one.key}: what was said upstream is on the ticket {copied} times"
        if one.closed and issue.status != "fixed":
            mark = issue.status or "not at all"
            yield f"{one.key} was closed in Jira, but its issue is marked {mark}"


def _times(words: str, texts: Iterable[str]) -> int:
    """In how many texts the words are; 1 for no words, which need not be anywhere."""
    return sum(words in text for text in texts) if words else 1

"""Subjects with a life each, their deliveries in every form there is, and where each must end."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.domain.ticket import marker_label
from sync.sandbox.coalesce.samples import sample_event
from sync.sandbox.coalesce.subjects import nanos, rfc3339
from sync.sandbox.coalesce.webhook_body import FORMATS, encode, render

# The category that a status leads to with the rules that are shipped.
CATEGORY = {
    "": "new",
    "investigating": "indeterminate",
    "expected": "done",
    "fixed": "done",
    "no_action_needed": "done",
    "closed": "done",
    "cancelled": "done",
}
_LIVES = (
    ("",),
    ("", "investigating"),
    ("", "fixed"),
    ("", "investigating", "fixed", "closed"),
    ("", "closed"),
    ("", "expected", "closed"),
    ("", "closed", ""),
    ("", "investigating", "no_action_needed"),
)
_INCIDENTS = (("",), ("", "closed"), ("", "cancelled"))


@dataclass(slots=True)
class Subject:
    """One issue or incident. ``bodies`` are its deliveries in the order they happened."""

    kind: str
    id: str
    title: str = ""
    description: str = ""
    status: str = ""
    # What follows the description in each delivery.
    more: str = ""
    bodies: list[bytes] = field(default_factory=list)
    # Rows change these where a person or a broken rule changes what is right.
    category: str = ""
    tickets: int = 1
    parked: bool = False
    exact: bool = True

    @property
    def ref(self) -> str:
        return f"coalesce:{self.kind}:{self.id}"

    @property
    def label(self) -> str:
        """The marker label of its ticket."""
        return marker_label(self.ref)

    @property
    def wanted(self) -> str:
        """The category its ticket must end in."""
        return self.category or CATEGORY[self.status]


class Traffic:
    """Makes subjects; the same seed makes the same ones, but for their times."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self._clock = time.time() - 3600

    def subject(
        self,
        life: Sequence[str] | None = None,
        *,
        kind: str = "",
        events: int = 0,
        title: str = "",
        more: str = "",
    ) -> Subject:
        """A subject that goes through these statuses, with ``events`` deliveries (at least one a
        status)."""
        kind = kind or ("incident" if self.random.random() < 0.15 else "issue")
        life = life or self.random.choice(_INCIDENTS if kind == "incident" else _LIVES)
        made = Subject(kind, str(uuid.UUID(int=self.random.getrandbits(128), version=4)))
        made.more = more
        made.title = title or f"orders_{self.random.randrange(10**6)} is stale"
        happened = list(life) + [life[-1]] * max(0, events - len(life))
        for place, status in enumerate(happened):
            self.tell(made, status, first=place == 0, again=place >= len(life))
        return made

    def subjects(self, count: int, *, events: int = 0) -> list[Subject]:
        """So many, of all lives."""
        return [self.subject(events=events) for _ in range(count)]

    def tell(
        self,
        subject: Subject,
        status: str,
        *,
        first: bool = False,
        again: bool = False,
        retitle: bool = True,
    ) -> bytes:
        """One more delivery of a subject: it now has this status. Returns the body."""
        self._clock += self.random.uniform(0.01, 1.0)
        number = len(subject.bodies)
        if not again or subject.kind == "issue":
            subject.description = f"Seen {number} times, last by check {subject.id[:8]}-{number}."
        if number and retitle and self.random.random() < 0.3:
            subject.title = f"{subject.title.partition(' (')[0]} ({number})"
        name = _event_type(subject.kind, status, first=first, changed=status != subject.status)
        event = sample_event(name, subject=subject.id, title=subject.title, now=self._clock)
        event["event_id"] = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        message = event[subject.kind]
        description = f"{subject.description}\n\n{subject.more}".rstrip()
        message |= {"title": subject.title, "description": description}
        message.pop("status", None)
        if subject.kind == "issue":
            if status not in ("", "closed"):
                message["status"] = status
            message.pop("ended_at", None)
        if status in ("closed", "cancelled"):
            message["ended_at"] = rfc3339(nanos(self._clock))
        elif subject.kind == "incident":
            message.pop("ended_at", None)
        subject.status = status
        body = encode(render(event, self.random.choice(FORMATS)))
        subject.bodies.append(body)
        return body

    def shuffled(self, bodies: Sequence[bytes], *, duplicates: float = 0.0) -> list[bytes]:
        """In any order, some of them twice."""
        found = list(bodies)
        found += self.random.choices(found, k=round(len(found) * duplicates)) if found else []
        self.random.shuffle(found)
        return found

    def interleaved(self, subjects: Sequence[Subject]) -> list[bytes]:
        """All deliveries, each subject's in its own order."""
        queues = [list(reversed(one.bodies)) for one in subjects]
        found = []
        while queues:
            queue = self.random.choice(queues)
            found.append(queue.pop())
            if not queue:
                queues.remove(queue)
        return found


def _event_type(kind: str, status: str, *, first: bool, changed: bool) -> str:
    if kind == "incident":
        return {"closed": "incident_closed", "cancelled": "incident_cancelled"}.get(
            status, "incident_open"
        )
    if status == "closed":
        return "issue_closed"
    if first:
        return "issue_created"
    return "issue_status_updated" if changed and status else "issue_updated"


def hostile(random_: random.Random) -> list[bytes]:
    """Bodies that nobody should send; each is signed all the same."""
    deep = b'{"a":' * 20_000 + b"1" + b"}" * 20_000
    wrong: list[Any] = [None, True, 17, -1e308, 10**400, [], ["x"], {}, {"a": {"b": []}}, "\ud800"]

    def event(**fields: Any) -> bytes:
        base = {"event_id": str(random_.getrandbits(64)), "event_type": "EVENT_TYPE_ISSUE_CREATED"}
        return json.dumps(base | fields).encode()

    found = [
        b"", b"\x00" * 1000, b"\xff\xfe\xfd", b"[]", b"null", b'"text"', b"{", b"<html></html>", deep,
        b'{"event_id":"\xed\xa0\x80"}', b'{"event_type":99999999999999999999999999}',
    ]  # fmt: skip
    found += [event(issue_created=value) for value in wrong]
    found += [event(issue_created={"issue": value}) for value in wrong]
    found += [event(issue_created={"issue": {"issue_id": value}}) for value in wrong]
    found += [event(event_time=value, issue_created={"issue": {}}) for value in wrong]
    found += [json.dumps({"event_id": value, "event_type": value}).encode() for value in wrong]
    found.append(event(issue_created={"issue": {"title": "x" * 900_000}}))
    return found


# Titles that must arrive as they are, or as near as Jira's fields allow.
HOSTILE_TITLES = (
    "{{ 7 * 7 }} {% for x in range(10**9) %}x{% endfor %}",
    "<script>alert(1)</script><b>bold</b>",
    '" OR project = "HR" ORDER BY created -- \\',
    "{code}{panel:title=x}h1. [~admin] !http://x!",
    "nul \x00 bell \x07 escape \x1b[31m end",
    "two\nlines\r\nand\ttabs",
    "\u202eright to left\u202c and 🦄 and e\u0301",
    "x" * 5_000,
)
Check = Callable[[Subject, dict[str, Any]], str]

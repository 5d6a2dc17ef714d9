"""An invented source, in one file: monitors that send one text for all that happened in a minute.

``beacon 1790000000 minute-7``, then a line for each event: ``raise`` or ``clear``, the name of the
monitor, and what it says. The header ``beacon-mac`` signs the text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sync.domain.errors import Unreadable
from sync.domain.payload import empty_issue
from sync.domain.subject import Event, EventType, Kind, Snapshot, Status, SubjectRef
from sync.ports import Authenticity

KEY = b"a key of its own"
EVENTS = {
    "raise": (EventType.ISSUE_CREATED, Status.OPEN),
    "clear": (EventType.ISSUE_CLOSED, Status.CLOSED),
}


def mac(body: bytes) -> str:
    """The signature of a body."""
    return hashlib.blake2b(body, key=KEY).hexdigest()


class BeaconSource:
    """Implements ``ports.Source``."""

    name = "beacon"

    def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Authenticity:
        """Check the signature."""
        right = headers.get("beacon-mac") == mac(body)
        return Authenticity(right, "" if right else "the mac is wrong")

    def identify(self, body: bytes) -> tuple[str, str]:
        """The minute, which has no type."""
        return body.decode("utf-8", "replace").split("\n")[0].rpartition(" ")[2], ""

    def read(self, body: bytes) -> list[Event]:
        """An event for each line after the first. Raises Unreadable."""
        head, *lines = body.decode().splitlines()
        word, seconds, minute = head.split(" ")
        if word != "beacon":
            raise Unreadable("the first word is not beacon")
        return [_event(line, int(seconds) * 10**9, f"{minute}/{line}") for line in lines]


def _event(line: str, time: int, id_: str) -> Event:
    verb, monitor, words = line.split(" ", 2)
    type_, status = EVENTS[verb]
    payload = {**empty_issue(), "issue_id": monitor, "title": words, "told_at": time}
    ref = SubjectRef(BeaconSource.name, Kind.ISSUE, monitor)
    snapshot = Snapshot(ref, "plant", status, type_, time, id_, payload)
    return Event(id_, type_, time, "plant", snapshot)

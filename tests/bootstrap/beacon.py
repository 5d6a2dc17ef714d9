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


class BeaconMac:
    """Implements ``ports.Verifier``."""

    def __init__(self, given: str | None) -> None:
        self._given = given
        self._mac = hashlib.blake2b(key=KEY)

    def update(self, part: bytes) -> None:
        """Go on."""
        self._mac.update(part)

    def verdict(self, now: float) -> Authenticity:
        """Compare."""
        right = self._given == self._mac.hexdigest()
        return Authenticity(right, "" if right else "the mac is wrong")


class BeaconSource:
    """Implements ``ports.Source``."""

    name = "beacon"

    def verifier(self, headers: Mapping[str, str]) -> BeaconMac:
        """Begin to check the signature."""
        return BeaconMac(headers.get("beacon-mac"))

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

    def outline(self, head: bytes) -> Event:
        """The minute, and the monitor of the first line."""
        first, _, rest = head.decode("utf-8", "ignore").partition("\n")
        minute = first.rpartition(" ")[2] if rest else ""
        named = rest.split(" ")[1] if rest.count(" ") > 1 else ""
        about = SubjectRef(self.name, Kind.ISSUE, named) if named else None
        return Event(minute, EventType.UNKNOWN, 0, "plant", about=about)


def _event(line: str, time: int, id_: str) -> Event:
    verb, monitor, words = line.split(" ", 2)
    type_, status = EVENTS[verb]
    payload = {**empty_issue(), "issue_id": monitor, "title": words, "told_at": time}
    ref = SubjectRef(BeaconSource.name, Kind.ISSUE, monitor)
    snapshot = Snapshot(ref, "plant", status, type_, time, id_, payload)
    return Event(id_, type_, time, "plant", snapshot)

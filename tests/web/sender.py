"""A small sender with real signatures, and the receiving side that checks them."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping

from sync.domain.errors import Unreadable
from sync.domain.subject import Event, EventType
from sync.ports import Authenticity

SECRET = b"a secret for tests"
PATH = "/webhooks/coalesce"


class HmacVerifier:
    """The check of one body."""

    def __init__(self, given: str) -> None:
        self._given = given
        self._mac = hmac.new(SECRET, b"", hashlib.sha256)

    def update(self, part: bytes) -> None:
        """The next part."""
        self._mac.update(part)

    def verdict(self, now: float) -> Authenticity:
        """Whether the body was signed."""
        if not self._given:
            return Authenticity(False, "no signature at all")
        wanted = self._mac.hexdigest().encode()
        right = hmac.compare_digest(self._given.encode("latin-1"), wanted)
        return Authenticity(right, "" if right else "the digest differs")


class HmacSource:
    """Verifies one HMAC over the raw body; the event id is the JSON field of that name."""

    name = "coalesce"

    def verifier(self, headers: Mapping[str, str]) -> HmacVerifier:
        """Check the header ``x-signature``."""
        return HmacVerifier(headers.get("x-signature", ""))

    def identify(self, body: bytes) -> tuple[str, str]:
        """The event's id and type; ``{"explode": true}`` makes it fail."""
        try:
            read = json.loads(body)
            if read.get("explode"):
                raise RuntimeError("explode")
            return str(read.get("event_id", "")), str(read.get("event_type", ""))
        except (ValueError, AttributeError, RecursionError):
            return "", ""

    def read(self, body: bytes) -> list[Event]:
        """Nothing is readable here."""
        raise Unreadable(f"{len(body)} bytes")

    def outline(self, head: bytes) -> Event:
        """The event's id."""
        found = re.match(rb'{"event_id": "([^"]*)"', head)
        return Event(found[1].decode() if found else "", EventType.UNKNOWN, 0, "")


def sign(body: bytes) -> str:
    """The signature of a body."""
    return hmac.new(SECRET, body, hashlib.sha256).hexdigest()


def event(event_id: str, *, size: int = 0) -> bytes:
    """A body, filled up to ``size`` bytes."""
    fields = {"event_id": event_id, "event_type": "EVENT_TYPE_ISSUE_CREATED", "fill": ""}
    fields["fill"] = "x" * max(0, size - len(json.dumps(fields)))
    return json.dumps(fields).encode()


def request(body: bytes, *, headers: str = "", signature: str | None = None) -> bytes:
    """A whole signed HTTP request."""
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n"
        f"X-Signature: {sign(body) if signature is None else signature}\r\n{headers}\r\n"
    ).encode("latin-1") + body


def chunked(body: bytes, *, size: int = 65536) -> bytes:
    """The same with the body in chunks and no length."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n"
        f"X-Signature: {sign(body)}\r\n\r\n"
    ).encode()
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return head + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"

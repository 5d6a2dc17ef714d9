"""Signed deliveries of a usual size, and the source that checks them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

import msgspec

from sync.domain.errors import Unreadable
from sync.domain.subject import Event
from sync.ports import Authenticity

SECRET = b"benchmark"
PATH = "/webhooks/benchmark"
STAMP = "1700000000"


class _Head(msgspec.Struct):
    event_id: str = ""
    event_type: str = ""


class BenchVerifier:
    """The check of one body."""

    def __init__(self, given: str) -> None:
        self._given = given
        self._mac = hmac.new(SECRET, f"{STAMP}.".encode(), hashlib.sha256)

    def update(self, part: bytes) -> None:
        """Go on."""
        self._mac.update(part)

    def verdict(self, now: float) -> Authenticity:
        """Compare."""
        return Authenticity(hmac.compare_digest(self._given, f"v1={self._mac.hexdigest()}"))


class BenchSource:
    """Verifies an HMAC-SHA256 over timestamp and raw body, as Coalesce Quality signs."""

    name = "benchmark"

    def __init__(self) -> None:
        self._head = msgspec.json.Decoder(_Head)

    def verifier(self, headers: Mapping[str, str]) -> BenchVerifier:
        """Begin to check the signature."""
        return BenchVerifier(headers.get("x-coalesce-signature", ""))

    def identify(self, body: bytes) -> tuple[str, str]:
        """Event id and type."""
        head = self._head.decode(body)
        return head.event_id, head.event_type

    def read(self, body: bytes) -> list[Event]:
        """Nothing reads here."""
        raise Unreadable(f"{len(body)} bytes")

    def outline(self, head: bytes) -> Event:
        """No body is cut here."""
        raise Unreadable(f"the head of a body, {len(head)} bytes")


def _sign(body: bytes) -> str:
    return "v1=" + hmac.new(SECRET, STAMP.encode() + b"." + body, hashlib.sha256).hexdigest()


def request(body: bytes, headers: Mapping[str, str], *, path: str = PATH) -> bytes:
    """A whole request."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{lines}\r\n"
    ).encode() + body


def prepare(count: int, *, size: int) -> list[bytes]:
    """Whole requests, each of an event of its own, with bodies of about ``size`` bytes."""
    fill = "x" * max(0, size - 90)
    made = []
    for number in range(count):
        body = (
            f'{{"event_id":"e{number}","event_type":"EVENT_TYPE_ISSUE_CREATED",'
            f'"description":"{fill}"}}'
        ).encode()
        signed = {"X-Coalesce-Timestamp": STAMP, "X-Coalesce-Signature": _sign(body)}
        made.append(request(body, signed))
    return made

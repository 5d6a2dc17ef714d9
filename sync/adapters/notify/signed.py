"""A webhook for a program: JSON, signed as Standard Webhooks are.

Three headers: ``webhook-id`` (the same for each try of one message), ``webhook-timestamp`` (Unix
seconds) and ``webhook-signature`` (``v1,`` and HMAC-SHA256 over ``id.timestamp.body`` in base64).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import asdict
from datetime import UTC, datetime

from sync.adapters.notify.channel import Letter, Sent
from sync.adapters.notify.http import HttpAccess, post

_PREFIX = "whsec_"


class SignedChannel:
    """Posts what happened, for machines."""

    def __init__(self, access: HttpAccess, secret: str) -> None:
        self._access = access
        self._secret = secret

    def send(self, letter: Letter) -> Sent:
        """Send a message. Raises NotSent."""
        body = json.dumps(content(letter)).encode()
        return post(self._access, body, signed_headers(self._secret, letter.id, letter.at, body))


def content(letter: Letter) -> dict[str, object]:
    """The body of a message as data."""
    return {
        "type": "ticket_sync.notification",
        "timestamp": datetime.fromtimestamp(letter.at, UTC).isoformat(),
        "data": {
            "title": letter.title,
            "text": letter.text,
            "link": letter.link or None,
            "things": [
                {**asdict(one), "since": datetime.fromtimestamp(one.since, UTC).isoformat()}
                for one in letter.things
            ],
        },
    }


def signed_headers(secret: str, id_: str, at: float, body: bytes) -> dict[str, str]:
    """The headers that prove who sent a body at a time (seconds since the epoch)."""
    stamp = str(int(at))
    signed = f"{id_}.{stamp}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": id_,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def key_of(secret: str) -> bytes:
    """The bytes that sign: those after ``whsec_`` in base64, or the secret itself."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()

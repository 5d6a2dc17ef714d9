"""Signatures of deliveries: HMAC-SHA256 over the time of signing and the raw body.

Two headers, ``X-Coalesce-Timestamp`` (Unix seconds) and ``X-Coalesce-Signature`` (items
``scheme=value`` separated by spaces; any valid ``v1`` passes, however many there are: the receiver
bounds the headers). What is signed is
``"<timestamp>." + body``, with the timestamp exactly as the header has it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence

from sync.ports import Verdict

TIMESTAMP = "x-coalesce-timestamp"
SIGNATURE = "x-coalesce-signature"
SCHEME = "v1"

# Retries reuse the first timestamp for up to about 30 minutes.
REPLAY_WINDOW = 45 * 60.0
CLOCK_SKEW = 5 * 60.0

# Until the year 5138. ASCII digits only: int() would also take "１７", "+5", " 5" and "1_0".
_SECONDS = re.compile(r"[0-9]{1,11}\Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-fA-F]{64}\Z", re.ASCII)


def sign(secret: str, timestamp: int | str, body: bytes) -> str:
    """The ``v1=…`` item for a body signed at ``timestamp`` (Unix seconds)."""
    return f"{SCHEME}={_digest(secret, str(timestamp), body)}"


def signed_headers(secret: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
    """The headers of a delivery signed at ``at`` (seconds since the epoch; by default now)."""
    timestamp = str(int(time.time() if at is None else at))
    return {
        "X-Coalesce-Timestamp": timestamp,
        "X-Coalesce-Signature": sign(secret, timestamp, body),
    }


def check(
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    *,
    replay_window: float = REPLAY_WINDOW,
    clock_skew: float = CLOCK_SKEW,
) -> Verdict:
    """Whether one of the secrets signed this body, recently. Never raises.

    Every item is compared with every secret in constant time, so that the time it takes tells
    nothing about which of them, or how much of it, was right.
    """
    timestamp, signature = header(headers, TIMESTAMP), header(headers, SIGNATURE)
    if not secrets:
        return Verdict(False, "no signing secret is configured")
    if not signature:
        return Verdict(False, "no signature header")
    if not timestamp:
        return Verdict(False, "no timestamp header")
    if not _SECONDS.match(timestamp):
        return Verdict(False, "the timestamp is not a number of seconds")
    items = [item.partition("=") for item in signature.split()]
    values = [value for scheme, _, value in items if scheme == SCHEME and _DIGEST.match(value)]
    if not values:
        return Verdict(False, f"the signature header has no {SCHEME} item")
    valid = False
    for secret in secrets:
        wanted = _digest(secret, timestamp, body)
        for value in values:
            valid |= hmac.compare_digest(wanted, value.lower())
    if not valid:
        return Verdict(False, "the signature fits none of the secrets")
    age = now - int(timestamp)
    # Written so that a ``now`` that is not a number lets nothing pass.
    if not age <= replay_window:
        return Verdict(False, f"signed {age:.0f} seconds ago, outside the replay window")
    if not age >= -clock_skew:
        return Verdict(False, f"signed {-age:.0f} seconds ahead of our clock")
    return Verdict(True)


def header(headers: Mapping[str, str], name: str) -> str:
    """A header by its lower-case name, whatever the case it came in; "" where there is none."""
    value = headers.get(name)
    if value is None:
        value = next((v for k, v in headers.items() if k.lower() == name), "")
    return value


def _digest(secret: str, timestamp: str, body: bytes) -> str:
    # A secret or timestamp with half of a surrogate pair cannot be encoded otherwise.
    key = secret.encode("utf-8", "surrogatepass")
    prefix = timestamp.encode("utf-8", "surrogatepass") + b"."
    mac = hmac.new(key, prefix, hashlib.sha256)
    mac.update(body)
    return mac.hexdigest()

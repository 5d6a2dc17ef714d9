"""Signatures of deliveries: HMAC-SHA256 over the time of signing and the raw body.

Two headers, ``X-Coalesce-Timestamp`` (Unix seconds) and ``X-Coalesce-Signature`` (items
``scheme=value`` separated by spaces; one valid ``v1`` item is enough; the web server limits how many
there can be). The signed bytes are ``"<timestamp>." + body``, with the timestamp exactly as in the
header.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync.ports import Authenticity

TIMESTAMP = "x-coalesce-timestamp"
SIGNATURE = "x-coalesce-signature"
SCHEME = "v1"

# Seconds. Retries carry the timestamp of the first attempt for up to about 30 minutes.
REPLAY_WINDOW = 45 * 60.0
CLOCK_SKEW = 5 * 60.0

# Seconds until the year 5138, in ASCII digits: int() alone would also accept "１７", "+5" and "1_0".
_SECONDS = re.compile(r"[0-9]{1,11}\Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-fA-F]{64}\Z", re.ASCII)


def sign(secret: str, timestamp: int | str, body: bytes) -> str:
    """The ``v1=…`` item for a body signed at ``timestamp`` (Unix seconds)."""
    mac = _mac(secret, str(timestamp))
    mac.update(body)
    return f"{SCHEME}={mac.hexdigest()}"


def signed_headers(secret: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
    """The headers of a delivery signed at ``at`` (seconds since the epoch; by default now)."""
    timestamp = str(int(time.time() if at is None else at))
    return {
        "X-Coalesce-Timestamp": timestamp,
        "X-Coalesce-Signature": sign(secret, timestamp, body),
    }


@dataclass(frozen=True, slots=True)
class SignaturePolicy:
    """What signatures are accepted: by any of the secrets, and of which age in seconds."""

    secrets: Sequence[str] = ()
    replay_window: float = REPLAY_WINDOW
    clock_skew: float = CLOCK_SKEW


class SignatureCheck:
    """Whether one of the secrets signed a body, recently (implements ``ports.Verifier``)."""

    def __init__(self, policy: SignaturePolicy, headers: Mapping[str, str]) -> None:
        timestamp, signature = header(headers, TIMESTAMP), header(headers, SIGNATURE)
        items = [item.partition("=") for item in signature.split()]
        self._values = [
            v.lower() for scheme, _, v in items if scheme == SCHEME and _DIGEST.match(v)
        ]
        self._policy = policy
        self._timestamp = timestamp
        self._reason = ""
        if not policy.secrets:
            self._reason = "no signing secret is configured"
        elif not signature:
            self._reason = "no signature header"
        elif not timestamp:
            self._reason = "no timestamp header"
        elif not _SECONDS.match(timestamp):
            self._reason = "the timestamp is not a number of seconds"
        elif not self._values:
            self._reason = f"the signature header has no {SCHEME} item"
        secrets = () if self._reason else policy.secrets
        self._macs = [_mac(secret, timestamp) for secret in secrets]

    def update(self, part: bytes) -> None:
        """Go on with the next part of the body."""
        for mac in self._macs:
            mac.update(part)

    def verdict(self, now: float) -> Authenticity:
        """Whether the parts so far were signed."""
        reason = self._reason
        if not reason and not self._signed():
            reason = "the signature fits none of the secrets"
        reason = reason or _untimely(self._policy, now - int(self._timestamp))
        return Authenticity(not reason, reason)

    def _signed(self) -> bool:
        """Whether a value is the digest by one of the secrets.

        Every value is compared with every secret in constant time, so that the duration does not reveal
        which of them matches, or how much of a value is right.
        """
        valid = False
        wanted = [mac.hexdigest() for mac in self._macs]
        for digest, value in itertools.product(wanted, self._values):
            valid |= hmac.compare_digest(digest, value)
        return valid


def _untimely(policy: SignaturePolicy, age: float) -> str:
    """Why a signature of this age (seconds) is not accepted, "" if it is."""
    # The comparisons are negated because each is False for a NaN, which must not pass.
    if not age <= policy.replay_window:
        return f"signed {age:.0f} seconds ago, outside the replay window"
    if not age >= -policy.clock_skew:
        return f"signed {-age:.0f} seconds ahead of our clock"
    return ""


def header(headers: Mapping[str, str], name: str) -> str:
    """A header by its lower-case name, in whatever case it was sent; "" if there is none."""
    value = headers.get(name)
    if value is None:
        value = next((v for k, v in headers.items() if k.lower() == name), "")
    return value


def _mac(secret: str, timestamp: str) -> hmac.HMAC:
    # Half of a surrogate pair in a secret or timestamp cannot be encoded otherwise.
    key = secret.encode("utf-8", "surrogatepass")
    return hmac.new(key, timestamp.encode("utf-8", "surrogatepass") + b".", hashlib.sha256)

"""The proof that a webhook comes from the site: a signature, or a secret that is sent along.

Jira Cloud and Data Center 10 sign the raw body with HMAC: ``X-Hub-Signature: <method>=<hex>``. The
header names the method, because Atlassian reserves the right to change the method. Jira Automation
cannot sign, but sends headers. Data Center before version 10 can do neither: all that can be set up
there is a secret in the address, as the password of a user or as the last part of the path.

The time is not signed, so a webhook can be replayed. A replay makes the daemon read a ticket once more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from sync.ports import Authenticity

SIGNATURE = "x-hub-signature"
# Our choice: the header for those who can send headers and cannot sign.
HEADER = "X-Ticket-Sync-Secret"

# SHA-1 is left out: Jira never signed with SHA-1, and SHA-1 is too weak to begin with.
_METHODS = {
    name: (getattr(hashlib, name), re.compile(rf"[0-9a-f]{{{size // 4}}}"))
    for name, size in (("sha256", 256), ("sha384", 384), ("sha512", 512))
}


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """How the webhooks of a site prove where they come from.

    ``signing`` are the secrets of signatures, ``sent`` those that are sent along. Any of them will do,
    so that they can be rotated. ``unsigned``: a webhook without any proof passes too. A proof that is
    there must be right, if there is a secret to hold it against.
    """

    signing: Sequence[str] = field(default=(), repr=False)
    sent: Sequence[str] = field(default=(), repr=False)
    unsigned: bool = False


class Proof:
    """Whether one webhook comes from the site (implements ``ports.Verifier``)."""

    def __init__(self, secrets: WebhookSecrets, headers: Mapping[str, str], in_path: str) -> None:
        """``headers`` has lower-case names. ``in_path`` is what follows the site in the path."""
        self._unsigned = secrets.unsigned
        # Anybody can sign with an empty key, and anybody can send an empty secret.
        self._signing = [*filter(None, secrets.signing)]
        self._secrets = [*map(_digest, filter(None, secrets.sent))]
        self._named = _signatures(headers.get(SIGNATURE, ""))
        self._given = [(how, value) for how, value in self._named if _is_taken(how, value)]
        # Where the header has several signatures by one method, the method is worked out once.
        self._macs = [
            (how, hmac.new(_encoded(secret), digestmod=_METHODS[how][0]))
            for how, secret in product(sorted({how for how, _ in self._given}), self._signing)
        ]
        sent = (headers.get(HEADER.lower(), ""), _password(headers), in_path)
        self._sent = [*map(_digest, filter(None, sent))]

    def update(self, part: bytes) -> None:
        """Go on with the next part of the body."""
        for _, mac in self._macs:
            mac.update(part)

    def verdict(self, now: float) -> Authenticity:
        """Whether a signature fits the body so far, or a secret that was sent is one of ours."""
        # Both are always worked out, so that the duration does not tell which of them was right.
        signed, known = self._signed(), self._known()
        if signed or known:
            return Authenticity(True)
        reason = self._reason()
        return Authenticity(not reason, reason or "webhooks without a proof are allowed")

    def _signed(self) -> bool:
        valid = False
        for (by, mac), (method, value) in product(self._macs, self._given):
            valid |= hmac.compare_digest(mac.hexdigest(), value) and by == method
        return valid

    def _known(self) -> bool:
        valid = False
        for secret, sent in product(self._secrets, self._sent):
            valid |= hmac.compare_digest(secret, sent)
        return valid

    def _reason(self) -> str:
        """Why a webhook whose proof is not right does not pass; "" where it passes without one."""
        if self._sent and self._secrets:
            return "the secret that was sent fits none of webhook_header_secrets"
        if self._macs:
            return "the signature fits none of webhook_secrets"
        if self._named and self._signing:
            return f"the signature is by no method that is taken ({', '.join(_METHODS)})"
        if self._unsigned:
            return ""
        if self._named or self._sent:
            which = "webhook_secrets" if self._named else "webhook_header_secrets"
            return f"there is nothing to check its proof with: set {which} of the site"
        return "it has neither a signature nor a secret"


def _signatures(header: str) -> list[tuple[str, str]]:
    """The signatures in a header, each as the name of its method and its value."""
    items = [item.partition("=") for item in re.split(r"[\s,]+", header.lower())]
    return [(how, value) for how, equals, value in items if equals]


def _is_taken(how: str, value: str) -> bool:
    return how in _METHODS and _METHODS[how][1].fullmatch(value) is not None


def _password(headers: Mapping[str, str]) -> str:
    """The password of basic authentication, "" where there is none."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        _, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return ""
    return password.decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    # Half of a surrogate pair cannot be encoded otherwise.
    return text.encode("utf-8", "surrogatepass")


def _digest(text: str) -> bytes:
    # Digests are of one length, so that comparing them does not tell the length of a secret either.
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()

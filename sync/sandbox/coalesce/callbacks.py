"""Callbacks: commands that a delivery offers, each at an address that needs no token.

Only marks and comments of issues have callbacks. Their addresses are signed, and need nothing to be
remembered.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any

from sync.sandbox.coalesce.inventory import WORKSPACE

COMMANDS = {
    "mark_investigating": "Mark as investigating",
    "mark_expected": "Mark as expected",
    "mark_fixed": "Mark as fixed",
    "mark_no_action_needed": "Mark as no action needed",
    "post_comment": "Comment",
}
# Whom a command names until the receiver names the person.
_ACTOR = {"name": "Webhook", "email": {"user_email": "webhook@example.com"}}


@dataclass(slots=True)
class Callbacks:
    """Makes and recognises the addresses of callbacks.

    ``base`` is the address under which the API is reached, "" where deliveries offer no callbacks.
    ``seconds`` is how long an address lasts, None for ever.
    """

    base: str = ""
    seconds: float | None = None
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)

    def offered(self, issue_id: str, at: str, now: float) -> list[dict[str, Any]]:
        """What a delivery about an issue offers. ``at`` is the event's time as upstream writes it."""
        until = 0 if self.seconds is None else round(now + self.seconds)
        signed = f"{issue_id}.{until}"
        url = f"{self.base}/callbacks/{signed}.{self._mac(signed)}"
        common: dict[str, Any] = {"issue_id": issue_id, "actor": _ACTOR, "time": at}
        return [
            {
                "url": url,
                "action_name": words,
                "issues_command": {
                    "workspace": WORKSPACE,
                    command: {
                        **common,
                        **({"comment": "A comment."} if command == "post_comment" else {}),
                    },
                },
            }
            for command, words in COMMANDS.items()
        ]

    def issue_of(self, token: str, now: float) -> str:
        """The issue that an address is for, "" for an address that is not ours or no longer valid."""
        signed, _, mac = token.rpartition(".")
        issue_id, _, until = signed.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(signed).encode()):
            return ""
        return "" if 0 < int(until) <= now else issue_id

    def _mac(self, signed: str) -> str:
        return hmac.new(self._key, signed.encode(), hashlib.sha256).hexdigest()[:32]

"""Who is calling: e-mail and API token on Cloud, personal access token on Data Center."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from sync.sandbox.jira.site.call import Problem
from sync.sandbox.jira.site.model import User
from sync.sandbox.jira.site.state import Site

_HTML = b"<html><head><title>%s</title></head><body><h1>%s</h1></body></html>"


def captcha(base: str) -> Problem:
    """What Data Center answers once it wants a person to solve a CAPTCHA."""
    return Problem(
        403,
        headers={
            "X-Authentication-Denied-Reason": f"CAPTCHA_CHALLENGE; login-url={base}/login.jsp",
            "X-Seraph-LoginReason": "AUTHENTICATION_DENIED",
            "Content-Type": "text/html;charset=UTF-8",
        },
        raw=_HTML % (b"Forbidden (403)", b"Forbidden (403)"),
    )


def unauthorized() -> Problem:
    words = "Client must be authenticated to access this resource."
    return Problem(
        401,
        headers={
            "WWW-Authenticate": 'OAuth realm="https%3A%2F%2Fjira.example.com"',
            "X-Seraph-LoginReason": "AUTHENTICATED_FAILED",
            "Content-Type": "text/plain;charset=UTF-8",
        },
        raw=words.encode(),
    )


@dataclass(slots=True)
class Gate:
    """Recognises callers. ``captcha_after`` wrong log-ins in a row lock a Data Center out (0: never)."""

    site: Site
    captcha_after: int = 3
    wrong: int = 0
    _known: dict[str, str] = field(default_factory=dict)

    def forget(self) -> None:
        """To be called when a secret changed."""
        self._known.clear()

    def caller(self, headers: Mapping[str, str], base: str) -> User | None:
        """The user, None for an anonymous call. Raises Problem for a wrong secret."""
        given = headers.get("authorization", "")
        if not given:
            return None
        if self.captcha_after and not self.site.cloud and self.wrong >= self.captcha_after:
            raise captcha(base)
        account = self._known.get(given)
        if account is None:
            account = self._account(given)
            if account is None:
                self.wrong += 1
                raise unauthorized()
            self._known[given] = account
        self.wrong = 0
        return self.site.users[account]

    def _account(self, given: str) -> str | None:
        scheme, _, value = given.partition(" ")
        if scheme.lower() == "bearer":
            found = [u for u in self.site.users.values() if u.secret and u.secret == value]
        elif scheme.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(value).decode().partition(":")
            except ValueError:
                return None
            found = [
                u
                for u in self.site.users.values()
                if u.secret
                and u.secret == secret
                and name == (u.email if self.site.cloud else u.name)
            ]
        else:
            return None
        return found[0].account_id if found and found[0].active else None

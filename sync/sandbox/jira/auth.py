"""Who calls: e-mail address and API token on Cloud, personal access token on Data Center."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from sync.sandbox.jira.site.call import Problem, html_page
from sync.sandbox.jira.site.model import User
from sync.sandbox.jira.site.state import Site


def captcha(base: str) -> Problem:
    """Data Center's answer where it wants a person to solve a CAPTCHA."""
    headers = {
        "X-Authentication-Denied-Reason": f"CAPTCHA_CHALLENGE; login-url={base}/login.jsp",
        "X-Seraph-LoginReason": "AUTHENTICATION_DENIED",
    }
    return html_page(403, "Forbidden (403)", headers)


def unauthorized() -> Problem:
    """The answer to a wrong secret."""
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
    """Recognises callers.

    After ``captcha_after`` wrong log-ins in a row, Data Center refuses everybody (0: never).
    """

    site: Site
    captcha_after: int = 3
    wrong: int = 0
    _known: dict[str, str] = field(default_factory=dict)

    def forget(self) -> None:
        """Check every secret anew, because one changed."""
        self._known.clear()

    def caller(self, headers: Mapping[str, str], base: str) -> User | None:
        """The user, None for an anonymous call. Raises Problem(401 or 403)."""
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
        name: str | None = None
        if scheme.lower() == "basic":
            try:
                name, _, value = base64.b64decode(value).decode().partition(":")
            except ValueError:
                return None
        elif scheme.lower() != "bearer":
            return None
        for user in self.site.users.values():
            known_by = user.email if self.site.cloud else user.name
            if value and user.secret == value and name in (None, known_by):
                return user.account_id if user.active else None
        return None

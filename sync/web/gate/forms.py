"""What keeps a page elsewhere from acting in the name of somebody: cookies, tokens of forms, origins."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.datastructures import Cookie

from sync.operations.accounts import Account
from sync.web.gate.entry import Entry, TurnedAway

AnyRequest = Request[Any, Any, Any]

_OLD = "This form is not one of ours, or too old. Load the page again."
_ELSEWHERE = (
    "This came from a page elsewhere, and was not done. Load the page here, and press again."
)


class Cookies:
    """Makes and reads the cookies. ``url`` is the address that people use, "" where it is not set.

    A cookie for https is one whose name browsers take from this host alone, over https.
    """

    def __init__(self, url: str = "") -> None:
        self.url = url

    def is_https(self, request: AnyRequest) -> bool:
        """Whether a browser came by https. The header says only how the sender's own cookie is kept."""
        if self.url:
            return self.url.startswith("https://")
        told = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
        return told == "https"

    def name(self, request: AnyRequest, name: str) -> str:
        """The name that a cookie has on this way."""
        return f"__Host-{name}" if self.is_https(request) else name

    def read(self, request: AnyRequest, name: str) -> str:
        """What the browser has in a cookie, "" for nothing."""
        return request.cookies.get(self.name(request, name), "")

    def make(
        self, request: AnyRequest, name: str, value: str, max_age: int | None = None
    ) -> Cookie:
        """A cookie that no script sees; ``max_age`` 0 takes it away."""
        return Cookie(
            self.name(request, name),
            value=value,
            httponly=True,
            samesite="lax",
            secure=self.is_https(request),
            path="/",
            max_age=max_age,
        )


_FORM = "ticket-sync-form"


def token_of_browser(request: AnyRequest, cookies: Cookies) -> tuple[str, tuple[Cookie, ...]]:
    """The token of forms for a browser without a session: it belongs to a cookie, which the answer has
    to set where there is none yet."""
    given = cookies.read(request, _FORM)
    if given:
        return _token(given), ()
    made = secrets.token_urlsafe(32)
    return _token(made), (cookies.make(request, _FORM, made),)


def entry_without_session(request: AnyRequest, account: Account, cookies: Cookies) -> Entry:
    """The entry of somebody who never signs in here."""
    return Entry(account, *token_of_browser(request, cookies))


def _token(cookie: str) -> str:
    return hashlib.sha256(cookie.encode(errors="surrogatepass")).hexdigest()


def check_token(request: AnyRequest, mine: str, token: str, url: str = "") -> None:
    """Let an act pass that came from a page of ours, with ``mine`` as the token of its form. Raises
    TurnedAway for any other."""
    check_origin(request, url)
    given = token.encode(errors="surrogatepass")
    if not mine or not hmac.compare_digest(mine.encode(), given):
        raise TurnedAway(_OLD)


def check_origin(request: AnyRequest, url: str = "") -> None:
    """Raises TurnedAway where the browser says that a page elsewhere made it ask.

    Pages that tell nobody where they were send the origin "null", also to themselves.
    """
    fetched = request.headers.get("sec-fetch-site", "")
    if fetched:
        if fetched not in ("same-origin", "none"):
            raise TurnedAway(_ELSEWHERE)
        return
    origin = request.headers.get("origin", "")
    if origin in ("", "null"):
        return
    here = urlsplit(url).netloc if url else request.headers.get("host", "")
    if urlsplit(origin).netloc.lower() != here.lower():
        raise TurnedAway(_ELSEWHERE)

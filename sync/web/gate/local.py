"""The gate without login: whoever is on this machine may do everything."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from ipaddress import ip_address
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from sync.operations.accounts import Account, Role
from sync.web.gate.entry import Entry, TurnedAway

_COOKIE = "ticket-sync-form"


class LocalGate:
    """Lets requests in that come from this machine."""

    def enter(self, request: Request[Any, Any, Any]) -> Entry:
        """As ``Gate.enter``."""
        if not _is_loopback(request.client.host if request.client else ""):
            raise TurnedAway(
                "These pages are for this machine alone. Set login under [web] to let others in."
            )
        account = Account("local", Role.EDITOR, "local")
        given = request.cookies.get(_COOKIE, "")
        if given:
            return Entry(account, _token(given))
        made = secrets.token_urlsafe(32)
        cookie = Cookie(_COOKIE, value=made, httponly=True, samesite="strict", path="/")
        return Entry(account, _token(made), (cookie,))

    def check_form(self, request: Request[Any, Any, Any], entry: Entry, token: str) -> None:
        """As ``Gate.check_form``."""
        if not hmac.compare_digest(entry.form_token, token):
            raise TurnedAway("This form is not one of ours, or too old. Load the page again.")


def _token(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback

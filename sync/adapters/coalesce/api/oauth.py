"""OAuth2 client credentials: one token, shared by threads, renewed before it expires."""

from __future__ import annotations

import threading

import httpx2

from sync.adapters.coalesce.api.access import ApiAccess
from sync.adapters.coalesce.api.faults import content, fault_of
from sync.adapters.coalesce.message.fields import get, number
from sync.domain.errors import Fault, Outage, Refused, SiteDown
from sync.ports import Clock
from sync.telemetry import keep_secret

# A token is renewed this long before it expires, so that it does not expire during a call.
_MARGIN_SECONDS = 30.0
_USUAL_SECONDS = 3600


class Tokens:
    """The access token of one set of credentials."""

    def __init__(self, access: ApiAccess, client: httpx2.Client, clock: Clock) -> None:
        self._access = access
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def bearer(self, *, refused: str = "") -> str:
        """A token. ``refused`` is a token that the API no longer accepts; it is not returned again.

        Raises SiteDown if the credentials are wrong, Refused if no token can be fetched now.
        """
        with self._lock:
            if not self._token or self._token == refused or self._clock.time() >= self._until:
                self._token, lifetime = self._fetch()
                margin = min(_MARGIN_SECONDS, lifetime / 10)
                self._until = self._clock.time() + lifetime - margin
            return self._token

    def _fetch(self) -> tuple[str, float]:
        what = "get a token"
        form = {
            "grant_type": "client_credentials",
            "client_id": self._access.client_id,
            "client_secret": self._access.client_secret,
        }
        try:
            reply = self._client.post(f"{self._access.base}/oauth2/token", data=form)
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            name = type(error).__name__
            raise Refused(f"no answer from {self._access.base} to {what} ({name})") from None
        fault = fault_of(reply, what, scope=what, safe=True, now=self._clock.time())
        if fault is not None:
            raise _of_credentials(reply, fault)
        found = content(reply, what)
        token, lifetime = get(found, "access_token"), number(get(found, "expires_in"))
        if not (isinstance(token, str) and token and token.isascii() and token.isprintable()):
            raise Refused("the answer to the request for a token holds none")
        keep_secret(token)
        return token, float(lifetime if lifetime and lifetime > 0 else _USUAL_SECONDS)


def _of_credentials(reply: httpx2.Response, fault: Fault) -> Fault:
    if reply.status_code not in (400, 401, 403):
        return fault
    return SiteDown(
        "Coalesce Quality does not accept the API credentials; check client_id, client_secret and the "
        f"region in [coalesce.api] ({fault})",
        outage=Outage.AUTHENTICATION,
    )

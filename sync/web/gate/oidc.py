"""Sign-in by a provider of OpenID Connect: the code flow with PKCE.

The browser is sent to the provider, and comes back with a code. The code is exchanged for a token that
the provider signed, which says who signed in. What binds the way back to the browser that began (state,
nonce, the verifier of PKCE) is in a cookie of that browser, for a few minutes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from litestar.datastructures import Cookie

from sync.operations.accounts import Account
from sync.settings.web import Oidc
from sync.web.gate.entry import Entry, TurnedAway
from sync.web.gate.forms import AnyRequest
from sync.web.gate.oidc_calls import Calls, ProviderError
from sync.web.gate.oidc_claims import Expected, claims_of
from sync.web.gate.roles import is_name, role_of
from sync.web.gate.sessions import Grant, Sessions

BACK = "/sign-in/back"
_COOKIE = "ticket-sync-way"
_WAY_SECONDS = 600
_METADATA_SECONDS = 3600.0
# Signing keys that are not known are asked for this often at most.
_KEYS_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Way:
    """What the browser keeps while it is at the provider."""

    state: str
    nonce: str
    verifier: str
    next: str


def grant_of_oidc(settings: Oidc, url: str) -> Grant:
    """Why accounts of the provider are let in."""
    granted = {role: sorted(groups) for role, groups in settings.granted.items()}
    return Grant.of("oidc", settings.issuer, settings.client_id, url, granted)


class Provider:
    """One provider. Safe to share between threads.

    Raises TurnedAway: 401 where it did not let somebody in, 403 for an account without a role, 502 where
    it does not answer as it should.
    """

    def __init__(
        self, settings: Oidc, url: str, sessions: Sessions, now: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._back = url + BACK
        self._sessions = sessions
        self._now = now
        self._calls = Calls(settings)
        self._turn = threading.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._metadata_until = 0.0
        self._keys: Mapping[str, Any] = {}
        self._keys_at = float("-inf")

    @property
    def button(self) -> str:
        """What the button says."""
        return self._settings.button

    def away(self, request: AnyRequest, next_: str) -> tuple[str, Cookie]:
        """Where to send a browser that wants to sign in, and the cookie that it keeps."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        way = Way(state, nonce, verifier, next_)
        challenge = hashlib.sha256(way.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._back,
            "scope": self._settings.scopes,
            "state": way.state,
            "nonce": way.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        endpoint = str(self._told()["authorization_endpoint"])
        glue = "&" if "?" in endpoint else "?"
        kept = base64.urlsafe_b64encode(msgspec.json.encode(way)).decode()
        cookie = self._sessions.cookies.make(request, _COOKIE, kept, _WAY_SECONDS)
        return f"{endpoint}{glue}{urlencode(asked, quote_via=quote)}", cookie

    def back(self, request: AnyRequest, query: Mapping[str, str]) -> tuple[Entry, str]:
        """The entry of somebody whom the provider sent back with this query, and where to go on."""
        way = self._way(request)
        given = query.get("state", "").encode(errors="surrogatepass")
        if way is None or not hmac.compare_digest(way.state.encode(), given):
            raise TurnedAway(
                "This sign-in did not begin in this browser, or is too old. Begin again."
            )
        if query.get("iss", self._told()["issuer"]) != self._told()["issuer"]:
            raise TurnedAway("This answer is from another provider.")
        if "error" in query:
            said = query.get("error_description") or query["error"]
            raise TurnedAway(f"The provider did not sign you in: {said[:300]}", 401)
        try:
            claims = self._claims(query.get("code", ""), way)
        except ProviderError as error:
            raise TurnedAway(str(error), error.status) from error
        entry = self._sessions.begin(request, self._account(claims))
        gone = self._sessions.cookies.make(request, _COOKIE, "", 0)
        return Entry(entry.account, entry.form_token, (*entry.cookies, gone), leaves=True), way.next

    def _way(self, request: AnyRequest) -> Way | None:
        kept = self._sessions.cookies.read(request, _COOKIE)
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(kept), type=Way)
        except (ValueError, msgspec.DecodeError):
            return None

    def _claims(self, code: str, way: Way) -> dict[str, Any]:
        told = self._told()
        got = self._calls.exchange(told, code, self._back, way.verifier)
        expected = Expected(
            issuer=told["issuer"],
            client_id=self._settings.client_id,
            nonce=way.nonce,
            algorithms=told.get("id_token_signing_alg_values_supported"),
        )
        token = str(got.get("id_token", ""))
        claims = claims_of(token, self._signing_keys(told), expected, self._now())
        if claims is None:
            # The provider may have changed its keys since.
            claims = claims_of(token, self._signing_keys(told, anew=True), expected, self._now())
        if claims is None:
            raise ProviderError("The provider's token is not signed by a key of the provider.", 401)
        if _found(claims, self._settings.groups_claim) is None and told.get("userinfo_endpoint"):
            more = self._calls.userinfo(told, str(got.get("access_token", "")))
            if more.get("sub") == claims["sub"]:
                claims = {**more, **claims}
        return claims

    def _account(self, claims: Mapping[str, Any]) -> Account:
        names = (claims.get(one) for one in (self._settings.name_claim, "email", "sub"))
        name = next((one for one in names if is_name(one)), None)
        if name is None:
            raise TurnedAway("The provider gives this account no name that can be shown.", 401)
        groups = _found(claims, self._settings.groups_claim)
        groups = [groups] if isinstance(groups, str) else groups
        known = (
            {one for one in groups if isinstance(one, str)} if isinstance(groups, list) else set()
        )
        role = role_of(self._settings.granted, known)
        if role is None:
            raise TurnedAway(
                f"{name} has no role here: [web.oidc] gives none to any of the groups that the "
                f"provider names in the claim {self._settings.groups_claim}."
            )
        return Account(name, role, "oidc")

    def _told(self) -> Mapping[str, Any]:
        """What the provider tells of itself."""
        with self._turn:
            if self._now() >= self._metadata_until:
                try:
                    self._metadata = self._calls.metadata()
                except ProviderError as error:
                    raise TurnedAway(str(error), error.status) from error
                self._metadata_until = self._now() + _METADATA_SECONDS
            return self._metadata

    def _signing_keys(self, told: Mapping[str, Any], *, anew: bool = False) -> Mapping[str, Any]:
        with self._turn:
            old = self._now() - self._keys_at
            if not self._keys or old > _METADATA_SECONDS or (anew and old > _KEYS_SECONDS):
                self._keys = self._calls.keys(told)
                self._keys_at = self._now()
            return self._keys


def _found(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by its path with points between the steps."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value

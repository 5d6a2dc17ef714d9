"""The calls to a provider of OpenID Connect."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx2
import structlog

from sync.settings.web import Oidc

log = structlog.get_logger("web")

_SECONDS = 10.0
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderError(Exception):
    """The provider does not answer as it should. The text is for people, ``status`` for the answer."""

    def __init__(self, words: str, status: int = 502) -> None:
        super().__init__(words)
        self.status = status


class Calls:
    """Calls to one provider. Each raises ProviderError."""

    def __init__(self, settings: Oidc) -> None:
        self._settings = settings

    def metadata(self) -> Mapping[str, Any]:
        """What the provider tells of itself."""
        issuer = self._settings.issuer
        found = self._asked("GET", f"{issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != issuer:
            raise ProviderError("The provider calls itself by another issuer than [web.oidc] does.")
        for name in _ENDPOINTS:
            address = found.get(name)
            if not isinstance(address, str) or not address.startswith(
                ("https://", "http://") if issuer.startswith("http://") else "https://"
            ):
                raise ProviderError(f"The provider names no {name} that can be used.")
        return found

    def keys(self, told: Mapping[str, Any]) -> Mapping[str, Any]:
        """The keys that the provider signs with."""
        return self._asked("GET", told["jwks_uri"])

    def exchange(
        self, told: Mapping[str, Any], code: str, back: str, verifier: str
    ) -> Mapping[str, Any]:
        """The tokens for a code."""
        id_ = self._settings.client_id
        secret = self._settings.client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
        }
        ways = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if secret and "client_secret_basic" in ways:
            auth = httpx2.BasicAuth(quote(id_, safe=""), quote(secret, safe=""))
            return self._asked("POST", told["token_endpoint"], data=form, auth=auth)
        form |= {"client_id": id_, **({"client_secret": secret} if secret else {})}
        return self._asked("POST", told["token_endpoint"], data=form)

    def userinfo(self, told: Mapping[str, Any], access_token: str) -> Mapping[str, Any]:
        """What the provider says of the account besides."""
        headers = {"authorization": f"Bearer {access_token}"}
        return self._asked("GET", told["userinfo_endpoint"], headers=headers)

    def _asked(self, method: str, url: str, **what: Any) -> Mapping[str, Any]:
        bundle = self._settings.ca_bundle
        try:
            verify = ssl.create_default_context(cafile=str(bundle)) if bundle else True
            with httpx2.Client(verify=verify, timeout=_SECONDS, trust_env=False) as client:
                answer = client.request(method, url, **what)
            found = answer.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            log.warning("the sign-in provider does not answer", url=url, error=str(error))
            raise ProviderError(
                "The sign-in provider does not answer as it should; the log says more. Try again later."
            ) from error
        if answer.status_code != 200 or not isinstance(found, dict):
            said = found.get("error", "") if isinstance(found, dict) else ""
            log.warning(
                "the sign-in provider refused a call",
                url=url,
                status=answer.status_code,
                error=str(said)[:200],
            )
            status = 401 if said == "invalid_grant" else 502
            raise ProviderError(
                "The sign-in provider refused the sign-in; the log says more. Begin again.", status
            )
        return found

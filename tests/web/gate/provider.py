"""A provider of OpenID Connect that runs on this machine: real sockets, real signatures.

Whoever asks is signed in at once as ``person``. ``claims`` change what its tokens say, and ``sign`` how
they are signed; ``down`` answers every call with 500.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from litestar import Litestar, Request, Response, get, post

from sync.bootstrap.http import Background
from sync.web.server import listen

CLIENT, SECRET = "ticket-sync", "a+secret:with/signs="

AnyRequest = Request[Any, Any, Any]

# Making one takes a while.
KEY: Any = RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Provider:
    """The provider, and what it is to do."""

    now: float
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1"})
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    down: bool = False
    asked: list[str] = field(default_factory=list)
    issuer: str = ""
    key: Any = field(default_factory=lambda: KEY)
    signing_key: Any = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def started(self) -> Background:
        """Begin to serve; the server, which has to be stopped."""
        handlers = [self._discovery(), self._authorize(), self._token(), self._keys(), self._info()]
        server = Background(
            Litestar(handlers, openapi_config=None), listen("127.0.0.1", 0), name="idp", grace=1.0
        )
        server.start()
        self.issuer = server.url
        return server

    def _answer(self, name: str, found: dict[str, Any], status: int = 200) -> Response[Any]:
        self.asked.append(name)
        if self.down:
            return Response({"error": "down"}, status_code=500)
        return Response(found, status_code=status)

    def _discovery(self) -> Any:
        @get("/.well-known/openid-configuration")
        async def discovery() -> Response[Any]:
            return self._answer(
                "metadata",
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "userinfo_endpoint": f"{self.issuer}/me",
                    "jwks_uri": f"{self.issuer}/keys",
                    "id_token_signing_alg_values_supported": ["RS256", "ES256"],
                    **self.metadata,
                },
            )

        return discovery

    def _keys(self) -> Any:
        @get("/keys")
        async def keys() -> Response[Any]:
            own = {**self.key.as_dict(private=False), "use": "sig"}
            strange = {"kty": "new", "kid": "three"}
            return self._answer("keys", {"keys": [strange, own]})

        return keys

    def _authorize(self) -> Any:
        @get("/authorize")
        async def authorize(request: AnyRequest) -> Response[Any]:
            query = dict(request.query_params)
            assert query["response_type"] == "code"
            assert query["code_challenge_method"] == "S256"
            assert query["client_id"] == CLIENT
            code = secrets.token_urlsafe(16)
            self.codes[code] = query
            back = urlencode({"code": code, "state": query["state"], "iss": self.issuer})
            return Response(
                "", status_code=303, headers={"location": f"{query['redirect_uri']}?{back}"}
            )

        return authorize

    def _token(self) -> Any:
        @post("/token", status_code=200)
        async def token(request: AnyRequest) -> Response[Any]:
            form = dict(await request.form())
            asked = self.codes.pop(str(form.get("code")), None)
            challenge = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
            sent = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
            if asked is None or sent != asked["code_challenge"]:
                return self._answer("token", {"error": "invalid_grant"}, 400)
            if form["redirect_uri"] != asked["redirect_uri"] or not self._is_client(request, form):
                return self._answer("token", {"error": "invalid_client"}, 401)
            claims = {
                "iss": self.issuer,
                "aud": CLIENT,
                "exp": int(self.now) + 300,
                "iat": int(self.now),
                "nonce": asked["nonce"],
                **self.person,
                **self.claims,
            }
            claims = {name: value for name, value in claims.items() if value is not None}
            key = self.signing_key or self.key
            header = {"alg": self.algorithm, "kid": key.as_dict().get("kid", "one")}
            signed = jwt.encode(header, claims, key, algorithms=[self.algorithm])
            return self._answer("token", {"id_token": signed, "access_token": "of-the-account"})

        return token

    def _info(self) -> Any:
        @get("/me")
        async def me(request: AnyRequest) -> Response[Any]:
            assert request.headers["authorization"] == "Bearer of-the-account"
            return self._answer("userinfo", {**self.person, **self.info})

        return me

    def _is_client(self, request: AnyRequest, form: dict[str, Any]) -> bool:
        basic = request.headers.get("authorization", "")
        if basic:
            name, _, secret = base64.b64decode(basic.partition(" ")[2]).decode().partition(":")
            return (unquote(name), unquote(secret)) == (CLIENT, SECRET)
        return (form.get("client_id"), form.get("client_secret", SECRET)) == (CLIENT, SECRET)

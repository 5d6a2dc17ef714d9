"""Reads the token by which a provider of OpenID Connect says who signed in.

The signature, and that the token is of this provider, for this client, for this sign-in, and of now.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sync.web.gate.oidc_calls import ProviderError

# Signatures by a secret that both sides have, and none at all, are left out.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
# How much (seconds) clocks may differ.
_SKEW = 60.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say. ``algorithms``: those that the provider names; None for the usual one."""

    issuer: str
    client_id: str
    nonce: str
    algorithms: Any = None


def claims_of(
    token: str, keys: Mapping[str, Any], expected: Expected, now: float
) -> dict[str, Any] | None:
    """What the token says; None where no key of these has signed it.

    Raises ProviderError (401) for a token that is signed and is not what was expected.
    """
    claims = _signed(token, keys, expected)
    if claims is None:
        return None
    wrong = _wrong(claims, expected, now)
    if wrong:
        raise ProviderError(f"The provider's token {wrong}. Begin again.", 401)
    return claims


def _signed(token: str, keys: Mapping[str, Any], expected: Expected) -> dict[str, Any] | None:
    # The package is there where this way of sign-in is set, and takes a while to import.
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    named = expected.algorithms if isinstance(expected.algorithms, list) else ["RS256"]
    allowed = [one for one in ALGORITHMS if one in named]
    try:
        return dict(jwt.decode(token, KeySet(_usable(keys)), algorithms=allowed).claims)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _usable(keys: Mapping[str, Any]) -> list[Any]:
    """The keys that sign. One of a kind that is not known here must not keep the others from use."""
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    found, listed = [], keys.get("keys")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and one.get("use", "sig") == "sig":
            with suppress(JoseError, ValueError, TypeError, KeyError):
                found.append(import_key(one))
    return found


def _wrong(claims: Mapping[str, Any], expected: Expected, now: float) -> str:
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    party = claims.get("azp")
    checks = {
        "is from another provider": claims.get("iss") == expected.issuer,
        "is for another program": isinstance(audiences, list) and expected.client_id in audiences,
        "was given to another program": party == expected.client_id
        if party is not None
        else isinstance(audiences, list) and len(audiences) == 1,
        "has expired": _number(claims.get("exp")) > now - _SKEW,
        "is from the future": _number(claims.get("iat")) < now + _SKEW,
        "is for another sign-in": claims.get("nonce") == expected.nonce,
        "names nobody": isinstance(claims.get("sub"), str) and bool(claims.get("sub")),
    }
    return next((words for words, right in checks.items() if not right), "")


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("-inf")

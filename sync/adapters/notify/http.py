"""Messages posted to an address. The address may itself be the secret, so that words name its host only.

Redirects are not followed: a secret goes to the address that was written and to no other.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from sync.adapters.notify.channel import NotSent, Sent
from sync.domain.text import harmless
from sync.telemetry import concealed

# Of an answer, for the words of a refusal.
_MOST_BYTES = 65_536
_MOST_SAID = 120


@dataclass(frozen=True, slots=True)
class HttpAccess:
    """How an address is reached. ``timeout`` is in seconds, for each step; ``proxy`` and ``ca_bundle``
    are "" and None for none."""

    url: str = field(repr=False)
    timeout: float = 10.0
    token: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)
    ca_bundle: Path | None = None

    @property
    def host(self) -> str:
        """The host of the address, the one part of it that may be told."""
        return urlsplit(self.url).hostname or "the address"

    @property
    def encrypted(self) -> bool:
        """Whether certificates are looked at: of the address, or of a proxy before it."""
        return any(one.lower().startswith("https:") for one in (self.url, self.proxy))


def trusted(ca_bundle: Path | None) -> ssl.SSLContext:
    """The certificates that are trusted: the usual ones, or those of a file or folder. Raises
    NotSent."""
    if ca_bundle is None:
        return httpx2.create_ssl_context(trust_env=False)
    try:
        if ca_bundle.is_dir():
            return ssl.create_default_context(capath=ca_bundle)
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        raise NotSent(f"ca_bundle cannot be read ({error.strerror})") from None


def post(access: HttpAccess, body: bytes, headers: Mapping[str, str]) -> Sent:
    """Post a JSON body. Raises NotSent unless the answer is a 2xx."""
    sent = {"content-type": "application/json", "user-agent": "ticket-sync", **headers}
    if access.token:
        sent["authorization"] = f"Bearer {access.token}"
    try:
        with (
            httpx2.Client(
                timeout=access.timeout,
                trust_env=False,
                follow_redirects=False,
                proxy=access.proxy or None,
                # To read the authorities takes longer than all else.
                verify=trusted(access.ca_bundle) if access.encrypted else False,
            ) as client,
            client.stream("POST", access.url, content=body, headers=sent) as reply,
        ):
            said = _beginning(reply)
    except httpx2.TimeoutException:
        raise NotSent(f"{access.host} did not answer within {access.timeout:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        # The words of the library may hold the address.
        raise NotSent(f"{access.host} cannot be reached ({type(error).__name__})") from None
    if reply.is_success:
        return Sent(f"{access.host} answered {reply.status_code}")
    raise NotSent(
        f"{access.host} answered {_status(reply.status_code)}{said}", _retry_after(reply.headers)
    )


def _beginning(reply: httpx2.Response) -> str:
    """What a refusal says, on one line; "" for nothing that can be read."""
    if reply.is_success:
        return ""
    data = b""
    for part in reply.iter_bytes():
        data += part
        if len(data) >= _MOST_BYTES:
            break
    text = " ".join(concealed(harmless(data.decode("utf-8", "replace"))).split())
    return f": {text[:_MOST_SAID]}" if text else ""


def _status(status: int) -> str:
    if 300 <= status < 400:
        return f"{status}, a redirect, which is not followed"
    return str(status)


def _retry_after(headers: httpx2.Headers) -> float | None:
    wanted = headers.get("retry-after", "")
    return float(wanted) if wanted.isascii() and wanted.isdigit() else None

"""Access to the REST API: region and credentials, and the HTTP client."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from ssl import SSLContext

import httpx2

REGIONS = {
    "eu": "https://developer.synq.io",
    "us": "https://api.us.synq.io",
    "au": "https://api.au.synq.io",
}


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """Credentials and address. ``url``, where given, replaces the address of ``region``.

    ``integration_id`` limits deliveries to those of our webhook integration.
    """

    client_id: str
    client_secret: str = field(repr=False)
    region: str = "eu"
    url: str = ""
    integration_id: str = ""
    page_size: int = 100

    @property
    def base(self) -> str:
        """The address that paths are appended to."""
        return (self.url or REGIONS[self.region]).rstrip("/")


@cache
def _certificates() -> SSLContext:
    """The authorities whose certificates are believed: read once, which takes forty milliseconds."""
    return httpx2.create_ssl_context(trust_env=False)


def open_client() -> httpx2.Client:
    """A client that ignores the proxies and certificates of the environment.

    Redirects are not followed, because they could carry credentials to another host. Cookies are not
    kept: a token needs none, and one without a path would be kept for each path that is asked for.
    """
    timeout = httpx2.Timeout(30.0, connect=5.0)
    client = httpx2.Client(
        verify=_certificates(), timeout=timeout, trust_env=False, follow_redirects=False
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client

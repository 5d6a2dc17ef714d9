"""Access to the REST API: region, credentials, timeouts, proxy."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

import httpx2

REGIONS = {
    "eu": "https://developer.synq.io",
    "us": "https://api.us.synq.io",
    "au": "https://api.au.synq.io",
}


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """Credentials and network settings. Times are in seconds.

    ``url``, where given, replaces the address of ``region``. ``integration_id`` limits deliveries to
    those of our webhook integration. ``workspace`` is the workspace's name, which the API does not
    return.
    """

    client_id: str
    client_secret: str = field(repr=False)
    region: str = "eu"
    url: str = ""
    integration_id: str = ""
    workspace: str = ""
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    proxy: str = field(default="", repr=False)
    ca_bundle: str = ""
    page_size: int = 100

    @property
    def base(self) -> str:
        """The address that paths are appended to."""
        return (self.url or REGIONS[self.region]).rstrip("/")

    def open(self) -> httpx2.Client:
        """A client with these settings."""
        return open_client(self.connect_timeout, self.read_timeout, self.proxy, self.ca_bundle)


def open_client(
    connect_timeout: float, read_timeout: float, proxy: str, ca_bundle: str
) -> httpx2.Client:
    """A client that uses these settings only (timeouts in seconds, "" for no proxy and no CA bundle).

    The proxies and certificates of the environment are ignored. Redirects are not followed, because
    they could carry credentials to another host.
    """
    return httpx2.Client(
        timeout=httpx2.Timeout(read_timeout, connect=connect_timeout),
        proxy=proxy or None,
        verify=ssl.create_default_context(cafile=ca_bundle) if ca_bundle else True,
        trust_env=False,
        follow_redirects=False,
    )

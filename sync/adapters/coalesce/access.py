"""How to reach the REST API: which region, with which credentials, through what."""

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

    ``url`` goes before ``region``. ``integration_id`` narrows deliveries down to our webhook
    integration. ``workspace`` is the name of the workspace, which the API does not tell.
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
        """A client with these settings and no others: proxies and certificates of the environment do
        not count, and redirects, which could carry the token elsewhere, are not followed."""
        return httpx2.Client(
            timeout=httpx2.Timeout(self.read_timeout, connect=self.connect_timeout),
            proxy=self.proxy or None,
            verify=ssl.create_default_context(cafile=self.ca_bundle) if self.ca_bundle else True,
            trust_env=False,
            follow_redirects=False,
        )

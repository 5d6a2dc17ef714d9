"""Calling callbacks: carrying out upstream a command that a delivery offers.

No feature calls callbacks yet; this is the way in which one may.

What authenticates the call is not published, so the address itself counts as a secret: no log line and
no error contains it. Only hosts that the operator has allowed are called.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx2

from sync.adapters.coalesce.api.access import open_client
from sync.adapters.coalesce.api.faults import fault_of
from sync.domain.errors import Cause, Refused, Rejected, SiteDown, Unknown
from sync.ports import Clock, SystemClock


class CallbackCaller:
    """Posts commands to the addresses in deliveries. Safe to share between threads.

    ``hosts`` are the hosts that may be called, as ``name`` or ``name:port``; none by default. Addresses
    must be https, or http on this machine.
    """

    def __init__(self, hosts: Sequence[str] = (), clock: Clock | None = None) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._clock = clock or SystemClock()
        self._client = open_client()

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def call(self, callback: Mapping[str, Any]) -> None:
        """Have the command carried out, with one call.

        ``callback`` is one of an event's ``callbacks``. Raises Rejected if the address is not allowed or
        the command was refused, Refused if nothing was done, Unknown if the command may have been
        carried out.
        """
        url, command = str(callback.get("url") or ""), callback.get("issues_command")
        if not isinstance(command, Mapping):
            raise Rejected("the callback has no command")
        host = self._allowed(url)
        what = f"a callback at {host}"
        try:
            reply = self._client.post(url, json=dict(command))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Refused(f"no answer from {host} ({type(error).__name__})") from None
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            raise Rejected("the callback's address cannot be called") from None
        except httpx2.HTTPError as error:
            raise Unknown(f"the answer of {host} was lost ({type(error).__name__})") from None
        fault = fault_of(reply, what, scope="edit issues", safe=False, now=self._clock.time())
        if isinstance(fault, SiteDown):
            # A 401 says that this address has expired; the credentials of the API are not concerned.
            raise Rejected(str(fault), cause=Cause.PERMISSION)
        if fault is not None:
            raise fault

    def _allowed(self, url: str) -> str:
        """The host of an address that may be called. Raises Rejected."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise Rejected("the callback's address cannot be read") from None
        if not host or parts.username is not None or not self._safe(parts, host):
            raise Rejected("the callback's address is no plain https address")
        named = host if port in (None, 443) else f"{host}:{port}"
        if named not in self._hosts:
            raise Rejected(
                f"callbacks to {named} are not allowed",
                cause=Cause.PERMISSION,
                remedy="Allow the host for callbacks, if you trust it.",
            )
        return named

    @staticmethod
    def _safe(parts: SplitResult, host: str) -> bool:
        if parts.scheme == "https":
            return True
        try:
            return parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

"""Calling callbacks: carrying out upstream a command that a delivery offers.

What authenticates the call is not published, so the address itself counts as a secret: no log line and
no error contains more of it than the host. Only hosts that the operator has allowed are called.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx2

from sync.adapters.coalesce.api.faults import fault_of
from sync.adapters.coalesce.upstream.addresses import Addresses, connection
from sync.domain.errors import Cause, Fault, Missing, Refused, Rejected, Unknown
from sync.ports import Clock, SystemClock

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
# Of an answer. Only its status is read.
_MOST_BYTES = 65_536
_PORTS = {"https": 443, "http": 80}


class CallbackCaller:
    """Posts commands to the addresses in deliveries. Safe to share between threads.

    ``hosts`` are the hosts that may be called, as ``name`` or ``name:port``; none by default. They must
    lead to ``addresses`` that are allowed. A callback must be https, or http to a loopback address.
    ``tls`` replaces the certificates that are trusted.
    """

    def __init__(
        self,
        hosts: Sequence[str] = (),
        addresses: Addresses | None = None,
        clock: Clock | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.hosts = frozenset(host.lower() for host in hosts)
        self._addresses = addresses or Addresses()
        self._clock = clock or SystemClock()
        self._tls = tls

    def call(self, url: str, command: Mapping[str, Any]) -> None:
        """Have the command carried out, with one call.

        Raises Rejected if the address is not allowed or the command was refused, Refused if nothing was
        done, Missing if the callback is gone, Already, and Unknown if the command may have been carried
        out.
        """
        parts, named = self._allowed(url)
        body = json.dumps(command).encode()
        status, wait = self._posted(parts, named, body)
        reply = httpx2.Response(status, headers={"retry-after": wait} if wait else {})
        fault = _fault(reply, named, self._clock.time())
        if fault is not None:
            raise fault

    def _posted(self, parts: SplitResult, named: str, body: bytes) -> tuple[int, str]:
        """Status of the answer, and its ``Retry-After``."""
        host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
        way = HTTPConnection(host, port)
        with closing(way):
            try:
                # With a socket in place, the connection resolves and connects nothing itself.
                way.sock = connection(self._addresses.of(host, port), _CONNECT_SECONDS)
                if parts.scheme == "https":
                    way.sock = self._trusted().wrap_socket(way.sock, server_hostname=host)
                way.sock.settimeout(_ANSWER_SECONDS)
            except (OSError, ValueError) as error:
                raise Refused(f"no connection to {named} ({type(error).__name__})") from None
            target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
            headers = {"Host": named, "Content-Type": "application/json", "Connection": "close"}
            try:
                way.request("POST", target, body, headers)
                reply = way.getresponse()
                reply.read(_MOST_BYTES)
            except (OSError, HTTPException) as error:
                raise Unknown(f"the answer of {named} was lost ({type(error).__name__})") from None
            return reply.status, reply.headers.get("retry-after", "")

    def _trusted(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpx2.create_ssl_context(trust_env=False)
        return self._tls

    def _allowed(self, url: str) -> tuple[SplitResult, str]:
        """An address that may be called, and its host with the port. Raises Rejected."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise Rejected("the callback's address cannot be read") from None
        # urlsplit leaves out line breaks, so the address is checked and not its parts.
        plain = url.isascii() and url.isprintable() and " " not in url
        if not plain or not host or parts.username is not None or not _encrypted(parts, host):
            raise Rejected("the callback's address is no plain https address")
        named = f"[{host}]" if ":" in host else host
        if port not in (None, _PORTS[parts.scheme]):
            named = f"{named}:{port}"
        if named not in self.hosts:
            raise Rejected(
                f"callbacks to {named} are not allowed",
                cause=Cause.PERMISSION,
                remedy="If you trust the host, add it to hosts in [coalesce.callbacks].",
            )
        return parts, named


def _encrypted(parts: SplitResult, host: str) -> bool:
    """Whether nobody on the way can read the call."""
    if parts.scheme == "https":
        return True
    try:
        return parts.scheme == "http" and ip_address(host).is_loopback
    except ValueError:
        return False


def _fault(reply: httpx2.Response, named: str, now: float) -> Fault | None:
    """The fault that the answer to a callback stands for; None for a 2xx."""
    status, what = reply.status_code, f"a callback at {named}"
    if 300 <= status < 400:
        return Rejected(f"{what} answered with a redirect ({status}), which is not followed")
    if status in (401, 403, 405, 501):
        return Rejected(
            f"{what} was not accepted ({status}): it may have expired",
            cause=Cause.PERMISSION,
            remedy="Give the credentials of the API in [coalesce.api], which do not expire.",
        )
    if status in (404, 410):
        return Missing(f"{what} is not there any more ({status})")
    return fault_of(reply, what, scope=what, safe=False, now=now)

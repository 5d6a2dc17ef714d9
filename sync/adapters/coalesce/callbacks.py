"""Callbacks: what a delivery offers us to do upstream, and doing it.

A callback is an address and a ready command. What authenticates the call is not published, so the
address itself counts as a secret: it is in no log and no error, and only hosts that the operator has
allowed are called.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx2

from sync.adapters.coalesce.answers import fault_of
from sync.adapters.coalesce.fields import child, get, text
from sync.domain.errors import Cause, Refused, Rejected, SiteDown, Unknown
from sync.domain.subject import Status
from sync.domain.text import clean
from sync.ports import Clock, SystemClock

_MOST = 50
_MARKS = {
    Status.INVESTIGATING: "mark_investigating",
    Status.EXPECTED: "mark_expected",
    Status.FIXED: "mark_fixed",
    Status.NO_ACTION_NEEDED: "mark_no_action_needed",
}


def read_callbacks(value: Any) -> tuple[Mapping[str, Any], ...]:
    """The callbacks of an event: ``url``, ``action_name`` and ``issues_command`` (as it came)."""
    if not isinstance(value, list):
        return ()
    found = []
    for item in value[:_MOST]:
        if not isinstance(item, Mapping) or not (url := text(get(item, "url"))):
            continue
        command = child(item, "issues_command")
        found.append(
            {
                "url": url,
                "action_name": text(get(item, "action_name")),
                "issues_command": _cleaned(command) if command is not None else None,
            }
        )
    return tuple(found)


def that_marks(callbacks: Sequence[Mapping[str, Any]], status: Status) -> Mapping[str, Any] | None:
    """The first callback whose command sets this status; None if there is none."""
    name = _MARKS.get(status)
    for callback in callbacks:
        command = callback.get("issues_command")
        if name and isinstance(command, Mapping) and child(command, name) is not None:
            return callback
    return None


class CallbackCaller:
    """Posts commands to the addresses that deliveries brought. Safe to share between threads.

    ``hosts`` are those that may be called, as ``name`` or ``name:port``; none at all by default. Only
    https, and http to this machine. Times are in seconds.
    """

    def __init__(
        self,
        hosts: Sequence[str] = (),
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 30.0,
        proxy: str = "",
        ca_bundle: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._clock = clock or SystemClock()
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(read_timeout, connect=connect_timeout),
            proxy=proxy or None,
            verify=ssl.create_default_context(cafile=ca_bundle) if ca_bundle else True,
            trust_env=False,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def call(self, callback: Mapping[str, Any]) -> None:
        """Have the command carried out, with one call.

        Raises Rejected where the address is not allowed or the command refused, Refused where nothing
        was done, Unknown where it may have been.
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
            # It is this address that is no longer good, not our account.
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
                remedy="Allow the host for callbacks, if it is to be trusted.",
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


def _cleaned(value: Any) -> Any:
    # Bounded: what is nested too deep was refused before.
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(key): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    return value

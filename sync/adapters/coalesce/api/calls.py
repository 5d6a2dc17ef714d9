"""One call to the API: token, brief retries where they are safe, faults."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from sync import tracing
from sync.adapters.coalesce.api.access import ApiAccess, open_client
from sync.adapters.coalesce.api.faults import content, fault_of
from sync.adapters.coalesce.api.oauth import Tokens
from sync.domain.errors import Fault, Refused, Rejected, SiteDown, Unknown
from sync.ports import Clock
from sync.telemetry import COALESCE_CALLS, COALESCE_SECONDS, cause_of

_TRIES = 3
_FIRST_WAIT = 0.5
# Seconds. A longer wait is raised to the caller, because it would block a thread and delay a stop. So
# is a fault that took longer to come: the next try would hang as well.
_LONGEST_WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. ``what`` and ``scope`` are for people, as in ``faults.fault_of``."""

    method: str
    path: str
    what: str
    scope: str
    params: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None
    safe: bool = True


class Calls:
    """Calls with one set of credentials. Safe to share between threads."""

    def __init__(self, access: ApiAccess, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._client = open_client()
        self._tokens = Tokens(access, self._client, clock)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def ask(self, ask: Ask) -> Mapping[str, Any]:
        """The answer, an object. Raises Refused, Rejected, Missing, Already, Unknown or SiteDown.

        Safe calls are tried three times within seconds if the network, the server or a short rate limit
        fails them.
        """
        for left in reversed(range(_TRIES if ask.safe else 1)):
            began = self._clock.monotonic()
            try:
                return _answer(self._authorized(ask), ask)
            except Refused as fault:
                wait = fault.retry_after
                if wait is None:
                    wait = _FIRST_WAIT * 2 ** (_TRIES - 1 - left) * random.uniform(0.5, 1.0)
                hung = self._clock.monotonic() - began > _LONGEST_WAIT
                if not left or hung or wait > _LONGEST_WAIT:
                    raise
                self._clock.sleep(wait)
        raise AssertionError("unreachable")

    def _authorized(self, ask: Ask) -> httpx2.Response:
        token = self._tokens.bearer()
        try:
            return self._send(ask, token)
        except SiteDown:
            # The token ended early or was withdrawn. The call had no effect: send it with a new token.
            return self._send(ask, self._tokens.bearer(refused=token))

    def _send(self, ask: Ask, token: str) -> httpx2.Response:
        result, began = "defect", time.perf_counter()
        try:
            reply = self._sent(ask, token)
            result = "ok"
            return reply
        except Fault as fault:
            result = cause_of(fault)
            raise
        finally:
            seconds = time.perf_counter() - began
            COALESCE_CALLS.labels(ask.what, result).inc()
            COALESCE_SECONDS.labels(ask.what).observe(seconds)
            if tracing.traces is not None:
                tracing.traces.called(ask.what, seconds, result, {})

    def _sent(self, ask: Ask, token: str) -> httpx2.Response:
        try:
            reply = self._client.request(
                ask.method,
                self._access.base + ask.path,
                params=ask.params,
                json=ask.body,
                headers={"authorization": f"Bearer {token}", "accept": "application/json"},
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Refused(self._no_answer(ask, error)) from None
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise Rejected(
                self._no_answer(ask, error), remedy="Correct url in [coalesce.api]."
            ) from None
        except httpx2.HTTPError as error:
            kind: type[Fault] = Refused if ask.safe else Unknown
            raise kind(self._no_answer(ask, error)) from None
        fault = fault_of(reply, ask.what, scope=ask.scope, safe=ask.safe, now=self._clock.time())
        if fault is not None:
            raise fault
        return reply

    def _no_answer(self, ask: Ask, error: Exception) -> str:
        return f"no answer from {self._access.base} to {ask.what} ({type(error).__name__})"


def _answer(reply: httpx2.Response, ask: Ask) -> Mapping[str, Any]:
    """What an answer holds. Raises Refused for one that cannot be read."""
    try:
        return content(reply, ask.what)
    except Refused:
        if ask.safe:
            raise
        # A 2xx says that a change was made, whatever the body holds.
        return {}

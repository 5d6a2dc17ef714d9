"""Calls: one call to the site with all that goes around it.

Breaker, gate, brief retries of what is safe to repeat, sorting of outcomes, metrics, one debug line.
Neither headers nor bodies are ever logged.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable
from typing import Any

import requests
import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from sync.adapters.jira.calls.breaker import Admission, Breaker
from sync.adapters.jira.calls.bulkhead import Lanes
from sync.adapters.jira.calls.client import Clients, Mount
from sync.adapters.jira.calls.doubt import Doubt, names_somebody, no_use
from sync.adapters.jira.calls.faults import Safety, Verdict, of_exception, of_reply
from sync.adapters.jira.calls.gate import Gate
from sync.adapters.jira.calls.rate_limits import Limit, limit_of
from sync.adapters.jira.calls.site import JiraSite
from sync.domain.errors import (
    Fault,
    Missing,
    Outage,
    Refused,
    Rejected,
    Scope,
    SiteDown,
    Stalled,
    Unknown,
)
from sync.ports import Clock
from sync.telemetry import CALL_SECONDS, CALLS

log = structlog.get_logger("jira")

_TRIES = 3
# What Jira may ask us to wait for within one call; longer waits belong to the ticket's due time.
_SMALL_WAIT = 4.0
# For so long an answer of ``myself`` stands, so that a broken project does not double every call.
_KNOWN_SECONDS = 2.0
_backoff = wait_random_exponential(multiplier=0.25, max=2.5)


def endpoint_of(method: str, path: str) -> str:
    """The rate limit's name of a call: ids and keys replaced."""
    return f"{method} {re.sub(r'(?<=/)[^/]*[0-9][^/]*', '*', path)}"


def _passing(error: BaseException) -> bool:
    wait = getattr(error, "retry_after", None) or 0.0
    passing = isinstance(error, Refused | Unknown) and not isinstance(error, Stalled)
    return passing and wait <= _SMALL_WAIT


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None) or 0.0
    return max(float(asked), _backoff(state))


_MYSELF = "GET myself"


class Calls:
    """Shared by threads. ``api`` is the REST version used where a call names none."""

    def __init__(self, site: JiraSite, clock: Clock, mount: Mount | None = None) -> None:
        self.site = site
        self.clock = clock
        self.lanes = Lanes(
            site.name,
            clock,
            ceiling=site.ceiling,
            hang_after=site.hang_after,
            first=site.probe_first,
            cap=site.probe_cap,
        )
        self.gate = Gate(clock, ceiling=site.ceiling, patience=site.patience, lent=self.lanes.lent)
        self.breaker = Breaker(site.name, clock, first=site.probe_first, cap=site.probe_cap)
        self.name_of: Callable[[str], str] = str
        self.api: Callable[[], str] = lambda: "2"
        self._clients = Clients(site, mount)
        self._known_until = float("-inf")
        self._names_us = False

    def call(
        self,
        method: str,
        path: str,
        *,
        what: str,
        safety: Safety,
        params: dict[str, Any] | None = None,
        body: Any = None,
        ticket: str = "",
        project: str = "",
        api: str = "",
        not_after: float = math.inf,
    ) -> Any:
        """The decoded JSON of the answer, None where it is empty. Raises faults only.

        ``what`` says what is being done, for messages; ``ticket`` is the id of the ticket written
        to, ``project`` the project the call is about, where it is about one. What has not gone out by
        ``not_after`` (seconds since the epoch) is Refused. Reads and idempotent writes are tried up to
        three times within about ten seconds, but not where they hang.
        """
        self._admitted()
        version = api or self.api()
        text = None if body is None else json.dumps(body)
        met: Fault | None = None
        over = False

        def once() -> Any:
            nonlocal met, over
            begun = self.clock.monotonic()
            try:
                return self._checked(
                    method, version, path, params, text, what, safety, ticket, project, not_after
                )
            except Stalled as fault:
                # What came of an earlier try says more than that there was no other.
                over = True
                raise met or fault from None
            except Fault as fault:
                # What hung may hang again, and hold its worker for longer than the lease.
                met, over = fault, self.clock.monotonic() - begun >= self.site.hang_after
                raise

        if safety is Safety.ONCE:
            return once()

        def again(error: BaseException) -> bool:
            unsafe = safety is Safety.LOOK_FIRST and isinstance(error, Unknown)
            return _passing(error) and not (over or unsafe)

        tries = Retrying(
            stop=stop_after_attempt(_TRIES),
            wait=_pause,
            retry=retry_if_exception(again),
            sleep=self.clock.sleep,
            reraise=True,
        )
        return tries(once)

    def ready(self) -> None:
        """Make sure that calls may be made: a site that was down is probed where it is time to. Raises
        SiteDown or Refused."""
        self._admitted()

    def whoami(self) -> dict[str, Any]:
        """The account Jira takes us for. Raises SiteDown or Refused; nothing else."""
        self._admitted()
        return self._ask_myself()

    def verify(self, *, fresh: bool = False) -> None:
        """Make sure that Jira knows us, so that what it said can be believed. ``fresh``: an answer of a
        moment ago will not do."""
        if fresh or self.clock.monotonic() >= self._known_until:
            self._ask_myself()

    def close(self) -> None:
        self._clients.close()

    def _admitted(self) -> None:
        if self.breaker.admit() is Admission.PROBE_FIRST:
            try:
                self._ask_myself()
            except SiteDown:
                raise
            except BaseException:
                self.breaker.postpone()
                raise
            self.breaker.close()

    def _ask_myself(self) -> dict[str, Any]:
        try:
            # Version 2 is there on every Jira, and this may be asked before it is known which it is.
            me = self._tripping("GET", "2", "myself", None, None, "asking who we are", Safety.READ)
        except Rejected as fault:
            down = SiteDown(
                f"Jira does not let our account in: {fault}", outage=Outage.AUTHENTICATION
            )
            self.breaker.trip(down)
            raise down from None
        except (Missing, Unknown) as fault:
            raise Refused(str(fault), scope=Scope.SITE) from None
        if not isinstance(me, dict):
            raise Refused("asking who we are: the answer is not what Jira says", scope=Scope.SITE)
        self._known_until = self.clock.monotonic() + _KNOWN_SECONDS
        return me

    def _checked(self, *call: Any) -> Any:
        """A call whose refusal is believed only once we know that Jira knows us."""
        try:
            return self._tripping(*call)
        except Doubt as doubt:
            self.verify(fresh=doubt.fresh)
            raise doubt.fault from None

    def _tripping(self, *call: Any) -> Any:
        try:
            return self._send(*call)
        except SiteDown as fault:
            self.breaker.trip(fault)
            raise

    def _send(
        self,
        method: str,
        version: str,
        path: str,
        params: dict[str, Any] | None,
        body: str | None,
        what: str,
        safety: Safety,
        ticket: str = "",
        project: str = "",
        not_after: float = math.inf,
    ) -> Any:
        endpoint = endpoint_of(method, path)
        with (
            self.gate.turn(endpoint, ticket, write=method != "GET"),
            self.lanes.passage(project, endpoint, always=endpoint == _MYSELF) as passage,
        ):
            if self.clock.time() > not_after:
                raise Refused(f"{what}: this process stood still; it is not sent so late")
            begun = time.perf_counter()
            reply: requests.Response | None = None
            verdict: Verdict | None = None
            try:
                reply = self._clients.send(method, version, path, params=params, body=body)
            except requests.RequestException as error:
                verdict = of_exception(error, what, safety)
            seconds = time.perf_counter() - begun
            data, verdict = self._read(reply, verdict, what, safety)
            passage.answered = verdict is None or not verdict.unanswered
        self._account(method, endpoint, ticket, reply, verdict, seconds)
        if verdict is None:
            self._names_us = self._names_us or names_somebody(reply)
            return data
        # A site that usually says whom it takes us for, and does not now, may not know us any more.
        refused = isinstance(verdict.fault, Rejected | Missing)
        unnamed = refused and self._names_us and not names_somebody(reply)
        if (verdict.doubt or unnamed) and path != "myself":
            raise Doubt(verdict.fault, fresh=verdict.fresh or unnamed)
        raise verdict.fault

    def _read(
        self, reply: requests.Response | None, verdict: Verdict | None, what: str, safety: Safety
    ) -> tuple[Any, Verdict | None]:
        if reply is None:
            return None, verdict
        if not 200 <= reply.status_code < 300:
            return None, of_reply(
                reply.status_code,
                reply.headers,
                reply.text,
                what=what,
                safety=safety,
                now=self.clock.time(),
                name_of=self.name_of,
            )
        if not reply.content:
            return None, None
        try:
            return reply.json(), None
        except (ValueError, RecursionError):
            words = f"{what}: HTTP {reply.status_code}, but the answer is not JSON"
            fault: Fault = Refused(words) if safety is Safety.READ else Unknown(words)
            return None, Verdict(fault)

    def _account(
        self,
        method: str,
        endpoint: str,
        ticket: str,
        reply: requests.Response | None,
        verdict: Verdict | None,
        seconds: float,
    ) -> None:
        """Tell gate, breaker, metrics and log how the call went."""
        status = reply.status_code if reply is not None else 0
        site = self.site.name
        if verdict is not None and no_use(verdict, status):
            if self.breaker.unanswered() and endpoint != _MYSELF:
                self._confirm_unreachable(str(verdict.fault))
        else:
            self.breaker.answered()
        if reply is not None and status == 429:
            self._slow(reply, verdict, endpoint, ticket)
        elif verdict is None:
            self.gate.fine()
        result = "ok" if verdict is None else type(verdict.fault).__name__.lower()
        CALLS.labels(site, method, result).inc()
        CALL_SECONDS.labels(site, method).observe(seconds)
        log.debug(
            "call",
            site=site,
            call=endpoint,
            status=status,
            result=result,
            milliseconds=round(seconds * 1000, 1),
        )

    def _confirm_unreachable(self, words: str) -> None:
        """Many calls went unanswered: ask something that always works before giving up on the site."""
        try:
            self._ask_myself()
        except SiteDown:
            return
        except Refused:
            self.breaker.unreachable(words)

    def _slow(
        self, reply: requests.Response, verdict: Verdict | None, endpoint: str, ticket: str
    ) -> None:
        limit: Limit = limit_of(reply.headers, self.clock.time())
        pause = self.gate.slow(limit, endpoint, ticket)
        if verdict is not None and isinstance(verdict.fault, Refused):
            verdict.fault.retry_after = pause
            verdict.fault.scope = limit.scope

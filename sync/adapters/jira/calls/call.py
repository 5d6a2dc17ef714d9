"""How a call to the site is made, in stages: admit the call once; then, for each try, take a turn, send,
sort the answer, account, conclude.

``make`` and ``_try`` name the stages; the stages follow below in the same order. Headers and bodies are
never logged.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from sync import tracing
from sync.adapters.jira.calls.breaker import Breaker
from sync.adapters.jira.calls.bulkhead import Bulkhead, Lane, Passage
from sync.adapters.jira.calls.client import Clients, Mount
from sync.adapters.jira.calls.deployment import Deployment
from sync.adapters.jira.calls.faults import Doubt, LacksScope, SortedAnswer, of_exception, of_reply
from sync.adapters.jira.calls.gate import Gate
from sync.adapters.jira.calls.health import JiraHealth, Rest
from sync.adapters.jira.calls.rate_limits import LEFT, TELLS, limit_of
from sync.adapters.jira.calls.request import DESK, Call, Safety, no_jira
from sync.adapters.jira.calls.rights import CREATE, WRITES
from sync.adapters.jira.calls.site import JiraSite
from sync.domain.errors import (
    Cause,
    Fault,
    Missing,
    Outage,
    Refused,
    Rejected,
    Scope,
    SiteDown,
    SitePaused,
    Stalled,
    Unknown,
)
from sync.ports import Clock
from sync.telemetry import CALL_RETRIES, CALL_SECONDS, CALLS, ENDPOINT_CALLS, TURN_SECONDS, cause_of

log = structlog.get_logger("jira")

_TRIES = 3
# The longest wait between two tries, in seconds. A longer wait is left to the ticket's due time, because
# a waiting call keeps a worker busy.
_LONGEST_WAIT = 4.0
# For this many seconds, an answer of ``myself`` confirms further refusals. Without a limit on questions,
# a project that refuses every call would double the number of calls.
_KNOWN_SECONDS = 2.0
_backoff = wait_random_exponential(multiplier=0.25, max=2.5)
# Version 2 exists on every Jira, and this call is made before the kind of Jira is known.
_MYSELF = Call.get("myself", "asking who we are", api="2")
_RIGHTS = "reading our permissions"


@dataclass(frozen=True, slots=True)
class _Sent:
    """The response, or the exception raised instead of one, when the call was sent (of the monotonic
    clock), and the seconds that sending took."""

    response: requests.Response | None
    error: requests.RequestException | None
    at: float
    seconds: float

    @property
    def status(self) -> int:
        return self.response.status_code if self.response is not None else 0

    @property
    def names_us(self) -> bool:
        """Whether the response's headers name the account by which Jira knows us."""
        headers = self.response.headers if self.response is not None else {}
        name = headers.get("X-AACCOUNTID") or headers.get("X-AUSERNAME") or ""
        return name.casefold() not in ("", "anonymous")


class Calls:
    """Makes the calls to one site, and remembers how they went. Shared by threads.

    ``name_of`` gives the display name of a field id, for messages.
    """

    def __init__(self, site: JiraSite, clock: Clock, mount: Mount | None = None) -> None:
        self.site = site
        self.clock = clock
        self.name_of: Callable[[str], str] = str
        self._bulkhead = Bulkhead(
            site.name,
            clock,
            ceiling=site.ceiling,
            hang_after=site.hang_after,
            first=site.probe_first,
            cap=site.probe_cap,
        )
        self._gate = Gate(
            clock, ceiling=site.ceiling, patience=site.patience, lent=self._bulkhead.lent
        )
        self._rest = Rest()
        self._breaker = Breaker(site.name, clock, first=site.probe_first, cap=site.probe_cap)
        self.health = JiraHealth(self._rest, self._breaker, self._gate, self._bulkhead, self._admit)
        self.cloud = Deployment(site, self.make).cloud
        self._api = ""
        self._clients = Clients(site, mount)
        self.close = self._clients.close
        self._known_until = float("-inf")
        self._names_us = False

    def make(self, call: Call) -> Any:
        """The decoded JSON of the answer, None where the answer is empty. Raises the faults of
        ``sync.domain.errors`` only.

        Calls that may be repeated are tried up to three times, with pauses of a few seconds. A try that
        hung is the last.

            issue = calls.make(Call.get("issue/10001", "reading ticket 10001"))
        """
        self._admit()
        api = call.api or self._api or self._site_api()
        return self._try(call, api) if call.safety is Safety.ONCE else self._retry(call, api)

    def _site_api(self) -> str:
        """The version of the API that the site has. Asked once."""
        self._api = "3" if self.cloud() else "2"
        return self._api

    def _retry(self, call: Call, api: str) -> Any:
        earlier: Fault | None = None
        last = False

        def once() -> Any:
            nonlocal earlier, last
            begun = self.clock.monotonic()
            try:
                return self._try(call, api)
            except (Stalled, SitePaused) as fault:
                # This try was not sent. An earlier one was, and may have worked: raise its fault.
                last = True
                raise earlier or fault from None
            except Fault as fault:
                # After a try that hung, another may hang too, and outlast the worker's lease.
                earlier, last = fault, self.clock.monotonic() - begun >= self.site.hang_after
                raise

        def again(error: BaseException) -> bool:
            look = call.safety is Safety.LOOK_FIRST
            repeatable, longest = (Refused, 0.0) if look else (Refused | Unknown, _LONGEST_WAIT)
            return isinstance(error, repeatable) and not last and _wait(error) <= longest

        tries = Retrying(
            stop=stop_after_attempt(_TRIES),
            wait=_pause,
            retry=retry_if_exception(again),
            before_sleep=self._count_retry,
            sleep=self.clock.sleep,
            reraise=True,
        )
        return tries(once)

    def _count_retry(self, state: RetryCallState) -> None:
        fault = state.outcome and state.outcome.exception()
        if fault:
            CALL_RETRIES.labels(self.site.name, cause_of(fault)).inc()

    def _try(self, call: Call, api: str) -> Any:
        self._rest.check()
        with self._turn(call) as passage:
            # A turn may be long in coming.
            self._rest.check()
            sent = self._send(call, api)
            answer = self._sort(call, sent)
            passage.answered = not answer.unanswered
        self._count(call, sent, answer)
        self._account(call, sent, answer)
        return self._conclude(call, sent, answer)

    # Admit: while a person wants the site left alone, SitePaused is raised. While the site is down, the
    # breaker raises SiteDown, and now and then has a caller probe.

    def _admit(self) -> None:
        self._rest.check()
        if self._breaker.admit():
            try:
                self._ask_myself()
            except SitePaused:
                self._breaker.postpone()
                raise
            except SiteDown:
                raise
            except BaseException:
                # Whatever ended the probe, its thread's end too: another caller must be let to probe.
                self._breaker.postpone()
                raise
            self._breaker.close()

    # Take a turn: the gate waits for rate limits, the bulkhead refuses calls that would probably hang.

    @contextmanager
    def _turn(self, call: Call) -> Iterator[Passage]:
        lane, begun = Lane(call.project, call.endpoint), self.clock.monotonic()
        with (
            self._gate.turn(
                call.endpoint, call.ticket, project=call.project, write=call.method != "GET"
            ),
            self._bulkhead.passage(lane, always=call is _MYSELF) as passage,
        ):
            TURN_SECONDS.labels(self.site.name).inc(max(0.0, self.clock.monotonic() - begun))
            if self.clock.time() > call.not_after:
                raise Refused(
                    f"{call.what}: not sent, because this process stood still until too late"
                )
            yield passage

    # Send.

    def _send(self, call: Call, api: str) -> _Sent:
        response, error = None, None
        at, begun = self.clock.monotonic(), time.perf_counter()
        try:
            response = self._clients.send(
                call.method,
                DESK if call.root == DESK else f"{call.root}/{api}",
                call.path,
                params=call.params,
                body=None if call.body is None else json.dumps(call.body),
            )
        except requests.RequestException as caught:
            error = caught
        return _Sent(response, error, at, time.perf_counter() - begun)

    # Sort the answer: data, or a fault of the domain.

    def _sort(self, call: Call, sent: _Sent) -> SortedAnswer:
        if sent.error is not None:
            return of_exception(call, sent.error)
        assert sent.response is not None
        return of_reply(call, sent.response, now=self.clock.time(), name_of=self.name_of)

    # Account: tell metrics, log and trace of the outcome; then breaker and gate, which may ask again.

    def _count(self, call: Call, sent: _Sent, answer: SortedAnswer) -> None:
        result = "ok" if answer.fault is None else type(answer.fault).__name__.lower()
        CALLS.labels(self.site.name, call.method, result).inc()
        ENDPOINT_CALLS.labels(self.site.name, call.shape, result).inc()
        CALL_SECONDS.labels(self.site.name, call.method).observe(sent.seconds)
        log.debug(
            "call",
            site=self.site.name,
            call=call.endpoint,
            status=sent.status,
            result=result,
            milliseconds=round(sent.seconds * 1000, 1),
        )
        if tracing.traces is not None:
            facts: tracing.Facts = {"site": self.site.name, "status": sent.status}
            tracing.traces.called(call.shape, sent.seconds, result, facts)

    def _account(self, call: Call, sent: _Sent, answer: SortedAnswer) -> None:
        if _useless(sent, answer):
            if self._breaker.unanswered() and call is not _MYSELF:
                self._confirm_down(str(answer.fault))
        else:
            self._breaker.answered()
        if sent.response is not None and sent.status == 429:
            self._slow_down(call, sent.response, answer, sent.at)
        elif (response := sent.response) is not None and (
            self._gate.pacer.active or _near_limit(response.headers)
        ):
            self._gate.answered(call.endpoint, response.headers)
        if answer.fault is None and self._gate.slowed:
            self._gate.speed_up()

    def _confirm_down(self, words: str) -> None:
        """Ask ``myself``, which works on every site that works, and stop all calls if it fails as well.
        ``words`` is the last failure. One broken project is not a site that is down."""
        try:
            self._ask_myself()
        except SiteDown:
            return
        except Refused:
            words = f"no call to the site works, whatever it asks: {words}"
            self._breaker.trip(SiteDown(words, outage=Outage.MAINTENANCE))

    def _slow_down(
        self, call: Call, response: requests.Response, answer: SortedAnswer, sent_at: float
    ) -> None:
        limit = limit_of(response.headers, self.clock.time())
        self._gate.refused(limit, call.endpoint, response.headers, sent_at)
        pause = self._gate.slow_down(limit, call.endpoint, call.ticket)
        if isinstance(answer.fault, Refused):
            answer.fault.retry_after, answer.fault.scope = pause, limit.scope

    # Conclude: return the data, or raise the fault. A refusal may have to be confirmed first.

    def _conclude(self, call: Call, sent: _Sent, answer: SortedAnswer) -> Any:
        if answer.fault is None:
            self._names_us = self._names_us or sent.names_us
            return answer.data
        if isinstance(answer.fault, SiteDown):
            self._breaker.trip(answer.fault)
        elif call is not _MYSELF:
            self._confirm(sent, answer)
            if isinstance(answer.fault, Rejected):
                raise self._explained(call, answer.fault)
        raise answer.fault

    def _confirm(self, sent: _Sent, answer: SortedAnswer) -> None:
        """Make sure that Jira did not refuse only because it does not know us. Raises SiteDown or
        Refused otherwise."""
        # Jira named our account before. A refusal that does not name it may be for anonymous callers.
        refused = isinstance(answer.fault, Rejected | Missing)
        unnamed = refused and self._names_us and not sent.names_us
        if unnamed or answer.doubt is not Doubt.NONE:
            self.verify(fresh=unnamed or answer.doubt is Doubt.FRESH)

    def _explained(self, call: Call, fault: Rejected) -> Rejected:
        """The fault, or the permission that our account lacks for the call. Jira is asked for it: its
        messages come in the account's language, and often name a field instead."""
        right = WRITES.get(call.endpoint)
        if right is None or not call.project or isinstance(fault, LacksScope):
            return fault
        named = "projectId" if call.project.isdigit() else "projectKey"
        params = {named: call.project, "permissions": right.permission}
        try:
            raw = self._try(Call.get("mypermissions", _RIGHTS, params), _MYSELF.api)
        except (Missing, Rejected, Refused):
            return fault
        found = raw.get("permissions") if isinstance(raw, dict) else None
        ours = found.get(right.permission) if isinstance(found, dict) else None
        if not isinstance(ours, dict) or ours.get("havePermission") is not False:
            return fault
        return Rejected(
            f"{fault} (our account lacks the permission {right.name!r} in {call.project})",
            cause=Cause.PERMISSION,
            remedy=f"Give our account {right.name!r} in the project's permission scheme.",
            # Every new ticket of the project would meet the same.
            scope=Scope.PROJECT if right is CREATE else Scope.TICKET,
        )

    def verify(self, *, fresh: bool = False) -> None:
        """Make sure that Jira knows us. Raises SiteDown or Refused otherwise. ``fresh``: ask now,
        also if Jira has confirmed it within the last two seconds."""
        if fresh or self.clock.monotonic() >= self._known_until:
            self._ask_myself()

    def whoami(self) -> dict[str, Any]:
        """Our account as the JSON object of ``myself``, {} where the token's scopes do not allow to ask.
        Raises SiteDown or Refused."""
        self._admit()
        return self._ask_myself()

    def _ask_myself(self) -> dict[str, Any]:
        try:
            me = self._try(_MYSELF, _MYSELF.api)
        except LacksScope:
            # Jira knows the token, which is what the question was.
            self._known_until = self.clock.monotonic() + _KNOWN_SECONDS
            return {}
        except Rejected as fault:
            words = f"Jira does not let our account in: {fault}"
            down = SiteDown(words, outage=Outage.AUTHENTICATION)
            self._breaker.trip(down)
            raise down from None
        except Missing as fault:
            words = f"{fault}; every Jira has this call: check `url` of the site in config.toml"
            raise Refused(words, scope=Scope.SITE) from None
        except Unknown as fault:
            raise Refused(str(fault), scope=Scope.SITE) from None
        if not isinstance(me, dict) or not {"accountId", "name", "key"} & set(me):
            raise no_jira(_MYSELF.what)
        self._known_until = self.clock.monotonic() + _KNOWN_SECONDS
        return me


def _wait(error: object) -> float:
    """The seconds that Jira asked us to wait, 0 where it asked for no wait."""
    return float(getattr(error, "retry_after", None) or 0.0)


def _pause(state: RetryCallState) -> float:
    return max(_wait(state.outcome and state.outcome.exception()), _backoff(state))


def _near_limit(headers: Mapping[str, str]) -> bool:
    """Whether less than a fifth of a limit is left, as an answer tells: from then on calls are paced."""
    left, size = headers.get(LEFT, ""), headers.get(TELLS, "")
    return left.isdigit() and size.isdigit() and 5 * int(left) < int(size)


def _useless(sent: _Sent, answer: SortedAnswer) -> bool:
    """Whether the failure may concern the whole site: no answer, a server error, or an answer from
    something other than Jira."""
    failed = isinstance(answer.fault, Refused | Unknown) and not 400 <= sent.status < 500
    return answer.unanswered or failed

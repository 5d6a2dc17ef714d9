"""The simulated Jira: one call in, one outcome out. Synchronous and thread-safe."""

from __future__ import annotations

import itertools
import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import msgspec

from sync.ports import Clock, SystemClock
from sync.sandbox.jira.auth import Gate
from sync.sandbox.jira.content import BOT, ready_site
from sync.sandbox.jira.exchange import Call, Exchange, Outcome, Problem, Response, query_of
from sync.sandbox.jira.faults import Effect, Fault, Faults, outcome_of
from sync.sandbox.jira.inspecting import Ticket, ticket_of
from sync.sandbox.jira.limits import Limits
from sync.sandbox.jira.model import Dialect, Issue, User
from sync.sandbox.jira.person import Person
from sync.sandbox.jira.routes import route
from sync.sandbox.jira.state import Site

_API = re.compile(r"/rest/api/(2|3|latest)/(.*)")


class JiraSandbox:
    """A Jira site in memory.

    ``index_lag`` is in seconds of the clock. ``limits`` None means no rate limits. ``base`` is the
    address in links where a call carries no ``Host``. Observers are called with each Exchange, in the
    calling thread, after the state has settled.
    """

    def __init__(
        self,
        dialect: Dialect | str = Dialect.CLOUD,
        clock: Clock | None = None,
        *,
        index_lag: float = 0.0,
        limits: Limits | None = None,
        seed: int = 0,
        base: str = "http://jira.sandbox",
    ) -> None:
        self.base = base
        self.dialect = Dialect(dialect)
        self.clock: Clock = clock or SystemClock()
        self.faults = Faults(seed)
        self.observers: list[Callable[[Exchange], None]] = []
        self.lock = threading.RLock()
        self._settings = (index_lag, limits)
        self._serial = itertools.count(1)
        self.reset()

    def reset(self) -> None:
        """A fresh site: no tickets, no faults, no counts."""
        with self.lock:
            index_lag, limits = self._settings
            self.site: Site = ready_site(self.dialect, self.clock)
            self.site.index.lag = index_lag
            self.site.limits = limits
            self.gate = Gate(self.site)
            self.person = Person(self)
            self.faults.clear()
            self.calls: Counter[tuple[str, str, int]] = Counter()
            self.recent: deque[tuple[str, str, int]] = deque(maxlen=1000)
            self.in_flight = self.peak_in_flight = 0

    def handle(
        self,
        method: str,
        path: str,
        query: str | Mapping[str, Any] = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = b"",
    ) -> Response:
        """Carry out one HTTP call. ``path`` may have anything before ``/rest/``."""
        given = {name.lower(): value for name, value in (headers or {}).items()}
        host = given.get("host")
        call = Call(
            method=method.upper(),
            path=path,
            query=query_of(query),
            headers=given,
            body=body or b"",
            base=f"http://{host}" if host else self.base,
            now=self.site.now(),
        )
        with self.lock:
            self.in_flight += 1
            self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            response = self._struck(call)
        finally:
            with self.lock:
                self.in_flight -= 1
        self._note(call, response)
        return response

    def _struck(self, call: Call) -> Response:
        """The call with whatever faults it meets."""
        anonymous, late = False, None
        for fault in self.faults.strike(call.method, call.path, lambda: self._project(call)):
            if fault.effect is Effect.LATENCY:
                self.clock.sleep(fault.seconds)
                call.now = self.site.now()
            elif fault.effect is Effect.ANONYMOUS:
                anonymous = True
            elif fault.works_first:
                late = fault
            elif (instead := outcome_of(fault, call, cloud=self.site.cloud)) is not None:
                with suppress(Problem):
                    self._template(call)
                call.faulted = True
                return instead
        with self.lock:
            response = self.work(call, anonymous=anonymous)
        if late is not None:
            return self._late(late, call, response)
        return response

    def _late(self, fault: Fault, call: Call, done: Response) -> Response:
        instead = outcome_of(fault, call, cloud=self.site.cloud)
        if instead is None:
            return done
        call.faulted = True
        if fault.effect is Effect.CUT:
            return replace(done, outcome=Outcome.CUT)
        return instead

    def work(self, call: Call, *, user: User | None = None, anonymous: bool = False) -> Response:
        """Route, recognise, limit, handle. ``user`` set: a person at work, who meets no limits."""
        headers = self._headers(call)
        try:
            handler = self._template(call)
            if user is not None:
                call.user = user
            else:
                call.user = None if anonymous else self.gate.caller(call.headers, call.base)
                if self.site.limits is not None:
                    remaining = self.site.limits.call(call.method, call.template, call.now)
                    headers["X-RateLimit-Remaining"] = str(remaining)
            if call.user is None and call.method != "GET" and not anonymous:
                raise Problem(401, "You do not have permission to perform this operation.")
            response = handler(self.site, call)
        except Problem as problem:
            response = problem.response()
        if call.user is not None:
            name = "X-AACCOUNTID" if self.site.cloud else "X-AUSERNAME"
            headers[name] = call.user.account_id if self.site.cloud else call.user.name
        response.headers = {**headers, **response.headers}
        return response

    def _template(self, call: Call) -> Callable[[Site, Call], Response]:
        start = call.path.find("/rest/")
        found = _API.fullmatch(unquote(call.path[start:])) if start >= 0 else None
        if found is None or (found.group(1) == "3" and not self.site.cloud):
            raise Problem(404, raw=b'{"message":"null for uri","status-code":404}')
        call.api = "3" if found.group(1) == "3" else "2"
        return route(call, found.group(2), cloud=self.site.cloud)

    def _project(self, call: Call) -> str:
        """The key of the project that a call is about, "" where it is about none."""
        with suppress(Problem), self.lock:
            self._template(call)
            issue = self.site.find(call.params.get("issue", ""))
            if issue is not None:
                return issue.project
            named = call.params.get("project", "")
            if call.template == "issue":
                fields = call.json().get("fields")
                given = fields.get("project") if isinstance(fields, dict) else None
                named = str(given.get("key") or given.get("id")) if isinstance(given, dict) else ""
            by_id = {one.id: key for key, one in self.site.projects.items()}
            return by_id.get(named, named)
        return ""

    def _headers(self, call: Call) -> dict[str, str]:
        serial = next(self._serial)
        return {
            "Content-Type": "application/json;charset=UTF-8",
            "X-AREQUESTID": f"sandbox-{serial}",
            "Cache-Control": "no-cache, no-store, no-transform",
            **({"Atl-Traceid": f"{serial:032x}"} if self.site.cloud else {"X-ASEN": "SEN-0"}),
        }

    def _note(self, call: Call, response: Response) -> None:
        status = response.status if response.outcome is Outcome.REPLY else 0
        entry = (call.method, call.template or call.path, status)
        with self.lock:
            self.calls[entry] += 1
            self.recent.append(entry)
        if not self.observers:
            return
        try:
            sent = msgspec.json.decode(call.body) if call.body else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            sent = None
        exchange = Exchange(
            method=call.method,
            path=call.path,
            template=call.template,
            query=call.query,
            request_body=sent,
            status=status,
            response_body=response.data if response.raw is None else None,
            headers=response.headers,
            outcome=response.outcome,
            faulted=call.faulted,
        )
        for observer in self.observers:
            observer(exchange)

    @property
    def index_lag(self) -> float:
        return self.site.index.lag

    @index_lag.setter
    def index_lag(self, seconds: float) -> None:
        self.site.index.lag = seconds

    def advance(self, seconds: float) -> None:
        """Let the sandbox's clock run ahead of the one it was given."""
        self.site.offset += seconds

    def deny(self, project: str, *permissions: str, user: User = BOT) -> None:
        """Take permissions in a project from a user (by default the daemon's account)."""
        self.site.projects[project].denied.setdefault(user.account_id, set()).update(permissions)

    def allow(self, project: str, *permissions: str, user: User = BOT) -> None:
        """Give permissions back; all of them where none is named."""
        held = self.site.projects[project].denied.setdefault(user.account_id, set())
        held.difference_update(permissions or set(held))

    def replace_secret(self, secret: str, user: User = BOT) -> None:
        """The user's token is another one now: the old one answers 401."""
        with self.lock:
            current = self.site.users[user.account_id]
            self.site.users[user.account_id] = replace(current, secret=secret)
            self.gate.forget()

    def tickets(self, *, deleted: bool = False) -> list[Ticket]:
        """All tickets as they are, oldest first; deleted ones on request."""
        with self.lock:
            found = sorted(self.site.issues.values(), key=lambda issue: issue.id)
            return [ticket_of(self.site, issue) for issue in found if deleted or not issue.deleted]

    def ticket(self, id_or_key: str) -> Ticket:
        """One ticket. Raises KeyError."""
        with self.lock:
            issue = self.site.find(id_or_key)
            if issue is None:
                raise KeyError(id_or_key)
            return ticket_of(self.site, issue)

    def find_marker(self, label: str) -> list[Ticket]:
        """Tickets with a label, past any index lag."""
        return [ticket for ticket in self.tickets() if label in ticket.labels]

    def issue(self, id_or_key: str) -> Issue:
        """The live issue. Raises KeyError."""
        issue = self.site.find(id_or_key)
        if issue is None:
            raise KeyError(id_or_key)
        return issue

"""The simulated Jira: a site, its REST service, the faults in force, and observers. Thread-safe."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from sync.ports import Clock, SystemClock
from sync.sandbox.jira.faults import Effect, Fault, Faults, response_to
from sync.sandbox.jira.outbox import Outbox
from sync.sandbox.jira.person import Person
from sync.sandbox.jira.ready_site import ADMIN, AUTOMATION, BOT, ready_site
from sync.sandbox.jira.robots import Robot, Robots
from sync.sandbox.jira.service import Service
from sync.sandbox.jira.site.call import Call, Exchange, Problem, Response, WireResult, query_of
from sync.sandbox.jira.site.events import EVENTS, Webhook
from sync.sandbox.jira.site.model import Dialect, User
from sync.sandbox.jira.site.rate_limits import Limits
from sync.sandbox.jira.site.state import Site
from sync.sandbox.jira.site.ticket import Ticket, ticket_of


class JiraSandbox:
    """A Jira site in memory.

    ``index_lag`` is in seconds of the clock. ``limits`` None means no rate limits. ``seed`` decides
    which calls a fault with a probability strikes. ``base`` is the address in links where a call has no
    ``Host``, and in the bodies of webhooks. ``outbox`` holds what webhooks are told; a ``Sender``
    delivers it. Observers get each Exchange in the calling thread, after the call has changed the site.
    ``calls`` counts calls by method, path template and status.
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
        self.outbox = Outbox(base, seed=seed)
        self.reset()

    def reset(self) -> None:
        """A fresh site: no tickets, no webhooks, no faults, no counts."""
        with self.lock:
            index_lag, limits = self._settings
            self.site: Site = ready_site(self.dialect, self.clock)
            self.site.index.lag = index_lag
            self.site.limits = limits
            self.service = Service(self.site, self.base, self.lock)
            self.person = Person(self.service)
            self.robots = Robots(self.person)
            self.outbox.attach(self.site)
            self.faults.clear()
            self.calls: Counter[tuple[str, str, int]] = Counter()
            self.in_flight = self.peak_in_flight = 0

    def handle(
        self,
        method: str,
        path: str,
        query: str | Mapping[str, Any] = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = b"",
    ) -> Response:
        """Carry out one HTTP call. ``path`` may start with a prefix before ``/rest/``."""
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
            response = self._answer(call)
        finally:
            with self.lock:
                self.in_flight -= 1
        self._record(call, response)
        return response

    def _answer(self, call: Call) -> Response:
        """The site's answer, or that of the faults that strike the call."""
        anonymous, after_work = False, None
        for fault in self.faults.strike(
            call.method, call.path, lambda: self.service.project_of(call)
        ):
            if fault.effect is Effect.LATENCY:
                self.clock.sleep(fault.seconds)
                call.now = self.site.now()
            elif fault.effect is Effect.ANONYMOUS:
                anonymous = True
            elif fault.works_first:
                after_work = fault
            elif (instead := response_to(fault, call, cloud=self.site.cloud)) is not None:
                with suppress(Problem):
                    self.service.handler(call)  # Sets the template, by which calls are counted.
                call.faulted = True
                return instead
        response = self.service.answer(call, anonymous=anonymous)
        return response if after_work is None else self._spoilt(after_work, call, response)

    def _spoilt(self, fault: Fault, call: Call, done: Response) -> Response:
        """What a fault makes of the answer to a call that the site has carried out."""
        instead = response_to(fault, call, cloud=self.site.cloud)
        if instead is None:
            return done
        call.faulted = True
        if fault.effect is Effect.CUT:
            return replace(done, wire=WireResult.CUT)
        return instead

    def _record(self, call: Call, response: Response) -> None:
        status = response.status if response.wire is WireResult.REPLY else 0
        with self.lock:
            self.calls[call.method, call.template or call.path, status] += 1
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
            wire=response.wire,
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
        """Put the site's time further ahead of its clock."""
        self.site.offset += seconds
        with self.outbox.changed:
            self.outbox.changed.notify_all()

    def change_user(self, name: str, **attributes: Any) -> None:
        """Change attributes of a user, given by user name, such as ``display_name``, ``email_hidden``,
        ``groups`` and ``deleted``. Raises KeyError or TypeError."""
        with self.lock:
            found = next((one for one in self.site.users.values() if one.name == name), None)
            if found is None:
                raise KeyError(name)
            if "groups" in attributes:
                attributes["groups"] = frozenset(attributes["groups"])
            self.site.users[found.account_id] = replace(found, **attributes)
            self.service.gate.forget()

    def make_administrator(self, user: User = BOT) -> None:
        """Let a user administrate the site, by default the daemon's account."""
        self.site.administrators.add(user.account_id)

    def add_webhook(self, url: str, **how: Any) -> Webhook:
        """Have an address told of events, by default of all; ``how`` are attributes of ``Webhook``.

        With ``form``, it is a rule of Jira Automation that sends a web request.
        """
        with self.lock:
            id_ = str(next(self.site.ids))
            given = {"name": f"webhook {id_}", "events": EVENTS, "by": ADMIN.account_id, **how}
            webhook = Webhook(id=id_, url=url, at=self.site.now(), **given)
            self.site.webhooks[id_] = webhook
            return webhook

    def add_robot(self, do: str, *args: Any, user: User = AUTOMATION, **how: Any) -> Robot:
        """Put a rule of Jira Automation in force, which acts by the method ``do`` of ``Person``.

        ``how`` are attributes of ``Robot``. Raises AttributeError or TypeError.
        """
        with self.lock:
            if not self.robots.rules:
                self.site.listeners.append(self.robots.answer)
            return self.robots.add(Robot(user, do, args, **how))

    def rename_options(self, field_id: str, new: Mapping[str, str]) -> None:
        """Rename options of a select field, from the old to the new names."""
        with self.lock:
            field = self.site.fields[field_id]
            options = tuple(replace(o, value=new.get(o.value, o.value)) for o in field.options)
            self.site.fields[field_id] = replace(field, options=options)

    def deny(self, project: str, *permissions: str, user: User = BOT) -> None:
        """Take permissions in a project from a user, by default from the daemon's account."""
        self.site.projects[project].denied.setdefault(user.account_id, set()).update(permissions)

    def allow(self, project: str, *permissions: str, user: User = BOT) -> None:
        """Give permissions back to a user, all of them where none is named."""
        denied = self.site.projects[project].denied.setdefault(user.account_id, set())
        denied.difference_update(permissions or set(denied))

    def translate(self, language: str, names: Mapping[str, str], user: User = BOT) -> None:
        """Give a user a language, in which names of the site are shown as ``names`` says."""
        with self.lock:
            self.site.translations[language] = dict(names)
            current = self.site.users[user.account_id]
            self.site.users[user.account_id] = replace(current, language=language)
            self.service.gate.forget()

    def replace_secret(self, secret: str, user: User = BOT) -> None:
        """Give a user another token; the old token answers 401 from now on."""
        with self.lock:
            current = self.site.users[user.account_id]
            self.site.users[user.account_id] = replace(current, secret=secret)
            self.service.gate.forget()

    def limit_scopes(self, *scopes: str, user: User = BOT) -> None:
        """Give a user's token these scopes and no others (Cloud)."""
        with self.lock:
            current = self.site.users[user.account_id]
            self.site.users[user.account_id] = replace(current, scopes=frozenset(scopes))

    def tickets(self, *, deleted: bool = False) -> list[Ticket]:
        """All tickets, oldest first, with deleted ones on request."""
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
        """Tickets with a label, even if the search index does not have them yet."""
        return [ticket for ticket in self.tickets() if label in ticket.labels]

"""Faults on demand: what goes wrong, for which calls, how often."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sync.sandbox.jira import auth
from sync.sandbox.jira.site.call import Call, Outcome, Problem, Response
from sync.sandbox.jira.site.rate_limits import too_many


class Effect(StrEnum):
    """What happens to a call. ``drop``, ``hang``, ``status`` and ``html`` can come before or after the
    work."""

    LATENCY = "latency"
    STATUS = "status"
    HTML = "html"
    DROP = "drop"
    CUT = "cut"
    REFUSE = "refuse"
    CONNECT_TIMEOUT = "connect_timeout"
    READ_TIMEOUT = "read_timeout"
    HANG = "hang"
    RATE_LIMIT = "rate_limit"
    MAINTENANCE = "maintenance"
    UNAUTHORIZED = "unauthorized"
    ANONYMOUS = "anonymous"
    CAPTCHA = "captcha"
    READ_ONLY = "read_only"


_NO_WORK = frozenset(
    {
        Effect.REFUSE,
        Effect.CONNECT_TIMEOUT,
        Effect.RATE_LIMIT,
        Effect.MAINTENANCE,
        Effect.UNAUTHORIZED,
        Effect.CAPTCHA,
        Effect.READ_ONLY,
    }
)
_ALWAYS_AFTER = frozenset({Effect.READ_TIMEOUT, Effect.CUT})


@dataclass(slots=True)
class Fault:
    """``method`` and ``path`` are regular expressions (path is searched, method matched whole);
    ``project`` is the key of the one project that it strikes, where it strikes only one.

    ``after``: the work is done, then it goes wrong. ``count`` limits how often it strikes (None: no
    limit), after letting ``skip`` matching calls pass; ``probability`` is per call. ``seconds`` is the
    latency; ``retry_after`` goes into the header; ``body`` is the answer of a ``status`` fault and
    ``headers`` are further ones (a redirect's ``Location``).
    """

    effect: Effect
    method: str = ".*"
    path: str = ""
    project: str = ""
    count: int | None = None
    skip: int = 0
    probability: float = 1.0
    after: bool = False
    status: int = 500
    seconds: float = 0.0
    reason: str = "jira-burst-based"
    retry_after: float | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hits: int = 0

    def matches(self, method: str, path: str, project: Callable[[], str]) -> bool:
        return (
            bool(re.fullmatch(self.method, method, re.IGNORECASE))
            and bool(re.search(self.path, path))
            and (not self.project or project() == self.project)
        )

    @property
    def works_first(self) -> bool:
        """Whether the work is done before the fault shows."""
        return self.effect in _ALWAYS_AFTER or (self.after and self.effect not in _NO_WORK)


@dataclass(slots=True)
class Faults:
    """The faults in force. Thread-safe."""

    seed: int = 0
    active: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _random: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._random.seed(self.seed)

    def add(self, effect: Effect | str, **how: Any) -> Fault:
        """Put a fault in force; see Fault for ``how``. Returns it, so that its ``hits`` can be read."""
        fault = Fault(Effect(effect), **how)
        re.compile(fault.method)
        re.compile(fault.path)
        with self._lock:
            self.active.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self.active.clear()

    def strike(
        self, method: str, path: str, project: Callable[[], str] = lambda: ""
    ) -> list[Fault]:
        """The faults that this call meets, counted. ``project`` tells the key of the project that the
        call is about, "" for none."""
        if not self.active:
            return []
        struck = []
        with self._lock:
            for fault in list(self.active):
                if not fault.matches(method, path, project) or fault.count == 0:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.probability < 1 and self._random.random() >= fault.probability:
                    continue
                if fault.count is not None:
                    fault.count -= 1
                fault.hits += 1
                struck.append(fault)
                if fault.effect is not Effect.LATENCY:
                    break
        return struck


def outcome_of(fault: Fault, call: Call, *, cloud: bool) -> Response | None:
    """What the caller gets instead, None when the fault changes nothing of the reply."""
    match fault.effect:
        case Effect.LATENCY | Effect.ANONYMOUS:
            return None
        case Effect.HANG:
            return Response(0, outcome=Outcome.READ_TIMEOUT)
        case (
            Effect.DROP | Effect.CUT | Effect.REFUSE | Effect.CONNECT_TIMEOUT | Effect.READ_TIMEOUT
        ):
            return Response(0, outcome=Outcome(fault.effect.value))
        case Effect.READ_ONLY if call.method == "GET":
            return None
        case Effect.RATE_LIMIT:
            wait = fault.retry_after if fault.retry_after is not None else 1.0
            problem = too_many(call.now, reason=fault.reason, retry_after=wait, cloud=cloud)
        case Effect.MAINTENANCE:
            problem = html_page(503, "Jira is unavailable for scheduled maintenance")
        case Effect.READ_ONLY:
            problem = Problem(503, "Jira is in read-only mode for maintenance.")
        case Effect.UNAUTHORIZED:
            problem = auth.unauthorized()
        case Effect.CAPTCHA:
            problem = auth.captcha(call.base)
        case Effect.HTML:
            problem = html_page(fault.status, "Something went wrong")
        case _:
            problem = Problem(fault.status, "Internal server error")
            if fault.body is not None:
                return Response(fault.status, fault.body, _retry(fault))
    response = problem.response()
    response.headers = {**response.headers, **_retry(fault)}
    return response


def _retry(fault: Fault) -> dict[str, str]:
    if fault.retry_after is None:
        return dict(fault.headers)
    return {"Retry-After": str(int(fault.retry_after)), **fault.headers}


def html_page(status: int, title: str) -> Problem:
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Problem(status, headers={"Content-Type": "text/html;charset=UTF-8"}, raw=page.encode())

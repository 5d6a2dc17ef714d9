"""Faults on demand: what goes wrong, for which calls, and how often."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sync.sandbox.jira import auth
from sync.sandbox.jira.site.call import Call, Problem, Response, WireResult, html_page
from sync.sandbox.jira.site.rate_limits import too_many


class Effect(StrEnum):
    """What a fault does to a call.

    ``drop``, ``cut``, ``refuse`` and the time-outs break the connection (``WireResult``). ``hang``: the
    site does nothing, and the call gets no answer. ``anonymous``: the call's credentials are ignored.
    ``read_only``: only reads are answered.
    ``echo`` is a gateway that refuses the call with ``status`` and quotes its headers.
    ``drop``, ``hang``, ``status`` and ``html`` come before the site does the work, or after it
    (``Fault.after``).
    """

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
    ECHO = "echo"


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
_BROKEN_WIRE = frozenset(one.value for one in WireResult) - {"reply"}
_ALWAYS_AFTER = frozenset({Effect.READ_TIMEOUT, Effect.CUT})


@dataclass(slots=True)
class Fault:
    """A fault, and which calls it strikes.

    ``method`` (matched whole) and ``path`` (searched) are regular expressions; ``project`` is the key of
    the one project whose calls it strikes, "" for all. The first ``skip`` matching calls pass. After
    them the fault strikes each call with ``probability``, at most ``count`` calls (None: no limit).
    ``hits`` counts the calls struck. ``after``: the site does the work first.

    ``seconds`` is the latency, ``retry_after`` (seconds) goes into its header, ``body`` is the answer of
    a ``status`` fault, ``headers`` are added to the answer, such as a redirect's ``Location``.
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
        """Put a fault in force and return it; ``how`` are attributes of ``Fault``.

        Raises ValueError or TypeError.
        """
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
        """The faults that strike a call, each counted.

        ``project`` returns the key of the project that the call is about, "" for none.
        """
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


def response_to(fault: Fault, call: Call, *, cloud: bool) -> Response | None:
    """The fault's answer in place of the site's, None where the site's answer stands."""
    effect = fault.effect
    if effect is Effect.HANG:
        return Response(0, wire=WireResult.READ_TIMEOUT)
    if effect.value in _BROKEN_WIRE:
        return Response(0, wire=WireResult(effect.value))
    if effect in (Effect.LATENCY, Effect.ANONYMOUS):
        return None
    if effect is Effect.READ_ONLY and call.method == "GET":
        return None
    response = _refusal(fault, call, cloud=cloud).response()
    if effect is Effect.STATUS and fault.body is not None:
        response = Response(fault.status, fault.body)
    retry = {} if fault.retry_after is None else {"Retry-After": str(int(fault.retry_after))}
    response.headers = {**response.headers, **retry, **fault.headers}
    return response


def _refusal(fault: Fault, call: Call, *, cloud: bool) -> Problem:
    match fault.effect:
        case Effect.RATE_LIMIT:
            wait = fault.retry_after if fault.retry_after is not None else 1.0
            return too_many(call.now, reason=fault.reason, retry_after=wait, cloud=cloud)
        case Effect.MAINTENANCE:
            return html_page(503, "Jira is unavailable for scheduled maintenance")
        case Effect.READ_ONLY:
            return Problem(503, "Jira is in read-only mode for maintenance.")
        case Effect.UNAUTHORIZED:
            return auth.unauthorized()
        case Effect.CAPTCHA:
            return auth.captcha(call.base)
        case Effect.ECHO:
            quoted = " ".join(f"{name}: {value};" for name, value in call.headers.items())
            return Problem(fault.status, f"The gateway did not pass on this request: {quoted}")
        case Effect.HTML:
            return html_page(fault.status, "Something went wrong")
    return Problem(fault.status, "Internal server error")

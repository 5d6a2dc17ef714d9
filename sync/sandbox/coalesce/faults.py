"""Faults on demand: what goes wrong with calls of the API and of callbacks, and how often."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sync.sandbox.coalesce.api_request import ApiError, Request

# Codes of gRPC by HTTP status.
_CODES = {
    400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 6, 429: 8, 500: 13, 501: 12, 503: 14, 504: 4,
}  # fmt: skip


@dataclass(slots=True)
class Fault:
    """A fault, and which calls it strikes.

    ``method`` (matched whole) and ``path`` (searched) are regular expressions. The first ``skip``
    matching calls pass, then the fault strikes ``count`` calls (None: no limit). ``status`` is that of
    the answer; with 0 the connection is dropped. ``after``: the work is done first, so that only the
    reply is lost. ``headers`` go with the answer, such as a redirect's ``location``. ``hits`` counts the
    calls struck.
    """

    status: int = 503
    method: str = ".*"
    path: str = ""
    count: int | None = None
    skip: int = 0
    after: bool = False
    retry_after: float | None = None
    headers: dict[str, str] = field(default_factory=dict)
    hits: int = 0

    def strikes(self, request: Request) -> bool:
        """Whether the fault strikes a call. Counts it."""
        if not re.fullmatch(self.method, request.method) or self.count == 0:
            return False
        if not re.search(self.path, request.path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.count is not None:
            self.count -= 1
        self.hits += 1
        return True

    def error(self) -> ApiError:
        """The answer. Its status is 0 where the connection is dropped."""
        error = refusal(self.status, "this fault was asked for", retry_after=self.retry_after)
        error.headers |= self.headers
        return error


@dataclass(slots=True)
class Faults:
    """The faults in force. The caller holds the lock of the workspace."""

    active: list[Fault] = field(default_factory=list)

    def add(self, **how: Any) -> Fault:
        """Put a fault in force and return it; ``how`` are attributes of ``Fault``. Raises TypeError or
        ``re.error``."""
        fault = Fault(**how)
        re.compile(fault.method)
        re.compile(fault.path)
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        self.active.clear()

    def strike(self, request: Request) -> Fault | None:
        """The first fault that strikes a call."""
        return next((fault for fault in self.active if fault.strikes(request)), None)


def refusal(status: int, message: str, *, retry_after: float | None = None) -> ApiError:
    """An error with the code of gRPC that belongs to an HTTP status."""
    return ApiError(status, _CODES.get(status, 2), message, retry_after=retry_after)

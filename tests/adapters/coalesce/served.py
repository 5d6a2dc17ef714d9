"""The simulated API on a real socket, and our client for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sync.adapters.coalesce.api.access import ApiAccess
from sync.adapters.coalesce.api.client import CoalesceApi
from sync.bootstrap.http import Background
from sync.sandbox.coalesce import CoalesceSandbox, Outbox, Sender
from sync.sandbox.coalesce.api_request import Answer
from sync.sandbox.coalesce.app import create_app
from sync.sandbox.coalesce.outbox import Reply
from sync.sandbox.coalesce.rest import CLIENT_ID, CLIENT_SECRET, CoalesceRest
from sync.web.server import listen
from tests.clock import SimulatedClock
from tests.sandbox.coalesce.openapi import Described


class CheckedRest(CoalesceRest):
    """Holds every request and answer against the published description."""

    described: Described | None = None

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        answer = super().handle(method, path, query, headers, body)
        if self.described is not None:
            try:
                self.described.check(method, path, query, body, answer)
            except Exception as error:
                self.wrong.append(f"{method} {path}?{query}: {error}"[:2000])
        return answer

    wrong: list[str]


class Upstream:
    """A workspace, its sender, its API on a socket, and our client."""

    def __init__(self, page_size: int = 100, described: Described | None = None) -> None:
        self.clock = SimulatedClock()
        self.sandbox = CoalesceSandbox(self.clock, seed=5)
        self.outbox = Outbox(self.sandbox)
        self.replies: list[int] = []
        self.sender = Sender(self.outbox, lambda _body, _headers: Reply(self._reply()))
        self.rest = CheckedRest(self.outbox)
        self.rest.described, self.rest.wrong = described, []
        self.server = Background(create_app(self.rest), listen("127.0.0.1", 0), name="upstream")
        self.page_size = page_size
        self.api = CoalesceApi(self.access(), self.clock)

    def access(self, **changes: str) -> ApiAccess:
        known = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return ApiAccess(**{**known, "url": self.server.url, **changes}, page_size=self.page_size)  # type: ignore[arg-type]

    def pass_time(self, seconds: float = 60.0) -> float:
        self.clock.now += seconds
        return self.clock.now

    def _reply(self) -> int:
        return self.replies.pop(0) if self.replies else 202


@contextmanager
def serving(page_size: int = 100, described: Described | None = None) -> Iterator[Upstream]:
    upstream = Upstream(page_size, described)
    upstream.server.start()
    try:
        yield upstream
    finally:
        upstream.api.close()
        upstream.server.stop(5)
    assert not upstream.rest.wrong

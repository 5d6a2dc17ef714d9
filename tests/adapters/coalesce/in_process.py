"""The simulated API in this process, and our client for it: no socket, and so many calls a second."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import httpx2

from sync.adapters.coalesce.api import calls
from sync.adapters.coalesce.api.access import ApiAccess
from sync.adapters.coalesce.api.client import CoalesceApi
from sync.sandbox.coalesce import CoalesceSandbox, Outbox
from sync.sandbox.coalesce.rest import CLIENT_ID, CLIENT_SECRET, CoalesceRest
from tests.clock import SimulatedClock


class InProcess:
    """A workspace, its API, and our client, on one clock.

    ``killed`` is raised by the next call that changes something: before its work or, with
    ``killed_after``, after it.
    """

    def __init__(self, clock: SimulatedClock, seed: int = 5) -> None:
        self.clock = clock
        self.sandbox = CoalesceSandbox(clock, seed=seed)
        self.rest = CoalesceRest(Outbox(self.sandbox))
        self.killed: Callable[[], BaseException] | None = None
        self.killed_after = False
        self.api = self.connect()

    def connect(self) -> CoalesceApi:
        """A client that knows no token yet."""
        client = httpx2.Client(transport=_Direct(self), trust_env=False)
        with mock.patch.object(calls, "open_client", return_value=client):
            access = ApiAccess(CLIENT_ID, CLIENT_SECRET, url="http://upstream.sandbox")
            return CoalesceApi(access, self.clock)

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.killed = None
        self.rest.faults.clear()


class _Direct(httpx2.BaseTransport):
    def __init__(self, upstream: InProcess) -> None:
        self._upstream = upstream

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        upstream, url = self._upstream, request.url
        killed = upstream.killed if _changes(request) else None
        if killed is not None:
            upstream.killed = None
            if not upstream.killed_after:
                raise killed()
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = upstream.rest.handle(
            request.method, url.path, url.query.decode(), headers, request.read()
        )
        if killed is not None:
            raise killed()
        if not answer.status:
            raise httpx2.RemoteProtocolError("the connection was dropped", request=request)
        return httpx2.Response(answer.status, headers=answer.headers, content=answer.body)


def _changes(request: httpx2.Request) -> bool:
    path = request.url.path
    return request.method != "GET" and not path.endswith(("/by-id", "/token"))

"""The simulated Jira on real sockets: its REST API, a control API and a board."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from litestar import Litestar, asgi, get
from litestar.connection import Request
from litestar.response import Response as Html
from litestar.types import ASGIApp, Receive, Scope, Send

from sync.sandbox.jira.board.views import board_page, missing_page, ticket_page
from sync.sandbox.jira.control import control
from sync.sandbox.jira.outbox import Sender
from sync.sandbox.jira.server import JiraSandbox
from sync.sandbox.jira.site.call import Response, WireResult
from sync.sandbox.wire import abort_of, abortable, body_of, drop


def create_app(sandbox: JiraSandbox) -> ASGIApp:
    """An ASGI app: ``/rest/`` is the REST API, ``/sandbox/`` the control API, ``/`` and ``/browse/KEY``
    are the board.

    While the app runs, it sends what the site's webhooks are told.

    Faults that drop a connection close uvicorn's transport. Under another server, which has no such
    transport, the caller waits instead.
    """

    @get("/", sync_to_thread=True, media_type="text/html")
    def board(request: Request[Any, Any, Any]) -> str:
        return board_page(sandbox, request.query_params.get("project", ""))

    @get("/browse/{key:str}", sync_to_thread=True, media_type="text/html")
    def browse(request: Request[Any, Any, Any]) -> Html[str]:
        key = str(request.path_params["key"])
        try:
            return Html(ticket_page(sandbox, key))
        except KeyError:
            return Html(missing_page(sandbox, key), status_code=404)

    sender = Sender(sandbox.outbox)
    app = Litestar(
        route_handlers=[board, browse, control(sandbox), _rest(sandbox)],
        on_startup=[sender.start],
        # A receiver that does not answer must not hold up the end.
        on_shutdown=[partial(sender.stop, 1.0)],
        openapi_config=None,
        logging_config=None,
    )

    return abortable(app)


def _rest(sandbox: JiraSandbox) -> Any:
    # A latency fault keeps a thread for its whole time, so the usual 40 threads may not be enough.
    limiter: list[CapacityLimiter] = []

    async def rest(scope: Scope, receive: Receive, send: Send) -> None:
        if not limiter:
            limiter.append(CapacityLimiter(128))
        details: dict[str, Any] = dict(scope)
        handle = partial(
            sandbox.handle,
            details["method"],
            details["raw_path"].decode("latin-1").partition("?")[0],
            details["query_string"].decode("latin-1"),
            {name.decode("latin-1"): value.decode("latin-1") for name, value in details["headers"]},
            await body_of(receive),
        )
        response = await to_thread.run_sync(handle, limiter=limiter[0])
        await _answer(response, abort_of(scope), receive, send)

    return asgi("/rest", is_mount=True, copy_scope=False)(rest)


async def _answer(
    response: Response, abort: Callable[[], None] | None, receive: Receive, send: Send
) -> None:
    if response.wire is WireResult.REPLY or (response.wire is WireResult.CUT and abort):
        body = response.body
        headers = [
            (k.lower().encode(), v.encode("latin-1", "replace"))
            for k, v in response.headers.items()
        ]
        headers.append((b"content-length", str(len(body)).encode()))
        await send(
            {"type": "http.response.start", "status": response.status or 500, "headers": headers}
        )
        if response.wire is WireResult.REPLY:
            await send({"type": "http.response.body", "body": body, "more_body": False})
            return
        await send(
            {"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True}
        )
        await asyncio.sleep(0.01)  # Lets the first half leave before the connection is cut.
    await drop(None if response.wire is WireResult.READ_TIMEOUT else abort, receive)

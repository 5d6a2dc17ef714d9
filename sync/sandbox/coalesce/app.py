"""The simulated REST API as an ASGI app."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from anyio import to_thread
from litestar import Litestar, asgi
from litestar.types import ASGIApp, Receive, Scope, Send

from sync.sandbox.coalesce.control import control
from sync.sandbox.coalesce.rest import CoalesceRest
from sync.sandbox.wire import abort_of, abortable, body_of, drop


def create_app(rest: CoalesceRest) -> ASGIApp:
    """An ASGI app: ``/sandbox/`` is the control API, ``rest`` answers everything else."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        details: dict[str, Any] = dict(scope)
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in details["headers"]
        }
        path = details["raw_path"].decode("latin-1").partition("?")[0]
        answer = await to_thread.run_sync(
            rest.handle,
            details["method"],
            unquote(path),
            details["query_string"].decode("latin-1"),
            headers,
            await body_of(receive),
        )
        if not answer.status:
            await drop(abort_of(scope), receive)
            return
        sent = {"content-type": "application/json", **answer.headers}
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(k.encode(), v.encode()) for k, v in sent.items()],
            }
        )
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    app = Litestar(
        route_handlers=[control(rest), asgi("/", is_mount=True, copy_scope=False)(serve)],
        openapi_config=None,
        logging_config=None,
    )
    return abortable(app)

"""The simulated REST API as an ASGI app."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from anyio import to_thread
from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send

from sync.sandbox.coalesce.rest import CoalesceRest


def create_app(rest: CoalesceRest) -> Litestar:
    """An ASGI app that answers with ``rest``."""

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
            await _body(receive),
        )
        sent = {"content-type": "application/json", **answer.headers}
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(k.encode(), v.encode()) for k, v in sent.items()],
            }
        )
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    return Litestar(
        route_handlers=[asgi("/", is_mount=True, copy_scope=False)(serve)],
        openapi_config=None,
        logging_config=None,
    )


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message: Any = await receive()
        parts.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)

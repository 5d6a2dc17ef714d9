"""What the ASGI apps of the simulated services share: whole bodies, and connections cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from litestar.types import ASGIApp, Receive, Scope, Send

_ABORT = "ticket_sync.abort"
_LONGEST_SILENCE = 600


def abortable(app: ASGIApp) -> ASGIApp:
    """An app whose handlers can cut the connection, see ``abort_of``."""

    async def outermost(scope: Scope, receive: Receive, send: Send) -> None:
        # Litestar wraps ``receive``; only outside of Litestar is uvicorn's transport reachable by way of
        # ``receive``.
        details: Any = scope
        transport: Any = getattr(getattr(receive, "__self__", None), "transport", None)
        details[_ABORT] = transport.abort if transport is not None else None
        await app(scope, receive, send)

    return outermost


def abort_of(scope: Scope) -> Callable[[], None] | None:
    """What cuts the connection of a request; None under a server without uvicorn's transport."""
    details: Any = scope
    found: Callable[[], None] | None = details.get(_ABORT)
    return found


async def drop(abort: Callable[[], None] | None, receive: Receive) -> None:
    """End a request without a reply: cut the connection, or wait until the caller hangs up where it
    cannot be cut."""
    if abort is not None:
        abort()
    try:
        async with asyncio.timeout(_LONGEST_SILENCE):
            while (await receive())["type"] != "http.disconnect":
                continue
    except TimeoutError:
        return


async def body_of(receive: Receive) -> bytes:
    """The whole body of a request, or what came of it before the caller hung up."""
    parts: list[bytes] = []
    while True:
        message: Any = await receive()
        parts.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)

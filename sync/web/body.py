"""Reading a request's body within limits of size, time and memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from litestar import Request

T = TypeVar("T")

# What each request may hold without asking: far above any usual delivery.
_ALWAYS = 64 * 1024
# A body over the limit is read and thrown away up to this many times the limit, so that the sender
# gets to read the answer; a connection closed on unread bytes is reset, and looks like an outage.
_PATIENCE = 8


class TooLarge(Exception):
    """The body is over the limit."""


class TooSlow(Exception):
    """The body did not come in time."""


class NoRoom(Exception):
    """Too many large bodies are being read at once."""


class Gone(Exception):
    """The sender left before its body was complete."""


@dataclass(slots=True)
class Room:
    """Memory (bytes) that bodies still being read may take together, beyond the first 64 KiB of each."""

    left: int


async def read_body(
    request: Request[Any, Any, Any], *, limit: int, seconds: float, room: Room
) -> bytes:
    """The raw body. Raises TooLarge, TooSlow, NoRoom, Gone; the connection must then be closed."""
    announced = request.headers.get("content-length")
    if announced and announced.isdecimal() and len(announced) < 20 and int(announced) > limit:
        polite = int(announced) <= limit * _PATIENCE and "expect" not in request.headers
        if polite:
            await _within(seconds, _discard(request, int(announced)))
        raise TooLarge
    return await _within(seconds, _read(request, limit, room))


async def _within(seconds: float, reading: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await reading
    except TimeoutError:
        raise TooSlow from None


async def _read(request: Request[Any, Any, Any], limit: int, room: Room) -> bytes:
    chunks: list[bytes] = []
    size = 0
    taken = 0
    try:
        while True:
            message: Any = await request.receive()
            if message["type"] != "http.request":
                raise Gone
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                chunks.clear()
                if message.get("more_body"):
                    await _discard(request, limit * _PATIENCE)
                raise TooLarge
            chunks.append(chunk)
            if not message.get("more_body"):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
            more = max(0, size - _ALWAYS) - taken
            if more > room.left:
                raise NoRoom
            room.left -= more
            taken += more
    finally:
        room.left += taken


async def _discard(request: Request[Any, Any, Any], limit: int) -> None:
    size = 0
    while size <= limit:
        message: Any = await request.receive()
        if message["type"] != "http.request":
            raise Gone
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            return

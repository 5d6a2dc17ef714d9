"""Reading a request's body within limits of size, time and memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from litestar import Request

T = TypeVar("T")

# Bytes of a body that need no room of the shared memory: far more than a usual delivery has.
_ALWAYS = 64 * 1024
# A body over the limit is read and discarded up to this many times the limit. Closing a connection with
# unread bytes resets it, so the sender would not get the answer, and would take the reset for an outage.
_PATIENCE = 8


class TooLarge(Exception):
    """The body is over the limit."""


class TooSlow(Exception):
    """The body did not come in time."""


class NoRoom(Exception):
    """Too many large bodies are being read at once."""


class SenderGone(Exception):
    """The sender left before its body was complete."""


@dataclass(slots=True)
class Room:
    """Memory (bytes) left for bodies that are being read, beyond the first 64 KiB of each body."""

    left: int


async def read_body(
    request: Request[Any, Any, Any], *, limit: int, seconds: float, room: Room
) -> bytes:
    """The raw body. Raises TooLarge, TooSlow, NoRoom, SenderGone; the connection must then be closed."""
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
                raise SenderGone
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
            raise SenderGone
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            return

"""Reading a request's body within limits of size, time and memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from litestar import Request

# Bytes of a body that need no room of the shared memory: far more than a usual delivery has.
_ALWAYS = 64 * 1024
# A body over the limit is read and discarded up to this many times the limit. Closing a connection with
# unread bytes resets it, so the sender would not get the answer, and would take the reset for an outage.
_PATIENCE = 8
# Bytes a second. A sender that is slower than this is cut off after half of the time for a body.
_SLOWEST = 1024
# When memory runs out, a body that takes longer than this (seconds) for 64 KiB gives up its place.
_STALLED = 1.0


class TooLarge(Exception):
    """The body is over the limit."""


class TooSlow(Exception):
    """The body did not come in time."""


class NoRoom(Exception):
    """Too many large bodies are being read at once."""


class SenderGone(Exception):
    """The sender left before its body was complete."""


@dataclass(slots=True, eq=False)
class _Reading:
    """One body on its way. All times are the event loop's, in seconds.

    ``until`` ends the reading; ``began`` and ``end`` bound it. ``size`` is what has come, ``taken`` the
    body's share of the room, ``since`` when that share last grew by 64 KiB.
    """

    request: Request[Any, Any, Any]
    until: asyncio.Timeout
    began: float
    end: float
    since: float
    size: int = 0
    taken: int = 0
    grown: int = 0
    displaced: bool = False

    async def next(self) -> tuple[bytes, bool]:
        """The next part, and whether more follow. Raises SenderGone."""
        message: Any = await self.request.receive()
        if message["type"] != "http.request":
            raise SenderGone
        part: bytes = message.get("body", b"")
        self.size += len(part)
        if not self.displaced:
            half = (self.end - self.began) / 2
            self.until.reschedule(min(self.began + half + self.size / _SLOWEST, self.end))
        return part, bool(message.get("more_body"))

    async def discard(self, limit: int) -> None:
        """Read on to the end of the body, or to ``limit`` bytes more."""
        most = self.size + limit
        more = True
        while more and self.size <= most:
            _, more = await self.next()

    def displace(self) -> int:
        """End the reading; returns its share of the room."""
        freed, self.taken, self.displaced = self.taken, 0, True
        self.until.reschedule(self.began)
        return freed


@dataclass(slots=True)
class Room:
    """Memory (bytes) left for bodies that are being read, beyond the first 64 KiB of each body."""

    left: int
    _readings: dict[_Reading, None] = field(default_factory=dict)

    def take(self, reading: _Reading, more: int) -> None:
        """Give a reading more of the room. If too little is left, the reading that has stalled longest
        gives up its share. Raises NoRoom if none has stalled."""
        now = asyncio.get_running_loop().time()
        while more > self.left:
            stalled = min(self._readings, key=lambda one: one.since, default=reading)
            if stalled is reading or now - stalled.since < _STALLED:
                raise NoRoom
            self._readings.pop(stalled)
            self.left += stalled.displace()
        self._readings[reading] = None
        self.left -= more
        reading.taken += more
        reading.grown += more
        if reading.grown >= _ALWAYS:
            reading.grown, reading.since = 0, now

    def leave(self, reading: _Reading) -> None:
        """Take a reading's share back."""
        self._readings.pop(reading, None)
        self.left += reading.taken
        reading.taken = 0


async def read_body(
    request: Request[Any, Any, Any], *, limit: int, seconds: float, room: Room
) -> bytes:
    """The raw body. Raises TooLarge, TooSlow, NoRoom, SenderGone; the connection must then be closed."""
    now = asyncio.get_running_loop().time()
    until = asyncio.timeout_at(now + seconds / 2)
    reading = _Reading(request, until, now, now + seconds, now)
    try:
        async with until:
            return await _whole(reading, limit, room)
    except TimeoutError:
        raise (NoRoom if reading.displaced else TooSlow) from None
    finally:
        room.leave(reading)


async def _whole(reading: _Reading, limit: int, room: Room) -> bytes:
    headers = reading.request.headers
    announced = headers.get("content-length")
    if announced and announced.isdecimal() and len(announced) < 20 and int(announced) > limit:
        if int(announced) <= limit * _PATIENCE and "expect" not in headers:
            await reading.discard(int(announced))
        raise TooLarge
    parts: list[bytes] = []
    more = True
    while more:
        part, more = await reading.next()
        if reading.size > limit:
            parts.clear()
            if more:
                await reading.discard(limit * _PATIENCE)
            raise TooLarge
        parts.append(part)
        if more:
            room.take(reading, max(0, reading.size - _ALWAYS) - reading.taken)
    return parts[0] if len(parts) == 1 else b"".join(parts)

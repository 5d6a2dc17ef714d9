"""Reading a request's body within limits of size, time and memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

# Bytes of a body that need no room of the shared memory: far more than a usual delivery has. So many are
# kept of a body over the limit.
_ALWAYS = 64 * 1024
# A body over the limit is read up to this many times the limit, to check its signature. A body with more
# bytes is refused.
BEYOND = 8
# Bytes a second. A sender that is slower than this is cut off after half of the time for a body.
_SLOWEST = 1024
# When memory runs out, a body that takes longer than this (seconds) for 64 KiB gives up its place.
_STALLED = 1.0


class TooLarge(Exception):
    """The body is ``BEYOND`` times as large as the limit, or larger."""


class TooSlow(Exception):
    """The body did not come in time."""


class NoRoom(Exception):
    """Too many large bodies are being read at once."""


class SenderGone(Exception):
    """The sender left before its body was complete."""


class Coming(Protocol):
    """A request whose body is still to come. ``headers`` has lower-case names."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def receive(self) -> Callable[[], Awaitable[Any]]:
        """Waits for the next message of the server, as ASGI describes it."""
        ...


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it came. Of one over the limit, ``data`` is the head, and ``digest`` that of all of it
    ("" for a body that is kept whole); ``size`` is that of all of it."""

    data: bytes
    size: int
    digest: str = ""


@dataclass(slots=True, eq=False)
class _Reading:
    """One body on its way. All times are the event loop's, in seconds.

    ``until`` ends the reading; ``began`` and ``end`` bound it. ``size`` is what has come, ``taken`` the
    body's share of the room, ``since`` when that share last grew by 64 KiB.
    """

    request: Coming
    heed: Callable[[bytes], None]
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
        self.heed(part)
        more = bool(message.get("more_body"))
        if more and not self.displaced:
            half = (self.end - self.began) / 2
            self.until.reschedule(min(self.began + half + self.size / _SLOWEST, self.end))
        return part, more

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
    request: Coming,
    *,
    limit: int,
    seconds: float,
    room: Room,
    heed: Callable[[bytes], None] = lambda _part: None,
) -> Body:
    """The raw body, of which ``heed`` gets each part as it comes. Of one over ``limit``, only the head
    is kept. Raises TooLarge, TooSlow, NoRoom, SenderGone; the connection must then be closed."""
    now = asyncio.get_running_loop().time()
    until = asyncio.timeout_at(now + seconds / 2)
    reading = _Reading(request, heed, until, now, now + seconds, now)
    try:
        async with until:
            return await _body(reading, limit, room)
    except TimeoutError:
        raise (NoRoom if reading.displaced else TooSlow) from None
    finally:
        room.leave(reading)


async def _body(reading: _Reading, limit: int, room: Room) -> Body:
    announced = reading.request.headers.get("content-length", "")
    known = announced.isdecimal() and len(announced) < 20
    if known and int(announced) > limit * BEYOND:
        raise TooLarge
    if known and int(announced) > limit:
        return await _head(reading, [], limit)
    parts: list[bytes] = []
    more = True
    while more:
        part, more = await reading.next()
        parts.append(part)
        if reading.size > limit:
            room.leave(reading)
            return await _head(reading, parts, limit, more=more)
        if more:
            room.take(reading, max(0, reading.size - _ALWAYS) - reading.taken)
    return Body(parts[0] if len(parts) == 1 else b"".join(parts), reading.size)


async def _head(reading: _Reading, parts: list[bytes], limit: int, *, more: bool = True) -> Body:
    """Read on to the end of a body over the limit, and keep only its head. ``parts`` have come."""
    digest = hashlib.sha256()
    head = bytearray()
    while parts or more:
        if parts:
            part = parts.pop(0)
        else:
            part, more = await reading.next()
        if reading.size > limit * BEYOND:
            raise TooLarge
        digest.update(part)
        head += part[: max(0, _ALWAYS - len(head))]
    return Body(bytes(head), reading.size, digest.hexdigest())

"""Reading a body holds no more memory than it may, and gives back what it held."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from sync.web.body import NoRoom, Room, SenderGone, TooLarge, TooSlow, read_body

KIB = 1024


class Coming:
    """A request whose body comes in pieces; None stands for a piece that never comes."""

    def __init__(self, pieces: list[bytes | None], **headers: str) -> None:
        self.headers = headers
        self._pieces: Iterator[tuple[int, bytes | None]] = enumerate(pieces, 1)
        self._last = len(pieces)

    async def receive(self) -> dict[str, Any]:
        """The next message of the server."""
        place, piece = next(self._pieces)
        if piece is None:
            await asyncio.sleep(3600)
        if piece == b"gone":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": place < self._last}


def _read(request: Any, room: Room, limit: int = 1024 * KIB, seconds: float = 5) -> bytes:
    return asyncio.run(read_body(request, limit=limit, seconds=seconds, room=room))


def test_pieces_are_put_together() -> None:
    assert _read(Coming([b"a", b"", b"bc"]), Room(0)) == b"abc"


def test_small_bodies_need_no_room_and_large_ones_do() -> None:
    room = Room(100 * KIB)
    large: list[bytes | None] = [b"x" * (30 * KIB)] * 6
    with pytest.raises(NoRoom):
        _read(Coming([*large, b""]), room)
    assert len(_read(Coming([*large[:5], b""]), room)) == 150 * KIB
    assert len(_read(Coming([b"x" * 64 * KIB, b""]), Room(0))) == 64 * KIB
    assert room.left == 100 * KIB


@pytest.mark.parametrize(
    "end, error", [(None, TooSlow), (b"gone", SenderGone), (b"x" * 2000 * KIB, TooLarge)]
)
def test_room_is_given_back_however_reading_ends(end: bytes | None, error: type[Exception]) -> None:
    room = Room(500 * KIB)
    with pytest.raises(error):
        _read(Coming([b"x" * 200 * KIB, end, b""]), room, seconds=0.05)
    assert room.left == 500 * KIB


def test_two_bodies_share_the_room() -> None:
    async def both() -> list[Any]:
        room = Room(100 * KIB)
        held = asyncio.ensure_future(
            read_body(
                Coming([b"x" * 150 * KIB, None]),  # type: ignore[arg-type]
                limit=1024 * KIB,
                seconds=5,
                room=room,
            )
        )
        await asyncio.sleep(0)
        second: Any = Coming([b"x" * 150 * KIB, b""])
        try:
            return [await read_body(second, limit=1024 * KIB, seconds=5, room=room)]
        except NoRoom as error:
            return [error]
        finally:
            held.cancel()

    (outcome,) = asyncio.run(both())
    assert isinstance(outcome, NoRoom)


@pytest.mark.parametrize("length", ["", "12", "-1", "²", "9" * 30, "x"])
def test_an_announced_length_is_only_believed_where_it_is_a_number(length: str) -> None:
    assert _read(Coming([b"a"], **{"content-length": length}), Room(0)) == b"a"

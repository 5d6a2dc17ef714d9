"""Reading a body holds no more memory than it may, and gives back what it held."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Iterator
from itertools import accumulate, pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sync.web.body import BEYOND, Body, NoRoom, Room, SenderGone, TooLarge, TooSlow, read_body

KIB = 1024
T = TypeVar("T")


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


class Clock(asyncio.SelectorEventLoop):
    """An event loop with a time of its own, which jumps ahead where nothing is ready."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        timers = [one.when() for one in self._scheduled if not one.cancelled()]  # type: ignore[attr-defined]
        if timers and not self._ready:  # type: ignore[attr-defined]
            self.now = max(self.now, min(timers))
        super()._run_once()  # type: ignore[misc]


def _run(work: Coroutine[Any, Any, T]) -> T:
    """What comes of a coroutine, however long the machine takes for it."""
    with asyncio.Runner(loop_factory=Clock) as runner:
        return runner.run(work)


def _read(request: Any, room: Room, limit: int = 1024 * KIB, seconds: float = 5) -> bytes:
    return _run(read_body(request, limit=limit, seconds=seconds, room=room)).data


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
    "end, error", [(None, TooSlow), (b"gone", SenderGone), (b"x" * 9000 * KIB, TooLarge)]
)
def test_room_is_given_back_however_reading_ends(end: bytes | None, error: type[Exception]) -> None:
    room = Room(500 * KIB)
    with pytest.raises(error):
        _read(Coming([b"x" * 200 * KIB, end, b""]), room, seconds=0.05)
    assert room.left == 500 * KIB


@settings(deadline=None)
@given(pieces=st.lists(st.integers(0, 90), min_size=1, max_size=80), announce=st.booleans())
def test_of_a_body_over_the_limit_only_the_head_is_kept_and_all_of_it_is_heeded(
    pieces: list[int], announce: bool
) -> None:
    limit, body = 100 * KIB, bytes(range(256)) * 4 * sum(pieces)
    ends = list(accumulate(pieces, initial=0))
    parts: list[bytes | None] = [body[a * KIB : b * KIB] for a, b in pairwise(ends)]
    coming: Any = Coming(parts, **({"content-length": str(len(body))} if announce else {}))
    heard = bytearray()
    shared = Room(100 * KIB)
    reading = read_body(coming, limit=limit, seconds=5, room=shared, heed=heard.extend)
    if len(body) > limit * BEYOND:
        with pytest.raises(TooLarge):
            _run(reading)
    else:
        found = _run(reading)
        whole = len(body) <= limit
        assert found.data == (body if whole else body[: 64 * KIB])
        assert found.size == len(body)
        assert found.digest == ("" if whole else hashlib.sha256(body).hexdigest())
        assert heard == body
    assert shared.left == 100 * KIB


class Steadily:
    """A request whose body comes at a steady rate: pieces of ``size`` bytes, ``seconds`` apart."""

    def __init__(self, pieces: int, size: int, seconds: float) -> None:
        self.headers: dict[str, str] = {}
        self._left, self._size, self._seconds = pieces, size, seconds

    async def receive(self) -> dict[str, Any]:
        """The next message of the server."""
        await asyncio.sleep(self._seconds)
        self._left -= 1
        return {"type": "http.request", "body": b"x" * self._size, "more_body": self._left > 0}


@settings(deadline=None)
@given(
    pieces=st.integers(1, 60),
    size=st.integers(1, 4000),
    apart=st.floats(0.001, 3),
    seconds=st.floats(1, 60),
)
def test_a_body_is_cut_off_if_it_is_late_or_slower_than_a_kibibyte_a_second(
    pieces: int, size: int, apart: float, seconds: float
) -> None:
    coming: Any = Steadily(pieces, size, apart)
    ends = [min(seconds / 2 + n * size / 1024, seconds) for n in range(pieces)]
    late = [(n + 1) * apart - end for n, end in enumerate(ends)]
    assume(all(abs(one) > 0.05 for one in late))
    reading = read_body(coming, limit=1024 * KIB, seconds=seconds, room=Room(1024 * KIB))
    if any(one > 0 for one in late):
        with pytest.raises(TooSlow):
            _run(reading)
    else:
        assert _run(reading).size == pieces * size


def test_bodies_that_stall_give_up_their_room_to_one_that_comes_and_others_do_not() -> None:
    async def race(stalled_for: float) -> list[Any]:
        room = Room(200 * KIB)

        def read(request: Any) -> asyncio.Task[Body]:
            return asyncio.ensure_future(
                read_body(request, limit=1024 * KIB, seconds=60, room=room)
            )

        half = [read(Coming([b"x" * 150 * KIB, None])) for _ in range(2)]
        await asyncio.sleep(stalled_for)
        real = read(Coming([b"x" * 150 * KIB, b""]))
        await asyncio.wait([real])
        held = [task for task in half if not task.done()]
        for task in held:
            task.cancel()
        # Those that ended, too: an error that nobody asks for is told whenever garbage is collected.
        await asyncio.gather(*half, return_exceptions=True)
        assert room.left == 200 * KIB
        return [real.exception(), len(held)]

    assert _run(race(2.0)) == [None, 1]
    refused, held = _run(race(0.2))
    assert isinstance(refused, NoRoom)
    assert held == 2


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

    (outcome,) = _run(both())
    assert isinstance(outcome, NoRoom)


@pytest.mark.parametrize("length", ["", "12", "-1", "²", "9" * 30, "x"])
def test_an_announced_length_is_only_believed_where_it_is_a_number(length: str) -> None:
    assert _read(Coming([b"a"], **{"content-length": length}), Room(0)) == b"a"

"""A lean sender: prepared requests over raw connections, each sent when the one before is answered."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Result:
    """What came of a load. Latencies in seconds, of the accepted ones within ``seconds``."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    accepted: int = 0
    refused: int = 0
    # CPU seconds of the receiving process for all of the requests, also those before the window.
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Accepted a second."""
        return len(self.latencies) / self.seconds

    @property
    def cpu_each(self) -> float:
        """Milliseconds of CPU a request."""
        return 1000 * self.cpu / max(1, self.accepted + self.refused)

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share of the deliveries was answered."""
        if not self.latencies:
            return float("nan")
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


@dataclass
class _Window:
    begins: float
    ends: float
    result: Result
    gap: float = 0.0


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], window: _Window) -> None:
        self._requests = requests
        self._window = window
        self._sent = 0.0
        self._buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        head = buffer.find(b"\r\n\r\n")
        if head < 0 or len(buffer) < head + 4 + _length(buffer[:head]):
            self._buffer = buffer
            return
        self._buffer = b""
        now = time.perf_counter()
        window = self._window
        if buffer.startswith(b"HTTP/1.1 202"):
            window.result.accepted += 1
            if window.begins <= now <= window.ends:
                window.result.latencies.append(now - self._sent)
        else:
            window.result.refused += 1
        if window.gap:
            asyncio.get_running_loop().call_later(window.gap, self._next)
        else:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _next(self) -> None:
        if self._transport.is_closing():
            return
        now = time.perf_counter()
        request = next(self._requests, None) if now < self._window.ends else None
        if request is None:
            self._transport.close()
            return
        self._sent = now
        self._transport.write(request)


def _length(head: bytes) -> int:
    at = head.find(b"content-length: ")
    return int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def load(
    address: tuple[str, int],
    requests: Sequence[bytes],
    *,
    connections: int,
    warm_up: float,
    seconds: float,
    gap: float = 0.0,
) -> Result:
    """Send until the time (seconds) is over or the requests are used up. Each connection waits ``gap``
    seconds after an answer."""
    loop = asyncio.get_running_loop()
    begins = time.perf_counter() + warm_up
    window = _Window(begins, begins + seconds, Result(seconds), gap)
    left = iter(requests)
    made = [
        await loop.create_connection(lambda: _Connection(left, window), *address)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    spent = time.perf_counter()
    if spent < window.ends:
        window.result.seconds = max(0.001, spent - window.begins)
    return window.result


def cpu_of(pid: int) -> float:
    """The CPU seconds that a process has used, NaN where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

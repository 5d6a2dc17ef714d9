"""The one simulated clock of the tests."""

from __future__ import annotations

import threading

START = 1_790_000_000.0


class SimulatedClock:
    """Time that passes when somebody sleeps, or when a test moves ``now``. Safe to share between
    threads. ``slept`` lists the waits in seconds."""

    def __init__(self, now: float = START) -> None:
        self.now = now
        self.slept: list[float] = []
        self._set_by = 0.0
        self._lock = threading.Lock()

    def time(self) -> float:
        return self.now + self._set_by

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += max(0.0, seconds)
            self.slept.append(seconds)

    def set(self, by: float) -> None:
        """Somebody sets the clock by so many seconds; no time passes."""
        self._set_by += by

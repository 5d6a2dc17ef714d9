"""Time that passes when told to."""

from __future__ import annotations


class ManualClock:
    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

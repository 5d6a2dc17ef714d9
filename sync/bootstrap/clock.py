"""The real clock."""

from __future__ import annotations

import time


class WallClock:
    """Time as the machine has it."""

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

"""Being told to stop: the first signal asks, the second ends the program at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Set once the program is to stop, by a signal or by itself.

    ``at_last`` is called before a second signal ends the program; it must be quick.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.at_last: Callable[[], object] = lambda: None

    def ask(self) -> None:
        """Ask the program to stop."""
        self._event.set()

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until asked; False when ``timeout`` seconds went by without."""
        return self._event.wait(timeout)


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Listen to SIGTERM and SIGINT within the block. Only from the main thread."""
    stop = Stop()

    def told(number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            # What was accepted is in the store, and leases run out: ending here loses nothing.
            stop.at_last()
            os._exit(128 + number)
        stop.ask()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

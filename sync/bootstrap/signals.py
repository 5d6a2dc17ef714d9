"""Signals: the first one to stop asks the program to, the second ends it at once. SIGHUP asks it to
read again what it goes by."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# Seconds beyond ``stop_timeout`` that the end of a process may take.
STOP_GRACE = 10.0


class Stop:
    """Whether the program is to stop, on a signal or of its own accord.

    ``at_last`` is called before a second signal ends the program; it must be quick.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._again = False
        self.at_last: Callable[[], object] = lambda: None

    def ask(self) -> None:
        """Ask the program to stop."""
        self._event.set()

    def ask_again(self) -> None:
        """Ask the program to read again what it goes by."""
        self._again = True

    def again(self) -> bool:
        """Whether the program was asked to read again since the last call."""
        asked, self._again = self._again, False
        return asked

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the program is asked to stop; False after ``timeout`` seconds without."""
        return self._event.wait(timeout)


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Handle SIGTERM, SIGINT and SIGHUP within the block. Only from the main thread."""
    stop = Stop()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            # Ending here loses nothing: accepted deliveries are in the store, and leases run out.
            stop.at_last()
            os._exit(128 + number)
        stop.ask()

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)
    }
    terminal = sys.stderr.isatty()

    def on_hangup(_number: int, _frame: FrameType | None) -> None:
        # The same signal says that the terminal is gone, and whoever started the program with it.
        if terminal and not sys.stderr.isatty():
            stop.ask()
        else:
            stop.ask_again()

    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, on_hangup)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_if_held_up(code: int, within: float = 1.0) -> None:
    """End the process at once, with this exit code, where a thread would hold up its end.

    Python waits for the threads of its executors before it ends, whether or not they are daemon threads.
    One of them may wait for a database or a site that never answers.
    """
    end = time.monotonic() + within
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                logging.shutdown()
                os._exit(code)

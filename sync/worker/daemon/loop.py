"""A loop: a thread that takes one step after another until it is stopped, whatever a step raises."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sync.store.engine import StoreUnavailable

log = structlog.get_logger("worker")

# Seconds between a step that failed and the next: the log must not fill, and the delay must be short.
PAUSE_SECONDS = 1.0
# Steps in a row that the store must have failed to count as lasting: databases undo single transactions.
LASTING_STEPS = 3


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a loop, in words. ``over``: the loop takes no more steps until a restart.
    ``of_store``: the store has not let the loop work for several steps."""

    words: str
    over: bool = False
    of_store: bool = False


class Loop:
    """``step`` does the work at hand, and returns the seconds that may pass before the next step.

    loop = Loop("triage", step)
    loop.start()
    loop.wake()  # there is work
    """

    def __init__(self, name: str, step: Callable[[], float]) -> None:
        self._name = name
        self._step = step
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._failing = ""
        self._without_store = 0
        self._turned = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def wake(self) -> None:
        """Take the next step at once. Cheap, from any thread."""
        self._wake.set()

    def stop(self) -> None:
        """Take no step after the one in hand."""
        self._stopping.set()
        self._wake.set()

    def join(self, timeout: float) -> bool:
        """Wait for the step in hand to end; whether it did within ``timeout`` seconds."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def stuck(self, seconds: float) -> str:
        """What does not turn any more, in words, if one step has taken so many seconds."""
        still = time.monotonic() - self._turned
        return f"{self._name} has not turned for {still:.0f} s" if still > seconds else ""

    def trouble(self) -> Trouble | None:
        """What is wrong now, if anything is."""
        if not self._thread.is_alive():
            return Trouble(f"{self._name} does not run; restart the program", over=True)
        if not self._failing:
            return None
        lasting = self._without_store >= LASTING_STEPS
        return Trouble(f"{self._name} fails: {self._failing}", of_store=lasting)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            self._turned = time.monotonic()
            pause = self._stepped()
            if pause > 0:
                self._wake.wait(pause)

    def _stepped(self) -> float:
        try:
            pause = self._step()
        except StoreUnavailable as error:
            log.warning("store unavailable", loop=self._name, why=str(error))
            self._failing = str(error)
            self._without_store += 1
        except BaseException as error:
            # Every step has to be followed by another: no other thread would take its place.
            log.exception("a step failed; trying again", loop=self._name)
            self._failing = f"{type(error).__name__}, see the log"
            self._without_store = 0
        else:
            self._failing = ""
            self._without_store = 0
            return pause
        # ``wake`` does not cut this wait short: under load it is called all the time.
        self._stopping.wait(PAUSE_SECONDS)
        return 0.0

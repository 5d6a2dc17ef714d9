"""A run of a sweep: what the sweep is given, what it says back, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import structlog

from sync.store.sweeps import SweepLost
from sync.store.tables import RunResult
from sync.worker.sweeps.findings import Drift, DriftKind, Tally

log = structlog.get_logger("sweep")


@dataclass(frozen=True, slots=True)
class Window:
    """The span of time (seconds since the epoch) that a run looks at."""

    since: float
    until: float


class Sweep(Protocol):
    """One search for what was missed."""

    @property
    def name(self) -> str:
        """Its name: in the schedule, in the run's row, on the command line."""
        ...

    @property
    def overlap(self) -> float:
        """How far (seconds) each run reaches back before the end of the one before."""
        ...

    def sweep(self, run: Run) -> None:
        """Look through ``run.window`` and put right, or make due, what is not as it should be.

        Raises the faults of the outside; Rejected with cause PERMISSION disables the sweep for a day.
        """
        ...


@runtime_checkable
class ChoosesWindow(Protocol):
    """A sweep that does not simply go on from where the one before ended."""

    def window(self, value: Mapping[str, Any], now: float) -> Window:
        """The window to look at, given what the watermark says (empty at first)."""
        ...


class Run:
    """One run in progress: its window, what it found, and how far it has come.

    ``cursor`` is kept with the watermark, for sweeps that go on where they left off.
    """

    def __init__(
        self,
        sweep: Sweep,
        window: Window,
        cursor: dict[str, Any],
        *,
        dry: bool,
        held: Callable[[], bool],
        advance: Callable[[float, dict[str, Any]], None],
    ) -> None:
        self.name = sweep.name
        self.window = window
        self.cursor = cursor
        self.dry = dry
        self.tally = Tally()
        self._held = held
        self._advance = advance

    def check(self) -> None:
        """Go on only while the lease is ours: to be called before each page. Raises SweepLost."""
        if not self._held():
            raise SweepLost(
                f"the sweep {self.name!r} was stopped, or taken over by another process"
            )

    def called(self, calls: int = 1) -> None:
        """Count calls to the outside."""
        self.tally.calls += calls

    def looked(self, count: int) -> None:
        """Count what was looked at."""
        self.tally.looked += count

    def found(self, kind: DriftKind, what: str, words: str, *, repaired: bool = True) -> None:
        """Count, keep and log a finding."""
        drift = Drift(self.name, kind, what, words, repaired)
        self.tally.found(drift)
        if not self.dry:
            log.info("drift", sweep=self.name, kind=kind.value, what=what, words=words)

    def failed(self, words: str) -> None:
        """Count something that could not be looked at or put right; the run goes on."""
        self.tally.failed += 1
        self.note(words)

    def note(self, words: str) -> None:
        """Put a sentence into the run's row."""
        if words not in self.tally.notes:
            self.tally.notes.append(words)

    def reached(self, until: float) -> None:
        """Everything up to ``until`` is done: a run that dies later need not do it again."""
        if not self.dry:
            self._advance(until, self.cursor)


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended, for people. ``words`` says why it did not end well, or what to know."""

    sweep: str
    result: RunResult
    window: Window
    tally: Tally
    seconds: float
    words: str = ""

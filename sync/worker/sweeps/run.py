"""One run of a sweep: what the sweep is given, what the run found, how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import structlog

from sync.store.engine import Session, Store
from sync.store.sweeps import SweepLost
from sync.store.tables import RunResult
from sync.worker.sweeps.findings import Finding, FindingKind, Tally

log = structlog.get_logger("sweep")


@dataclass(frozen=True, slots=True)
class Window:
    """The span of time (seconds since the epoch) that a run looks at."""

    since: float
    until: float


class Sweep(Protocol):
    """One way of looking for what was missed."""

    @property
    def name(self) -> str:
        """The name in the schedule, in the run's row and on the command line."""
        ...

    @property
    def overlap(self) -> float:
        """How far (seconds) each run reaches back before the end of the one before."""
        ...

    def sweep(self, run: Run) -> None:
        """Look through ``run.window``; put right, or make due, what is not as it should be.

        Raises the faults of the outside. Rejected with cause PERMISSION disables the sweep for a day.
        """
        ...


@runtime_checkable
class ChoosesWindow(Protocol):
    """A sweep whose window does not simply begin where the last run ended."""

    def window(self, value: Mapping[str, Any], now: float) -> Window:
        """The window to look at. ``value`` is the watermark's, empty before the first run."""
        ...


@runtime_checkable
class MayRest(Protocol):
    """A sweep of a site, which is not run while a person wants the site left alone."""

    def resting(self) -> str:
        """As ``SiteHealth.resting``."""
        ...


class Run:
    """One run in progress: its window, what it found, and how far it has come.

    ``cursor`` is kept with the watermark, for a sweep whose next run goes on where this one ended.
    ``lease_kept`` says whether the run may go on, ``advance`` moves the watermark.
    """

    def __init__(
        self,
        sweep: Sweep,
        window: Window,
        cursor: dict[str, Any],
        *,
        dry: bool,
        lease_kept: Callable[[], bool] = lambda: True,
        advance: Callable[[float, dict[str, Any]], None] = lambda _until, _cursor: None,
    ) -> None:
        self.name = sweep.name
        self.window = window
        self.cursor = cursor
        self.dry = dry
        self.tally = Tally()
        self._lease_kept = lease_kept
        self._advance = advance

    def check(self) -> None:
        """Raise SweepLost where the lease is not ours any more. To be called before each page."""
        if not self._lease_kept():
            raise SweepLost(
                f"the sweep {self.name!r} was stopped, or taken over by another process"
            )

    def session(self, store: Store) -> AbstractContextManager[Session]:
        """A session that writes or, in a dry run, only reads."""
        return store.read() if self.dry else store.write()

    def called(self, calls: int = 1) -> None:
        """Count calls to the outside."""
        self.tally.calls += calls

    def looked(self, count: int) -> None:
        """Count what was looked at."""
        self.tally.looked += count

    def found(self, kind: FindingKind, what: str, words: str, *, repaired: bool = True) -> None:
        """Count, keep and log a finding."""
        self.tally.found(Finding(self.name, kind, what, words, repaired))
        if not self.dry:
            log.info("found", sweep=self.name, kind=kind.value, what=what, words=words)

    def failed(self, words: str) -> None:
        """Count what could not be looked at or put right, and note why. The run goes on."""
        self.tally.failed += 1
        self.note(words)

    def note(self, words: str) -> None:
        """Add a sentence to the run's row, once."""
        if words not in self.tally.notes:
            self.tally.notes.append(words)

    def reached(self, until: float) -> None:
        """Move the watermark to ``until``: if this run dies, the next one begins there."""
        if not self.dry:
            self._advance(until, self.cursor)


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended. ``words`` says why it did not end well, "" where it did."""

    sweep: str
    result: RunResult
    window: Window
    tally: Tally
    seconds: float
    words: str = ""

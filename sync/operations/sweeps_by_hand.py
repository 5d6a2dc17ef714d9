"""Running sweeps by hand beside the daemon's schedule, with progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from sync.domain.times import lasting
from sync.operations.accounts import Account
from sync.operations.acts import Act, Done, perform, record
from sync.operations.errors import NotFound, Refused
from sync.operations.sweep_runs import SweepRun, of_report
from sync.ports import Clock
from sync.store.engine import Store, StoreUnavailable
from sync.worker.sweeps.groups import SweepGroups
from sync.worker.sweeps.run import Report, Sweep

log = structlog.get_logger("sweep")

# Runs a sweep, dry or not; None where another process is running it.
RunSweep = Callable[[Sweep, bool], Report | None]


@dataclass(frozen=True, slots=True)
class ByHand:
    """Sweeps that somebody has run: ``who`` began at ``began`` (seconds since the epoch), ``doing`` is
    the sweep that runs, "" once all are done. ``left`` are those that another process was running."""

    who: str
    dry: bool
    began: float
    ended: float | None
    doing: str
    done: int
    all: int
    reports: list[SweepRun]
    left: list[str]
    trouble: str

    @property
    def words(self) -> str:
        """How far it is."""
        kind = "A dry run" if self.dry else "A run"
        if self.ended is None:
            return f"{kind} of {self.who}: {self.doing} ({self.done + 1} of {self.all})"
        found = sum(one.found for one in self.reports)
        return (
            f"{kind} of {self.who} ended after {lasting(self.ended - self.began)}: "
            f"{f'{found:,} amiss' if found else 'nothing amiss'}"
        )


class Hands:
    """Runs sweeps by hand, one request at a time, in a thread of its own. Safe to share between
    threads."""

    def __init__(self, store: Store, groups: SweepGroups, run: RunSweep, clock: Clock) -> None:
        self._store, self._groups, self._run, self._clock = store, groups, run, clock
        self._lock = threading.Lock()
        self._now: ByHand | None = None

    @property
    def now(self) -> ByHand | None:
        """The run that is in progress, or the last one."""
        with self._lock:
            return self._now

    @property
    def groups(self) -> Mapping[str, Sequence[Sweep]]:
        """The sweeps there are, by group."""
        return self._groups

    def start(self, account: Account, name: str, *, dry: bool) -> Done:
        """Run the sweeps of a name (a group, a sweep, or "" for all). Raises NotFound for a name that is
        none, and Refused while others are running by hand."""
        chosen = self._chosen(name)
        verb, about = "reconcile", " ".join(filter(None, (name or "all", "dry" if dry else "")))

        def work() -> str:
            self._begin(account, chosen, dry)
            kind = "A dry run" if dry else "A run"
            return f"{kind} of {len(chosen)} {'sweep' if len(chosen) == 1 else 'sweeps'} has begun."

        return perform(self._store, account, Act(verb, about), work, self._clock.time())

    def _chosen(self, name: str) -> list[Sweep]:
        every = [sweep for sweeps_ in self._groups.values() for sweep in sweeps_]
        found = list(self._groups.get(name, ())) or [one for one in every if one.name == name]
        if not name:
            found = every
        if not found:
            there = ", ".join(one.name for one in every)
            raise NotFound(f"There is no sweep {name!r} here. There are: {there}.")
        return found

    def _begin(self, account: Account, chosen: Sequence[Sweep], dry: bool) -> None:
        with self._lock:
            if self._now is not None and self._now.ended is None:
                raise Refused(f"{self._now.words}. Wait for its end.")
            began = self._clock.time()
            self._now = ByHand(
                account.name, dry, began, None, chosen[0].name, 0, len(chosen), [], [], ""
            )
        thread = threading.Thread(
            target=self._go, args=(account, chosen, dry), name="sweeps by hand", daemon=True
        )
        thread.start()

    def _go(self, account: Account, chosen: Sequence[Sweep], dry: bool) -> None:
        try:
            for number, sweep in enumerate(chosen):
                self._note(doing=sweep.name, done=number)
                began = self._clock.time()
                report = self._run(sweep, dry)
                now = self._so_far()
                if report is None:
                    self._note(left=[*now.left, sweep.name])
                else:
                    self._note(reports=[*now.reports, of_report(report, began)])
        except StoreUnavailable as error:
            self._note(trouble=str(error))
        except Exception as error:
            log.exception("a run by hand failed")
            self._note(trouble=f"it failed ({type(error).__name__}); the log says more")
        self._note(doing="", done=len(chosen), ended=self._clock.time())
        now = self._so_far()
        if not now.trouble:
            record(self._store, account, Act("reconcile", "ended"), now.words, self._clock.time())

    def _so_far(self) -> ByHand:
        with self._lock:
            assert self._now is not None
            return self._now

    def _note(self, **changed: Any) -> None:
        with self._lock:
            assert self._now is not None
            self._now = replace(self._now, **changed)

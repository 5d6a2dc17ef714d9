"""Work that a person waits for and may give up: plans and backtests of drafts, tickets to take over.

One run at a time for each person, two in all, so that deliveries and walks come first. A newer run of
the same kind for the same draft cancels the one before, unless that does for good what was asked.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from sync.operations.errors import OperationError
from sync.store.engine import StoreUnavailable

log = structlog.get_logger("pages")

AT_ONCE = 2
# Runs that have ended are kept for those who ask later, so many for one purpose, and so many in all:
# each holds a line for every ticket that would change.
_KEPT_OF_ONE = 2
_KEPT = 12
WAITING, COUNTING, DONE, CANCELLED, FAILED = "waiting", "counting", "done", "cancelled", "failed"


class Cancelled(Exception):
    """The run was cancelled."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Whose run it is, of which kind ("plan", "backtest"), and of which draft (0: the files on disk,
    or none)."""

    account: str
    kind: str
    draft: int


@dataclass(slots=True, eq=False)
class Run:
    """One run. ``shown`` is what it has so far, and is replaced as a whole. ``words`` say why it
    failed."""

    purpose: Purpose
    work: Callable[[Run], Any] = field(repr=False)
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = WAITING
    shown: Any = None
    words: str = ""
    began: float = 0.0
    _cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Have the work end at its next look."""
        self._cancelled.set()

    def look(self) -> None:
        """To be called often by the work. Raises Cancelled."""
        if self._cancelled.is_set():
            raise Cancelled

    @property
    def is_cancelled(self) -> bool:
        """Whether the work is to end."""
        return self._cancelled.is_set()

    @property
    def lasted(self) -> float:
        """For how long (seconds) the work has gone on."""
        return time.monotonic() - self.began if self.began else 0.0


class Runs:
    """The runs of one process. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: OrderedDict[str, Run] = OrderedDict()
        self._closed = False

    def start(
        self,
        purpose: Purpose,
        work: Callable[[Run], Any],
        shown: Any = None,
        *,
        replaces: bool = True,
    ) -> Run:
        """Let work be done in a thread of its own as soon as there is room. ``work`` gives the last
        ``shown``, ``shown`` is the first. With ``replaces``, what is under way for the same purpose is
        cancelled."""
        run = Run(purpose, work, shown=shown)
        with self._lock:
            for other in self._all.values():
                if replaces and other.purpose == purpose and other.state in (WAITING, COUNTING):
                    self._cancel(other)
            self._all[run.id] = run
            self._forget()
            self._begin()
        return run

    def get(self, id_: str, account: str) -> Run | None:
        """A run of the account."""
        with self._lock:
            run = self._all.get(id_)
        return run if run is not None and run.purpose.account == account else None

    def last(self, purpose: Purpose) -> Run | None:
        """The last run for this purpose."""
        with self._lock:
            return next((r for r in reversed(self._all.values()) if r.purpose == purpose), None)

    def of_account(self, account: str) -> list[Run]:
        """The runs of an account, the newest first."""
        with self._lock:
            return [r for r in reversed(self._all.values()) if r.purpose.account == account]

    def cancel(self, id_: str, account: str) -> None:
        """Cancel a run of the account, if there is such a run."""
        run = self.get(id_, account)
        with self._lock:
            if run is not None:
                self._cancel(run)

    def close(self) -> None:
        """Cancel all runs, and begin none any more."""
        with self._lock:
            self._closed = True
            for run in self._all.values():
                self._cancel(run)

    def _cancel(self, run: Run) -> None:
        run.cancel()
        if run.state == WAITING:
            run.state = CANCELLED
            run.ended.set()

    def _forget(self) -> None:
        ended = [r for r in reversed(self._all.values()) if r.state not in (WAITING, COUNTING)]
        of_one: Counter[Purpose] = Counter()
        for place, run in enumerate(ended):
            of_one[run.purpose] += 1
            if place >= _KEPT or of_one[run.purpose] > _KEPT_OF_ONE:
                del self._all[run.id]

    def _begin(self) -> None:
        """Begin what there is room for. The lock is held."""
        under_way = [run.purpose.account for run in self._all.values() if run.state == COUNTING]
        for run in self._all.values():
            if self._closed or len(under_way) >= AT_ONCE:
                return
            if run.state == WAITING and run.purpose.account not in under_way:
                run.state, run.began = COUNTING, time.monotonic()
                under_way.append(run.purpose.account)
                threading.Thread(
                    target=self._carry_out, args=(run,), name="plan of a draft", daemon=True
                ).start()

    def _carry_out(self, run: Run) -> None:
        state = FAILED
        try:
            run.shown = run.work(run)
            state = DONE
        except Cancelled:
            state = CANCELLED
        except (StoreUnavailable, OperationError) as error:
            run.words = str(error).rstrip(".")
        except Exception as error:
            if not run.is_cancelled:
                # The store may be closed under a cancelled run, at the end of the program.
                log.exception("a run for the pages failed", kind=run.purpose.kind)
            run.words = f"the program failed ({type(error).__name__}); its log says more"
        finally:
            with self._lock:
                run.state = CANCELLED if run.is_cancelled and state != DONE else state
                self._begin()
            run.ended.set()

"""What was missed, and was it repaired? The sweeps, and their runs on record."""

from __future__ import annotations

from dataclasses import dataclass

from sync.domain.times import lasting
from sync.operations.errors import NotFound
from sync.operations.sweep_runs import SweepRun, of_row
from sync.operations.sweeps_by_hand import ByHand, Hands
from sync.operations.values import RowId
from sync.settings import Settings
from sync.store import sweeps
from sync.store.engine import Session, Store
from sync.store.sweeps import PAGE
from sync.store.tables import SweepRunRow


@dataclass(frozen=True, slots=True)
class SweepStanding:
    """A sweep: what starts it, its last run, and when the next one is expected (seconds since the epoch,
    None where that is not known). ``off`` says why it does not run by itself, "" where it does."""

    name: str
    group: str
    every: str
    off: str
    last: SweepRun | None
    next_at: float | None


@dataclass(frozen=True, slots=True)
class Sweeps:
    """All sweeps, and the run by hand on the daemon that answers, if there was one."""

    sweeps: list[SweepStanding]
    by_hand: ByHand | None


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs: of one sweep, older than the run ``after``."""

    sweep: str = ""
    after: RowId = 0


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs, newest first. ``older`` is the ``after`` of the next page, 0 on the last."""

    runs: list[SweepRun]
    older: int


def sweeps_of(store: Store, settings: Settings, hands: Hands | None) -> Sweeps:
    """Each sweep with its last run and the next."""
    groups = hands.groups if hands is not None else {}
    with store.read() as session:
        found = [
            _standing(session, settings, group, sweep.name)
            for group, those in groups.items()
            for sweep in those
        ]
    return Sweeps(found, hands.now if hands is not None else None)


def _standing(session: Session, settings: Settings, group: str, name: str) -> SweepStanding:
    wish = getattr(settings.sweeps, group)
    off = ""
    if not settings.sweeps.enabled:
        off = "all sweeps are off: [sweeps] enabled = false"
    elif not wish.enabled:
        off = f"off: [sweeps.{group}] enabled = false"
    rows = sweeps.recent(session, sweep=name, limit=1)
    last = of_row(rows[0]) if rows else None
    every = f"cron {wish.cron}" if wish.cron else f"every {lasting(wish.every)}"
    known = last is not None and not off and not wish.cron
    return SweepStanding(
        name, group, every, off, last, last.started_at + wish.every if last and known else None
    )


def sentence(found: Sweeps) -> str:
    """The answer in words."""
    if found.by_hand is not None and found.by_hand.ended is None:
        return found.by_hand.words
    last = [one.last for one in found.sweeps if one.last]
    if failing := [one.sweep for one in last if one.ended_badly]:
        return f"{', '.join(failing)} did not end well"
    if not last:
        return "No sweep has run yet"
    amiss, repaired = sum(one.found for one in last), sum(one.repaired for one in last)
    if not amiss:
        return "Nothing was missed, as far as the last runs looked"
    return f"{amiss:,} amiss in the last runs, {repaired:,} of them repaired"


def runs_of(store: Store, query: RunQuery, limit: int = PAGE) -> Runs:
    """Runs on record."""
    with store.read() as session:
        rows = sweeps.page(session, sweep=query.sweep, after=query.after, limit=limit + 1)
    found = [of_row(row) for row in rows[:limit]]
    return Runs(found, found[-1].id if len(rows) > limit else 0)


def run_of(store: Store, id_: int) -> SweepRun:
    """A run by its number. Raises NotFound."""
    with store.read() as session:
        row = session.get(SweepRunRow, id_)
    if row is None:
        raise NotFound(f"There is no run {id_}. Old runs are removed.")
    return of_row(row)

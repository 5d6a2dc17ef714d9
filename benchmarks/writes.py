"""How long each writer holds the store's lock for writing, and the CPU time of a triaged ticket.

Deliveries wait for this lock on SQLite. For each writer, its longest transaction counts, and of several
repetitions the shortest such time. No other work goes on beside.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from benchmarks.rows import Row
from proof.stores import STORES, Stores, folder_for
from sync.adapters.coalesce import CoalesceSource
from sync.domain.subject import EventType, Kind, Snapshot, Status, SubjectRef
from sync.ports import SystemClock
from sync.rules import Defaults, RuleSet, parse
from sync.sandbox.memory import MemoryTracker
from sync.store import deliveries, subjects
from sync.store.engine import Store, open_store
from sync.store.inbox import Accepted
from sync.worker.adoption import Adoption, Fate
from sync.worker.rulebook.impact import Impact, reach
from sync.worker.sweeps.housekeeping import HousekeepingSweep
from sync.worker.sweeps.intake import take_in
from sync.worker.sweeps.retention import Keep, prune
from sync.worker.sweeps.run import Run, Window
from sync.worker.triage.batch import Triage

BATCH = 200
TICKETS = 20_000
REPETITIONS = 3
DAY = 86_400.0
_NOW = 1_790_000_000.0
RULES = """
[[rule]]
name = "everything"
project = "DATA"
issue_type = "Bug"
when = { kind = "issue", not = { title = ["/^test/", "*sandbox*"] } }
"""


@dataclass
class Held:
    """The longest time (seconds) of a writing transaction, and the CPU time (seconds) of the block."""

    longest: float = 0.0
    cpu: float = 0.0


@contextmanager
def held(store: Store) -> Iterator[Held]:
    """Watch the writing transactions that the block begins."""
    found, transaction = Held(), store.transaction

    @contextmanager
    def watched(connection: Connection) -> Iterator[None]:
        began = time.perf_counter()
        with transaction(connection):
            yield
        found.longest = max(found.longest, time.perf_counter() - began)

    store.transaction = watched  # type: ignore[method-assign]
    cpu = time.thread_time()
    try:
        yield found
    finally:
        found.cpu = time.thread_time() - cpu
        del store.transaction  # type: ignore[method-assign]


class Bench:
    """A store with a triage, filled by it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        rules = parse({"rules.toml": RULES}, Defaults({"main": "DATA"}, "main"))
        self.rules: Callable[[], RuleSet] = lambda: rules
        self.clock = SystemClock()
        self.triage = Triage(store, {"coalesce": CoalesceSource()}, self.rules, self.clock)
        self._at = 0

    def accept(self, ids: Sequence[int], type_: str) -> None:
        """Put deliveries about these issues into the inbox."""
        self._at += 1
        made = []
        for number in ids:
            body = _body(number, type_, self._at)
            raw = json.dumps(body).encode()
            made.append(Accepted("coalesce", str(body["event_id"]), type_, raw, time.time()))
        with self.store.write() as session:
            deliveries.recover(session, made)

    def triaged(self, ids: Sequence[int], type_: str) -> Held:
        """Triage deliveries about these issues, and watch it."""
        self.accept(ids, type_)
        with held(self.store) as found:
            while self.triage.batch():
                pass
        return found

    def fill(self, tickets: int) -> None:
        """Make tickets, none of which is due."""
        for start in range(0, tickets, BATCH):
            self.triaged(range(start, start + BATCH), "issue_created")
        with self.store.write() as session:
            session.connection().exec_driver_sql(
                "UPDATE tickets SET due_at = NULL, state = 'linked'"
            )


def _body(number: int, type_: str, at: int) -> dict[str, object]:
    return {
        "workspace": "acme",
        "event_id": f"e-{number}-{at}",
        "event_time": f"2026-01-01T10:{at // 60 % 60:02}:{at % 60:02}Z",
        "event_type": f"EVENT_TYPE_{type_.upper()}",
        type_: {
            "issue": {
                "issue_id": f"writes-{number:06}",
                "issue_url": f"https://app.example.com/issues/writes-{number}",
                "title": f"orders {number} is stale",
                "description": "No new rows since **06:00**. " * 20,
            }
        },
    }


def _snapshot(number: int) -> Snapshot:
    ref = SubjectRef("coalesce", Kind.ISSUE, f"writes-{number:06}")
    payload = {"issue_id": ref.id, "title": f"orders {number} is late"}
    at = int(time.time() * 1e9)
    return Snapshot(ref, "acme", Status.OPEN, EventType.ISSUE_UPDATED, at, "", payload)


@dataclass
class _Sweep:
    name: str = "writes"
    overlap: float = 0.0

    def window(self, value: object, now: float) -> Window:
        """The window of a run; not asked for here."""
        return Window(now, now)

    def sweep(self, run: Run) -> None:
        """Nothing: pages are taken in one by one."""


def measure(bench: Bench, tickets: int) -> Iterator[tuple[str, Held, int]]:
    """Each writer: its name, how long it held the lock, how many things that was for."""
    first = 1_000_000
    made = [
        bench.triaged(range(first + n * BATCH, first + (n + 1) * BATCH), "issue_created")
        for n in range(REPETITIONS)
    ]
    yield f"triage of {BATCH} new subjects", _best(made), BATCH
    again = [
        bench.triaged(range(first, first + BATCH), "issue_updated") for _ in range(REPETITIONS)
    ]
    yield f"triage of {BATCH} changed subjects", _best(again), BATCH
    one = [bench.triaged([first + 500_000 + n], "issue_created") for n in range(20)]
    yield "triage of one new subject", _best(one), 1
    yield (
        "intake of a page of 100 subjects",
        _best([_intake(bench) for _ in range(REPETITIONS)]),
        100,
    )
    yield "retention of deliveries", *_prune(bench)
    yield f"housekeeping of {BATCH} tickets", _mend(bench), BATCH
    yield "adoption of a ticket", _best([_adopt(bench, n) for n in range(20)]), 1
    yield f"an edit that makes {tickets} tickets due", _reach(bench, tickets), tickets


def _quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _intake(bench: Bench) -> Held:
    run = Run(_Sweep(), Window(0.0, _NOW), {}, dry=False)
    with held(bench.store) as found:
        take_in(run, bench.store, bench.triage, [_snapshot(n) for n in range(100)])
    return found


def _reach(bench: Bench, tickets: int) -> Held:
    changed = tuple((id_, ("summary",)) for id_ in range(1, tickets + 1))
    impact = Impact(changed, 0, (), tickets)
    with held(bench.store) as found:
        reach(bench.store, impact, time.time())
    return found


def _mend(bench: Bench) -> Held:
    """A run of housekeeping that frees tickets whose leases have ended."""
    with bench.store.write() as session:
        session.connection().exec_driver_sql(
            f"UPDATE tickets SET lease_owner = 'gone', lease_until = 1 WHERE id <= {BATCH}"
        )
    sweep = HousekeepingSweep(bench.store, {}, bench.rules, bench.clock)
    run = Run(sweep, Window(0.0, _NOW), {}, dry=False)
    with held(bench.store) as found:
        sweep.sweep(run)
    assert run.tally.repaired >= BATCH
    return found


def _adopt(bench: Bench, number: int) -> Held:
    """Take over a ticket of somebody else's for a subject that has none."""
    snapshot = _snapshot(2_000_000 + number)
    with bench.store.write() as session:
        subjects.add(session, snapshot, _NOW)
    tracker = MemoryTracker(bench.clock)
    rules = bench.rules()
    theirs = tracker.draft(rules.rules[0].project_ticket(f"theirs {number}", [snapshot]))
    for _ in range(number + 1):
        # Each tracker counts its tickets from one on.
        ref = tracker.create(theirs)
    adoption = Adoption(bench.store, tracker, rules, bench.clock, "coalesce", apply=True)
    with held(bench.store) as found:
        (made,) = adoption.pairs([(str(snapshot.ref), ref.key)])
    assert made.fate is Fate.ADOPT, made
    return found


class _Unhurried(SystemClock):
    """A clock with which retention does not pause."""

    def sleep(self, seconds: float) -> None:
        """Go on at once."""


def _prune(bench: Bench) -> tuple[Held, int]:
    """One round of retention that removes all deliveries."""
    with held(bench.store) as found:
        gone = prune(bench.store, _Unhurried(), Keep(deliveries=-DAY))
    return found, gone["deliveries"]


def _best(found: Sequence[Held]) -> Held:
    return Held(min(one.longest for one in found), min(one.cpu for one in found))


@contextmanager
def _bench(kind: str, tickets: int) -> Iterator[Bench]:
    _quiet()
    folder = folder_for("writes")
    with Stores.shared().fresh(kind, folder) as url:
        store = open_store(url)
        try:
            bench = Bench(store)
            bench.fill(tickets)
            yield bench
        finally:
            store.close()
            shutil.rmtree(folder, ignore_errors=True)


def rows() -> Iterator[Row]:
    """The longest writing transaction of each writer, beside 50 ms, on each store."""
    for kind in STORES:
        with _bench(kind, 2_000) as bench:
            for name, found, count in measure(bench, 2_000):
                cpu = found.cpu * 1000 / count
                yield Row(f"writes: {name}, {kind}", found.longest * 1000, "ms held", 50.0, cpu)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks writes", description=__doc__)
    parser.add_argument("--tickets", type=int, default=TICKETS, help="that the store has")
    parser.add_argument("--store", choices=STORES, help="one database of the two")
    options = parser.parse_args(arguments)
    for kind in [options.store] if options.store else STORES:
        with _bench(kind, options.tickets) as bench:
            print(f"{kind}, {options.tickets:,} tickets")
            for name, found, count in measure(bench, options.tickets):
                print(
                    f"  {name:45} {found.longest * 1000:8.1f} ms held "
                    f"{found.cpu * 1000 / count:8.3f} ms CPU each",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

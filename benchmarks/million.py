"""What each piece of work costs on a large store, beside a small one of the same make.

Two stores are filled by SQL. The same work is then done on both: CPU time and statements a unit, their
ratio, and by how much the memory of the process rose at most. Each piece runs in a process of its own.
At full size SQLite takes about 18 GB and half an hour; ``--by 10`` a tenth of both.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import structlog

from benchmarks import million_sweeps
from benchmarks.filling import EDITS, FULL, Filled, Size, id_of, ref_of
from benchmarks.million_cost import METER, Cost
from benchmarks.rows import Row
from proof.stores import STORES, Stores, folder_for
from sync.adapters.coalesce import CoalesceSource
from sync.operations.status import status_of
from sync.ports import SystemClock
from sync.sandbox.coalesce.samples import sample_body
from sync.store import claims, continuity, counts, deliveries, journal, leases, parking
from sync.store.engine import Store, open_store
from sync.store.inbox import Accepted, Inbox
from sync.store.migrations import upgrade
from sync.worker.foresight.backtest import backtest
from sync.worker.foresight.forecast import forecast_all
from sync.worker.foresight.why import story_of
from sync.worker.rulebook.impact import impact, reach
from sync.worker.triage.batch import Triage
from sync.worker.walk.converge import Converger

BATCH = 200
# How much dearer a unit may be on the large store.
ALLOWED = 1.3


@dataclass
class Work:
    """One store, and the work that is done on it. Each method returns how many units it did."""

    filled: Filled

    @property
    def store(self) -> Store:
        return self.filled.store

    @property
    def sites(self) -> dict[str, Any]:
        return {"main": self.filled.tracker}

    @property
    def number(self) -> int:
        """The row id of an open ticket in the middle of the store."""
        size = self.filled.size
        step = size.tickets // size.open
        return size.tickets // 2 // step * step

    def start(self) -> int:
        upgrade(self.store)
        continuity.check(self.store, {"main": ""}, self.filled.now)
        leases.release_all_of(self.store, ["nobody"])
        leases.owners(self.store)
        return 1

    def status(self) -> int:
        status_of(self.store, self.filled.now)
        return 1

    def metrics(self) -> int:
        counts.overall(self.store, now=self.filled.now)
        with self.store.read() as session:
            deliveries.counts(session)
        return 1

    def _why(self, name: str) -> int:
        with self.store.read() as session:
            story = story_of(session, name)
        assert story is not None, name
        return 1

    def why_by_jira_key(self) -> int:
        return self._why(f"DATA-{self.number}")

    def why_by_former_key(self) -> int:
        return self._why(f"OLD-{self.number // 10 * 10}")

    def why_by_reference(self) -> int:
        return self._why(ref_of(self.number))

    def why_by_id(self) -> int:
        return self._why(id_of(self.number))

    def verbs_of_lists(self) -> int:
        with self.store.read() as session:
            parking.parked(session)
            deliveries.dead(session)
            deliveries.beginning_with(session, "0000")
            deliveries.recent(session)
            journal.newest(session)
        return 1

    def plan_of_the_same_rules(self) -> int:
        return plan_of(self)

    def backtest_of_an_hour(self) -> int:
        now = self.filled.now
        sources = {"coalesce": CoalesceSource(["x"])}
        found = backtest(self.store, sources, self.filled.rules(), now - 600, now)
        return found.deliveries + self.filled.size.open

    def sweep_housekeeping(self) -> int:
        return million_sweeps.run(self.filled, self.number, "housekeeping")

    def sweep_incidents(self) -> int:
        return million_sweeps.run(self.filled, self.number, "incidents")

    def sweep_deliveries(self) -> int:
        return million_sweeps.run(self.filled, self.number, "deliveries")

    def sweep_jira(self) -> int:
        return million_sweeps.run(self.filled, self.number, "jira")

    def sweep_issues(self) -> int:
        return million_sweeps.run(self.filled, self.number, "issues")

    def accept(self) -> int:
        waiting = [self._inbox.accept(self._delivery(n)) for n in range(BATCH)]
        for one in waiting:
            one.result(60)
        return BATCH

    @cached_property
    def _inbox(self) -> Inbox:
        # Open until the process ends: with its connection, the CPU time of the server's end would go.
        return Inbox(self.store)

    def __exit__(self, *_: object) -> None:
        if "_inbox" in vars(self):
            self._inbox.close()

    def __enter__(self) -> Work:
        return self

    def _delivery(self, number: int) -> Accepted:
        """Every second one about a new subject, the others about known ones."""
        known = self.number - number
        # Others than those of an earlier piece of work, which may still be claimed.
        new = 10 * FULL.tickets + int(time.time() * 10) % 1_000_000_000 * BATCH + number
        subject = id_of(known if number % 2 else new)
        body = sample_body("issue_updated", subject=subject, now=self.filled.now)
        event_id, event_type = CoalesceSource(["x"]).identify(body)
        return Accepted("coalesce", event_id, event_type, body, self.filled.now)

    def triage(self) -> int:
        rules = self.filled.rules()
        triage = Triage(self.store, {"coalesce": CoalesceSource()}, lambda: rules, SystemClock())
        # What an earlier piece of work has left is none of this one's.
        while triage.batch():
            pass
        self.accept()
        METER.reset()
        while triage.batch():
            pass
        return BATCH

    def claim(self) -> int:
        self.triage()
        METER.reset()
        now = time.time() + 60
        return len(claims.claim(self.store, owner="o", now=now, lease=60, limit=BATCH))

    def walk(self) -> int:
        self.triage()
        rules, clock = self.filled.rules(), SystemClock()
        converger = Converger(self.store, self.sites, lambda: rules, clock)
        now = time.time() + 60
        taken = claims.claim(self.store, owner="o", now=now, lease=60, limit=BATCH)
        # The simulated Jira has none of the others.
        new = [claim for claim in taken if claim.about.row.jira_id is None][:20]
        METER.reset()
        for claim in new:
            converger.walk(claim)
        return len(new)

    def retention(self) -> int:
        with self.store.write() as session:
            return journal.prune(session, older_than=self.filled.now - 169 * 86400, batch=100) + (
                deliveries.prune(session, older_than=self.filled.now - 84 * 86400, batch=100)
            )

    def reach_of_an_edit(self) -> int:
        old, new = self.filled.rules(), self.filled.rules("a field")
        found = impact(self.store, old, new, self.filled.now)
        METER.reset()
        return reach(self.store, found, self.filled.now)


def plan_of(work: Work, edit: str = "") -> int:
    """Forecast what rules would do after an edit."""
    old, new = work.filled.rules(), work.filled.rules(edit)
    found = forecast_all(work.store, new, work.sites, work.filled.now, known=old)
    for _ in found.tickets:
        pass
    return found.looked_at


def impact_of(work: Work, edit: str) -> int:
    """Count what an edit would touch."""
    old, new = work.filled.rules(), work.filled.rules(edit)
    return impact(work.store, old, new, work.filled.now, work.sites).looked_at


_WORK: dict[str, Callable[[Work], int]] = {
    name.replace("_", " "): work
    for name, work in vars(Work).items()
    if callable(work) and not name.startswith("_") and name != "filled"
}
for _edit in EDITS:
    _WORK[f"plan of an edit of {_edit}"] = partial(plan_of, edit=_edit)
    _WORK[f"impact of an edit of {_edit}"] = partial(impact_of, edit=_edit)
# Comes after all else, because it changes the store; the last makes all open tickets due.
CHANGING = (
    *("sweep jira", "sweep issues", "accept", "triage", "claim", "walk", "retention"),
    "reach of an edit",
)
WORK = {name: work for name, work in _WORK.items() if name not in CHANGING}
WORK |= {name: _WORK[name] for name in CHANGING}

# What the rows of the summary are about.
SHORT = (
    *("start", "status", "metrics", "why by jira key", "why by former key", "why by id"),
    *("plan of the same rules", "sweep housekeeping"),
    *(name for name in WORK if " of an edit of " in name),
    *("accept", "retention"),
)


def measure(url: str, size: Size, now: float, name: str) -> Cost:
    """Do one piece of work in a process of its own."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        try:
            os.write(sending, json.dumps(asdict(_measured(url, size, now, name))).encode())
        except BaseException:
            # The child must end here, whatever happens: the rest of the program is the parent's. The
            # parent notices that it was told nothing.
            traceback.print_exc()
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        raise SystemExit(f"{name} failed")
    return Cost(**json.loads(said))


def _measured(url: str, size: Size, now: float, name: str) -> Cost:
    store = open_store(url)
    METER.watch(store)
    filled = Filled(store, size, now)
    work = Work(filled)
    # What the first use of anything loads, the site's fields among it, is no cost of the work.
    edited = filled.rules("everything")
    model = next(iter(forecast_all(store, edited, work.sites, now).tickets), None)
    assert model is not None
    # The first time, statements are compiled. What takes longer than a second is done once.
    best = Cost(1, math.inf, 0.0, 0.0)
    for _ in range(4):
        METER.reset()
        again = METER.cost(max(1, WORK[name](work)))
        best = min(best, again, key=lambda one: one.cpu)
        if again.units * again.cpu > 1000:
            break
    return best


def costs(kind: str, size: Size, only: list[str]) -> Iterator[tuple[str, Cost]]:
    """Fill a store, and yield what each piece of work costs there."""
    folder, now = folder_for("million"), time.time()
    try:
        with Stores.shared().fresh(kind, folder) as url:
            with closing(open_store(url)) as store:
                Filled(store, size, now).fill()
                if kind == "postgresql":
                    # So that the CPU time of a query is that of its backend alone.
                    with store.write_connection() as connection:
                        connection.exec_driver_sql(
                            f"ALTER DATABASE {store.engine.url.database} "
                            "SET max_parallel_workers_per_gather = 0"
                        )
            for name in only or WORK:
                if name == "backtest of an hour" and size.open > 5_000 and not only:
                    # It routes each open subject, which takes minutes on a large store.
                    continue
                yield name, measure(url, size, now, name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rows() -> Iterator[Row]:
    """The work on a store of a hundredth of the full size; the limit is the same on a tenth of that."""
    large = dict(costs("sqlite", FULL / 100, list(SHORT)))
    for name, small in costs("sqlite", FULL / 1000, list(SHORT)):
        cost = large[name]
        unit = "ms CPU a unit"
        yield Row(f"million: {name}", cost.cpu, unit, limit=small.cpu, cpu=cost.cpu)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks million", description=__doc__)
    parser.add_argument("--by", type=int, default=10, help="divide the full size by this")
    parser.add_argument(
        "--small", type=int, default=20, help="divide that by this for the small store"
    )
    parser.add_argument("--store", choices=STORES, default="sqlite")
    parser.add_argument("--only", default="", help="pieces of work, separated by commas")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    only = [name.strip() for name in options.only.split(",") if name.strip()]
    size = FULL / options.by
    small = dict(costs(options.store, size / options.small, only))
    print(f"{options.store}: {size}, and a {options.small}th of it")
    print(
        f"{'a unit of':36} {'units':>8} {'CPU ms':>9} {'small':>9} {'ratio':>6} "
        f"{'statements':>11} {'MB':>7}"
    )
    found, dear = {}, []
    for name, cost in costs(options.store, size, only):
        ratio = cost.cpu / small[name].cpu
        found[name] = {"large": vars(cost), "small": vars(small[name]), "ratio": ratio}
        dear += [name] if ratio > ALLOWED else []
        print(
            f"{name:36} {cost.units:8,} {cost.cpu:9.3f} {small[name].cpu:9.3f} {ratio:6.2f} "
            f"{cost.statements:11.3f} {cost.memory:7.1f}",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    print(f"Above {ALLOWED}: {', '.join(dear) or 'none'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

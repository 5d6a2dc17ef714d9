"""What one round of sweeps costs with many subjects in store: calls, seconds, memory.

``python -m benchmarks sweep [--subjects 100000] [--changed 0,1000]``

The store is filled with subjects and their tickets, all settled, on SQLite. Then a round of all sweeps
runs against the API and a Jira in memory: with nothing changed, and with some of it changed. The calls
should grow with what changed, not with what exists.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from sync.domain.rule import Category
from sync.domain.subject import EventType, Kind, Snapshot, Status, SubjectRef
from sync.domain.ticket import (
    FAMILY_LABEL,
    Base,
    FieldBase,
    JiraStatus,
    Observed,
    TicketRef,
    marker_label,
)
from sync.ports import Attempt, Changed, FailedDelivery, SystemClock
from sync.rules import Defaults, RuleSet, parse
from sync.sandbox.memory import MemoryHealth
from sync.store import subjects
from sync.store.engine import Store, open_store
from sync.store.migrations import upgrade
from sync.store.tables import LinkRow, TicketRow, TicketState
from sync.worker.sweeps.housekeeping import HousekeepingSweep
from sync.worker.sweeps.run import Sweep
from sync.worker.sweeps.runner import Runner
from sync.worker.sweeps.tickets import TicketsSweep
from sync.worker.sweeps.upstream import IncidentsSweep, IssuesSweep
from sync.worker.triage.batch import Triage

RULE = """
[[rule]]
name = "everything"
project = "DATA"
issue_type = "Bug"
fields.summary = "{{ subject.title }}"
"""
PAGE = 100
TO_DO = JiraStatus("1", "To Do", Category.NEW)


def snapshot(number: int, at: float, title: str = "rows are missing") -> Snapshot:
    id_ = str(uuid.UUID(int=number))
    return Snapshot(
        ref=SubjectRef("coalesce", Kind.ISSUE, id_),
        workspace="acme",
        status=Status.OPEN,
        event_type=EventType.ISSUE_UPDATED,
        event_time=int(at * 1e9),
        event_id="",
        payload={"issue_id": id_, "title": title, "description": "x" * 400},
    )


@dataclass
class Api:
    """The upstream API: only what changed is told of."""

    name: str = "coalesce"
    changed: dict[str, Snapshot] = field(default_factory=dict)
    calls: int = 0

    def issues_updated(self, since: float, until: float) -> Iterator[list[str]]:
        ids = list(self.changed)
        for start in range(0, max(1, len(ids)), PAGE):
            self.calls += 1
            yield ids[start : start + PAGE]

    def issues(self, ids: Sequence[str]) -> list[Snapshot]:
        self.calls += 1
        return [self.changed[id_] for id_ in ids]

    def incidents_updated(self, since: float, until: float) -> list[Snapshot]:
        self.calls += 1
        return []

    def incidents(self, ids: Sequence[str]) -> list[Snapshot]:
        return []

    def failed_deliveries(self, since: float, until: float) -> Iterator[list[FailedDelivery]]:
        self.calls += 1
        yield []

    def attempts(self, delivery_id: str) -> list[Attempt]:
        return []

    def redeliver(self, delivery_id: str) -> None:
        return


class Jira:
    """The bulk reads of a tracker, over tickets that are as we left them."""

    site = "main"
    index_lag = 120.0
    health = MemoryHealth(SystemClock())

    def __init__(self, count: int) -> None:
        self.count = count
        self.changed: list[int] = []
        self.calls = 0

    def shown(self, number: int) -> Observed:
        labels = sorted([FAMILY_LABEL, marker_label(key_of(number))])
        fields = {"summary": "rows are missing", "labels": labels}
        return Observed(ref_of(number), "DATA", "Bug", TO_DO, "", fields, updated=f"u{number}")

    def changed_since(self, since: float) -> Iterator[Changed]:
        for start in range(0, max(1, len(self.changed)), PAGE):
            self.calls += 1
            for number in self.changed[start : start + PAGE]:
                yield Changed(ref_of(number), f"{since}-{number}")

    def read_many(self, ids: Iterable[str]) -> dict[str, Observed | None]:
        self.calls += 1
        return {id_: self.shown(int(id_) - 10_000) for id_ in ids}


def key_of(number: int) -> str:
    return f"coalesce:issue:{uuid.UUID(int=number)}"


def ref_of(number: int) -> TicketRef:
    return TicketRef(str(10_000 + number), f"DATA-{number}")


def fill(store: Store, count: int) -> None:
    """Subjects with their tickets, all settled."""
    now = time.time()
    fields = {"summary": FieldBase("rows are missing", "rows are missing", looked=True)}
    base = Base(fields=fields, status=Status.OPEN).to_json()
    for start in range(1, count + 1, 2000):
        with store.write() as session:
            numbers = range(start, min(start + 2000, count + 1))
            for n in numbers:
                subjects.add(session, snapshot(n, now - 86_400), now)
                session.add(
                    TicketRow(
                        id=n,
                        key=key_of(n),
                        rule="everything",
                        site="main",
                        project="DATA",
                        state=TicketState.LINKED,
                        jira_id=ref_of(n).id,
                        jira_key=ref_of(n).key,
                        base=base,
                        created_at=now,
                    )
                )
            session.flush()
            session.add_all(
                LinkRow(subject=key_of(n), ticket_id=n, created_at=now) for n in numbers
            )


def measure(store: Store, count: int, changed: int, rules: RuleSet) -> list[tuple[object, ...]]:
    """One round; (sweep, looked at, found, calls, seconds) of each."""
    clock, api, jira = SystemClock(), Api(), Jira(count)
    triage = Triage(store, {}, lambda: rules, clock)
    step = max(1, count // changed) if changed else 1
    some = range(1, count + 1, step)[:changed]
    now = time.time()
    for n in some:
        one = snapshot(n, now, title=f"rows are missing again {now}")
        api.changed[one.ref.id] = replace(one, event_id=str(now))
    jira.changed = list(some)
    sweeps: list[Sweep] = [
        IssuesSweep(store, triage, api),
        IncidentsSweep(store, triage, api),
        TicketsSweep(store, jira, clock),  # type: ignore[arg-type]
        HousekeepingSweep(store, {}, lambda: rules, clock),
    ]
    runner, rows = Runner(store, clock, "benchmark"), []
    for sweep in sweeps:
        report = runner.run(sweep, by_hand=True)
        assert report is not None
        assert report.result.value == "ok", report.words
        tally = report.tally
        rows.append((sweep.name, tally.looked, tally.total, tally.calls, report.seconds))
    return rows


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.sweep", description=__doc__)
    parser.add_argument("--subjects", type=int, default=100_000)
    parser.add_argument("--changed", default="0,100,1000")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    rules = parse({"rules.toml": RULE}, Defaults({"main": "DATA"}, "main"))
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'store.db'}")
        upgrade(store)
        began = time.monotonic()
        fill(store, options.subjects)
        print(
            f"{options.subjects} subjects with tickets stored in {time.monotonic() - began:.1f} s"
        )
        for changed in map(int, options.changed.split(",")):
            before = _memory()
            rows = measure(store, options.subjects, changed, rules)
            print(f"\n{changed} changed upstream and in Jira")
            print(f"  {'sweep':12}{'looked at':>10}{'found':>8}{'calls':>7}{'seconds':>10}")
            for name, looked, found, calls, seconds in rows:
                print(f"  {name!s:12}{looked:>10}{found:>8}{calls:>7}{seconds:>10.2f}")
            calls = sum(int(str(row[3])) for row in rows)
            seconds = sum(float(str(row[4])) for row in rows)
            print(f"  {'one round':12}{'':18}{calls:>7}{seconds:>10.2f}")
            print(f"  memory: {before:.0f} MB at most before, {_memory():.0f} MB at most after")
        store.close()
    return 0


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

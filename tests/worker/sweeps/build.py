"""What the tests of sweeps work with: a clock, snapshots, a source's API in memory, and a store with
triage and walks driven by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from sync.domain.errors import Missing
from sync.domain.subject import EventType, Kind, Snapshot, Status, SubjectRef
from sync.domain.surroundings import Impact, digest_of
from sync.ports import Attempt, FailedDelivery, SentDelivery
from sync.rules import Defaults, RuleSet, load
from sync.sandbox.memory import MemoryTracker
from sync.store import claims, sweeps, tickets
from sync.store.engine import Store
from sync.store.tables import SweepRunRow, TicketRow
from sync.worker.sweeps.run import Report, Sweep
from sync.worker.sweeps.runner import Runner
from sync.worker.triage.batch import Triage
from sync.worker.walk.converge import Converger
from tests.clock import START as START
from tests.clock import SimulatedClock as SimulatedClock

RULES = """
[[rule]]
name = "issues"
when = { kind = "issue" }
project = "DATA"
issue_type = "Bug"

[rule.fields]
summary = "{{ subject.title }}"

[rule.status]
open = { category = "new" }
closed = { category = "done", prefer = ["Done"] }

[[rule]]
name = "incidents"
when = { kind = "incident" }
project = "INC"
issue_type = "Task"
ISSUES

[rule.fields]
summary = "{{ subject.title }}"

[rule.status]
open = { category = "new" }
closed = { category = "done", prefer = ["Done"] }
cancelled = { category = "done", prefer = ["Won't Do"] }
"""


def issue(
    number: int | str,
    *,
    at: float = 0.0,
    status: Status = Status.OPEN,
    title: str = "orders is stale",
    severity: str = "",
) -> Snapshot:
    """An issue as it stood ``at`` seconds after START."""
    closed = status is Status.CLOSED
    return Snapshot(
        ref=SubjectRef("coalesce", Kind.ISSUE, str(number)),
        workspace="acme",
        status=status,
        event_type=EventType.ISSUE_CLOSED if closed else EventType.ISSUE_UPDATED,
        event_time=int((START + at) * 1e9),
        event_id=f"{number}@{at}",
        payload={"title": title, "issue_id": str(number)},
        severity=severity,
    )


def incident(
    number: int | str,
    issues: Sequence[int | str] = (),
    *,
    at: float = 0.0,
    status: Status = Status.OPEN,
    title: str = "a big one",
) -> Snapshot:
    """An incident as it stood ``at`` seconds after START."""
    over = status is Status.CLOSED
    return Snapshot(
        ref=SubjectRef("coalesce", Kind.INCIDENT, str(number)),
        workspace="acme",
        status=status,
        event_type=EventType.INCIDENT_CLOSED if over else EventType.INCIDENT_OPEN,
        event_time=int((START + at) * 1e9),
        event_id=f"{number}@{at}",
        payload={"title": title, "incident_id": str(number)},
        issue_ids=tuple(str(one) for one in issues),
    )


@dataclass
class MemoryApi:
    """A source's API in memory. ``faults`` are raised, each once, by the call of that name."""

    name: str = "coalesce"
    known: dict[str, Snapshot] = field(default_factory=dict)
    failed: list[FailedDelivery] = field(default_factory=list)
    kept: dict[str, bytes | None] = field(default_factory=dict)
    asked_again: list[str] = field(default_factory=list)
    faults: list[tuple[str, Exception]] = field(default_factory=list)
    page: int = 100
    skew: float = 0.0
    calls: list[str] = field(default_factory=list)
    on_call: Callable[[str], None] = lambda _name: None
    # By the digest of the identifiers that are asked for, and by the owner's id.
    impacts: dict[str, Impact] = field(default_factory=dict)
    emails: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def put(self, *snapshots: Snapshot) -> None:
        """Let these be what the API knows now."""
        for one in snapshots:
            self.known[str(one.ref)] = one

    def _call(self, name: str) -> None:
        self.calls.append(name)
        self.on_call(name)
        if self.faults and self.faults[0][0] == name:
            raise self.faults.pop(0)[1]

    def _updated(self, kind: Kind, since: float, until: float) -> list[Snapshot]:
        return [
            one
            for one in sorted(self.known.values(), key=lambda s: (s.event_time, str(s.ref)))
            if one.ref.kind is kind and since <= one.event_time / 1e9 + self.skew < until
        ]

    def issues_updated(self, since: float, until: float) -> Iterator[list[str]]:
        found = [one.ref.id for one in self._updated(Kind.ISSUE, since, until)]
        for start in range(0, max(1, len(found)), self.page):
            self._call("issues_updated")
            yield found[start : start + self.page]

    def issues(self, ids: Sequence[str]) -> list[Snapshot]:
        self._call("issues")
        refs = [f"{self.name}:issue:{id_}" for id_ in ids]
        return [self.known[ref] for ref in refs if ref in self.known]

    def incidents_updated(self, since: float, until: float) -> list[Snapshot]:
        self._call("incidents_updated")
        return self._updated(Kind.INCIDENT, since, until)

    def incidents(self, ids: Sequence[str]) -> list[Snapshot]:
        self._call("incidents")
        refs = [f"{self.name}:incident:{id_}" for id_ in ids]
        return [self.known[ref] for ref in refs if ref in self.known]

    def impact(self, identifiers: Sequence[Mapping[str, Any]]) -> Impact:
        self._call("impact")
        return self.impacts.get(digest_of(list(identifiers)), Impact())

    def owner_emails(self, ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        self._call("owner_emails")
        return {id_: self.emails[id_] for id_ in ids if id_ in self.emails}

    def failed_deliveries(self, since: float, until: float) -> Iterator[list[FailedDelivery]]:
        found = [one for one in self.failed if since <= one.created_at < until]
        for start in range(0, max(1, len(found)), self.page):
            self._call("failed_deliveries")
            yield found[start : start + self.page]

    def sent_deliveries(self, since: float, until: float) -> Iterator[list[SentDelivery]]:
        self._call("sent_deliveries")
        yield [
            SentDelivery(one.event_id, one.event_type, "failed", "", one.status_code)
            for one in self.failed
            if since <= one.created_at < until
        ]

    def attempts(self, delivery_id: str) -> list[Attempt]:
        self._call("attempts")
        return [Attempt(self.kept.get(delivery_id), self._failed(delivery_id).status_code)]

    def bodies(self, event_id: str) -> list[bytes]:
        self._call("bodies")
        kept = [
            body
            for one in self.failed
            if one.event_id == event_id
            for body in (self.kept.get(one.id),)
        ]
        return [body for body in kept if body]

    def redeliver(self, delivery_id: str) -> None:
        self._call("redeliver")
        self.asked_again.append(self._failed(delivery_id).id)

    def _failed(self, delivery_id: str) -> FailedDelivery:
        for one in self.failed:
            if one.id == delivery_id:
                return one
        raise Missing(f"delivery {delivery_id} is not there")


class Scene:
    """A store, rules, triage, walks and a runner; nothing happens by itself."""

    def __init__(
        self, store: Store, folder: Path, *, issues: str = "", tracker: MemoryTracker | None = None
    ) -> None:
        self.store = store
        self.clock = SimulatedClock()
        self.jira = tracker or MemoryTracker(self.clock, index_lag=30.0)
        self.folder = folder
        self.write_rules(RULES.replace("ISSUES", issues))
        self.triage = Triage(store, {}, self.rules, self.clock)
        self.converger = Converger(
            store, {self.jira.site: self.jira}, self.rules, self.clock, jitter=lambda: 0.5
        )
        self.runner = Runner(store, self.clock, "me")

    def write_rules(self, text: str) -> None:
        """Put a rule set in force."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "rules.toml").write_text(text)
        self._rules = load(self.folder, Defaults({"main": "DATA"}, "main"))

    def rules(self) -> RuleSet:
        return self._rules

    def absorb(self, *snapshots: Snapshot) -> None:
        """Let webhooks have told of these."""
        with self.store.write() as session:
            self.triage.merge_snapshots(
                session, [replace(s, severity="", issue_ids=()) for s in snapshots]
            )

    def settle(self) -> int:
        """Walk until nothing is due within ten minutes; how many walks that took."""
        walks = 0
        for _ in range(5_000):
            taken = claims.claim(self.store, owner="me", now=self.clock.time(), lease=120, limit=50)
            for claim in taken:
                self.converger.walk(claim)
            walks += len(taken)
            if taken:
                continue
            due = claims.next_due(self.store, now=self.clock.time())
            if due is None or due > self.clock.time() + 600:
                return walks
            self.clock.now = max(self.clock.now, due)
        raise AssertionError("it does not settle")

    def run(self, sweep: Sweep, **kwargs: Any) -> Report:
        report = self.runner.run(sweep, **kwargs)
        assert report is not None
        return report

    def found(self, sweep: Sweep, **kwargs: Any) -> list[str]:
        """What a run finds, in words."""
        return [str(finding) for finding in self.run(sweep, **kwargs).tally.findings]

    def rows(self) -> list[TicketRow]:
        with self.store.read() as session:
            return list(session.exec(select(TicketRow).order_by(col(TicketRow.id))))

    def row(self, ref: str) -> TicketRow:
        with self.store.read() as session:
            found = tickets.find(session, ref)
        assert found is not None, ref
        return found

    def runs(self, sweep: str = "") -> list[SweepRunRow]:
        """Runs on record, newest first."""
        with self.store.read() as session:
            return sweeps.recent(session, sweep=sweep)

    def change(self, key: str, **columns: Any) -> None:
        """Change a ticket's row behind everybody's back."""
        with self.store.write() as session:
            found = tickets.find(session, key)
            assert found is not None
            for name, value in columns.items():
                setattr(found, name, value)

    def writes(self) -> Mapping[str, int]:
        """Calls to Jira that change something, by name."""
        reading = {"read", "find", "search", "read_many", "probe", "find_comment"}
        return {name: n for name, n in self.jira.calls.items() if name not in reading}

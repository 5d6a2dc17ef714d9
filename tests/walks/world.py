"""A whole ticket-sync without threads and with a clock of its own, against a tracker of choice."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlmodel import select

from sync.adapters.coalesce import CoalesceSource
from sync.ports import Clock, SourceApi, Tracker
from sync.rules import Defaults, RuleSet, load
from sync.store import claims, continuity
from sync.store.engine import Store
from sync.store.inbox import Accepted, Inbox
from sync.store.tables import DeliveryRow, JournalRow, TicketRow
from sync.worker.triage.asking import Asking
from sync.worker.triage.batch import Triage
from sync.worker.walk.converge import Converger
from sync.worker.walk.outcomes import Pace
from tests.clock import START as START
from tests.clock import SimulatedClock as SimulatedClock

RULES = """
[[rule]]
name = "everything"
project = "DATA"
issue_type = "Bug"

[rule.fields]
summary = "{{ subject.title }}"
description = "{{ subject.description }}"
labels = ["data-quality"]

[rule.status]
open = { category = "new" }
investigating = { category = "indeterminate" }
expected = { category = "done", prefer = ["Done"] }
fixed = { category = "done", prefer = ["Done"] }
no_action_needed = { category = "done", prefer = ["Done"] }
closed = { category = "done", prefer = ["Done"], comment = "Closed upstream." }
cancelled = { category = "done", prefer = ["Done"], comment = "Cancelled upstream." }
"""


def issue_event(
    type_: str,
    issue_id: str,
    *,
    at: float,
    event_id: str = "",
    title: str = "orders is stale",
    description: str = "No new rows since 06:00.",
    **fields: Any,
) -> dict[str, Any]:
    """A nested, snake_case webhook body for an issue; ``at`` is in seconds since START."""
    seconds = int(at)
    nanos = round((at - seconds) * 1e9)
    stamp = f"2026-09-21T{10 + seconds // 3600 % 12:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return {
        "workspace": "acme",
        "event_id": event_id
        or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{type_}{issue_id}{at}{title}")),
        "event_time": f"{stamp}.{nanos:09}Z",
        "event_type": f"EVENT_TYPE_{type_.upper()}",
        type_: {
            "issue": {
                "issue_id": issue_id,
                "issue_url": f"https://app.example.com/issues/{issue_id}",
                "title": title,
                "description": description,
                **fields,
            }
        },
    }


class World:
    """Store, rules, triage and walks, driven by hand."""

    def __init__(
        self,
        store: Store,
        tracker: Tracker,
        clock: Clock,
        folder: Path,
        rules: str = RULES,
        pace: Pace | None = None,
        *,
        api: SourceApi | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.tracker = tracker
        self.folder = folder
        self.write_rules(rules)
        continuity.check(store, {tracker.site: ""}, clock.time())
        self.inbox = Inbox(store)
        asking = Asking({"coalesce": api} if api else {}, clock)
        self.triage = Triage(store, {"coalesce": CoalesceSource()}, self.rules, clock, asking)
        self.converger = Converger(
            store, {tracker.site: tracker}, self.rules, clock, pace, jitter=lambda: 0.5
        )

    def write_rules(self, text: str) -> None:
        """Put a rule set in force."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "rules.toml").write_text(text)
        self._rules = load(self.folder, Defaults({"main": "DATA"}, "main"))

    def rules(self) -> RuleSet:
        return self._rules

    def deliver(self, *bodies: Mapping[str, Any] | bytes) -> None:
        """Accept deliveries, as the receiver does."""
        futures = []
        for body in bodies:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            event_id, event_type = CoalesceSource().identify(raw)
            futures.append(
                self.inbox.accept(
                    Accepted("coalesce", event_id, event_type, raw, self.clock.time())
                )
            )
        for future in futures:
            future.result(30)

    def step(self) -> int:
        """Triage what waits and walk what is due now; how many walks that were."""
        while self.triage.batch():
            pass
        taken = claims.claim(self.store, owner="test", now=self.clock.time(), lease=120, limit=20)
        for claim in taken:
            self.converger.walk(claim)
        return len(taken)

    def settle(self, within: float = 600.0) -> None:
        """Step until nothing is due within ``within`` seconds, letting time pass between."""
        for _ in range(5_000):
            if self.step():
                continue
            due = claims.next_due(self.store, now=self.clock.time())
            if due is None or due > self.clock.time() + within:
                return
            self.clock.sleep(max(0.001, due - self.clock.time()))
        raise AssertionError("it does not settle")

    def rows(self) -> list[TicketRow]:
        with self.store.read() as session:
            return list(session.exec(select(TicketRow).order_by(TicketRow.id)))  # type: ignore[arg-type]

    def deliveries(self) -> list[DeliveryRow]:
        with self.store.read() as session:
            return list(session.exec(select(DeliveryRow).order_by(DeliveryRow.seq)))  # type: ignore[arg-type]

    def journal(self) -> list[str]:
        with self.store.read() as session:
            return [
                f"{row.action} {row.words}"
                for row in session.exec(select(JournalRow).order_by(JournalRow.id))
            ]

    def close(self) -> None:
        self.inbox.close()

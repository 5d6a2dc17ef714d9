"""A whole ticket-sync against a simulated Jira, told of subjects at the time its clock shows."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from sync.adapters.jira import JiraSite, JiraTracker
from sync.domain.subject import Snapshot, merge_from_api
from sync.rules import Defaults, load
from sync.sandbox.jira import JiraSandbox, SandboxTransport, Ticket
from sync.sandbox.jira.ready_site import BOT, EPIC_LINK
from sync.store import claims, subjects
from sync.store.engine import Store
from sync.store.tables import TicketRow
from tests.walks.world import SimulatedClock, World

RECIPES = Path(__file__).parents[2] / "mappings" / "recipes"
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
EVENT_OF = {
    "investigating": "issue_status_updated",
    "expected": "issue_status_updated",
    "fixed": "issue_status_updated",
    "no_action_needed": "issue_status_updated",
}

MINIMAL = """
[[rule]]
name = "issues"
when = { kind = "issue" }
issue_type = "Bug"
OPTIONS

[rule.fields]
summary = "{{ subject.title }}"
description = ""
FIELDS
"""


def minimal(options: str = "", fields: str = "", tables: str = "") -> str:
    """A rule with these options and fields beside a summary, and these tables of its own after it."""
    return MINIMAL.replace("OPTIONS", options).replace("FIELDS", fields) + tables


class Stage(World):
    """The world, with a simulated Jira in it. Nothing happens by itself."""

    def __init__(
        self, store: Store, sandbox: JiraSandbox, clock: SimulatedClock, folder: Path, site: str
    ) -> None:
        self.sandbox = sandbox
        self.site = site
        self.time = clock
        self.bot = BOT
        self._events = 0
        self._known: dict[str, dict[str, Any]] = {}

        def mount(session: requests.Session) -> None:
            session.mount("http://jira.sandbox", SandboxTransport(sandbox))

        cloud = self.is_cloud = sandbox.dialect.value == "cloud"
        jira = JiraSite(
            name=site,
            url="http://jira.sandbox",
            token=BOT.secret,
            email=BOT.email if cloud else "",
            index_lag=30.0,
        )
        super().__init__(store, JiraTracker(jira, clock, mount), clock, folder)

    def write_rules(self, text: str) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "rules.toml").write_text(text)
        self._load()

    def use(self, *recipes: str) -> None:
        """Put these recipes in force, as they are written."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        for name in recipes:
            shutil.copy(RECIPES / f"{name}.toml", self.folder)
        self._load()

    def _load(self) -> None:
        self._rules = load(self.folder, Defaults({self.site: "DATA"}, self.site))
        assert not self._rules.warnings

    def tell(self, event: str, subject: str, **fields: Any) -> None:
        """A webhook of this event, now. Fields not given are as they were told last."""
        kind = event.partition("_")[0]
        known = self._known.setdefault(
            subject,
            {
                f"{kind}_id": subject,
                f"{kind}_url": f"https://app.example.com/{kind}s/{subject}",
                "title": f"{subject} is stale",
                "started_at": stamp(self.time.now),
            },
        )
        if event in ("issue_created", "incident_open"):
            known.pop("ended_at", None)
            known.pop("status", None)
        if event.endswith(("_closed", "_cancelled")):
            known["ended_at"] = stamp(self.time.now)
        known.update(fields)
        self._events += 1
        body = {
            "workspace": "production",
            "event_id": f"event-{self._events}",
            "event_time": stamp(self.time.now),
            "event_type": f"EVENT_TYPE_{event.upper()}",
            event: {kind: dict(known)},
        }
        self.deliver(json.loads(json.dumps(body)))
        self.time.sleep(1)

    def mark(self, subject: str, status: str) -> None:
        """Somebody marks an issue."""
        self.tell("issue_status_updated", subject, status=f"ISSUE_STATUS_{status.upper()}")

    def learn(self, subject: str, **known: Any) -> None:
        """Let the API tell more of a subject that webhooks have told of, as the sweeps ask it."""
        kind = "incident" if "issue_ids" in known else "issue"
        while self.triage.batch():
            pass
        with self.store.write() as session:
            ref = f"coalesce:{kind}:{subject}"
            there = subjects.to_snapshot(subjects.load(session, [ref])[ref])
            told: Snapshot = replace(there, event_id="", **known)
            self.triage.merge_snapshots(session, [told], merge=merge_from_api)

    def live(self, seconds: float) -> None:
        """Let time pass, walking whatever falls due meanwhile."""
        until = self.time.now + seconds
        for _ in range(5_000):
            if self.step():
                continue
            due = claims.next_due(self.store, now=self.time.now)
            if due is None or due > until:
                self.time.now = max(self.time.now, until)
                return
            self.time.sleep(max(0.001, due - self.time.now))
        raise AssertionError("it does not settle")

    def tickets(self) -> list[Ticket]:
        """Those in Jira, oldest first."""
        return sorted(self.sandbox.tickets(), key=lambda one: int(one.id))

    @property
    def ticket(self) -> Ticket:
        """The only ticket in Jira."""
        (only,) = self.tickets()
        return only

    def row(self, name: str = "") -> TicketRow:
        """What we keep of a ticket (by Jira key); of the only one, if none is named."""
        rows = [row for row in self.rows() if not name or row.jira_key == name]
        assert len(rows) == 1, [row.key for row in rows]
        return rows[0]

    def silent(self) -> bool:
        """Whether nothing is parked, and a whole month without news makes no call to Jira."""
        assert [row.parked for row in self.rows() if row.parked] == []
        calls = sum(self.sandbox.calls.values())
        self.live(30 * DAY)
        return sum(self.sandbox.calls.values()) == calls


def stamp(seconds: float) -> str:
    """A time as upstream writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parent_of(ticket: Ticket) -> str:
    """The key of the ticket above, "" for none. On Data Center, that of most tickets is an Epic Link."""
    return ticket.fields.get("parent") or ticket.fields.get(EPIC_LINK, "")


def entity(name: str, *, folder: str = "", **identifier: str) -> dict[str, Any]:
    """An entity as webhooks write it: a Snowflake table."""
    parts = {"account": "acme", "database": "DWH", "schema": "MART", "table": name, **identifier}
    return {
        "name": name,
        "type_name": "Table",
        "folder": folder,
        "entity_url": f"https://app.example.com/entities/{name}",
        "identifier": {"snowflake_table": parts},
    }


def owner(title: str) -> dict[str, str]:
    return {"id": title.lower(), "title": title, "url": "https://app.example.com/owners/1"}

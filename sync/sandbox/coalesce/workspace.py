"""The simulated workspace: what is true upstream, and the events that tell of it."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sync.ports import Clock, SystemClock
from sync.sandbox.coalesce.inventory import ACTORS, ASSETS, TEAMS, TROUBLES, WORKSPACE, Asset, owner
from sync.sandbox.coalesce.subjects import NANOS, Incident, Issue, Remark, rfc3339

# Signs deliveries between two simulated services on one machine.
SECRET = "whsec_sandbox"  # noqa: S105

Listener = Callable[[dict[str, Any]], None]


class CoalesceSandbox:
    """A workspace of Coalesce Quality, simulated. Safe to share between threads.

    Every change makes an event (as ``render`` takes it), kept in ``events`` and handed to the
    listeners. The same ``seed`` makes the same ids and texts. What is true is in ``issues`` and
    ``incidents``, whatever became of the deliveries.
    """

    def __init__(self, clock: Clock | None = None, secret: str = SECRET, seed: int = 1) -> None:
        self.clock = clock or SystemClock()
        self.secret = secret
        self.integration_id = str(uuid.UUID(int=0x5EED, version=4))
        self.issues: dict[str, Issue] = {}
        self.incidents: dict[str, Incident] = {}
        self.events: list[dict[str, Any]] = []
        self.lock = threading.RLock()
        self._random = random.Random(seed)
        self._listeners: list[Listener] = []
        self._last = 0

    def listen(self, listener: Listener) -> None:
        """Have every event from now on handed to ``listener``."""
        self._listeners.append(listener)

    def new_id(self) -> str:
        """The next id; the same row of ids for the same seed."""
        with self.lock:
            return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def now(self) -> int:
        """Nanoseconds since the epoch; each call later than the one before."""
        with self.lock:
            fraction = self._random.randrange(1000)
            self._last = max(round(self.clock.time() * 1_000_000) * 1000 + fraction, self._last + 1)
            return self._last

    # Issues

    def open_issue(
        self,
        title: str = "",
        *,
        asset: Asset | None = None,
        issue_id: str = "",
        quiet: bool = False,
        **fields: Any,
    ) -> Issue:
        """Something goes wrong. ``quiet`` makes no event (an older one, or one never routed to us)."""
        with self.lock:
            pick = self._random
            asset = asset or pick.choice(ASSETS)
            trouble = pick.choice(TROUBLES)
            words = {"asset": asset.name, "n": pick.randint(3, 30), "m": pick.randint(12, 9_000)}
            downstream = pick.sample(ASSETS, k=pick.randint(0, 3))
            at = self.now()
            issue = Issue(
                id=issue_id or self.new_id(),
                group_id=str(uuid.uuid5(uuid.NAMESPACE_URL, asset.name)),
                title=title or trouble.title.format(**words),
                description=trouble.description.format(**words),
                severity=trouble.severity,
                trigger=asset.entity(),
                affected=[one.entity() for one in dict.fromkeys([asset, *downstream])],
                owners=[owner(asset.team)],
                monitor=trouble.monitor.format(**words),
                message=trouble.message.format(**words),
                run_id=f"run-{pick.randrange(10**6):06}",
                started_at=at - pick.randint(60, 1800) * NANOS,
                updated_at=at,
            )
            for name, value in fields.items():
                setattr(issue, name, value)
            self.issues[issue.id] = issue
            if not quiet:
                self._announce("issue_created", issue)
            return issue

    def update_issue(self, issue_id: str, **fields: Any) -> None:
        """Change fields of an issue; by default its words get newer numbers."""
        with self.lock:
            issue = self.issues[issue_id]
            if not fields:
                more = self._random.randint(2, 99)
                fields = {"description": f"{issue.description}\n\nStill failing, {more} checks on."}
            for name, value in fields.items():
                setattr(issue, name, value)
            self._touch("issue_updated", issue)

    def mark(self, issue_id: str, status: str, *, actor: Mapping[str, Any] | None = None) -> None:
        """Somebody sets a status: ``investigating``, ``expected``, ``fixed``, ``no_action_needed``, or
        "" to take it back."""
        with self.lock:
            issue = self.issues[issue_id]
            issue.status = status
            issue.actor = actor or self._random.choice(ACTORS)
            self._touch("issue_status_updated", issue)

    def close_issue(self, issue_id: str) -> None:
        """The checks pass again."""
        with self.lock:
            issue = self.issues[issue_id]
            issue.ended_at = self.now()
            self._touch("issue_closed", issue)

    def reopen_issue(self, issue_id: str) -> None:
        """The checks fail again."""
        with self.lock:
            issue = self.issues[issue_id]
            issue.ended_at, issue.status, issue.actor = None, "", None
            self._touch("issue_updated", issue)

    def comment(self, issue_id: str, message: str, actor: Mapping[str, Any]) -> Remark:
        """Somebody says something; no webhook tells of it."""
        with self.lock:
            remark = Remark(self.new_id(), message, self.now(), actor)
            issue = self.issues[issue_id]
            issue.remarks.append(remark)
            issue.updated_at = remark.at
            return remark

    # Incidents

    def open_incident(
        self, issue_ids: Iterable[str], title: str = "", *, quiet: bool = False
    ) -> Incident:
        """Somebody declares an incident over issues."""
        with self.lock:
            members = list(issue_ids)
            teams = sorted({one["title"] for i in members for one in self.issues[i].owners})
            about = " and ".join(teams) or self._random.choice(list(TEAMS.values()))
            at = self.now()
            incident = Incident(
                id=self.new_id(),
                index=len(self.incidents) + 1,
                title=title or f"{about}: {len(members)} checks fail together",
                description="\n".join(f"* {self.issues[i].title}" for i in members),
                issue_ids=members,
                actor=self._random.choice(ACTORS),
                created_at=at,
                updated_at=at,
            )
            self.incidents[incident.id] = incident
            if not quiet:
                self._announce("incident_open", incident)
            return incident

    def close_incident(self, incident_id: str) -> None:
        """The incident is over."""
        self._end(incident_id, "closed")

    def cancel_incident(self, incident_id: str) -> None:
        """The incident was none."""
        self._end(incident_id, "cancelled")

    def set_members(self, incident_id: str, issue_ids: Sequence[str]) -> None:
        """Issues join or leave; no webhook tells of it."""
        with self.lock:
            incident = self.incidents[incident_id]
            incident.issue_ids, incident.updated_at = list(issue_ids), self.now()

    def ping(self, message: str = "It works.") -> dict[str, Any]:
        """A test event."""
        return self._send("ping", {"message": message}, self.now())

    def _end(self, incident_id: str, state: str) -> None:
        with self.lock:
            incident = self.incidents[incident_id]
            incident.state, incident.ended_at = state, self.now()
            self._touch(f"incident_{state}", incident)

    def _touch(self, type_: str, subject: Issue | Incident) -> None:
        subject.updated_at = self.now()
        self._announce(type_, subject)

    def _announce(self, type_: str, subject: Issue | Incident) -> None:
        self._send(type_, subject.webhook(), subject.updated_at)

    def _send(self, type_: str, message: dict[str, Any], at: int) -> dict[str, Any]:
        with self.lock:
            event = {
                "workspace": WORKSPACE,
                "event_id": self.new_id(),
                "event_time": rfc3339(at),
                "type": type_,
                type_.partition("_")[0]: message,
            }
            self.events.append(event)
            listeners = list(self._listeners)
        for listener in listeners:
            listener(event)
        return event

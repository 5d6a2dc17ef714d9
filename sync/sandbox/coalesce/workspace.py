"""The simulated workspace: its issues and incidents, and an event for every change of them."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sync.ports import Clock, SystemClock
from sync.sandbox.acts import Unknown
from sync.sandbox.coalesce.callbacks import Callbacks
from sync.sandbox.coalesce.catalog import Catalog
from sync.sandbox.coalesce.inventory import ACTORS, ASSETS, TEAMS, TROUBLES, Asset, Trouble, owner
from sync.sandbox.coalesce.subjects import NANOS, Incident, Issue, Remark, event_of, nanos

# The key that signs deliveries between the simulated sender and a receiver on one machine.
SECRET = "whsec_sandbox"  # noqa: S105

Listener = Callable[[dict[str, Any]], None]


class CoalesceSandbox:
    """A workspace of Coalesce Quality, simulated. Safe to share between threads.

    ``comments_update``: a comment raises the time of update of its subject. ``callbacks`` are what
    deliveries offer, nothing by default; ``catalog`` is what the impact API and the owners API know.

    Every change makes an event (as ``render`` takes it), which ``events`` keeps and which the listeners
    get. ``issues`` and ``incidents`` hold the true state, whether deliveries arrive or not. The same
    ``seed`` makes the same ids and texts.
    """

    def __init__(self, clock: Clock | None = None, secret: str = SECRET, seed: int = 1) -> None:
        self.clock = clock or SystemClock()
        self.secret = secret
        self.integration_id = str(uuid.UUID(int=0x5EED, version=4))
        self.issues: dict[str, Issue] = {}
        self.incidents: dict[str, Incident] = {}
        self.events: list[dict[str, Any]] = []
        self.lock = threading.RLock()
        self.comments_update = True
        self.callbacks = Callbacks()
        self.catalog = Catalog()
        self._random = random.Random(seed)
        self._listeners: list[Listener] = []
        self._last = 0

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every event from now on."""
        self._listeners.append(listener)

    def new_id(self) -> str:
        """The next id. The same seed gives the same sequence of ids."""
        with self.lock:
            return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def now(self) -> int:
        """Nanoseconds since the epoch. Each call returns a later time than the call before."""
        with self.lock:
            fraction = self._random.randrange(1000)
            self._last = max(nanos(self.clock.time()) + fraction, self._last + 1)
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
        """Open an issue on ``asset``, by default on any; ``fields`` replace made-up values.

        ``quiet`` makes no event, as for an issue that upstream does not route to this integration.
        """
        with self.lock:
            pick = self._random
            asset, trouble = self._trouble(asset)
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

    def _trouble(self, asset: Asset | None) -> tuple[Asset, Trouble]:
        """An asset and a trouble that it has. A trouble that the asset had before is avoided if
        possible, because one check does not make two issues at a time."""
        before = {(one.trigger["name"], one.monitor) for one in self.issues.values()}
        pick = self._random
        for _ in range(20):
            chosen, trouble = asset or pick.choice(ASSETS), pick.choice(TROUBLES)
            if (chosen.name, trouble.monitor.format(asset=chosen.name)) not in before:
                break
        return chosen, trouble

    def update_issue(self, issue_id: str, **fields: Any) -> None:
        """Change fields of an issue; without ``fields``, its description gets one more line."""
        with self.lock:
            issue = self._issue(issue_id)
            if not fields:
                more = self._random.randint(2, 99)
                fields = {"description": f"{issue.description}\n\nStill failing, {more} checks on."}
            for name, value in fields.items():
                setattr(issue, name, value)
            self._touch("issue_updated", issue)

    def mark(self, issue_id: str, status: str, *, actor: Mapping[str, Any] | None = None) -> None:
        """Set an issue's status: one of ``ISSUE_STATUSES``, or "" to remove the status."""
        with self.lock:
            issue = self._issue(issue_id)
            issue.status = status
            issue.actor = actor or self._random.choice(ACTORS)
            self._touch("issue_status_updated", issue)

    def close_issue(self, issue_id: str) -> None:
        """Close an issue, because its checks pass again."""
        with self.lock:
            issue = self._issue(issue_id)
            issue.ended_at = self.now()
            self._touch("issue_closed", issue)

    def reopen_issue(self, issue_id: str) -> None:
        """Reopen an issue, because its checks fail again."""
        with self.lock:
            issue = self._issue(issue_id)
            issue.ended_at, issue.status, issue.actor = None, "", None
            self._touch("issue_updated", issue)

    def comment(
        self, issue_id: str, message: str, actor: Mapping[str, Any], *, at: int | None = None
    ) -> Remark:
        """Add a comment, written at ``at`` (nanoseconds), by default now. Upstream sends no webhook for
        comments."""
        with self.lock:
            return self._remark(self._issue(issue_id), message, actor, at)

    def forget(self, subject_id: str) -> None:
        """Delete an issue or an incident: upstream no longer knows it, and sends no webhook."""
        with self.lock:
            self.issues.pop(subject_id, None)
            self.incidents.pop(subject_id, None)

    # Incidents

    def open_incident(
        self, issue_ids: Sequence[str], title: str = "", *, quiet: bool = False
    ) -> Incident:
        """Open an incident that groups issues. ``quiet`` makes no event."""
        with self.lock:
            members = list(issue_ids)
            teams = sorted({one["title"] for i in members for one in self._issue(i).owners})
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

    def close_incident(self, incident_id: str, *, actor: Mapping[str, Any] | None = None) -> None:
        """Close an incident."""
        self.move_incident(incident_id, "closed", actor=actor)

    def cancel_incident(self, incident_id: str, *, actor: Mapping[str, Any] | None = None) -> None:
        """Cancel an incident, which was opened by mistake."""
        self.move_incident(incident_id, "cancelled", actor=actor)

    def reopen_incident(self, incident_id: str, *, actor: Mapping[str, Any] | None = None) -> None:
        """Open an incident again."""
        self.move_incident(incident_id, "open", actor=actor)

    def move_incident(
        self, incident_id: str, state: str, *, actor: Mapping[str, Any] | None = None
    ) -> None:
        """Give an incident a state: open, closed or cancelled."""
        with self.lock:
            incident = self._incident(incident_id)
            incident.state = state
            incident.ended_at = None if state == "open" else self.now()
            incident.updated_by = actor or incident.updated_by
            self._touch(f"incident_{state}", incident)

    def comment_incident(
        self, incident_id: str, message: str, actor: Mapping[str, Any], *, at: int | None = None
    ) -> Remark:
        """Like ``comment``, for an incident."""
        with self.lock:
            return self._remark(self._incident(incident_id), message, actor, at)

    def change_incident(self, incident_id: str, **fields: str) -> None:
        """Change the title or the owner of an incident. Upstream sends no webhook for these."""
        with self.lock:
            incident = self._incident(incident_id)
            for name, value in fields.items():
                setattr(incident, name, value)
            incident.updated_at = self.now()

    def set_members(self, incident_id: str, issue_ids: Sequence[str]) -> None:
        """Replace an incident's issues. Upstream sends no webhook for this change."""
        with self.lock:
            incident = self._incident(incident_id)
            incident.issue_ids = [self._issue(one).id for one in issue_ids]
            incident.updated_at = self.now()

    def ping(self, message: str = "It works.") -> None:
        """Make a test event."""
        self._send("ping", {"message": message}, self.now())

    def _issue(self, id_: str) -> Issue:
        if id_ not in self.issues:
            raise Unknown(f"there is no issue {id_!r}")
        return self.issues[id_]

    def _incident(self, id_: str) -> Incident:
        if id_ not in self.incidents:
            raise Unknown(f"there is no incident {id_!r}")
        return self.incidents[id_]

    def _remark(
        self, subject: Issue | Incident, message: str, actor: Mapping[str, Any], at: int | None
    ) -> Remark:
        now = self.now()
        remark = Remark(self.new_id(), message, now if at is None else at, actor)
        subject.remarks.append(remark)
        if self.comments_update:
            subject.updated_at = now
        return remark

    def _touch(self, type_: str, subject: Issue | Incident) -> None:
        subject.updated_at = self.now()
        self._announce(type_, subject)

    def _announce(self, type_: str, subject: Issue | Incident) -> None:
        self._send(type_, subject.webhook(), subject.updated_at)

    def _send(self, type_: str, message: dict[str, Any], at: int) -> None:
        with self.lock:
            event = event_of(type_, message, event_id=self.new_id(), at=at)
            if self.callbacks.base and "issue_id" in message:
                event["callbacks"] = self.callbacks.offered(
                    message["issue_id"], event["event_time"], self.clock.time()
                )
            self.events.append(event)
            listeners = list(self._listeners)
        for listener in listeners:
            listener(event)

"""Rules upstream that answer a change of an issue with a mark of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.sandbox.coalesce.subjects import Issue
from sync.sandbox.coalesce.workspace import CoalesceSandbox

_ACTOR = {"name": "Triage robot", "email": {"user_email": "triage-robot@example.com"}}


@dataclass(slots=True)
class Robot:
    """A rule: an issue with one of ``statuses`` ("" for none) gets the mark ``status``.

    ``events`` are the events that the rule answers. ``acted`` counts its acts.
    """

    status: str
    statuses: tuple[str, ...] = ("", "investigating")
    events: tuple[str, ...] = ("issue_created", "issue_updated", "issue_status_updated")
    actor: Mapping[str, Any] = field(default_factory=lambda: dict(_ACTOR))
    acted: int = 0

    def is_for(self, type_: str, issue: Issue) -> bool:
        """Whether the rule answers an event of this type about the issue."""
        return type_ in self.events and issue.status in self.statuses and not issue.ended_at


class Robots:
    """The rules of a workspace. No rule answers what a rule did, nor an issue that has ended."""

    def __init__(self, sandbox: CoalesceSandbox) -> None:
        self._sandbox = sandbox
        self._acting = False
        self.rules: list[Robot] = []
        sandbox.listen(self._answer)

    def add(self, robot: Robot) -> Robot:
        """Put a rule in force."""
        self.rules.append(robot)
        return robot

    def _answer(self, event: Mapping[str, Any]) -> None:
        with self._sandbox.lock:
            if self._acting or "issue" not in event:
                return
            self._acting = True
            try:
                self._act(str(event["type"]), event["issue"]["issue_id"])
            finally:
                self._acting = False

    def _act(self, type_: str, issue_id: str) -> None:
        issue = self._sandbox.issues[issue_id]
        # Every rule judges the issue as the event left it, before another rule has acted.
        for robot in [one for one in self.rules if one.is_for(type_, issue)]:
            self._sandbox.mark(issue_id, robot.status, actor=robot.actor)
            robot.acted += 1

"""Rules of Jira Automation that answer what happens on the site with an act of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.sandbox.jira.person import Person, Refusal
from sync.sandbox.jira.site.events import Event
from sync.sandbox.jira.site.model import User


@dataclass(slots=True)
class Robot:
    """A rule. ``do`` is the method of Person by which ``user`` acts on the issue.

    ``event`` is the event that the rule answers. ``status`` is the status that the issue must have then,
    "" for any. ``acted`` counts its acts, ``refused`` those that the site refused.
    """

    user: User
    do: str
    args: tuple[Any, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    event: str = "issue_updated"
    status: str = ""
    project: str = ""
    acted: int = 0
    refused: int = 0


class Robots:
    """The rules of a site. As in Jira, no rule answers what a rule did."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._acting = False
        self.rules: list[Robot] = []

    def add(self, robot: Robot) -> Robot:
        """Put a rule in force. Raises AttributeError where a person has no such method."""
        getattr(Person, robot.do)
        self.rules.append(robot)
        return robot

    def answer(self, event: Event) -> None:
        """Have each rule act that this event is for. The site calls this for every event."""
        if self._acting:
            return
        self._acting = True
        try:
            # Every rule judges the issue as the event left it, before another rule has acted.
            for robot in [one for one in self.rules if self._is_for(one, event)]:
                self._act(robot, event.issue.key)
        finally:
            self._acting = False

    def _is_for(self, robot: Robot, event: Event) -> bool:
        if event.name != robot.event or robot.project not in ("", event.issue.project):
            return False
        return robot.status in ("", self._person.status_of(event.issue))

    def _act(self, robot: Robot, key: str) -> None:
        try:
            getattr(self._person(robot.user), robot.do)(key, *robot.args, **robot.given)
            robot.acted += 1
        except (Refusal, KeyError):
            robot.refused += 1

"""A stream of made-up changes in a workspace: checks fail, people react, checks pass again."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass

from sync.sandbox.coalesce.workspace import CoalesceSandbox

_MARKS = ("investigating", "investigating", "expected", "fixed", "no_action_needed")


@dataclass(frozen=True, slots=True)
class Mix:
    """The weight of each kind of change. ``burst`` is several changes of one issue at once."""

    opened: float = 5
    updated: float = 3
    marked: float = 5
    closed: float = 3
    reopened: float = 0.6
    burst: float = 1
    incident: float = 0.7
    incident_ended: float = 0.7


class Stream:
    """Makes changes in a workspace. The same seed makes the same changes; ``happened`` counts them.
    Issues whose ids are in ``apart`` are left alone."""

    def __init__(
        self, sandbox: CoalesceSandbox, *, seed: int = 1, mix: Mix = Mix(), most_open: int = 40
    ) -> None:
        self.sandbox = sandbox
        self.happened: Counter[str] = Counter()
        self.apart: set[str] = set()
        self._random = random.Random(seed)
        self._mix = mix
        self._most_open = most_open
        self._opening = iter(("opened",) * 3)

    def step(self) -> str:
        """Make one change; returns its kind (a field of ``Mix``)."""
        with self.sandbox.lock:
            name = next(self._opening, "") or self._choose()
            getattr(self, f"_{name}")()
            self.happened[name] += 1
            return name

    def run(self, stop: threading.Event, *, per_second: float = 2.0) -> None:
        """Make changes at irregular times until ``stop`` is set."""
        while not stop.wait(self._random.expovariate(per_second)):
            self.step()

    def calm_down(self) -> None:
        """Close every open issue and incident."""
        with self.sandbox.lock:
            for incident_id in self._incidents():
                self.sandbox.close_incident(incident_id)
            for issue_id in self._issues(ended=False):
                self.sandbox.close_issue(issue_id)

    def _choose(self) -> str:
        issues, incidents = self._issues(ended=False), self._incidents()
        possible = {
            "opened": len(issues) < self._most_open,
            "updated": bool(issues),
            "marked": bool(issues),
            "closed": len(issues) > 1,
            "reopened": bool(self._issues(ended=True)),
            "burst": bool(issues),
            "incident": len(issues) > 2 and len(incidents) < 3,
            "incident_ended": bool(incidents),
        }
        names = [name for name, is_possible in possible.items() if is_possible]
        weights = [getattr(self._mix, name) for name in names]
        return self._random.choices(names, weights)[0]

    def _issues(self, *, ended: bool) -> list[str]:
        issues = (one for one in self.sandbox.issues.values() if one.id not in self.apart)
        return [one.id for one in issues if bool(one.ended_at) is ended]

    def _incidents(self) -> list[str]:
        return [i.id for i in self.sandbox.incidents.values() if i.state == "open"]

    def _one(self, *, ended: bool = False) -> str:
        return self._random.choice(self._issues(ended=ended))

    def _opened(self) -> None:
        self.sandbox.open_issue()

    def _updated(self) -> None:
        self.sandbox.update_issue(self._one())

    def _marked(self) -> None:
        self.sandbox.mark(self._one(), self._random.choice(_MARKS))

    def _closed(self) -> None:
        self.sandbox.close_issue(self._one())

    def _reopened(self) -> None:
        self.sandbox.reopen_issue(self._one(ended=True))

    def _burst(self) -> None:
        issue_id = self._one()
        for _ in range(self._random.randint(3, 6)):
            self.sandbox.update_issue(issue_id)
        self.sandbox.mark(issue_id, self._random.choice(_MARKS))

    def _incident(self) -> None:
        issues = self._issues(ended=False)
        self.sandbox.open_incident(self._random.sample(issues, k=min(len(issues), 3)))

    def _incident_ended(self) -> None:
        incident_id = self._random.choice(self._incidents())
        if self._random.random() < 0.25:
            self.sandbox.cancel_incident(incident_id)
            return
        self.sandbox.close_incident(incident_id)

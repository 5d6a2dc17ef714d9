"""Rows about what people decide of tickets that are there: to merge and split them, to undo an edit; and
about epics that rules name. Each has a site and a daemon of its own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from proof.outcome import Outcome, comments_twice
from proof.processes import ROOT, Daemon
from proof.rows import WRITES, row
from proof.scene import Killer, Scene
from proof.traffic import Subject

_SHIPPED = ROOT / "mappings" / "default.toml"
_EPIC = "Data quality {{ 'of issues' if kind == 'issue' else 'else' }}"
_WITHIN = 60.0
# By the end of a row's name, what goes wrong with calls that write.
FAULTS: dict[str, dict[str, Any]] = {
    "reply lost": {"effect": "drop", "after": True, "count": 4},
    "500 after": {"effect": "status", "status": 500, "after": True, "count": 4},
    "429": {"effect": "rate_limit", "retry_after": 1, "count": 4},
}


def _rules(scene: Scene, fields: str = "") -> Path:
    """The folder of the shipped rules, with more lines among their fields."""
    folder = scene.folder / "rules"
    folder.mkdir(exist_ok=True)
    text = _SHIPPED.read_text("utf-8")
    (folder / "rules.toml").write_text(
        text.replace("[defaults.fields]\n", f"[defaults.fields]\n{fields}", 1)
    )
    return folder


def _until(holds: Callable[[], bool], why: str) -> None:
    end = time.monotonic() + _WITHIN
    while not holds():
        assert time.monotonic() < end, why
        time.sleep(0.1)


def _epics(scene: Scene, size: int, *, kills: int = 0, **fault: Any) -> None:
    """Many tickets at once want the same few epics."""
    scene.on_data_center()
    scene.jira.ask("PUT", "lag", {"seconds": 1.0})
    if fault:
        # The first calls that make anything are those for epics.
        scene.jira.fault(**fault, method="POST", path="/issue$")
    scene.judges.append(lambda found: _judge_epics(scene, found))
    scene.daemon(rules=_rules(scene, f'parent = {{ epic = "{_EPIC}" }}\n'), index_lag=2.0)
    sending = scene.sending(scene.traffic.interleaved(scene.made(size)))
    if kills:
        Killer(scene, kills).wait()
    scene.accepted += sending.wait()


def _judge_epics(scene: Scene, found: Outcome) -> None:
    names = Counter(one["summary"] for one in scene.jira.tickets() if one["type"] == "Epic")
    found.doubled += [f"epic {name!r}: {n} times" for name, n in names.items() if n > 1]
    found.lost += [] if names else ["no epic was made"]


class _Merged:
    """Tickets merged into others by hand, of which the last is split up again."""

    def __init__(self, scene: Scene, pairs: int) -> None:
        self.scene = scene
        scene.on_data_center()
        self.daemon = scene.daemon(rules=_rules(scene))
        self.pairs = [(self._issue(), self._issue()) for _ in range(pairs)]
        for pair in self.pairs:
            scene.send([body for subject in pair for body in subject.bodies])
        scene.settle()
        scene.judges.append(self._judge)

    def _issue(self) -> Subject:
        # Not among the subjects of the scene, which are judged by a ticket of their own each.
        return self.scene.traffic.subject([""], kind="issue")

    def go(self) -> None:
        key = {one.ref: self.scene.ticket(one)["key"] for pair in self.pairs for one in pair}
        for old, into in self.pairs:
            self.daemon.verb("merge", key[old.ref], key[into.ref])
        old, into = self.pairs[-1]
        self.daemon.verb("split", key[into.ref], old.id)

    def _judge(self, found: Outcome) -> None:
        tickets = self.scene.jira.tickets()
        found.wanted, found.made = 2 * len(self.pairs) + 1, len(tickets)
        if len(tickets) > found.wanted:
            found.doubled.append(f"{len(tickets)} tickets instead of {found.wanted}")
        elif len(tickets) < found.wanted:
            found.lost.append(f"{len(tickets)} tickets instead of {found.wanted}")
        for ticket in tickets:
            found.doubled += [f"{ticket['key']}: {why}" for why in comments_twice(ticket)]
        for old, into in self.pairs:
            for subject, wanted in ((old, "done"), (into, "new")):
                found.lost += [
                    f"{ticket['key']} stands in {ticket['category']}, should in {wanted}"
                    for ticket in tickets
                    if subject.label in ticket["labels"] and ticket["category"] != wanted
                ]


def _merge(scene: Scene, size: int, *, kills: int = 0, **fault: Any) -> None:
    merged = _Merged(scene, max(2, size // 3))
    if fault:
        scene.jira.fault(**fault, **WRITES)
    merged.go()
    if kills:
        Killer(scene, kills).wait()
    else:
        scene.struck()


def _undo(scene: Scene, size: int, *, kills: int = 0, **fault: Any) -> None:
    """An edit that changes every ticket, and its undo, which a fault meets."""
    scene.on_data_center()
    daemon = scene.daemon(rules=_rules(scene))
    scene.deliver(*(scene.one("", kind="issue") for _ in range(size)))
    scene.settle()
    before = _priorities(scene)
    _rules(scene, 'priority = "Lowest"\n')
    _until(lambda: set(_priorities(scene).values()) == {"Lowest"}, "the edit does not arrive")
    scene.settle()
    if fault:
        scene.jira.fault(**fault, **WRITES)
    _take_back(daemon)
    if kills:
        Killer(scene, kills).wait()
    _until(lambda: _priorities(scene) == before, "the undo does not arrive")
    scene.judges.append(lambda found: _judge_undo(scene, before, found))


def _take_back(daemon: Daemon) -> None:
    daemon.verb("rules", "revert", "--undo", "--yes")


def _priorities(scene: Scene) -> dict[str, str]:
    return {one["key"]: one["priority"] for one in scene.jira.tickets()}


def _judge_undo(scene: Scene, before: dict[str, str], found: Outcome) -> None:
    now = _priorities(scene)
    found.lost += [
        f"{key} has priority {now.get(key)}, had {priority}"
        for key, priority in before.items()
        if now.get(key) != priority
    ]


def _rows(name: str, trial: Callable[..., None], *, core: bool = True) -> None:
    for words, fault in FAULTS.items():

        def struck(scene: Scene, size: int, fault: dict[str, Any] = fault) -> None:
            trial(scene, size, **fault)

        row(f"{name}: {words}", core=core and words == "reply lost", own=True)(struck)

    @row(f"{name}: kill -9", own=True)
    def _killed(scene: Scene, size: int) -> None:
        trial(scene, size, kills=2)


# The proof of epics by two daemons has these faults in the short form.
_rows("epics", _epics, core=False)
_rows("merged and split", _merge)
_rows("an edit undone", _undo)

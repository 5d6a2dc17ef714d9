"""A world whose rules are picked up from disk by a rulebook, as in the daemon."""

from __future__ import annotations

from pathlib import Path

from sync.ports import Clock, Tracker
from sync.rules import Defaults, RuleSet
from sync.store import rulebook
from sync.store.engine import Store
from sync.store.rulebook import Edition, Problem, Waiting
from sync.worker.rulebook.files import RuleFiles
from sync.worker.rulebook.impact import Sites
from sync.worker.rulebook.in_force import Guard, Rulebook
from tests.walks.world import RULES, World

DEFAULTS = Defaults({"main": "DATA"}, "main")


class EditedWorld(World):
    """``write_rules`` edits the file only; ``notice`` lets the rulebook find it."""

    def __init__(
        self,
        store: Store,
        tracker: Tracker,
        clock: Clock,
        folder: Path,
        *,
        rules: str = RULES,
        guard: Guard | None = None,
        sites: Sites | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.write_rules(rules)
        self.files = RuleFiles(folder, DEFAULTS)
        self.book = Rulebook(store, self.files, clock, guard=guard, sites=sites)
        self.book.open()
        super().__init__(store, tracker, clock, folder, rules)

    def write_rules(self, text: str) -> None:
        (self.folder / "rules.toml").write_text(text)

    def rules(self) -> RuleSet:
        return self.book.current()

    def notice(self) -> None:
        """Poll as often as it takes to see an edit, take it up, and reach its tickets."""
        for _ in range(3):
            self.book.poll()

    def edit(self, text: str) -> None:
        """Edit the file, and let the daemon's rulebook notice."""
        self.write_rules(text)
        self.notice()

    def in_force(self) -> Edition | None:
        with self.store.read() as session:
            return rulebook.in_force(session)

    def waiting(self) -> Waiting | None:
        with self.store.read() as session:
            return rulebook.waiting(session)

    def problem(self) -> Problem | None:
        with self.store.read() as session:
            return rulebook.problem(session)

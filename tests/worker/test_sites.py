"""Which site a ticket is made on: the one its rule names when it is made, and for good from then on."""

from __future__ import annotations

from pathlib import Path

from sync.rules import Defaults, load
from sync.sandbox.memory import MemoryTracker
from sync.store import parking
from sync.store.engine import Store
from sync.worker.walk.converge import Converger
from tests.walks.world import RULES, SimulatedClock, World, issue_event


class TwoSites(World):
    """A world whose rules may name the sites main and other; either may be missing from the set-up."""

    def __init__(
        self,
        store: Store,
        main: MemoryTracker | None,
        other: MemoryTracker,
        clock: SimulatedClock,
        folder: Path,
        rules: str,
    ) -> None:
        super().__init__(store, main or other, clock, folder, rules)
        sites = {tracker.site: tracker for tracker in (main, other) if tracker is not None}
        self.converger = Converger(store, sites, self.rules, clock, jitter=lambda: 0.5)

    def write_rules(self, text: str) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "rules.toml").write_text(text)
        self._rules = load(self.folder, Defaults({"main": "DATA", "other": "OPS"}, "main"))


def test_a_ticket_that_is_held_goes_where_its_rule_says_now(
    sqlite_store: Store, clock: SimulatedClock, tmp_path: Path
) -> None:
    held = RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nhold = "10m"')
    first, second = MemoryTracker(clock, site="main"), MemoryTracker(clock, site="other")
    world = TwoSites(sqlite_store, first, second, clock, tmp_path / "rules", held)
    world.deliver(issue_event("issue_created", "a", at=1))
    world.settle(within=60)
    world.write_rules(held.replace('project = "DATA"', 'project = "OPS"\nsite = "other"'))
    world.settle(within=700)
    world.close()
    assert (first.alive, [t.project for t in second.alive]) == ([], ["OPS"])
    (row,) = world.rows()
    assert (row.site, row.project) == ("other", "OPS")


def test_a_ticket_of_a_site_that_was_taken_out_is_made_on_the_one_the_rule_names_now(
    sqlite_store: Store, clock: SimulatedClock, tmp_path: Path
) -> None:
    other = MemoryTracker(clock, site="other")
    world = TwoSites(sqlite_store, None, other, clock, tmp_path / "rules", RULES)
    world.deliver(issue_event("issue_created", "a", at=1))
    world.settle()
    assert "retry once the rule names another" in world.rows()[0].error
    world.write_rules(RULES.replace('project = "DATA"', 'project = "OPS"\nsite = "other"'))
    parking.retry_parked(sqlite_store, clock.time(), "asked for by hand")
    world.settle()
    world.close()
    assert [t.project for t in other.alive] == ["OPS"]
    assert world.rows()[0].parked is None


def test_a_ticket_that_is_made_stays_on_its_site(
    sqlite_store: Store, clock: SimulatedClock, tmp_path: Path
) -> None:
    first, second = MemoryTracker(clock, site="main"), MemoryTracker(clock, site="other")
    world = TwoSites(sqlite_store, first, second, clock, tmp_path / "rules", RULES)
    world.deliver(issue_event("issue_created", "a", at=1))
    world.settle()
    world.write_rules(RULES.replace('project = "DATA"', 'project = "OPS"\nsite = "other"'))
    world.deliver(issue_event("issue_updated", "a", at=2, title="new"))
    world.settle()
    world.close()
    assert ([t.fields["summary"] for t in first.alive], second.alive) == (["new"], [])

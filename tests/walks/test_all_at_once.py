"""Everything that rules can ask for beyond a plain ticket, all at once, on both kinds of Jira.

Whatever comes of issues and people in whatever order: a plan of what has come to rest is empty, what
repeats itself costs no call, and what people chose stands.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sync.domain.surroundings import Impact, Product
from sync.sandbox.jira import JiraSandbox
from sync.sandbox.jira.ready_site import LEAD, ONCALL, OWNER
from sync.store.engine import open_store
from sync.worker.foresight.forecast import forecast_all
from tests.walks.test_jira import jira_tracker
from tests.walks.test_surroundings import LEDGER, ORDERS, entity, of
from tests.walks.world import RULES, SimulatedClock, World, issue_event
from tests.worker.sweeps.build import MemoryApi

ASKED = f"""
[tables.people]
"Finance" = "{OWNER.email}"

[tables.priority_of]
P1 = "Highest"
P2 = "High"

[tables.time_to_fix]
P1 = "8 business hours"
P2 = "3 business days"
"""
FIELDS = """[rule.fields]
priority = "{{ impact.product_priority | lookup('priority_of', 'Medium') }}"
due_date = '''{{
  issue.started_at
  | plus(impact.product_priority | lookup("time_to_fix", "9 business days"), "UTC")
  | date
}}'''
assignee = [
  "{{ issue.owners | sum(attribute='emails', start=[]) }}",
  "{{ issue.owners | lookup_each('people') }}",
]
sprint = { board = "Data Team" }
parent = { epic = "Data quality: {{ issue.trigger_entity.name }}" }
components = { like = "Warehouse*" }
environment = "{{ impact.products | map(attribute='title') | join(', ') }}"
"""
PEOPLE = {user.name: user for user in (OWNER, ONCALL, LEAD)}
TITLES = ("orders is stale", "orders is very stale")
STATUSES = ("", "ISSUE_STATUS_INVESTIGATING", "ISSUE_STATUS_FIXED")


def rules() -> str:
    kinds = RULES.replace("[[rule]]", '[[rule]]\nwhen = { kind = "issue" }')
    return ASKED + kinds.replace("[rule.fields]\n", FIELDS)


class All(World):
    """A world with all of it, and what happens in it."""

    def __init__(self, dialect: str, folder: Path, template: Path) -> None:
        clock = SimulatedClock()
        self.jira = JiraSandbox(dialect, clock, index_lag=20.0)
        self.api = MemoryApi()
        self.api.impacts = {
            of(ORDERS): Impact((Product("Revenue", "", "", "P1", True),), (), (("Tables", 3),), 3),
            of(LEDGER): Impact((Product("Churn", "", "", "P2", True),), (), (("Tables", 1),), 1),
        }
        self.api.emails = {"team-x": ("nobody@example.com", ONCALL.email)}
        self.chose: dict[str, str] = {}
        self.last: dict[str, dict[str, Any]] = {}
        self.at = 0.0
        file = shutil.copy(template, folder / "store.db")
        store = open_store(f"sqlite:///{file}")
        tracker = jira_tracker(self.jira, clock)
        super().__init__(store, tracker, clock, folder / "rules", rules(), api=self.api)

    def happens(self, act: tuple[Any, ...]) -> None:
        self.clock.sleep(5)
        self.at += 5
        match act:
            case "issue", str(name), int(shape):
                self.heard(name, shape)
            case "chooses", int(place), str(who):
                self.chooses(place, who)
            case "rests":
                self.settle()

    def heard(self, name: str, shape: int) -> None:
        """News of an issue, which ``shape`` says all about."""
        kind = "issue_closed" if shape % 7 == 0 else "issue_updated"
        owner = ("team-x", "X") if shape % 2 else ("finance", "Finance")
        on = ORDERS if shape % 3 else LEDGER
        self.last[name] = {
            "type_": kind if name in self.last else "issue_created",
            "title": TITLES[shape % 2],
            "status": "ISSUE_STATUS_CLOSED" if kind == "issue_closed" else STATUSES[shape % 3],
            "owners": [{"id": owner[0], "title": owner[1]}],
            "trigger_entity": {**entity(on), "name": "orders" if shape % 3 else "ledger"},
            "started_at": "2026-09-21T09:00:00Z",
        }
        self.again(name)

    def again(self, name: str) -> None:
        fields = dict(self.last[name])
        self.deliver(issue_event(fields.pop("type_"), name, at=self.at, **fields))

    def chooses(self, place: int, who: str) -> None:
        """A person assigns a ticket."""
        tickets = [one.key for one in self.jira.tickets() if one.type != "Epic"]
        if tickets:
            key = tickets[place % len(tickets)]
            self.jira.person.assign(key, who)
            self.chose[key] = PEOPLE[who].display_name

    def foreseen(self) -> list[Any]:
        """What a plan of everything would do."""
        trackers = {self.tracker.site: self.tracker}
        found = forecast_all(self.store, self.rules(), trackers, self.clock.time(), live=True)
        return [one.plan.actions for one in found.whole().tickets if one.plan.actions]


@contextmanager
def world_of(dialect: str, template: Path) -> Iterator[All]:
    with tempfile.TemporaryDirectory() as folder:
        world = All(dialect, Path(folder), template)
        try:
            yield world
        finally:
            world.close()
            world.store.close()


ACTS = st.one_of(
    st.tuples(st.just("issue"), st.sampled_from(["i0", "i1", "i2"]), st.integers(0, 13)),
    st.tuples(st.just("chooses"), st.integers(0, 2), st.sampled_from(sorted(PEOPLE))),
    st.tuples(st.just("rests")),
)


@pytest.mark.parametrize("dialect", ["cloud", "datacenter"])
@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.generate],
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=st.lists(ACTS, min_size=6, max_size=14))
def test_all_that_rules_ask_for_comes_to_rest_and_people_win(
    sqlite_template: Path, dialect: str, acts: list[tuple[Any, ...]]
) -> None:
    with world_of(dialect, sqlite_template) as world:
        for act in [("issue", "i0", 1), *acts]:
            world.happens(act)
        world.settle()
        assert world.foreseen() == []
        assert [row.parked for row in world.rows() if row.parked] == []
        issues = [one for one in world.jira.tickets() if one.type != "Epic"]
        epics = [one.summary for one in world.jira.tickets() if one.type == "Epic"]
        assert len(issues) == sum(bool(row.jira_id) for row in world.rows()) == len(world.last)
        assert len(epics) == len(set(epics))
        shown = {one.key: one.assignee for one in issues}
        assert {key: shown[key] for key in world.chose} == world.chose
        before = dict(world.jira.calls), list(world.api.calls)
        for name in world.last:
            world.at += 1
            world.again(name)
        world.settle()
        assert (dict(world.jira.calls), list(world.api.calls)) == before, "nothing changed: no call"

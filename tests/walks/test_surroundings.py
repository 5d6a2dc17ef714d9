"""What is around issues, from the API to the ticket: the impact, and the addresses of owners.

Asked once for each set of entities or owners, only where rules name it, and never so long that triage
waits; what could not be asked is told, and asked later.
"""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.adapters.coalesce import CoalesceSource
from sync.adapters.coalesce.message.entities import identifier
from sync.domain.errors import Cause, Refused, Rejected
from sync.domain.surroundings import Impact, Product, digest_of
from sync.sandbox.coalesce import encode, render
from sync.sandbox.coalesce.inventory import ASSETS
from sync.sandbox.memory import MemoryTracker
from sync.store import subjects
from sync.store.engine import Store, open_store
from sync.worker.foresight.backtest import backtest
from sync.worker.foresight.forecast import forecast_all
from sync.worker.foresight.why import story_of
from sync.worker.sweeps.runner import Runner
from sync.worker.sweeps.surroundings import Surroundings
from sync.worker.sweeps.upstream import IssuesSweep
from sync.worker.triage.asking import HOLDS, PAUSE
from tests.adapters.coalesce.served import serving
from tests.walks.world import RULES, SimulatedClock, World, issue_event
from tests.worker.sweeps.build import MemoryApi

A, B, C = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(3))
PLAIN = RULES
SHOWN = """
[tables.priority_of]
P1 = "Highest"
P2 = "High"
""" + RULES.replace(
    'labels = ["data-quality"]',
    'labels = ["data-quality"]\n'
    "priority = \"{{ impact.product_priority | lookup('priority_of', 'Medium') }}\"\n"
    "environment = \"{{ impact.products | map(attribute='title') | join }}\"",
)
REACHED = RULES.replace(
    "{{ subject.description }}",
    "{{ issue.owners | map(attribute='emails') | map('join') | join if issue else '' }}",
).replace("map('join') | join", "list | length")
BY_IMPACT = (
    RULES.replace(
        'name = "everything"', 'name = "urgent"\nwhen = { impact = { product_priority = "P1" } }'
    ).replace("data-quality", "urgent")
    + RULES
)
ORDERS = {"snowflake_table": {"account": "a", "database": "D", "schema": "S", "table": "ORDERS"}}
LEDGER = {"snowflake_table": {"account": "a", "database": "D", "schema": "S", "table": "LEDGER"}}
P1 = Impact((Product("Revenue", "", "", "P1", True),), ("Finance",), (("Tables", 3),), 3)
P2 = Impact((Product("Churn", "", "", "P2", True),), ("Growth",), (("Tables", 1),), 1)

Build = Callable[..., World]


def entity(of: dict[str, Any]) -> dict[str, Any]:
    return {"name": "t", "identifier": of}


def of(*identifiers: dict[str, Any]) -> str:
    """The digest by which the API in memory knows some entities."""
    flat = sorted((identifier(one) for one in identifiers), key=lambda one: str(one["table"]))
    return digest_of(flat)


def event(
    issue_id: str, *, at: float, on: dict[str, Any] = ORDERS, **fields: Any
) -> dict[str, Any]:
    fields.setdefault("owners", [{"id": "team-x", "title": "X"}])
    type_ = fields.pop("type_", "issue_created")
    return issue_event(type_, issue_id, at=at, trigger_entity=entity(on), **fields)


@pytest.fixture
def api() -> MemoryApi:
    found = MemoryApi()
    found.impacts = {of(ORDERS): P1, of(LEDGER): P2}
    found.emails = {"team-x": ("x@example.com", "y@example.com")}
    return found


@pytest.fixture
def build(
    sqlite_store: Store, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path
) -> Iterator[Build]:
    made: list[World] = []

    def new(rules: str, api: MemoryApi | None) -> World:
        made.append(World(sqlite_store, jira, clock, tmp_path / "rules", rules, api=api))
        return made[-1]

    yield new
    for world in made:
        world.close()


def sweep(world: World, api: MemoryApi) -> list[str]:
    """Run the sweep of issues; its notes."""
    around = Surroundings(world.store, world.triage, api, world.rules)
    found = IssuesSweep(world.store, world.triage, api, surroundings=around)
    report = Runner(world.store, world.clock, "me").run(found)
    assert report is not None
    return report.tally.notes


def priorities(jira: MemoryTracker) -> list[str]:
    return sorted(str(ticket.fields.get("priority")) for ticket in jira.alive)


def texts(jira: MemoryTracker, field: str) -> set[str]:
    """A text field of all tickets."""
    return {"\n".join(block.raw for block in t.fields[field].blocks) for t in jira.alive}


def rules_of(world: World) -> list[str]:
    return sorted(row.rule for row in world.rows() if row.state == "linked")


def settled(world: World) -> bool:
    """Whether a plan of everything asks for nothing."""
    trackers = {world.tracker.site: world.tracker}
    made = forecast_all(world.store, world.rules(), trackers, world.clock.time(), live=True)
    return not any(one.plan.actions for one in made.whole().tickets)


def test_the_simulated_workspace_makes_the_ticket_of_what_is_downstream(
    store: Store, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path
) -> None:
    assets = {asset.name: asset for asset in ASSETS}
    with serving() as upstream:
        world = World(store, jira, clock, tmp_path / "rules", SHOWN, api=upstream.api)
        upstream.sandbox.clock = clock
        upstream.sandbox.listen(lambda made: world.deliver(encode(render(made))))
        mart, orders = assets["mart_churn"], assets["ANALYTICS.SALES.ORDERS"]
        one = upstream.sandbox.open_issue(asset=mart, affected=[mart.entity()])
        upstream.sandbox.open_issue(asset=orders, affected=[orders.entity()])
        world.settle()
        assert priorities(jira) == ["High", "Highest"]
        assert texts(jira, "environment") == {"Churn", "Revenue, Order desk"}
        assert upstream.rest.asked["POST /api/impact/v1"] == 2
        upstream.sandbox.mark(one.id, "investigating")
        upstream.sandbox.close_issue(one.id)
        world.settle()
        around = Surroundings(store, world.triage, upstream.api, world.rules)
        found = IssuesSweep(store, world.triage, upstream.api, surroundings=around)
        assert Runner(store, clock, "me").run(found) is not None
        world.settle()
        assert upstream.rest.asked["POST /api/impact/v1"] == 2
        assert len(jira.alive) == 2
        assert settled(world)
        world.close()


def test_many_events_of_many_issues_on_one_table_are_one_call(
    build: Build, jira: MemoryTracker, api: MemoryApi
) -> None:
    world = build(SHOWN, api)
    ids = [f"00000000-0000-4000-8000-0000000001{n:02}" for n in range(50)]
    for at in (1, 2):
        world.deliver(*(event(one, at=at, title=f"t{at}") for one in ids))
    world.settle()
    assert api.calls == ["impact"]
    assert priorities(jira) == ["Highest"] * 50
    calls = dict(jira.calls)
    world.deliver(*(event(one, at=2, title="t2", event_id=f"again-{one}") for one in ids))
    world.settle()
    assert (api.calls, dict(jira.calls)) == (["impact"], calls), "nothing changed: no call"


def test_the_impact_is_asked_for_again_when_the_entities_change(
    build: Build, jira: MemoryTracker, api: MemoryApi, clock: SimulatedClock
) -> None:
    world = build(SHOWN, api)
    world.deliver(event(A, at=1))
    world.settle()
    for at, on in ((2, ORDERS), (3, LEDGER), (4, LEDGER)):
        # So that nothing but the subject itself knows the answers.
        clock.sleep(HOLDS + 1)
        world.deliver(event(A, at=at, on=on, type_="issue_updated", title=f"t{at}"))
        world.settle()
    assert api.calls == ["impact", "impact"]
    assert priorities(jira) == ["High"]


def test_an_answer_is_kept_for_a_while_only(
    build: Build, api: MemoryApi, clock: SimulatedClock
) -> None:
    world = build(SHOWN, api)
    world.deliver(event(A, at=1))
    world.settle()
    clock.sleep(HOLDS + 1)
    world.deliver(event(B, at=1))
    world.settle()
    assert api.calls == ["impact", "impact"]


@pytest.mark.parametrize(
    ("rules", "calls"), [(PLAIN, []), (SHOWN, ["impact"]), (REACHED, ["owner_emails"])]
)
def test_only_what_rules_name_is_asked_for(
    build: Build, api: MemoryApi, rules: str, calls: list[str]
) -> None:
    world = build(rules, api)
    world.deliver(event(A, at=1))
    world.settle()
    sweep(world, api)
    assert [one for one in api.calls if not one.startswith("issues")] == calls


def test_why_tells_of_the_impact(build: Build, api: MemoryApi) -> None:
    world = build(SHOWN, api)
    world.deliver(event(A, at=1))
    world.settle()
    with world.store.read() as session:
        story = story_of(session, A)
    assert story is not None
    assert [s.impact and s.impact.words for s in story.snapshots] == [
        "has an impact on Revenue (P1); 3 entities are downstream"
    ]


def test_a_rule_that_does_not_make_the_ticket_asks_nothing(build: Build, api: MemoryApi) -> None:
    other = SHOWN.replace('name = "everything"', 'name = "other"\nwhen = { title = "other" }')
    world = build(other + PLAIN, api)
    world.deliver(event(A, at=1))
    world.settle()
    assert api.calls == []


def test_a_condition_on_the_impact_chooses_the_rule_and_asks_once(
    build: Build, jira: MemoryTracker, api: MemoryApi
) -> None:
    world = build(BY_IMPACT, api)
    world.deliver(event(A, at=1), event(B, at=1, on=LEDGER), event(C, at=1, on={"custom": {}}))
    world.settle()
    assert rules_of(world) == ["everything", "everything", "urgent"]
    assert sorted(api.calls) == ["impact"] * 3
    world.deliver(event(B, at=2, on=ORDERS, type_="issue_updated", title="worse"))
    world.settle()
    assert rules_of(world) == ["everything", "everything", "urgent"], "its ticket keeps its rule"
    assert len(jira.alive) == 3
    assert settled(world)


@pytest.mark.parametrize("how", ["refuses", "lacks a scope", "hangs", "is not configured"])
def test_an_impact_that_cannot_be_asked_for_is_told_and_holds_nothing_up(
    build: Build, jira: MemoryTracker, api: MemoryApi, clock: SimulatedClock, how: str
) -> None:
    world = build(BY_IMPACT, None if how == "is not configured" else api)
    faults = {
        "refuses": Refused("HTTP 503"),
        "lacks a scope": Rejected("the credentials may not read impact", cause=Cause.PERMISSION),
    }
    if how in faults:
        api.faults.append(("impact", faults[how]))
    if how == "hangs":
        world.triage._asking._longest = 0.05
        api.on_call = lambda _name: threading.Event().wait(2)
    world.deliver(event(A, at=1))
    world.settle()
    assert rules_of(world) == ["everything"]
    words = {
        "refuses": "HTTP 503",
        "lacks a scope": "the credentials may not read impact",
        "hangs": "it did not answer within 0.05 s",
        "is not configured": "the API of coalesce is not configured",
    }
    with world.store.read() as session:
        story = story_of(session, A)
    assert story is not None
    told = "\n".join(line.words for line in story.lines)
    assert f"its impact could not be asked: {words[how]}" in told
    if how in faults:
        world.deliver(event(B, at=1, on=LEDGER))
        world.step()
        assert api.calls == ["impact"], "after a failure it is left alone for a while"
        clock.sleep(PAUSE + 1)
        world.deliver(event(C, at=1, on=LEDGER))
        world.step()
        assert api.calls == ["impact", "impact"]


def test_entities_that_the_api_does_not_take_keep_nobody_else_waiting(
    build: Build, jira: MemoryTracker, api: MemoryApi
) -> None:
    world = build(SHOWN, api)
    api.faults.append(("impact", Rejected("answered 400")))
    world.deliver(event(A, at=1, on={"custom": {"id": "odd"}}))
    world.step()
    world.deliver(event(A, at=2, on={"custom": {"id": "odd"}}, title="new"), event(B, at=1))
    world.settle()
    assert api.calls == ["impact", "impact"], "the question that is not taken is not put again"
    assert priorities(jira) == ["Highest", "Medium"]


def test_what_the_api_never_takes_does_not_keep_the_sweep_from_the_issues_after_it(
    build: Build, jira: MemoryTracker, api: MemoryApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build(PLAIN, api)
    for number, on in enumerate(({"custom": {"id": "odd"}}, ORDERS, LEDGER), 1):
        world.deliver(event((A, B, C)[number - 1], at=number, on=on))
    world.settle()
    monkeypatch.setattr("sync.worker.sweeps.surroundings.BULK", 2)
    world.write_rules(SHOWN)
    known = MemoryApi.impact

    def impact(self: MemoryApi, identifiers: Any) -> Impact:
        if digest_of(list(identifiers)) not in self.impacts:
            raise Rejected("answered 400")
        return known(self, identifiers)

    monkeypatch.setattr(MemoryApi, "impact", impact)
    assert sweep(world, api) == ["its impact could not be asked: answered 400"]
    world.settle()
    with world.store.read() as session:
        rows = subjects.load(session, [f"coalesce:issue:{id_}" for id_ in (A, B, C)])
    assert [subjects.to_snapshot(row).impact is None for _, row in sorted(rows.items())] == [
        True,
        False,
        False,
    ]


def test_what_could_not_be_asked_is_asked_by_the_sweep_and_makes_no_second_ticket(
    build: Build, jira: MemoryTracker, api: MemoryApi, clock: SimulatedClock
) -> None:
    held = BY_IMPACT.replace('name = "everything"', 'name = "everything"\nhold = "10m"')
    world = build(held, api)
    api.faults.append(("impact", Refused("HTTP 503")))
    world.deliver(event(A, at=1))
    world.step()
    assert [row.rule for row in world.rows()] == ["everything"]
    assert sweep(world, api) == ["its impact could not be asked: HTTP 503"]
    clock.sleep(PAUSE + 1)
    assert sweep(world, api) == []
    world.settle(within=3600)
    assert (rules_of(world), len(jira.alive)) == (["urgent"], 1)
    before = len(api.calls)
    sweep(world, api)
    assert api.calls[before:] == ["issues_updated"], "what is known is not asked for again"
    assert settled(world)


def test_no_rule_matches_until_the_impact_is_known(
    build: Build, jira: MemoryTracker, api: MemoryApi, clock: SimulatedClock
) -> None:
    world = build(BY_IMPACT[: BY_IMPACT.index(RULES)], api)
    api.faults.append(("impact", Refused("HTTP 503")))
    world.deliver(event(A, at=1))
    world.settle()
    assert jira.alive == []
    clock.sleep(PAUSE + 1)
    world.deliver(event(A, at=2, type_="issue_updated", title="still"))
    world.settle()
    assert len(jira.alive) == 1


def test_a_ticket_that_is_not_made_is_spared_when_the_impact_says_so(
    build: Build, jira: MemoryTracker, api: MemoryApi, clock: SimulatedClock
) -> None:
    rules = RULES.replace(
        'name = "everything"',
        'name = "everything"\nhold = "10m"\nwhen = { not = { impact = { count = "< 2" } } }',
    )
    world = build(rules, api)
    api.faults.append(("impact", Refused("HTTP 503")))
    world.deliver(event(A, at=1, on=LEDGER))
    world.step()
    clock.sleep(PAUSE + 1)
    sweep(world, api)
    world.settle(within=3600)
    assert [row.state for row in world.rows()] == ["spared"]
    assert jira.alive == []


def test_an_edit_that_asks_for_the_impact_learns_it_by_the_sweep(
    build: Build, jira: MemoryTracker, api: MemoryApi
) -> None:
    world = build(PLAIN, api)
    world.deliver(event(A, at=1))
    world.settle()
    world.write_rules(SHOWN)
    sweep(world, api)
    world.settle()
    assert priorities(jira) == ["Highest"]
    assert api.calls.count("impact") == 1


def test_addresses_are_asked_for_once_for_all_issues_and_again_when_the_owners_change(
    build: Build, jira: MemoryTracker, api: MemoryApi
) -> None:
    world = build(REACHED.replace("list | length", "sum(start=[]) | join"), api)
    world.deliver(event(A, at=1), event(B, at=1))
    world.settle()
    assert api.calls == ["owner_emails"]
    assert texts(jira, "description") == {"x@example.com, y@example.com"}
    owners = [{"id": "team-x"}, {"id": "team-unknown"}]
    for at in (2, 3):
        world.deliver(event(A, at=at, type_="issue_updated", owners=owners, title=f"t{at}"))
        world.settle()
    assert api.calls == ["owner_emails"] * 2
    assert texts(jira, "description") == {"x@example.com, y@example.com"}


def test_people_still_win(build: Build, jira: MemoryTracker, api: MemoryApi) -> None:
    world = build(SHOWN, api)
    world.deliver(event(A, at=1))
    world.settle()
    (ticket,) = jira.alive
    ticket.fields["priority"] = "Low"
    world.deliver(event(A, at=2, type_="issue_updated", title="new"))
    world.settle()
    assert (ticket.fields["priority"], ticket.fields["summary"]) == ("Low", "new")
    assert settled(world)


@given(st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=4, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_events_in_any_order_and_repeated_end_in_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_template: Path,
    pick: random.Random,
    one_by_one: bool,
) -> None:
    clock, folder = SimulatedClock(), tmp_path_factory.mktemp("order")
    shutil.copy(sqlite_template, folder / "store.db")
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    api = MemoryApi(impacts={of(ORDERS): P1, of(LEDGER): P2}, emails={"team-x": ("x@example.com",)})
    world = World(store, MemoryTracker(clock), clock, folder / "rules", SHOWN, api=api)
    events = [
        event(A, at=1),
        event(A, at=2, on=LEDGER, type_="issue_updated"),
        event(A, at=3, type_="issue_updated", title="", on=LEDGER),
        event(A, at=4, on=LEDGER, type_="issue_status_updated", status=1),
    ]
    sent = [*events, *pick.choices(events, k=3)]
    for number, one in enumerate(sent[len(events) :]):
        sent[len(events) + number] = {**one, "event_id": f"again-{number}"}
    pick.shuffle(sent)
    for some in [[one] for one in sent] if one_by_one else [sent]:
        world.deliver(*some)
        world.step()
    world.settle()
    with store.read() as session:
        (row,) = subjects.named(session, A)
        impact = subjects.to_snapshot(row).impact
    assert impact is not None
    assert impact.product_priority == "P2"
    assert api.calls.count("impact") <= 2
    assert settled(world)
    world.close()
    store.close()


def test_a_backtest_knows_what_the_store_knows_and_says_where_that_is_nothing(
    build: Build, api: MemoryApi
) -> None:
    world = build(BY_IMPACT, api)
    world.deliver(event(A, at=1), event(B, at=1, on=LEDGER))
    world.settle()
    api.faults.append(("impact", Refused("HTTP 503")))
    world.deliver(event(C, at=1, on={"custom": {"id": "1"}}))
    world.settle()
    now, sources = world.clock.time(), {"coalesce": CoalesceSource()}
    found = backtest(world.store, sources, world.rules(), now - 86_400, now)
    assert found.by_rule == {"everything": 2, "urgent": 1}
    assert found.impact_unknown == 1
    world.write_rules(PLAIN)
    assert backtest(world.store, sources, world.rules(), now - 9, now).impact_unknown is None


def test_a_plan_says_of_how_many_issues_the_impact_is_not_known(
    build: Build, api: MemoryApi
) -> None:
    world = build(PLAIN, api)
    world.deliver(event(A, at=1), event(B, at=1))
    world.settle()
    known = world.rules()
    world.write_rules(SHOWN)
    trackers, now = {world.tracker.site: world.tracker}, world.clock.time()
    made = forecast_all(world.store, world.rules(), trackers, now, known=known).whole()
    assert made.lacking.startswith(
        "What 2 issues of these tickets have an impact on is not known yet"
    )
    sweep(world, api)
    made = forecast_all(world.store, world.rules(), trackers, now, known=known).whole()
    assert made.lacking == ""
    assert {str(action) for one in made.tickets for action in one.plan.actions} != set()

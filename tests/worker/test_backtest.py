"""Backtests: what rules would have made of the past."""

from __future__ import annotations

from typing import Any

from sync.adapters.coalesce import CoalesceSource
from sync.rules import parse
from sync.sandbox.memory import MemoryTracker
from sync.store.engine import Store
from sync.worker.foresight.backtest import BacktestResult, backtest
from tests.walks.world import RULES, START, issue_event
from tests.worker.conftest import Make
from tests.worker.edited import DEFAULTS, EditedWorld
from tests.worker.test_rulebook import ISSUES_ONLY


def ruled(extra: str, text: str = RULES) -> str:
    return text.replace('issue_type = "Bug"', f'issue_type = "Bug"\n{extra}')


def replayed(world: EditedWorld, text: str = RULES, *, back: float = 86_400.0) -> BacktestResult:
    now = world.clock.time()
    rules = parse({"rules.toml": text}, DEFAULTS)
    return backtest(world.store, {"coalesce": CoalesceSource()}, rules, now - back, now)


def lived(world: EditedWorld, *events: tuple[float, str, str, dict[str, Any]]) -> EditedWorld:
    """Events as (minutes since the start, type, issue, fields), received at their time."""
    for minutes, kind, issue, fields in events:
        world.clock.sleep(START + minutes * 60 - world.clock.time())
        world.deliver(issue_event(kind, issue, at=minutes * 60, **fields))
        world.step()
    world.settle()
    return world


def created(minutes: float, issue: str, **fields: Any) -> tuple[float, str, str, dict[str, Any]]:
    return minutes, "issue_created", issue, fields


def closed(minutes: float, issue: str, **fields: Any) -> tuple[float, str, str, dict[str, Any]]:
    return minutes, "issue_closed", issue, fields


def test_the_rules_in_force_make_again_what_they_made(
    make: Make, store: Store, jira: MemoryTracker
) -> None:
    world = lived(make(store=store), created(1, "a"), created(2, "b"), closed(3, "a"))
    tally = replayed(world)
    assert tally.made == len(jira.alive) == 2
    assert tally.by_project == {"DATA": 2}
    assert tally.by_rule == {"everything": 2}
    assert (tally.deliveries, tally.subjects, tally.unmatched) == (3, 2, 0)


def test_what_a_hold_would_have_spared_is_counted(make: Make) -> None:
    world = lived(make(), created(1, "a"), closed(4, "a"), created(5, "b"), created(30, "c"))
    tally = replayed(world, ruled('hold = "10m"'))
    # The hold of the last one is not over yet: unless something happens, its ticket is made.
    assert (tally.made, tally.spared) == (2, 1)


def test_what_waits_to_be_closed_at_the_end_counts_as_closed(make: Make) -> None:
    world = lived(make(), created(1, "a"), closed(30, "a"))
    assert replayed(world, ruled('close_after = "2h"')).closed == 1


def test_what_grouping_would_have_spared_is_counted(make: Make) -> None:
    world = lived(make(), *(created(n, f"i{n}", trigger_name="freshness") for n in range(1, 6)))
    tally = replayed(world, ruled('group_by = "trigger"'))
    assert (tally.made, tally.grouped) == (1, 4)


def test_a_storm_would_have_made_one_umbrella(make: Make) -> None:
    world = lived(make(), *(created(1 + n / 10, f"i{n}") for n in range(9)))
    tally = replayed(world, ruled('storm = { limit = 3, window = "1h" }'))
    assert (tally.made, tally.umbrellas, tally.grouped) == (4, 1, 5)


def test_what_no_rule_matches_is_counted(make: Make) -> None:
    world = lived(make(), created(1, "a"), created(2, "b", title="customers is stale"))
    tally = replayed(world, ISSUES_ONLY)
    assert (tally.made, tally.unmatched) == (1, 1)


def test_an_issue_that_was_there_before_counts_as_having_its_ticket(make: Make) -> None:
    world = lived(
        make(), created(1, "a"), created(100, "b"), (101, "issue_updated", "a", {"title": "worse"})
    )
    tally = replayed(world, back=3600.0)
    assert (tally.made, tally.subjects) == (1, 2)
    assert tally.walks_by_rule == {"everything": 2}


def test_one_that_comes_back_too_late_to_reopen_makes_a_new_ticket(make: Make) -> None:
    world = lived(
        make(), created(1, "a"), closed(2, "a"), (100, "issue_updated", "a", {"title": "again"})
    )
    assert replayed(world).made == 1
    assert replayed(world, ruled('reopen_within = "1h"')).made == 2


def test_a_backtest_touches_nothing(make: Make, jira: MemoryTracker) -> None:
    world = lived(make(), created(1, "a"), created(2, "b"))
    before = [row.model_dump() for row in world.rows()], dict(jira.calls)
    replayed(world, ISSUES_ONLY)
    assert ([row.model_dump() for row in world.rows()], dict(jira.calls)) == before


def test_what_new_tickets_tell_upstream_by_themselves_is_counted_and_nothing_else(
    make: Make,
) -> None:
    world = lived(make(), created(1, "a"), created(2, "b"), closed(3, "a"))
    assert (replayed(world).announced, replayed(world).acknowledged) == (None, None)
    telling = '\n[rule.upstream]\nannounce = true\nacknowledge = "made"\n'
    tally = replayed(world, RULES + telling)
    assert (tally.announced, tally.acknowledged) == (2, 2)
    tally = replayed(world, RULES + '\n[rule.upstream]\ncomments = "all"\n')
    assert (tally.announced, tally.acknowledged) == (0, 0)

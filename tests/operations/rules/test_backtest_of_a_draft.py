"""The last 30 days as a draft would have made them, beside the rules in force."""

from __future__ import annotations

from sync.adapters.coalesce import CoalesceSource
from sync.operations.rules import backtest, drafts
from sync.operations.rules.runs import Runs
from tests.operations.rules.conftest import DANA, Bench
from tests.walks.world import RULES, issue_event

SOURCES = {"coalesce": CoalesceSource()}


def replayed(bench: Bench, text: str) -> backtest.BacktestShown:
    runs = Runs()
    id_ = drafts.begin(bench()).id
    drafts.write(bench(), id_, "rules.toml", text)
    begun = backtest.start(runs, bench(), SOURCES, id_)
    run = runs.get(begun.id, DANA.name)
    assert run is not None
    assert run.ended.wait(30)
    return backtest.look(runs, bench(), begun.id)


def test_what_differs_comes_first_and_is_counted(bench: Bench) -> None:
    for number in range(3):
        title = "orders" if number else "payments"
        bench.world.deliver(issue_event("issue_created", f"i{number}", at=1, title=title))
    bench.world.settle()
    narrow = 'name = "everything"\nwhen = { title = "orders*" }'
    shown = replayed(bench, RULES.replace('name = "everything"', narrow))
    assert (shown.state, shown.same) == ("done", False)
    assert shown.words == "3 deliveries about 3 issues and incidents in the last 30d."
    totals = {line.name: (line.in_force, line.draft) for line in shown.totals}
    assert totals["made"] == (3, 2)
    assert totals["unmatched"] == (0, 1)
    by_rule = next(table for table in shown.tables if table.name == "by_rule")
    assert [(line.name, line.in_force, line.draft) for line in by_rule.lines] == [
        ("everything", 3, 2)
    ]
    assert shown.differing == 5
    assert "announced" not in totals


def test_a_draft_that_says_what_is_in_force_differs_in_nothing(bench: Bench) -> None:
    shown = replayed(bench, f"# a remark\n{RULES}")
    assert (shown.same, shown.differing) == (True, 0)


def test_a_draft_with_mistakes_is_not_replayed(bench: Bench) -> None:
    shown = replayed(bench, "[[rule]]\n")
    assert shown.words.startswith("No backtest: mend")
    assert shown.told

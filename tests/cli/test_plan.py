"""How ``plan`` and ``backtest`` show what they found: for people, and for machines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync.bootstrap.simulated import SimulatedJira, start_jira
from sync.cli.main import app
from sync.cli.plan import _grouped, _grouped_json, as_json_text, pictured
from sync.sandbox.memory import MemoryTracker
from sync.store.engine import Store
from sync.worker.foresight.forecast import forecast_all
from tests.walks.world import RULES, SimulatedClock, issue_event
from tests.worker.edited import EditedWorld

EDITED = RULES.replace(
    'labels = ["data-quality"]', 'labels = ["urgent"]\npriority = "High"'
).replace("{{ subject.description }}", "{{ subject.description }}\\n\\nSee the runbook.")


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[EditedWorld]:
    clock = SimulatedClock(time.time() - 3600)
    made = EditedWorld(sqlite_store, MemoryTracker(clock), clock, tmp_path / "mappings")
    made.deliver(issue_event("issue_created", "a", at=1, title="orders\x1b[2J is [b]stale"))
    made.settle()
    yield made
    made.close()


def found(world: EditedWorld, text: str):
    world.write_rules(text)
    rules = world.files.load().rules
    return forecast_all(world.store, rules, {"main": world.tracker}, world.clock.time())


def test_people_see_each_change_old_and_new_and_the_sum(world: EditedWorld) -> None:
    lines = list(pictured(found(world, EDITED)))
    assert lines[0].startswith("DATA-1: orders")
    assert lines[0].endswith("is [b]stale  [everything (rules.toml:2)]")
    assert "\x1b" not in lines[0]
    assert "  ~ Description:" in lines
    assert "      + See the runbook." in lines
    assert "  ~ Labels: +urgent -data-quality" in lines
    assert "  ~ Priority: nothing → High" in lines
    assert lines[-2] == (
        "Plan: 0 to create, 1 to change (3 fields), 0 to move, 0 to comment, 0 to set aside; "
        "0 of 1 open tickets stay as they are."
    )


def test_tickets_with_the_same_change_are_one_line_when_grouped(world: EditedWorld) -> None:
    for number in range(4):
        world.deliver(issue_event("issue_created", f"i{number}", at=2, title="orders is stale"))
    world.settle()
    lines = list(_grouped(found(world, EDITED)))
    assert lines[0] == (
        "~ 5 tickets: Labels: + urgent, − data-quality, "
        "Description: 1 line more at the end, Priority: nothing → High  [rules.toml:2]"
    )
    assert lines[1] == "    DATA-1, DATA-2, DATA-3, …"
    assert lines[2].startswith("Plan: 0 to create, 5 to change")
    data = json.loads("".join(_grouped_json(found(world, EDITED))))
    (group,) = data["groups"]
    assert (group["number"], group["sort"], data["counts"]["update"]) == (5, "change", 5)


def test_machines_get_every_value(world: EditedWorld) -> None:
    data = json.loads("".join(as_json_text(found(world, EDITED))))
    (ticket,) = data["tickets"]
    (update,) = ticket["actions"]
    changes = {change["field"]: change for change in update["changes"]}
    assert (ticket["ticket"], ticket["rule"]) == ("DATA-1", "everything")
    assert changes["labels"]["add"] == ["urgent"]
    assert changes["labels"]["remove"] == ["data-quality"]
    assert (changes["priority"]["before"], changes["priority"]["after"]) == (None, "High")
    assert changes["description"]["after"] == ["No new rows since 06:00.", "See the runbook."]
    assert data["counts"]["update"] == 1
    assert data["counts"]["fields"] == 3


@pytest.mark.parametrize("rules", [RULES, EDITED], ids=["nothing to do", "one ticket"])
def test_what_machines_get_is_one_document_in_its_usual_form(
    world: EditedWorld, rules: str
) -> None:
    text = "".join(as_json_text(found(world, rules)))
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    assert list(json.loads(text)) == ["live", "looked_at", "counts", "tickets"]


def test_with_nothing_to_do_it_says_so(world: EditedWorld) -> None:
    assert list(pictured(found(world, RULES))) == [
        "Nothing to do: all 1 open tickets are as the rules want them."
    ]


@pytest.fixture(scope="module")
def jira() -> Iterator[SimulatedJira]:
    started = start_jira(index_lag=0.0)
    yield started
    started.stop()


def configure(world: EditedWorld, site: dict[str, str]) -> None:
    lines = "\n".join(f'{name} = "{value}"' for name, value in site.items())
    Path("config.toml").write_text(
        f'[store]\nurl = "sqlite:///{world.store.place}"\n[coalesce]\nsigning_secrets = ["x"]\n'
        f"[sites.main]\n{lines}\n"
    )


def call(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout


def test_exit_codes_of_the_plan(
    world: EditedWorld, jira: SimulatedJira, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    configure(world, jira.settings())
    assert call("plan")[0] == 0
    world.write_rules(EDITED)
    assert call("plan")[0] == 0
    assert call("plan", "--exit-code")[0] == 3
    configure(world, {**jira.settings(), "token": "expired"})
    code, out = call("plan")
    assert code == 1
    assert "! 1 ticket could not be worked out: " in out
    world.write_rules("[[rule]]")
    assert call("plan")[0] == 2


def test_a_backtest_compares_the_rules_on_disk_with_those_in_force(
    world: EditedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    configure(world, {"url": "https://jira.example.com", "token": "t"})
    data = json.loads(call("backtest", "--json")[1])
    assert data["same_rules"]
    world.write_rules(
        RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nwhen = { title = "x" }')
    )
    data = json.loads(call("backtest", "--since", "2h", "--json")[1])
    assert (data["in_force"]["made"], data["edited"]["made"]) == (1, 0)
    assert data["edited"]["unmatched"] == 1
    assert not data["same_rules"]
    code, out = call("backtest")
    assert code == 0
    assert "1 delivery about 1 issue or incident in the last 30d." in out
    assert call("backtest", "--since", "soon")[0] == 2

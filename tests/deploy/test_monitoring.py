"""Alert rules and the board ask for what the program shows, and each alert fires on its fault alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from litestar.testing import TestClient

from tests.bootstrap.test_sweeps import API, built

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
ALERT_TESTS = DEPLOY / "prometheus" / "alerts_test.yml"
BOARD = DEPLOY / "grafana" / "ticket-sync.json"
PAGE = DEPLOY.parent / "docs" / "monitoring.md"
# Prometheus itself says this of whatever it scrapes.
OF_PROMETHEUS = {"up"}


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return list(group["rules"])


def board() -> dict[str, Any]:
    return dict(json.loads(BOARD.read_text("utf-8")))


def drawn() -> list[str]:
    """The expressions of the board, with a value for the variable that Grafana fills in."""
    panels = board()["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [expr.replace("$__rate_interval", "5m") for expr in found]


def named(expr: str) -> dict[str, set[str]]:
    """The metrics of an expression, each with the labels that are compared or grouped by. Raises
    ValueError for one that cannot be parsed."""
    promql_parser.parse(expr)
    found: dict[str, set[str]] = {}
    for part in expr.split(" unless "):
        grouped = set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", part))))
        for name, matchers in re.findall(r"\b((?:ticket_sync|process)_\w+|up\b)(\{[^}]*\})?", part):
            found.setdefault(name, set()).update(re.findall(r"(\w+)\s*[=!]~?", matchers))
            found[name] |= grouped
    return found


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The metrics that a daemon shows, each with its kind. Those without a sample yet as well."""
    folder = tmp_path_factory.mktemp("shown")
    with (
        built(folder, coalesce={"api": API}) as program,
        TestClient(program.app, base_url="http://127.0.0.1") as client,
    ):
        yield dict(re.findall(r"^# TYPE (\S+) (\S+)$", client.get("/metrics").text, re.M))


def known(name: str, shown: dict[str, str]) -> bool:
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return name in shown or shown.get(base) == "histogram" or name in OF_PROMETHEUS


EXPRESSIONS = [rule["expr"] for rule in alerts()] + drawn()


def test_every_metric_of_an_alert_or_the_board_is_one_that_a_daemon_shows(
    shown: dict[str, str],
) -> None:
    assert len(EXPRESSIONS) > 60
    names = {name for expr in EXPRESSIONS for name in named(expr)}
    assert len(names) > 30
    assert [name for name in sorted(names) if not known(name, shown)] == []
    assert not known("ticket_sync_dead_letter", shown)


def test_every_metric_of_ours_but_a_few_is_on_the_board(shown: dict[str, str]) -> None:
    names = {re.sub(r"_bucket$", "", name) for expr in drawn() for name in named(expr)}
    told_otherwise = {
        # By endpoint, and by method with the time.
        *("ticket_sync_jira_calls_total", "ticket_sync_coalesce_call_seconds"),
        "ticket_sync_upstream_last_told_seconds",
    }
    ours = {name for name in shown if name.startswith("ticket_sync_")}
    assert ours - names == told_otherwise


def test_a_label_that_an_expression_goes_by_is_one_of_its_metric() -> None:
    page = (DEPLOY.parent / "docs" / "reference.md").read_text("utf-8")
    labels = {
        name: set(re.findall(r"`(\w+)`", cell))
        for name, cell in re.findall(r"^\| `(ticket_sync_\w+)` \| \w+ \| (.*?) \|", page, re.M)
    }
    given = {"namespace", "job", "instance", "le"}
    wrong = {
        f"{name} {label}"
        for expr in EXPRESSIONS
        for name, used in named(expr).items()
        for label in used - given - labels.get(re.sub(r"_bucket$", "", name), used)
    }
    assert wrong == set()


def test_each_alert_has_a_test_a_severity_and_words_that_say_what_to_do() -> None:
    tests = yaml.safe_load(ALERT_TESTS.read_text("utf-8"))["tests"]
    tried = [
        name
        for one in tests
        for asked in one["promql_expr_test"]
        for sample in asked.get("exp_samples", ())
        for name in re.findall(r'alertname="(\w+)"', sample["labels"])
    ]
    assert sorted(tried) == sorted(rule["alert"] for rule in alerts())
    # Before each fault and after it nothing may fire.
    assert all(
        [bool(asked.get("exp_samples")) for asked in one["promql_expr_test"]]
        == [False, True, False]
        for one in tests[1:]
    )
    for rule in alerts():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith(".")


def test_the_page_explains_every_alert() -> None:
    told = re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.M)
    assert told == [rule["alert"] for rule in alerts()]


def test_the_board_can_be_taken_by_any_grafana() -> None:
    found = board()
    ids = [panel["id"] for panel in found["panels"]]
    assert len(ids) == len(set(ids))
    asking = [panel for panel in found["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in asking} == {"${datasource}"}
    assert all(panel["targets"] for panel in asking)
    places = [panel["gridPos"] for panel in found["panels"]]
    for i, one in enumerate(places):
        assert one["x"] + one["w"] <= 24
        for other in places[:i]:
            apart_x = one["x"] >= other["x"] + other["w"] or other["x"] >= one["x"] + one["w"]
            apart_y = one["y"] >= other["y"] + other["h"] or other["y"] >= one["y"] + one["h"]
            assert apart_x or apart_y, (one, other)


def promtool(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        if os.environ.get("CI"):
            raise RuntimeError("promtool is not installed: apt-get install prometheus")
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    return subprocess.run(
        [program, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=DEPLOY.parent,
    )


@pytest.mark.proof
def test_each_alert_fires_on_its_fault_and_only_then_as_the_page_has_it_tried() -> None:
    (block,) = re.findall(r"^```sh\n(promtool.*?)^```", PAGE.read_text("utf-8"), re.S | re.M)
    said = ""
    for line in block.splitlines():
        program, *arguments = line.split()
        assert program == "promtool"
        done = promtool(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout
    assert f"{len(alerts())} rules found" in said


@pytest.mark.proof
def test_prometheus_finds_nothing_wrong_with_our_metrics(tmp_path: Path) -> None:
    with (
        built(tmp_path, coalesce={"api": API}) as program,
        TestClient(program.app, base_url="http://127.0.0.1") as client,
    ):
        text = client.get("/metrics").text
    checked = promtool("check", "metrics", text=text)
    said = [line for line in checked.stderr.splitlines() if line.startswith("ticket_sync_")]
    assert said == [], said

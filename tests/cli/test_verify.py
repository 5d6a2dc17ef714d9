"""``init --verify``: the whole way tried once, against the simulated systems, with each thing broken."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from sync.bootstrap import trial as trial_module
from sync.bootstrap.rules import rule_files
from sync.bootstrap.simulated import SimulatedCoalesce, SimulatedJira, start_coalesce, start_jira
from sync.bootstrap.trial import LABEL, TrialTracker
from sync.bootstrap.trial_delivery import receiving
from sync.bootstrap.verified import Step
from sync.bootstrap.verify import verify
from sync.cli.main import app
from sync.domain.ticket import FAMILY_LABEL
from sync.sandbox.jira import Effect
from sync.settings import load
from tests.ports import free_port

RULES = """
[[rule]]
name = "issues"
project = "DATA"
issue_type = "Bug"
[rule.fields]
summary = "{{ subject.title }}"
labels = ["data"]
[rule.status]
open = { category = "new" }
investigating = { category = "indeterminate" }
closed = { category = "done", prefer = ["Done"] }
"""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def upstream(port: int) -> Iterator[SimulatedCoalesce]:
    started = start_coalesce(f"http://127.0.0.1:{port}")
    yield started
    started.stop()


@pytest.fixture
def jira(request: pytest.FixtureRequest) -> Iterator[SimulatedJira]:
    started = start_jira(datacenter=getattr(request, "param", "cloud") != "cloud", index_lag=0.0)
    yield started
    started.stop()


@pytest.fixture
def config(
    tmp_path: Path,
    sqlite_template: Path,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
    jira: SimulatedJira,
    upstream: SimulatedCoalesce,
) -> Path:
    for name in os.environ:
        if name.startswith("TICKET_SYNC_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JIRA_TOKEN", jira.settings()["token"])
    monkeypatch.setenv("COALESCE_SIGNING_SECRET", upstream.sandbox.secret)
    monkeypatch.setenv("TICKET_SYNC_SERVER__PORT", str(port))
    for key, value in upstream.settings()["coalesce.api"].items():
        monkeypatch.setenv(f"TICKET_SYNC_COALESCE__API__{key.upper()}", value)
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "rules.toml").write_text(RULES)
    site = {key: json.dumps(value) for key, value in jira.settings().items()}
    site["token"] = '{ env = "JIRA_TOKEN" }'
    lines = "\n".join(f"{key} = {value}" for key, value in site.items())
    file = tmp_path / "config.toml"
    file.write_text(
        f'[coalesce]\nsigning_secrets = [{{ env = "COALESCE_SIGNING_SECRET" }}]\n[sites.main]\n{lines}\n'
    )
    shutil.copy(sqlite_template, tmp_path / "ticket-sync.db")
    return file


def call(*args: str) -> tuple[int, str, str]:
    with capture_logs():
        result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout, result.stderr


def tried(wait: int = 60) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code, and each step's result with its words and remedy. ``wait``: so many seconds for the
    sender's test delivery, which comes at once where it comes at all."""
    code, out, err = call("init", "--verify", "--json", "--wait", str(wait))
    assert out, err
    steps: list[dict[str, Any]] = json.loads(out)["steps"]
    return code, {
        one["name"]: (one["result"], f"{one['words']} {one['remedy']}".strip()) for one in steps
    }


def lived(config: Path, then: Callable[[Step], object]) -> dict[str, tuple[str, str]]:
    """The same without the verb: ``then`` is called after each step."""
    steps: dict[str, tuple[str, str]] = {}

    def emit(step: Step) -> None:
        steps[step.name] = (step.result.value, f"{step.words} {step.remedy}".strip())
        then(step)

    settings = load(config)
    with capture_logs(), suppress(KeyboardInterrupt):
        verify(settings, rule_files(settings).load().rules, emit, wait=60.0)
    return steps


TRIAL = ("a trial ticket", "status investigating", "status closed", "removing it")


@pytest.mark.parametrize(
    "jira", ["cloud", pytest.param("datacenter", marks=pytest.mark.proof)], indirect=True
)
def test_it_says_step_by_step_what_works_and_leaves_nothing_behind(
    config: Path, jira: SimulatedJira
) -> None:
    jira.site.person.create("DATA", "Bug", "somebody's own", labels=[LABEL])
    before = config.read_text()
    code, steps = tried()
    assert code == 0, steps
    assert {result for result, _ in steps.values()} == {"ok"}
    assert "no daemon runs, so a receiver was started" in steps["the receiver"][1]
    assert "its signature holds" in steps["the sender's test delivery"][1]
    assert [steps[name][1].split(" ", 1)[1] for name in TRIAL[1:]] == [
        "went to 'In Progress'",
        "went to 'Done'",
        "is deleted",
    ]
    (left,) = jira.site.tickets()
    assert left.summary == "somebody's own", "a ticket that no trial made is left alone"
    assert config.read_text() == before


@pytest.mark.proof
@pytest.mark.parametrize("jira", ["cloud", "datacenter"], indirect=True)
def test_without_the_permission_to_delete_one_closed_ticket_stays_and_is_used_again(
    config: Path, jira: SimulatedJira
) -> None:
    jira.site.deny("DATA", "DELETE_ISSUES")
    for number in range(2):
        code, steps = tried()
        assert code == 0, steps
        result, words = steps["removing it"]
        assert (result, "stays, closed" in words, "Delete DATA-1 by hand" in words) == (
            "skipped",
            True,
            True,
        )
        assert ("used again" in steps["a trial ticket"][1]) == bool(number)
        assert "went to 'In Progress'" in steps["status investigating"][1]
        (ticket,) = jira.site.tickets()
        assert (ticket.status, LABEL in ticket.labels) == ("Done", True)
    jira.site.allow("DATA")
    code, steps = tried()
    assert "DATA-1 is deleted" in steps["an earlier trial"][1]
    assert (code, jira.site.tickets()) == (0, [])


@pytest.mark.proof
def test_a_trial_is_no_ticket_of_ours_to_sweeps_and_adoption(
    config: Path, jira: SimulatedJira
) -> None:
    jira.site.deny("DATA", "DELETE_ISSUES")
    tried()
    (ticket,) = jira.site.tickets()
    assert FAMILY_LABEL not in ticket.labels
    assert ticket.summary.startswith("[trial of ticket-sync] ")
    code, out, _ = call("adopt", "--markers", "--json")
    assert (code, json.loads(out)) == (0, [])


@pytest.mark.parametrize(
    ("permission", "step", "words"),
    [
        ("CREATE_ISSUES", "a trial ticket", "Create issues"),
        pytest.param(
            "TRANSITION_ISSUES", "status closed", "Transition issues", marks=pytest.mark.proof
        ),
    ],
)
def test_a_missing_permission_is_named_and_nothing_stays(
    config: Path, jira: SimulatedJira, permission: str, step: str, words: str
) -> None:
    jira.site.deny("DATA", permission)
    code, steps = tried()
    assert code == 1
    assert any(words in one for _, one in steps.values()), steps
    assert steps[step][0] == "failed", steps
    assert jira.site.tickets() == []


@pytest.mark.proof
def test_a_lost_reply_leaves_no_ticket_behind(
    config: Path, jira: SimulatedJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    def losing(step: Step) -> None:
        # From here on, the next ticket is the trial's.
        if step.name == "the site 'main'":
            jira.site.faults.add(Effect.DROP, method="POST", path=r"/issue$", count=1, after=True)

    with monkeypatch.context() as hasty:
        # What was lost is tried again later than anybody would wait for here.
        hasty.setattr(trial_module, "PATIENCE", 1.0)
        steps = lived(config, losing)
    assert steps["removing it"] == ("ok", "DATA-1 is deleted"), steps
    with monkeypatch.context() as blind:
        blind.setattr(trial_module, "PATIENCE", 1.0)
        blind.setattr(TrialTracker, "find", lambda *_: [])
        result, words = lived(config, losing)["removing it"]
    assert (result, f"it removes tickets with the label {LABEL}" in words) == ("failed", True)
    assert len(jira.site.tickets()) == 1
    code, steps = tried()
    assert (code, steps["an earlier trial"][1]) == (0, "its ticket DATA-2 is deleted")
    assert jira.site.tickets() == []


@pytest.mark.parametrize(
    "at", [pytest.param("a trial ticket", marks=pytest.mark.proof), "status investigating"]
)
def test_ctrl_c_in_the_middle_leaves_no_ticket_behind(
    config: Path, jira: SimulatedJira, at: str
) -> None:
    def stop(step: Step) -> None:
        if step.name == at:
            raise KeyboardInterrupt

    assert lived(config, stop)["removing it"] == ("ok", "DATA-1 is deleted")
    assert jira.site.tickets() == []


@pytest.mark.proof
def test_a_daemon_that_runs_is_used(config: Path) -> None:
    settings = load(config)
    with capture_logs(), receiving(settings):
        code, steps = tried()
    assert code == 0, steps
    assert steps["the receiver"][1] == "a daemon listens there already"


@pytest.mark.parametrize(
    ("change", "step", "words"),
    [
        (
            {"COALESCE_SIGNING_SECRET": "other"},
            "the sender's test delivery",
            "copy its signing secret",
        ),
        pytest.param(
            {"TICKET_SYNC_SERVER__PORT": "FREE"},
            "the sender's test delivery",
            "enter as its URL",
            marks=pytest.mark.proof,
        ),
        pytest.param(
            {"TICKET_SYNC_COALESCE__API__CLIENT_SECRET": "x"},
            "the sender's test delivery",
            "does not accept the API credentials",
            marks=pytest.mark.proof,
        ),
        pytest.param(
            {"TICKET_SYNC_COALESCE__API__INTEGRATION_ID": "00000000-0000-4000-8000-000000000001"},
            "the sender's test delivery",
            "Correct integration_id in [coalesce.api]",
            marks=pytest.mark.proof,
        ),
        pytest.param(
            {"JIRA_TOKEN": "wrong"},
            "the site 'main'",
            "does not accept our credentials",
            marks=pytest.mark.proof,
        ),
        pytest.param(
            {"JIRA_TOKEN": ""}, "the configuration", "JIRA_TOKEN", marks=pytest.mark.proof
        ),
        ({"COALESCE_SIGNING_SECRET": ""}, "the configuration", "COALESCE_SIGNING_SECRET"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_enter_where(
    config: Path,
    jira: SimulatedJira,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str],
    step: str,
    words: str,
) -> None:
    wait = 60
    for name, value in change.items():
        if value == "FREE":
            # What is sent to another port never comes.
            value, wait = str(free_port()), 2
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    code, steps = tried(wait)
    assert (code, steps[step][0]) == (1, "failed"), steps
    assert any(words in one for _, one in steps.values()), steps
    assert jira.site.tickets() == []


@pytest.mark.proof
def test_without_api_credentials_all_else_is_tried(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("ID", "SECRET"):
        monkeypatch.delenv(f"TICKET_SYNC_COALESCE__API__CLIENT_{key}")
    code, steps = tried()
    assert code == 0
    assert steps["the sender's test delivery"][0] == "skipped"
    assert "press the integration's own test" in steps["the sender's test delivery"][1]


@pytest.mark.proof
def test_a_missing_scope_is_named(config: Path, upstream: SimulatedCoalesce) -> None:
    rest = upstream.rest
    rest.scopes -= {"deliveries:edit"}
    try:
        code, steps = tried()
    finally:
        rest.scopes |= {"deliveries:edit"}
    assert (code, steps["the sender's test delivery"][0]) == (1, "failed")
    assert "edit deliveries" in steps["the sender's test delivery"][1]


@pytest.mark.proof
def test_a_simulated_workspace_that_begins_anew_repeats_no_id_of_the_one_before() -> None:
    ids = set[str]()
    for _ in range(2):
        started = start_coalesce("http://127.0.0.1:1")
        ids.add(started.sandbox.open_issue().id)
        started.stop()
    assert len(ids) == 2


def test_people_read_what_to_do(config: Path) -> None:
    code, out, _ = call("init", "--verify")
    assert code == 0
    assert "What was tried works. Next: `ticket-sync serve`." in out
    assert "ok       removing it: DATA-1 is deleted" in out


@pytest.mark.proof
def test_a_rule_that_holds_and_closes_late_is_tried_at_once(
    config: Path, jira: SimulatedJira
) -> None:
    late = RULES.replace('project = "DATA"', 'project = "DATA"\nhold = "10m"\nclose_after = "30m"')
    late = late.replace("[rule.fields]", '[rule.fields]\npriority = "Nope"')
    (config.parent / "mappings" / "rules.toml").write_text(late)
    code, steps = tried()
    assert steps["status closed"] == ("ok", "DATA-1 went to 'Done'")
    assert (code, "Nope" in steps["a trial ticket"][1]) == (1, True), "a field that is set aside"
    assert "is deleted" in steps["removing it"][1]
    assert jira.site.tickets() == []

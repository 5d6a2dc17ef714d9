"""The demo: nothing to set up, a story told, a verdict at the end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from sync.bootstrap.signals import stop_on_signals
from sync.cli import demo
from sync.cli.demo_output import line
from sync.cli.main import app
from sync.store.happenings import Happening

pytestmark = pytest.mark.proof

COMMAND = [sys.executable, "-m", "sync.cli.main", "demo", "--no-open"]


@pytest.mark.parametrize("dialect", [[], ["--datacenter"]], ids=["cloud", "datacenter"])
def test_a_short_story_ends_well_and_leaves_nothing_behind(
    dialect: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [*COMMAND, "--for", "6s", "--seed", "2", *dialect],
        capture_output=True,
        text=True,
        timeout=220,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    counts = dict(re.findall(r"│ ([a-zA-Z ]+?) +│ +(\d+) │", done.stdout))
    assert int(counts["tickets created"]) == int(counts["issues and incidents"]) >= 3
    for what in ("doubled", "lost", "in a wrong state", "calls once it had settled"):
        assert counts[what] == "0"
    assert int(counts["acts for the other side"]) >= 3
    assert re.search(r"│ not told, or not once +│ +0 │", done.stdout)
    assert re.search(r"• DATA-\d+ +Data Owner closes the ticket in Jira", done.stdout)
    assert re.search(r"⇐ DATA-\d+ +mark issue \S+ upstream as fixed for Data Owner", done.stdout)
    assert re.search(r"⇐ DATA-\d+ +comment on issue \S+ upstream: Data Owner in Jira", done.stdout)
    assert re.search(r"⇒ DATA-\d+ +copy a comment from upstream: \*\*Elsa\*\*", done.stdout)
    assert "→ issue_created" in done.stdout
    assert re.search(r"⇒ DATA-1 +create Bug in DATA: ", done.stdout)
    assert "\x1b[" not in done.stdout
    assert list(tmp_path.iterdir()) == []


class Settled:
    """A demo in which nothing is left to do, whose Jira is called in each of so many silences."""

    def __init__(self, silences: int) -> None:
        self._left, self._asked = 2 * silences, 0

    def settled(self) -> bool:
        return True

    def happened(self) -> list[Happening]:
        return []

    @property
    def calls(self) -> int:
        # Before a silence, and after it.
        self._asked += 1
        return min(self._asked, self._left)


@pytest.mark.parametrize(("silences", "late"), [(0, 0), (1, 0), (2, 0), (99, 1)])
def test_calls_that_end_by_themselves_are_not_told_of_and_those_that_go_on_are(
    monkeypatch: pytest.MonkeyPatch, silences: int, late: int
) -> None:
    monkeypatch.setattr(demo, "_SILENCE", 0.0)
    with stop_on_signals() as stop:
        found = demo._rest(Console(), Settled(silences), stop)  # type: ignore[arg-type]
    assert found == (True, late)


def test_what_a_sweep_found_is_a_line_of_the_story() -> None:
    # Whether one finds something in a short story depends on what comes sooner, the sweep or later news.
    found = line(Happening(0.0, "sweep", "issues", "1 not known here"))
    assert re.search(r"\d  \? issues +1 not known here$", found.plain)


def test_without_an_end_it_goes_on_until_it_is_told_to_stop_and_then_sums_up() -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "⇒ DATA-1" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(30) == 0
    assert "Finishing what is on the way" in rest
    assert re.search(r"│ doubled +│ +0 │\n│ lost +│ +0 │", rest)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("soon", "--for: 'soon' is not a duration. Write it as 20s or 2m.\n"),
        ("1s", "--for: the story needs at least 5 seconds.\n"),
    ],
)
def test_a_time_that_makes_no_sense_is_said_in_words(given: str, words: str) -> None:
    result = CliRunner().invoke(app, ["demo", "--for", given])
    assert (result.exit_code, result.stderr) == (2, words)

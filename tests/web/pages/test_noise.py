"""The page with what comes and goes, the same as tables and by verbs, and a line taken over."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from sync.bootstrap.http import Background
from sync.cli.main import app
from sync.operations.accounts import Role
from sync.operations.errors import Refused
from sync.operations.rules import quieter
from sync.web.app import create_admin
from sync.web.health import Insight
from sync.web.server import listen
from tests.operations.rules.noisy import DAY, HOUR, MINUTE, life, live
from tests.web.pages.conftest import Pages

ABOUT = ("orders <freshness>", "orders", "Sales")


@pytest.fixture
def noisy(pages: Pages) -> Pages:
    """A monitor that flapped four times, and one ticket that somebody took in hand."""
    found = [one for n in range(3) for one in life(88 * DAY + n * HOUR, 6 * MINUTE, "flaps", ABOUT)]
    right = life(86 * DAY, 3 * DAY, "right", ("customers schema", "customers", "Ops"), person=True)
    live(pages.world, sorted([*found, *right]))
    return pages


def waited(pages: Pages) -> str:
    """The words of the page once the lines have been tried."""
    for _ in range(1200):
        words = pages.words("/noise")
        if "Look again" not in words:
            return words
        time.sleep(0.05)
    raise AssertionError("the lines are not tried in time")


def test_nothing_that_comes_and_goes_is_said_in_words(pages: Pages) -> None:
    words = pages.words("/noise")
    assert "No ticket came or went in the last 30d" in words
    assert "What comes and goes without anybody acting on it would be here." in words


def test_the_worst_comes_first_on_the_page_and_in_the_tables_for_programs(noisy: Pages) -> None:
    words = noisy.words("/noise")
    assert "orders <freshness> came and went 3 times in the last 30d, and nobody acted" in words
    assert words.index("orders <freshness> 1 0 2 3 3 6m 54m") < words.index(
        "customers schema 1 0 0 1 0"
    )
    assert "Sales 1 0 2 3 3" in noisy.words("/noise?by=owner")
    assert "rule: everything" in noisy.words("/noise?since=7d&by=table&rule=everything")
    assert "No ticket came or went in the last 1d" in noisy.words("/noise?since=1d")
    reply = noisy.client.get("/noise.csv?by=table")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert [(row["name"], row["reopened"], row["unattended"]) for row in rows] == [
        ("orders", "2", "3"),
        ("customers", "0", "0"),
    ]
    assert noisy.client.get("/noise.json").json()["total"]["made"] == 2


REFUSED = {
    "since=soon": "'soon' is no span of time. Write 30d, 12h or 90m.",
    "since=0d": "'0d' is no span of time.",
    "since=9000w": "'9000w' is no span of time.",
    "by=colour": "There is no 'colour' to go by. There are: monitor, table, owner, rule.",
    "rule=nope": "No rule 'nope' has made a ticket. There are: everything.",
}


def test_what_cannot_be_shown_is_told_in_words(noisy: Pages) -> None:
    for query, words in REFUSED.items():
        assert words in noisy.words(f"/noise?{query}", 422)
        assert words in noisy.json(f"/noise?{query}", 422)["error"]


def test_a_line_is_tried_and_taken_over_into_a_draft(noisy: Pages) -> None:
    assert "Try lines for this rule" in noisy.words("/noise")
    noisy.press("/noise/lines", of="everything", since="30d", by="monitor")
    words = waited(noisy)
    assert 'With hold = "10m", tickets would have been made 1 time instead of 2' in words
    assert "1 ticket of the rule would still be made, each 10m later" in words
    line = {"rule": "everything", "key": "hold", "value": '"10m"'}
    noisy.become(Role.VIEWER, "an editor")
    assert "Take over into the editor needs editor" in noisy.words("/noise")
    noisy.press("/noise/take-over", 403, **line)
    noisy.become(Role.EDITOR, "an editor")
    assert "Draft of rules.toml" in noisy.press("/noise/take-over", **line)
    page = noisy.get("/rules/rules.toml?draft=1")
    assert re.search(r"hold.*10m", page)
    # Nothing is on disk, or in force, before somebody saves.
    assert "hold" not in (noisy.world.folder / "rules.toml").read_text()
    drawn = noisy.send("/noise/drafts", line)
    assert 'name = "everything"\nhold = "10m"\n' in drawn["files"][0]["text"]


def test_what_cannot_be_tried_or_taken_over_is_told_in_words(noisy: Pages) -> None:
    words = noisy.press("/noise/lines", 422, of="nope", since="30d")
    assert "There is no rule 'nope' on disk. There are: everything." in words
    for key, value, said in (
        ("name", '"x"', "There is no line 'name' to take over."),
        ("hold", "[", "'[' cannot be a value of hold: write it as in a file of rules."),
        ("hold", '"1m"\nsite = "x"', "cannot be a value of hold"),
    ):
        line = {"rule": "everything", "key": key, "value": value}
        assert said in noisy.press("/noise/take-over", 422, **line)
    (noisy.world.folder / "rules.toml").write_text("[[rule]]\nhold = 3\n")
    words = noisy.press("/noise/lines", 422, of="everything", since="30d")
    assert "The rules cannot be read: mend" in words
    assert "rules.toml:1" in words


@pytest.fixture
def address(noisy: Pages) -> Iterator[str]:
    """The address of the pages over a real socket."""
    admin = create_admin(Insight(desk=noisy.desk))
    server = Background(admin, listen("127.0.0.1", 0), name="admin", grace=1.0)
    server.start()
    yield server.url
    server.stop(5)


@pytest.mark.proof
def test_the_verb_asks_a_daemon_for_the_same(
    noisy: Pages, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(app, ["noise", "--server", address, "--by", "monitor"])
    assert done.exit_code == 0, done.output
    assert "orders <freshness> came and went 3 times" in done.stdout
    assert "Write it in rules.toml, line 4, as a new line:" in done.stdout
    assert done.stdout.endswith('\nhold = "10m"\n')
    done = CliRunner().invoke(app, ["noise", "--server", address, "--json", "--no-lines"])
    told = json.loads(done.stdout)
    assert [one["by"] for one in told["noise"]] == ["monitor", "table", "owner", "rule"]
    assert told["lines"] == []

    def broken(*_: object, **__: object) -> None:
        raise Refused("no more deliveries can be read")

    monkeypatch.setattr(quieter, "backtest", broken)
    done = CliRunner().invoke(app, ["noise", "--server", address, "--json"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "No line was looked for: no more deliveries can be read." in done.stderr

"""Pausing on the pages, by the API and on the command line: the same act, seen wherever it concerns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync.bootstrap.figures import _pauses
from sync.cli.main import app
from sync.operations.accounts import Role
from sync.operations.overview import overview
from sync.telemetry import PAUSE_TICKETS
from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages

FORM = {"kind": "rule", "name": "everything", "until": "2h", "why": "tables <b>are moved</b>"}


def _due(pages: Pages) -> None:
    pages.world.deliver(issue_event("issue_created", "i1", at=0))
    while pages.world.triage.batch():
        pass


def test_a_rule_is_paused_and_goes_on_and_that_is_seen_wherever_it_concerns(pages: Pages) -> None:
    _due(pages)
    said = pages.press("/pauses/pause", **FORM)
    assert "Rule 'everything' is paused until " in said
    assert "for 2h; 1 ticket waits by now." in said
    told = "ule 'everything' is paused until "
    for path in ("/", "/tickets", "/rules", "/connections", "/connections/main", "/parked"):
        assert told in pages.words(path), path
    assert "tables <b>" not in pages.get("/")
    assert "The ticket waits for the end of a pause" in pages.words("/tickets/id/1")
    assert told in pages.words("/tickets/id/1")
    assert "1 ticket is paused" in pages.words("/tickets?standing=paused")
    assert "No ticket fits" in pages.words("/tickets?standing=due")
    said = pages.press("/pauses/go-on", kind="rule", name="everything")
    assert "Rule 'everything' goes on: 1 ticket follows." in said
    assert told not in pages.words("/")
    assert "1 ticket is due" in pages.words("/tickets?standing=due")
    assert "Nothing is paused" in pages.words("/pauses")


def test_a_paused_site_is_shown_as_paused_and_needs_nobody(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.press("/pauses/pause", **{**FORM, "kind": "site", "name": "main"})
    health = pages.world.tracker.health
    health.rest("site main is paused until later")
    monkeypatch.setattr(type(health), "down", lambda self: "it did not answer before")
    assert "site main is paused until later" in pages.words("/connections")
    found = overview(pages.desk.deployment, pages.world.clock.time())
    assert [(one.name, one.state) for one in found.sites] == [("main", "paused")]
    assert [one.kind for one in found.needs] == ["No daemon"]


def test_the_form_begins_with_what_the_button_was_for(pages: Pages) -> None:
    assert 'href="/pauses?kind=site&amp;name=main"' in pages.get("/connections/main")
    assert 'value="main"' in pages.get("/pauses?kind=site&name=main")


def test_what_cannot_be_paused_is_said_on_the_page(pages: Pages) -> None:
    said = pages.press("/pauses/pause", 422, **{**FORM, "name": "everythin"})
    assert "Did you mean 'everything'?" in said
    form = {"_token": "the-token-of-the-form", **FORM, "kind": "project", "until": "18:99"}
    reply = pages.client.post("/pauses/pause", data=form)
    assert (reply.status_code, "18:99" in reply.text.partition("<form method")[0]) == (422, True)
    kept = ('value="everything"', 'value="18:99"', 'value="tables &lt;b&gt;are moved&lt;/b&gt;"')
    assert [one for one in kept if one not in reply.text] == [], "what was typed stays"
    assert 'value="project" selected' in reply.text


def test_a_viewer_pauses_nothing(pages: Pages) -> None:
    pages.become(Role.VIEWER)
    assert "needs operator" in pages.words("/pauses")
    pages.press("/pauses/pause", 403, **FORM)
    pages.send("/pauses", FORM, 403)
    pages.send("/pauses/go-on", {"kind": "rule", "name": "everything"}, 403)
    assert pages.json("/pauses")["pauses"] == []


def test_the_api_pauses_and_counts(pages: Pages) -> None:
    _due(pages)
    pages.become(Role.OPERATOR, "dana")
    pages.send("/pauses", FORM)
    found = pages.json("/pauses")
    assert found["words"] == "One pause goes on; 1 ticket waits"
    (one,) = found["pauses"]
    assert (one["what"], one["by"], one["tickets"]) == ("rule 'everything'", "dana", 1)
    assert pages.json("/status")["tickets"]["paused"] == 1
    with pages.world.store.read() as session:
        _pauses(session, pages.world.clock.time())
    (metric,) = PAUSE_TICKETS.collect()
    assert [(s.labels, s.value) for s in metric.samples] == [
        ({"kind": "rule", "site": "", "name": "everything"}, 1.0)
    ]
    assert pages.json("/log")["acts"][0]["account"] == "dana"
    pages.send("/pauses/go-on", {"kind": "rule", "name": "everything"})
    pages.send("/pauses/go-on", {"kind": "rule", "name": "nothing"}, 404)
    assert pages.json("/pauses")["pauses"] == []


@pytest.fixture
def on_disk(pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pages:
    """The same store and rules, in a configuration for verbs."""
    config = tmp_path / "config.toml"
    more = f'[store]\nurl = "sqlite:///{tmp_path / "sqlite.db"}"\n[mappings]\ndirectory = "rules"\n'
    config.write_text(config.read_text("utf-8") + more, "utf-8")
    monkeypatch.chdir(tmp_path)
    return pages


def verb(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout + result.stderr


def test_the_verbs_pause_and_go_on(on_disk: Pages) -> None:
    _due(on_disk)
    assert verb("pause") == (0, "Nothing is paused.\n")
    code, said = verb("pause", "rule", "everything", "--for", "2h", "--why", "a move")
    assert (code, said[:31]) == (0, "Rule 'everything' is paused unt")
    code, said = verb("pause")
    assert said.splitlines()[0] == "One pause goes on; 1 ticket waits."
    assert said.splitlines()[1].endswith(": a move; 1 ticket waits")
    assert json.loads(verb("pause", "--json")[1])["tickets"] == 1
    code, said = verb("status")
    assert "rule 'everything' is paused until" in said
    code, said = verb("why", "i1", "--offline")
    assert "waits: rule 'everything' is paused until " in said
    assert verb("list", "--standing", "paused")[1].count("paused") >= 2
    assert verb("go-on", "rule", "everything") == (
        0,
        "Rule 'everything' goes on: 1 ticket follows.\n",
    )
    code, said = verb("go-on", "rule", "everything", "--site", "main")
    assert (code, "not paused; nothing is" in said) == (1, True)


REFUSED = [
    (("rule", "everything"), 2, "either --until TIME or --for SPAN"),
    (("rule", "everything", "--for", "1h", "--until", "18:00"), 2, "either --until TIME"),
    (("rule", "everything", "--for", "18:00", "--why", "x"), 2, "is no span of time"),
    (("rule", "everything", "--for", "1h"), 2, "Say with --why TEXT why it is paused"),
    (("site", "mian", "--for", "1h", "--why", "x"), 1, "Did you mean 'main'?"),
    (("site", "main", "--until", "2020-01-01", "--why", "x"), 2, "is over"),
]


def test_what_a_verb_cannot_pause_is_said(on_disk: Pages) -> None:
    for args, code, words in REFUSED:
        found, said = verb("pause", *args)
        assert (found, words in said) == (code, True), said
    assert on_disk.json("/pauses")["pauses"] == []

"""Taking over tickets that exist already, on the page, by the API and by a verb that asks the daemon."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from sync.bootstrap.http import Background
from sync.cli.main import app
from sync.domain.errors import Refused
from sync.domain.ticket import Block, Document, TicketRef
from sync.operations.accounts import Role
from sync.sandbox.memory import MemoryTicket, MemoryTracker
from sync.store.admin_tables import LogRow
from sync.web.app import create_admin
from sync.web.health import Insight
from sync.web.server import listen
from tests.clock import START
from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages

A, B, C = (f"{n}" * 8 + "-0000-4000-8000-" + "0" * 12 for n in "abc")
QUERY = 'labels = "elsewhere"'


@pytest.fixture(autouse=True)
def _two_of_others(pages: Pages, jira: MemoryTracker) -> None:
    """An issue that is known and has no ticket in Jira yet; tickets of others, one of which names it."""
    pages.world.deliver(issue_event("issue_created", A, at=1))
    while pages.world.triage.batch():
        pass
    for number, text in enumerate((f"see {A}", "<b>something else</b>"), 501):
        fields = {
            "summary": "orders look old",
            "description": Document((Block(text, text),)),
            "labels": ["elsewhere"],
        }
        at = TicketRef(str(number), f"DATA-{number}")
        jira.tickets[at.id] = MemoryTicket(at, "DATA", "Bug", fields, START - 3600)


def _until(words: Callable[[], str]) -> str:
    end = time.monotonic() + 60
    while "Look again" in (said := words()):
        assert time.monotonic() < end, said
        time.sleep(0.02)
    return said


def _pressed(pages: Pages, path: str, **form: str) -> str:
    """The words of the page that an act leads to, once all has been looked at."""
    address = _begun(pages, path, **form)
    return _until(lambda: pages.words(address))


def _begun(pages: Pages, path: str, **form: str) -> str:
    """The address where what was begun is shown."""
    form = {"_token": "the-token-of-the-form", **form}
    reply = pages.client.post(path, data=form, follow_redirects=False)
    assert reply.status_code == 303, reply.text
    return str(reply.headers["location"])


def _tickets(pages: Pages) -> set[str]:
    return {row.jira_key or "" for row in pages.world.rows()}


def test_a_query_is_looked_at_first_and_then_taken_over(pages: Pages) -> None:
    asked = {"by": "jql", "text": QUERY}
    said = _pressed(pages, "/adopt/look", **asked)
    assert "1 of 2 would be taken over; 1 cannot be." in said
    assert "Take over 1 ticket" in said
    assert "its text names no issue or incident that is known" in said
    assert _tickets(pages) == {""}
    said = _pressed(pages, "/adopt/take", **asked)
    assert "1 of 2 was taken over; 1 cannot be." in said
    assert "Take over 1 ticket" not in said
    assert _tickets(pages) == {"DATA-501"}
    assert "1 is kept already" in _pressed(pages, "/adopt/look", **asked)
    assert "1 of 2 tickets adopted: DATA-501" in pages.words("/log")


def test_what_is_not_known_yet_is_recorded_ahead_and_taken_back(pages: Pages) -> None:
    asked = {"by": "csv", "text": f"subject,ticket\r\n{B},DATA-501\r\n{C},DATA-502", "ahead": "1"}
    said = _pressed(pages, "/adopt/look", **asked)
    assert "Take over 0 tickets, record 2 ahead" in said
    assert "Recorded ahead" not in said
    _pressed(pages, "/adopt/take", **asked)
    assert f"{B} DATA-501 main an editor" in pages.words("/adopt")
    again = _begun(pages, "/adopt/look", **asked)
    assert f"DATA-501 {B} recorded already" in _until(lambda: pages.words(again))
    assert "/tickets/DATA-501" not in pages.get(again), "no such ticket is kept"
    assert "Name what is" in pages.send("/adopt/take-back", {"names": []}, 422)["error"]
    assert f"Taken back: {B}, DATA-501" in pages.press("/adopt/take-back", name=B)
    assert [one["subject"] for one in pages.json("/adopt/recorded")] == [C]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"text": ""}, "Say which tickets"),
        ({"text": "x", "match": "title"}, "Give a pattern"),
        ({"text": "x", "pattern": "(unclosed"}, "pattern: "),
        ({"by": "csv", "text": "no,key\nand,none"}, "line:1: 'no,key' has no key of a ticket"),
        ({"by": "nonsense", "text": "x"}, "by one of jql, label, csv, markers"),
        ({"text": "x", "site": "other"}, "Name the site: one of main."),
        ({"text": "x", "pattern": "(x)", "match": "title", "ahead": "1"}, "Only an id can be"),
    ],
)
def test_what_makes_no_sense_is_said_beside_what_was_typed(
    pages: Pages, form: dict[str, str], words: str
) -> None:
    form = {"text": "&<typed>", **form}
    said = pages.client.post("/adopt/look", data={"_token": "the-token-of-the-form", **form})
    assert said.status_code == 422
    assert words in pages.press("/adopt/look", 422, **form)
    for name in ("text", "pattern"):
        assert form.get(name, "").replace("&<typed>", "&amp;&lt;typed&gt;") in said.text


def test_what_jira_refuses_is_said_with_the_form_as_it_was(
    pages: Pages, jira: MemoryTracker
) -> None:
    said = _pressed(pages, "/adopt/look", by="jql", text="project = = DATA")
    assert "Not done The tickets cannot be looked for" in said
    never = r"((?:(?:o|l|d|ol|ld)+)+)[yz]"
    jira.tickets["501"].fields["summary"] = "old" * 40
    said = _pressed(pages, "/adopt/take", by="jql", text=QUERY, pattern=never, within="summary")
    assert "Not done pattern: the search for" in said
    assert "so what it finds is not known. Write the pattern with fewer repeats" in said
    assert "Not done in: " in _pressed(
        pages, "/adopt/look", by="jql", text=QUERY, pattern="(x)", within="summary, Root cause"
    )


def test_only_operators_take_over_and_what_is_gone_is_told(pages: Pages) -> None:
    assert "look again" in pages.words("/adopt?run=gone", 404)
    # A page that waits, and has been open since before the daemon was started, shows it beside the form.
    live = pages.client.get("/adopt?run=gone", headers={"hx-request": "true"})
    region = live.text.partition('id="came-of-it"')[2]
    assert (live.status_code, "look again" in region, "hx-get" in region) == (200, True, False)
    run = pages.send("/adopt", {"by": "jql", "text": QUERY})["id"]
    pages.become(Role.VIEWER)
    assert "needs operator" in pages.words("/adopt")
    pages.press("/adopt/take", 403, by="jql", text=QUERY)
    pages.send("/adopt", {"by": "jql", "text": QUERY, "apply": True}, 403)
    pages.json(f"/adopt/{run}", 404)
    assert _tickets(pages) == {""}


@pytest.fixture
def held(jira: MemoryTracker, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Jira answers no search until this is set."""
    search, go = jira.matching, threading.Event()

    def matching(query: str) -> object:
        assert go.wait(30)
        return search(query)

    monkeypatch.setattr(jira, "matching", matching)
    yield go
    go.set()


def test_what_is_taken_over_is_not_given_up_for_what_is_begun_after_it(
    pages: Pages, jira: MemoryTracker, held: threading.Event
) -> None:
    _begun(pages, "/adopt/take", by="label", text="nothing")
    second = _begun(pages, "/adopt/take", by="label", text="elsewhere")
    assert _begun(pages, "/adopt/take", by="label", text="elsewhere") == second, "pressed twice"
    third = _begun(pages, "/adopt/take", by="csv", text=f"{B},DATA-502", ahead="1")
    look, newer = (_begun(pages, "/adopt/look", by="jql", text=QUERY) for _ in range(2))
    held.set()
    assert "1 recorded ahead" in _until(lambda: pages.words(third))
    assert "1 of 2 was taken over" in _until(lambda: pages.words(second))
    assert _tickets(pages) == {"DATA-501"}
    assert "Not done It was given up" in pages.words(look)
    assert "1 is kept already" in _until(lambda: pages.words(newer))


@pytest.fixture
def address(pages: Pages) -> object:
    """The address of a daemon's pages over a real socket."""
    server = Background(
        create_admin(Insight(desk=pages.desk)), listen("127.0.0.1", 0), name="admin", grace=1.0
    )
    server.start()
    yield server.url
    server.stop(5)


def test_the_verb_asks_a_daemon_for_the_same(
    pages: Pages, address: str, tmp_path: Path, jira: MemoryTracker
) -> None:
    def call(*args: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["adopt", *args, "--server", address])
        return done.exit_code, done.stdout + done.stderr

    file = tmp_path / "pairs.csv"
    file.write_text(f"{A},DATA-501\n{B},DATA-502\n")
    code, said = call("--csv", str(file), "--json")
    assert (code, [one["fate"] for one in json.loads(said)]) == (1, ["adopt", "conflict"])
    assert _tickets(pages) == {""}
    code, said = call("--csv", str(file), "--ahead", "--apply")
    assert (code, "adopt: 1, ahead: 1" in said) == (0, True)
    assert _tickets(pages) == {"DATA-501"}
    assert f"{B} takes DATA-502 once it is heard of" in call("--recorded")[1]
    assert f"Taken back: {B}, DATA-502" in call("--remove", B)[1]
    assert "Nothing is recorded ahead." in call("--recorded")[1]
    assert call("--jql", "project = = DATA")[0] == 2
    code, said = call("--jql", QUERY, "--match", "title")
    assert (code, "Give a pattern." in said) == (2, True)


def test_what_was_done_before_jira_went_away_stays_and_is_in_the_log(
    pages: Pages, jira: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.worker.adoption.BULK", 1)
    reads = jira.read_many
    left = [1]

    def read_many(*args: object, **how: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise Refused("Jira does not answer")
        return reads(*args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(jira, "read_many", read_many)
    lines = f"{A},DATA-501\n{B},DATA-502"
    said = _pressed(pages, "/adopt/take", by="csv", text=lines)
    assert "It ended early: Jira does not answer." in said
    assert "What was taken over before that stays" in said
    with pages.world.store.read() as session:
        (row,) = session.exec(select(LogRow)).all()
    assert row.words == "1 of 1 tickets adopted: DATA-501"

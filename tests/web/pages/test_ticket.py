"""One ticket: its standing, its fields, its subjects and its story."""

from __future__ import annotations

import threading

import pytest

from sync.domain.errors import Refused
from sync.operations import ticket
from sync.sandbox.memory import MemoryTracker
from tests.walks.conftest import jira  # noqa: F401
from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages


@pytest.fixture
def made(pages: Pages) -> Pages:
    """A ticket in Jira, made of an issue."""
    pages.world.deliver(issue_event("issue_created", "i-1", at=1))
    pages.world.settle()
    return pages


def test_a_ticket_tells_its_story_and_what_it_is_about(made: Pages) -> None:
    said = made.words("/tickets/DATA-1")
    for words in ("DATA-1 is as its rule wants it", "orders is stale", "create", "issue_created"):
        assert words in said
    assert 'href="https://app.example.com/issues/i-1"' in made.get("/tickets/DATA-1")
    assert 'href="https://jira.example.com/browse/DATA-1"' in made.get("/tickets/DATA-1")


def test_what_jira_shows_stands_beside_what_was_sent_and_who_wrote_it(
    made: Pages,
    jira: MemoryTracker,  # noqa: F811
) -> None:
    jira.alive[0].fields["summary"] = "A person wrote this"
    shown = made.json("/tickets/1/jira")
    assert shown["unasked"] == ""
    theirs = [field for field in shown["fields"] if field["theirs"]]
    assert [field["shown"] for field in theirs] == ["A person wrote this"]
    assert "a person" in theirs[0]["by"]
    assert "A person wrote this" in made.words("/tickets/id/1/jira")


def test_while_jira_is_down_the_last_known_values_are_shown_with_why(
    made: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise Refused("the token is refused")

    monkeypatch.setattr(made.world.tracker, "read", down)
    assert "the token is refused ; as last known" in made.words("/tickets/id/1/jira")


def test_a_page_waits_for_jira_only_so_long(made: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = threading.Event()
    monkeypatch.setattr(made.world.tracker, "read", lambda *_, **__: gone.wait(20))
    monkeypatch.setattr(ticket, "ASKED_FOR", 0.05)
    assert "did not answer within 0.05 s ; as last known" in made.words("/tickets/id/1/jira")
    gone.set()


@pytest.mark.parametrize("name", ["coalesce:issue:i-1", "i-1"])
def test_every_name_of_a_ticket_leads_to_its_key(made: Pages, name: str) -> None:
    reply = made.client.get(f"/tickets/{name}", follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (303, "/tickets/DATA-1")


@pytest.mark.parametrize(
    "path", ["/tickets/NONE-1", "/tickets/id/77", "/tickets/id/x", "/tickets/id/" + "9" * 40]
)
def test_a_ticket_that_is_not_there_is_told_so(made: Pages, path: str) -> None:
    assert "There is nothing at this address" in made.words(path, 404)


def test_a_look_is_asked_for_by_a_button(made: Pages) -> None:
    assert "DATA-1 will be tried at once" in made.press("/tickets/id/1/retry")
    assert made.world.rows()[0].due_at is not None
    assert "an editor" in made.words("/tickets/DATA-1")

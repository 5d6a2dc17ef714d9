"""One ticket: its standing, its fields, its subjects and its story."""

from __future__ import annotations

import threading

import pytest

from sync.domain.errors import Refused
from sync.domain.surroundings import Impact, Product
from sync.operations import ticket
from sync.sandbox.memory import MemoryTracker
from sync.store import subjects
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


def test_a_ticket_says_what_its_issue_has_an_impact_on(made: Pages) -> None:
    assert "has an impact on" not in made.words("/tickets/DATA-1")
    with made.world.store.write() as session:
        (row,) = subjects.named(session, "i-1")
        impact = Impact((Product("A <b> & c", priority="P1"),), count=3)
        row.payload = {**row.payload, "impact": impact.to_json()}
    words = "has an impact on A <b> & c (P1); 3 entities are downstream"
    assert "(P1); 3 entities are downstream" in made.words("/tickets/DATA-1")
    assert "A &lt;b&gt; &amp; c" in made.get("/tickets/DATA-1"), "text from outside stays text"
    assert [one["impact"] for one in made.json("/tickets/1")["subjects"]] == [words]


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


@pytest.fixture
def two(made: Pages) -> Pages:
    """Two tickets in Jira."""
    made.world.deliver(issue_event("issue_created", "i-2", at=2, title="customers is stale"))
    made.world.settle()
    return made


def test_tickets_are_merged_and_split_by_buttons(two: Pages) -> None:
    said = two.press("/tickets/id/1/merge", other="DATA-2", why="same cause")
    assert "DATA-1 was merged into DATA-2, with coalesce:issue:i-1." in said
    two.world.settle()
    said = two.words("/tickets/DATA-1")
    for words in ("DATA-1 was merged into DATA-2", "by an editor: same cause", "0 subjects"):
        assert words in said
    said = two.words("/tickets/DATA-2")
    for words in ("2 subjects", "merged by an editor: same cause", "On another ticket"):
        assert words in said
    one, other = two.json("/tickets?order=oldest")["tickets"]
    assert (one["merged_into"], other["placed"]) == ("DATA-2", 1)
    shown = two.json("/tickets/2")["subjects"]
    assert [one["placed"] for one in shown if one["placed"]] == ["merged by an editor: same cause"]
    said = two.press("/tickets/id/2/split", subjects="coalesce:issue:i-1", other="DATA-1")
    assert "coalesce:issue:i-1 left DATA-2 for DATA-1." in said


@pytest.mark.parametrize("act", ["merge", "split"])
def test_a_ticket_that_is_typed_and_is_not_there_is_refused_in_words(two: Pages, act: str) -> None:
    said = two.press(f"/tickets/id/1/{act}", 422, other="DATA-77", subjects="coalesce:issue:i-1")
    assert "There is no ticket 'DATA-77'" in said


def test_one_subject_is_chosen_to_be_forgotten_or_linked(two: Pages) -> None:
    two.press("/tickets/id/1/merge", other="DATA-2")
    form = {"_token": "the-token-of-the-form", "other": "DATA-9", "why": "<the same>"}
    said = two.client.post("/tickets/id/2/link", data={**form, "instead": "true"})
    assert (said.status_code, "Choose one subject" in said.text) == (422, True)
    for kept in (
        'value="DATA-9"',
        'value="&lt;the same&gt;"',
        'name="instead" value="true" checked',
    ):
        assert kept in said.text, "what was typed stays"
    said = two.press("/tickets/id/2/split", 422, subjects="i-77")
    assert "may still wait or be dead: see the page Deliveries" in said
    said = two.press("/tickets/id/2/link", 422, other="DATA-9", subjects="coalesce:issue:i-1")
    assert "The ticket of coalesce:issue:i-1 is DATA-2." in said
    said = two.press("/tickets/id/2/forget", subjects="coalesce:issue:i-1")
    assert "coalesce:issue:i-1 left DATA-2 and is forgotten" in said
    assert two.json("/tickets?standing=forgotten")["count"] == 1


def test_what_is_merged_split_and_linked_by_the_api_has_the_same_words(two: Pages) -> None:
    said = two.send("/merge", {"ticket": "DATA-1", "into": "DATA-2"})
    assert said["words"].startswith("DATA-1 was merged into DATA-2")
    said = two.send("/split", {"ticket": "DATA-2", "subjects": ["i-1"]})
    assert said["words"].startswith("coalesce:issue:i-1 left DATA-2 for a ticket of its own.")
    said = two.send("/link", {"subject": "i-1", "ticket": "OPS-1"}, 422)
    assert "There is no ticket OPS-1 on main" in said["error"]

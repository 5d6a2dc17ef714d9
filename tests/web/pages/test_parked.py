"""What is stuck: one card for one mistake, and trying again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain.errors import Rejected
from sync.operations.accounts import Role
from sync.sandbox.memory import MemoryTracker
from sync.store import parking
from sync.store.tables import TicketRow
from tests.walks.conftest import jira  # noqa: F401
from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages


@pytest.fixture
def stuck(pages: Pages, jira: MemoryTracker) -> Pages:  # noqa: F811
    """Three tickets that Jira refused, for one mistake in the rules, each with words of its own."""
    for number in range(3):
        jira.fail(
            "create",
            lambda title=f"t {number}": Rejected(
                f"Jira knows no {title}", field="Priority", remedy="Did you mean 'High'?"
            ),
        )
        event = issue_event("issue_created", f"i{number}", at=number + 1, title=f"t {number}")
        pages.world.deliver(event)
        pages.world.settle()
    return pages


def test_one_mistake_is_one_card_with_its_line_and_remedy(stuck: Pages) -> None:
    said = stuck.words("/parked")
    assert "3 tickets are set aside, for 1 cause" in said
    (group,) = stuck.json("/parked")["groups"]
    assert group["count"] == 3
    assert group["file"] == "rules.toml"
    assert f'href="/rules/rules.toml#L{group["line"]}"' in stuck.get("/parked")
    assert group["remedy"]


def test_a_group_is_tried_again_and_the_page_says_how_many(stuck: Pages) -> None:
    (group,) = stuck.json("/parked")["groups"]
    said = stuck.press("/parked/retry", group=group["id"], shown="3")
    assert "3 tickets are due" in said
    assert [row.due_at for row in stuck.world.rows()] != [None] * 3


def test_more_than_was_shown_is_not_tried_again(stuck: Pages) -> None:
    (group,) = stuck.json("/parked")["groups"]
    said = stuck.press("/parked/retry", 409, group=group["id"], shown="2")
    assert "3 tickets would be tried again, and you have seen 2" in said
    form = {"_token": "the-token-of-the-form", "shown": "2"}
    assert 'href="/parked">Look again' in stuck.client.post("/parked/retry", data=form).text


def test_a_double_press_is_one_act(stuck: Pages) -> None:
    stuck.press("/parked/retry", shown="3")
    stuck.become(Role.OPERATOR, "another")
    assert "Already done by an editor 0 s ago: 3 tickets are due" in stuck.press(
        "/parked/retry", shown="3"
    )


def test_a_viewer_sees_what_is_needed_and_may_not_press(stuck: Pages) -> None:
    stuck.become(Role.VIEWER)
    assert "needs operator" in stuck.words("/parked")
    stuck.press("/parked/retry", 403, shown="3")
    assert stuck.send("/retry", {"shown": 3}, 403)["error"]


def test_what_a_filter_names_is_all_that_is_shown_and_tried(stuck: Pages) -> None:
    assert "Nothing parked fits" in stuck.words("/parked?site=emea")
    assert stuck.send("/retry", {"site": "emea"})["retried"] == 0
    assert stuck.send("/retry", {"site": "main", "shown": 3})["retried"] == 3


def test_nothing_parked_is_good_news(pages: Pages) -> None:
    assert pages.get("/parked.csv").startswith("tickets,since,reason,rule,where,")
    assert "Nothing is parked. What Jira refuses for good would be here" in pages.words("/parked")


@given(st.lists(st.text(max_size=30), min_size=1, max_size=12))
def test_words_with_values_of_upstream_make_no_groups(values: list[str]) -> None:
    rows = [
        TicketRow(
            id=number,
            key=str(number),
            rule="r",
            site="main",
            project="P",
            created_at=0.0,
            parked_at=float(number),
            parked={
                "reason": f"the table 'priority' has no entry for {value}",
                "where": "rules.toml:21",
                "key": "fields.priority",
                "cause": "rule",
                "value": value,
            },
        )
        for number, value in enumerate(values, 1)
    ]
    (group,) = parking.grouped(rows)
    assert len(group.rows) == len(values)


def test_beyond_what_is_looked_at_the_button_reaches_what_was_shown(
    stuck: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.operations.parked.LOOKED_AT", 2)
    found = stuck.json("/parked")
    assert (found["again"], found["partly"]) == (2, True)
    assert "There are more" in stuck.get("/parked.csv")
    assert "2 tickets are due" in stuck.press("/parked/retry", shown="2")


def test_a_ticket_is_set_aside_and_forgotten_by_buttons(pages: Pages) -> None:
    pages.world.deliver(issue_event("issue_created", "i-1", at=1))
    pages.world.settle()
    assert "DATA-1 is set aside" in pages.press("/tickets/id/1/set-aside")
    assert "set aside by an editor" in pages.words("/parked")
    assert "is forgotten" in pages.press("/tickets/id/1/forget")
    assert "Follow it again" in pages.words("/tickets/DATA-1")
    assert pages.json("/tickets?standing=forgotten")["count"] == 1
    pages.press("/tickets/id/1/retry")
    pages.world.settle()
    assert "as its rule wants it" in pages.words("/tickets/DATA-1")
    pages.press("/tickets/id/1/nonsense", 404)

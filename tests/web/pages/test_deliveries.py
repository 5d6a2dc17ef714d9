"""The deliveries: what came, what became of it, and reading again."""

from __future__ import annotations

import csv
import io

import pytest

from sync.operations.accounts import Role
from sync.store import deliveries
from sync.store.inbox import HEAD
from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages

SECRET = "https://callbacks.example.com/marks/secret-part"


HIDDEN = b"not-to-be-seen"


@pytest.fixture
def came(pages: Pages) -> Pages:
    """A delivery that made a ticket, and two dead letters for one reason."""
    event = issue_event("issue_created", "i-1", at=1, title="<script>alert(1)</script>")
    event["callbacks"] = [{"url": SECRET}]
    pages.world.deliver(event)
    for number in range(2):
        pages.world.deliver(b'{"no": "event", "number": %d}' % number)
    pages.world.settle()
    return pages


def test_dead_letters_come_first_by_reason_and_are_read_again_at_a_press(came: Pages) -> None:
    assert "2 deliveries could not be read" in came.words("/deliveries")
    assert came.json("/dead")["count"] == 2
    assert len(came.json("/dead")["groups"]) == 1
    assert "2 deliveries will be read again" in came.press("/deliveries/replay-dead", shown="2")
    assert came.json("/dead")["count"] == 0
    came.world.settle()
    assert came.json("/dead")["count"] == 2


def test_filters_have_the_values_that_there_are_with_their_numbers(came: Pages) -> None:
    words = came.words("/deliveries")
    for option in ("read (1)", "dead (2)", "waiting (0)", "issue_created (1)"):
        assert option in words
    assert came.json("/deliveries-choices")["types"] == [{"value": "issue_created", "count": 1}]


def test_more_dead_letters_than_were_shown_are_shown_first(came: Pages) -> None:
    said = came.press("/deliveries/replay-dead", 409, shown="1")
    assert "2 dead letters would be read again, and you have seen 1" in said


def test_one_delivery_tells_what_became_of_it_and_what_it_would_make_now(came: Pages) -> None:
    (line,) = came.json("/deliveries?outcome=read")["deliveries"]
    page = came.get(f"/deliveries/{line['id']}")
    assert SECRET not in page
    assert "<script>alert" not in page
    said = came.words(f"/deliveries/{line['id']}")
    for words in ("rule 'everything'", "What it would make now", "coalesce:issue:i-1", "DATA-1"):
        assert words in said
    assert "1 delivery will be read again" in came.press(f"/deliveries/{line['id']}/replay")


def test_the_beginning_of_an_id_shows_what_the_delivery_would_make_now_too(came: Pages) -> None:
    (line,) = came.json("/deliveries?outcome=read")["deliveries"]
    said = came.words(f"/deliveries/{line['id'][:8]}")
    assert "There is no delivery" not in said
    assert "DATA" in said


def test_an_address_is_secret_however_its_name_is_written(came: Pages) -> None:
    came.world.deliver(b'{"no": "event", "callbacks": [{"\\u0075rL": "https://x/%s"}]}' % HIDDEN)
    came.world.settle()
    newest = came.json("/deliveries?outcome=dead")["deliveries"][0]["id"]
    for shown in (came.get(f"/deliveries/{newest}"), str(came.json(f"/deliveries/{newest}"))):
        assert "***" in shown
        assert HIDDEN.decode() not in shown


def test_dead_letters_of_anything_are_not_the_answer_to_a_narrower_question(came: Pages) -> None:
    said = came.words("/deliveries?subject=i-1")
    assert "could not be read" not in said
    assert "1 delivery" not in said


def test_filters_narrow_and_pages_follow_each_other(came: Pages) -> None:
    assert len(came.json("/deliveries?type=issue_created")["deliveries"]) == 1
    assert len(came.json("/deliveries?subject=i-1")["deliveries"]) == 1
    assert came.json("/deliveries?subject=i-2")["deliveries"] == []
    assert "error" in came.json("/deliveries?outcome=odd", 422)
    assert "No delivery fits" in came.words("/deliveries?type=nothing")
    newest = came.json("/deliveries")["deliveries"][0]["seq"]
    assert len(came.json(f"/deliveries?after={newest}")["deliveries"]) == 2


def test_a_viewer_may_look_and_not_replay(came: Pages) -> None:
    came.become(Role.VIEWER)
    assert "needs operator" in came.words("/deliveries")
    came.press("/deliveries/replay-dead", 403, shown="2")


def test_the_table_is_a_file_too(came: Pages) -> None:
    rows = list(csv.DictReader(io.StringIO(came.client.get("/deliveries.csv").text)))
    assert [row["outcome"] for row in rows] == ["dead", "dead", "read"]
    assert len(came.client.get("/deliveries.json?outcome=dead").json()["deliveries"]) == 2


@pytest.mark.parametrize("id_", ["zz", "nothing", "%2e%2e"])
def test_a_delivery_that_is_not_there_is_told_so(came: Pages, id_: str) -> None:
    came.get(f"/deliveries/{id_}", 404)


def test_a_head_is_not_offered_to_be_read_again(pages: Pages) -> None:
    pages.world.deliver(b"no event")
    pages.world.step()
    with pages.world.store.write() as session:
        (row,) = deliveries.dead(session)
        row.outcome = f"{HEAD}: it is larger than max_body"
        session.add(row)
    assert pages.json("/dead")["again"] == 0
    said = pages.words("/deliveries")
    assert "Read it again" not in said
    assert "only the head is kept" in said

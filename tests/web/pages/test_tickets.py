"""The list of tickets: words, filters, pages and files."""

from __future__ import annotations

import csv
import io

import pytest

from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages


@pytest.fixture
def three(pages: Pages) -> Pages:
    """Tickets of three issues, the last one with a title that spreadsheets would run."""
    for number, title in enumerate(("orders is stale", "ÉCOLE is late", "=cmd()|' /C calc'!A0"), 1):
        pages.world.deliver(issue_event("issue_created", f"i-{number}", at=number, title=title))
    pages.world.settle()
    return pages


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("DATA-1", ["DATA-1"]),
        ("data-2", ["DATA-2"]),
        ("stale", ["DATA-1"]),
        ("école", ["DATA-2"]),
        ("IS", ["DATA-2", "DATA-1"]),
        ("i-3", ["DATA-3"]),
        ("coalesce:issue:i-1", ["DATA-1"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("no such thing", []),
    ],
)
def test_tickets_are_found_by_key_subject_and_part_of_a_title(
    three: Pages, words: str, found: list[str]
) -> None:
    reply = three.client.get("/api/v1/tickets", params={"q": words}).json()
    assert [one["ticket"] for one in reply["tickets"]] == found
    assert reply["count"] == len(found)


def test_filters_stay_in_the_address_and_can_be_taken_off(three: Pages) -> None:
    said = three.words("/tickets?standing=settled&site=main&q=orders")
    assert "1 ticket that fits is settled" in said
    assert 'href="/tickets?q=orders&amp;standing=settled"' in three.get(
        "/tickets?standing=settled&site=main&q=orders"
    )
    assert "without standing=parked 3 do" in three.words("/tickets?standing=parked")


@pytest.mark.parametrize(
    "query", ["standing=nonsense", "order=up", "after=x", "after=-1", "after=99999999999999999999"]
)
def test_a_filter_that_is_none_is_told_in_words(three: Pages, query: str) -> None:
    assert "error" in three.json(f"/tickets?{query}", 422)
    three.get(f"/tickets?{query}", 422)


def test_pages_follow_each_other_without_gap_or_repetition(
    three: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    after: int | None = 0
    monkeypatch.setattr("sync.operations.tickets.listed.__kwdefaults__", {"limit": 2})
    while after is not None:
        part = three.json(f"/tickets?after={after}")
        seen += [one["ticket"] for one in part["tickets"]]
        after = part["after"]
    assert seen == ["DATA-3", "DATA-2", "DATA-1"]


def test_a_file_has_what_the_filter_shows_and_runs_no_formula(three: Pages) -> None:
    reply = three.client.get("/tickets.csv?order=newest")
    rows = list(csv.DictReader(io.StringIO(reply.text.lstrip("\ufeff"))))
    assert [row["ticket"] for row in rows] == ["DATA-3", "DATA-2", "DATA-1"]
    assert rows[0]["title"].startswith("'=cmd")
    assert len(three.client.get("/tickets.json?q=orders").json()["tickets"]) == 1

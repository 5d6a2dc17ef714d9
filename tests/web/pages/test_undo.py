"""Undoing the last edit of the rules by its page and by the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.operations.accounts import Account, Role
from sync.store.engine import Store
from tests.walks.world import RULES
from tests.web.pages.conftest import Pages
from tests.web.pages.edited import URGENT, edited_pages


@pytest.fixture
def pages(sqlite_store: Store, tmp_path: Path) -> Iterator[Pages]:
    with edited_pages(sqlite_store, tmp_path) as made:
        yield made


def follow(pages: Pages, text: str = URGENT) -> None:
    """Have an edit accepted, and let the tickets follow."""
    (pages.world.folder / "rules.toml").write_text(text)
    pages.send("/rules/accept")
    walked(pages)


def walked(pages: Pages) -> None:
    pages.world.notice()  # type: ignore[attr-defined]
    pages.world.clock.sleep(6)
    pages.world.settle()


def labels(pages: Pages) -> list[bool]:
    """Of each ticket, whether it is labelled as the edit asks."""
    return ["urgent" in one.fields["labels"] for one in pages.world.tracker.alive]


def test_the_page_shows_each_ticket_and_the_button_puts_them_back(pages: Pages) -> None:
    follow(pages)
    assert all(labels(pages))
    assert "Undo this edit" in pages.words("/rules/history")
    assert "being looked at in Jira" in pages.words("/rules/undo")
    first = pages.world.tracker.alive[0]
    first.fields["labels"] = [one for one in first.fields["labels"] if one != "urgent"]
    words = pages.words("/rules/undo?look=1")
    assert "Labels Put back +data-quality -urgent" in words
    assert "Undo: put back 3 tickets" in words
    version = pages.json("/rules/undo")["version"]
    done = pages.press("/rules/undo", version=version)
    assert "Saved rules.toml." in done
    assert "What the edit changed in tickets is put back" in done
    assert (pages.world.folder / "rules.toml").read_text() == RULES
    # It touches more tickets than large_edit allows, so it waits like any other edit.
    pages.world.notice()  # type: ignore[attr-defined]
    assert all(labels(pages)[1:])
    assert "It undoes version 2: what that edit changed" in pages.words("/rules")
    pages.send("/rules/accept")
    walked(pages)
    assert labels(pages) == [False] * 3
    assert all("data-quality" in one.fields["labels"] for one in pages.world.tracker.alive)
    assert "before the edit of the rules" in pages.words("/tickets/DATA-1")
    assert "an undo of version 2" in pages.words("/rules/history")


def test_the_api_shows_and_does_the_same(pages: Pages) -> None:
    pages.json("/rules/undo", status=404)
    follow(pages)
    found = pages.json("/rules/undo")
    assert (found["version"], found["to"], found["counts"]["tickets"]) == (2, 1, 3)
    assert [one["ticket"] for one in found["tickets"]] == ["DATA-1", "DATA-2", "DATA-3"]
    part = found["tickets"][0]["parts"][0]
    assert (part["name"], part["verdict"]) == ("Labels", "back")
    # Somebody looked at another edit.
    assert "Look at the new plan" in pages.send("/rules/undo", {"version": 7}, status=409)["error"]
    assert pages.send("/rules/undo", {"version": 2})["words"].startswith("Saved rules.toml.")
    pages.json("/rules/undo", status=422)
    pages.send("/rules/accept")
    walked(pages)
    assert labels(pages) == [False] * 3


def test_what_stands_against_an_undo_is_told(pages: Pages) -> None:
    assert "There is no edit to undo" in pages.words("/rules/undo?look=1")
    follow(pages)
    pages.gate.account = Account("olga", Role.OPERATOR, "local")
    pages.get("/rules/undo", 403)
    pages.send("/rules/undo", {}, status=403)
    pages.gate.account = Account("edda", Role.EDITOR, "local")
    (pages.world.folder / "rules.toml").write_text(RULES)
    assert "not in force yet" in pages.words("/rules/undo?look=1")

"""The first page: is it well, and who must act?"""

from __future__ import annotations

import pytest

from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages


def test_the_first_page_says_that_all_is_well_or_what_needs_a_person(pages: Pages) -> None:
    pages.world.deliver(issue_event("issue_created", "i-1", at=1))
    pages.world.settle()
    said = pages.words("/")
    assert "1 on record" in said
    pages.world.deliver(b'{"no": "event"}')
    pages.world.step()
    assert "1 delivery could not be read" in pages.words("/")
    assert pages.json("/overview")["status"]["deliveries"]["dead"] == 1


def test_a_site_that_is_down_comes_before_older_troubles(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.world.deliver(b'{"no": "event"}')
    pages.world.step()
    health = pages.world.tracker.health
    monkeypatch.setattr(type(health), "down", lambda self: "401: the token is refused")
    needs = pages.json("/overview")["needs"]
    kinds = [one["kind"] for one in needs]
    assert kinds.index("Site down") < kinds.index("Dead letters")
    assert "main is down" in pages.words("/")


def test_before_the_first_ticket_the_steps_to_it_are_shown(pages: Pages) -> None:
    assert "To a first ticket" in pages.words("/")
    steps = pages.json("/overview")["steps"]
    assert [one["done"] for one in steps] == [True, False, False]
    pages.world.deliver(issue_event("issue_created", "i-1", at=1))
    pages.world.settle()
    assert pages.json("/overview")["steps"] == []


def test_days_without_a_delivery_are_told(pages: Pages) -> None:
    pages.world.deliver(issue_event("issue_created", "i-1", at=1))
    pages.world.settle()
    pages.world.clock.now += 3 * 86400
    assert "No delivery has come for 3 d" in pages.words("/")

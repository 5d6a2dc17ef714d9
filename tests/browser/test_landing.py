"""The daemon's own page, and what it leads to."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, Watched
from tests.browser.running import Everything

pytestmark = pytest.mark.browser

LEADS_TO = {"/health/ready": '"store"', "/health/live": "live", "/metrics": "# HELP"}


@pytest.mark.parametrize("watched", [DESK, PHONE], ids=["desk", "phone"], indirect=True)
def test_the_landing_page_says_what_this_is_and_where_deliveries_go(
    watched: Watched, everything: Everything
) -> None:
    page = watched.page
    page.goto(everything.daemon)
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"ticket-sync \d"))
    expect(page.locator("body")).to_contain_text("POST /webhooks/coalesce")
    # Its policy lets in the one style it has.
    expect(page.locator("dt").first).to_have_css("font-family", re.compile("monospace"))
    assert watched.fits()
    assert watched.elsewhere == []


def test_each_link_of_the_landing_page_shows_something(
    watched: Watched, everything: Everything
) -> None:
    page = watched.page
    page.goto(everything.daemon)
    links = page.get_by_role("link")
    assert set(links.all_inner_texts()) == set(LEADS_TO)
    for path, words in LEADS_TO.items():
        page.goto(everything.daemon)
        with page.expect_navigation() as gone:
            page.get_by_role("link", name=path).click()
        assert gone.value.status == 200
        expect(page.locator("body")).to_contain_text(words)
    assert watched.elsewhere == []

"""The demo opens on the daemon's pages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, Watched
from tests.browser.running import Everything

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("watched", [DESK, PHONE], ids=["desk", "phone"], indirect=True)
def test_the_demo_opens_on_the_first_page(watched: Watched, everything: Everything) -> None:
    page = watched.page
    page.goto(everything.daemon)
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("well|Working|need"))
    expect(page.get_by_role("main")).to_contain_text("one daemon runs")
    expect(page.get_by_role("img", name=re.compile("Deliveries of each"))).to_be_visible()
    assert watched.fits()
    assert watched.elsewhere == []

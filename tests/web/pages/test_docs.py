"""docs/pages.md names every page, and no page that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from sync.web.api import endpoints
from tests.web.pages.conftest import Pages

PAGE = Path(__file__).parents[3] / "docs" / "pages.md"
# What is no page of its own: files, health, metrics, the API, and the way in and out.
APART = {"assets", "health", "metrics", "api", "sign-in", "sign-out"}


def test_every_page_is_described(pages: Pages) -> None:
    there = {
        route.path.split("/")[1].partition(".")[0]
        for route in pages.client.app.routes
        if "GET" in getattr(route, "methods", ())
    }
    table = PAGE.read_text("utf-8").partition("## How the pages behave")[0]
    described = {path.split("/")[1] for path in re.findall(r"`(/[^`]*)`", table) if path}
    assert there - APART == described


def test_each_call_of_the_api_says_what_it_does_and_is_named_once(pages: Pages) -> None:
    there = endpoints(pages.desk)
    assert len({(one.method, one.path) for one in there}) == len(there)
    assert all(one.summary[:1].isupper() and len(one.summary) < 80 for one in there)

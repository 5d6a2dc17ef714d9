"""What all pages share."""

from __future__ import annotations

import pytest

from sync.operations.accounts import Account, Role
from sync.operations.acts import Act, perform
from sync.store.errors import StoreUnavailable
from sync.web.pages.rendering import outside, visible
from sync.web.pages.visit import after
from tests.web.pages.conftest import Pages


def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(pages: Pages) -> None:
    reply = pages.client.get("/")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for part in ("base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"):
        assert part in policy
    assert reply.headers["cache-control"] == "no-store"
    assert " style=" not in reply.text
    assert "<style" not in reply.text
    assert " onclick" not in reply.text


def test_assets_are_kept_by_browsers_under_an_address_of_their_content(pages: Pages) -> None:
    page = pages.get("/")
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    reply = pages.client.get(address)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/css")
    assert "immutable" in reply.headers["cache-control"]


@pytest.mark.parametrize("path", ["/assets/none.css", "/assets/..%2fapp.py", "/assets/%00"])
def test_only_files_of_the_package_are_assets(pages: Pages, path: str) -> None:
    assert pages.client.get(path).status_code == 404


def test_while_the_store_is_away_a_page_says_so(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise StoreUnavailable("the store cannot be used now: the disk is full")

    monkeypatch.setattr(pages.world.store, "read", away)
    reply = pages.client.get("/", headers={"accept": "text/html"})
    assert reply.status_code == 503
    assert "the disk is full" in reply.text
    assert "will be sent again" in reply.text
    assert pages.client.get("/api/v1/status").status_code == 503


def test_what_came_from_outside_shows_its_control_characters() -> None:
    text = visible("a\x00b\x1b[31m\u202ec\u2066d\ud800")
    assert text == "a␀b␛[31m⟨U+202E⟩c⟨U+2066⟩d⟨U+D800⟩"
    assert outside("<b>&") == '<bdi dir="auto">&lt;b&gt;&amp;</bdi>'


def test_an_unknown_address_is_a_page_with_a_way_on(pages: Pages) -> None:
    assert 'href="/"' in pages.get("/nowhere", 404)


def test_the_page_after_an_act_tells_what_was_done_and_by_whom_to_whoever_came_second(
    pages: Pages,
) -> None:
    store, act = pages.world.store, Act("retry", "DATA-1")
    now = pages.world.clock.time()
    first = perform(store, Account("one", Role.OPERATOR, "users"), act, lambda: "It is due.", now)
    second = perform(store, Account("two", Role.OPERATOR, "users"), act, lambda: "Never.", now + 3)
    pages.world.clock.now = now + 4
    assert "It is due." in pages.words(after("/", first).to)
    assert "Already done by one 4 s ago: It is due." in pages.words(after("/", second).to)


@pytest.mark.parametrize("did", ["0", "-1", "x", "9" * 40, "٣", ""])
def test_an_act_that_never_was_is_not_told_of(pages: Pages, did: str) -> None:
    assert 'id="done"' not in pages.get(f"/?did={did}")

"""What holds for every page: no fault that axe knows, nothing asked of elsewhere, no sideways scroll,
and text from outside is only ever text."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from sync.bootstrap.http import Background
from sync.operations.accounts import Role
from sync.web.app import create_admin
from sync.web.health import Insight
from sync.web.server import listen
from tests.browser.conftest import DESK, PHONE, Watched
from tests.walks.conftest import clock, jira, world  # noqa: F401
from tests.walks.world import issue_event
from tests.web.pages.conftest import Pages, pages  # noqa: F401

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>document.title='taken'</script><img src=x onerror=document.title='taken'>"
    "\u202egnol\u202c \x07\x00 {{ 7 * 7 }} \u2066\" ' <b>bold</b>"
)
PATHS = (
    "/",
    "/tickets",
    "/tickets/id/1",
    "/tickets/id/1/jira",
    "/adopt",
    "/parked",
    "/pauses",
    "/deliveries",
    "/deliveries?outcome=dead",
    "/rules",
    "/rules/rules.toml",
    "/rules/history",
    "/rules/undo?look=1",
    "/noise",
    "/sweeps",
    "/connections",
    "/connections/main",
    "/connections/coalesce",
    "/connections/coalesce/doctor",
    "/settings",
    "/log",
    "/nowhere",
)


@pytest.fixture
def address(pages: Pages) -> Iterator[str]:  # noqa: F811
    """Where pages are served on which everything from outside is hostile."""
    pages.become(Role.EDITOR, HOSTILE)
    event = issue_event("issue_created", "i-1", at=1, title=HOSTILE, description=HOSTILE)
    pages.world.deliver(event, HOSTILE.encode())
    pages.world.settle()
    server = Background(
        create_admin(Insight(desk=pages.desk)), listen("127.0.0.1", 0), name="pages", grace=1.0
    )
    server.start()
    (dead,) = pages.json("/deliveries?outcome=dead")["deliveries"]
    pages.press(f"/deliveries/{dead['id']}/replay")
    pages.world.step()
    yield server.url
    stopping = threading.Thread(target=server.stop, args=(5,))
    stopping.start()
    stopping.join(10)


@pytest.mark.parametrize("watched", [DESK, PHONE], ids=["desk", "phone"], indirect=True)
def test_every_page_is_sound_and_shows_text_as_text(address: str, watched: Watched) -> None:
    page, axe = watched.page, Axe()
    for path in PATHS:
        page.goto(f"{address}{path}")
        # What asks Jira or the sender comes after, in place of the box that says so.
        expect(page.locator("[hx-trigger=load]")).to_have_count(0)
        assert page.title() != "taken", path
        assert page.locator("main b, main img, main script").count() == 0, path
        assert page.locator("h1").count() == 1, path
        assert watched.fits(), path
        # The phone shows the same elements in the same colours.
        for scheme in ("dark", "light") if page.viewport_size == DESK else ():
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            serious = [
                (one["id"], [node["target"] for node in one["nodes"]][:3])
                for one in axe.run(page).response["violations"]
                if one["impact"] in ("serious", "critical")
            ]
            assert serious == [], (path, scheme)
    assert watched.elsewhere == []
    # A page that is not there is answered 404, which the console tells.
    watched.trouble = [one for one in watched.trouble if "404" not in one]


def test_reading_needs_no_script(address: str, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    page.goto(f"{address}/tickets")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Deliveries").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("could not be read")
    page.get_by_role("button", name="Read it again").click()
    expect(page.get_by_role("status")).to_contain_text("1 delivery will be read again")
    context.close()


def test_the_keyboard_leads_to_every_page(address: str, watched: Watched) -> None:
    page = watched.page
    page.goto(address)
    for key, path in (("t", "/tickets"), ("s", "/sweeps"), ("l", "/log"), ("o", "/")):
        with page.expect_navigation():
            # At once: the second key is taken for another when it comes too late.
            page.keyboard.type(f"g{key}")
        assert page.url == f"{address}{path}"
    page.keyboard.press("/")
    page.keyboard.type("gnol")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("1 ticket that fits")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.locator("main").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Story")).to_be_visible()


def test_zone_times_and_colours_are_kept(address: str, watched: Watched) -> None:
    page = watched.page
    page.goto(f"{address}/tickets")
    page.get_by_role("button", name="show mine").click()
    page.get_by_role("button", name="Colours: as the system").click()
    page.goto(f"{address}/log")
    assert page.locator("html").get_attribute("data-zone") == "mine"
    assert page.locator("html").get_attribute("data-theme") == "light"
    page.locator("main").focus()
    page.keyboard.press("t")
    expect(page.locator("main time").first).to_contain_text("2026-")

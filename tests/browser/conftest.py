"""A real Chromium, watched: nothing leaves this machine, and nothing goes wrong unseen."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)

from tests.browser.running import Everything, Site, demo, sandbox

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A form would make Chromium ask its maker what the fields are for.
    "--disable-features=AutofillServerCommunication",
    # Chromium asks its maker for updates all the same: it is to find nobody.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# Milliseconds. A condition that is met sooner costs no more; on a busy machine it may take a while.
_PATIENCE = 30_000

expect.set_options(timeout=_PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser is a real process, and takes its time: `make proof` runs these tests."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.proof)


@pytest.fixture(scope="package")
def chromium() -> str:
    """The path of the Chromium that is installed here."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip(
        "no chromium, chromium-browser or google-chrome is installed (Debian: apt install chromium)"
    )


@pytest.fixture(scope="package")
def engine() -> Iterator[Any]:
    """What drives browsers. Its event loop occupies the thread, so it ends with this package."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(chromium: str, engine: Any) -> Iterator[Browser]:
    opened = engine.chromium.launch(executable_path=chromium, args=QUIET, headless=True)
    yield opened
    opened.close()


@pytest.fixture(scope="package")
def _site(chromium: str) -> Iterator[Site]:
    with sandbox() as site:
        yield site


@pytest.fixture
def site(_site: Site) -> Site:
    """A simulated Jira in a process of its own, empty."""
    _site.reset()
    return _site


@pytest.fixture(scope="package")
def everything(chromium: str) -> Iterator[Everything]:
    """The demo in a process of its own."""
    with demo() as running:
        yield running


@dataclass
class Watched:
    """A browser window, and what was noticed of it.

    ``asked`` are the addresses asked for on this machine. What would leave it is in ``elsewhere`` and
    gets an empty page instead. ``trouble`` are errors on the console and uncaught ones, and dialogs.
    """

    page: Page
    asked: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        # Only what would leave is held up: a request that two handlers take can be lost between them.
        context.on("request", self._asked)
        context.route(_leaves, self._keep)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.trouble.append(str(error.error)))
        context.on("dialog", lambda dialog: (self.trouble.append(dialog.message), dialog.dismiss()))

    def fits(self) -> bool:
        """Whether nothing is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

    def _said(self, message: ConsoleMessage) -> None:
        # Chromium looks for an icon of its own accord where a page that is no HTML cannot name one.
        if message.type == "error" and not message.location["url"].endswith("/favicon.ico"):
            self.trouble.append(message.text)

    def unanswered(self, addresses: str) -> Callable[[], None]:
        """Answer requests for these addresses with 503, until what is returned is called.

        The handler stays: a request that is under way while its handler is taken away is never answered.
        """
        away = [True]
        self.page.route(
            addresses,
            lambda route: route.fulfill(status=503, body="away") if away else route.continue_(),
        )
        return away.clear

    def _asked(self, request: Request) -> None:
        if not _leaves(request.url):
            self.asked.append(request.url)

    def _keep(self, route: Route) -> None:
        self.elsewhere.append(route.request.url)
        route.fulfill(body="elsewhere", content_type="text/plain")


def _leaves(address: str) -> bool:
    """Whether a request would leave this machine. ``data:`` and ``blob:`` addresses have no host."""
    return (urlsplit(address).hostname or "127.0.0.1") != "127.0.0.1"


@pytest.fixture(params=[DESK], ids=["desk"])
def watched(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """A window at a desk's width, or at that of the parameter. No trouble may be left in the end."""
    context = browser.new_context(viewport=request.param)
    context.set_default_timeout(_PATIENCE)
    window = Watched(context.new_page())
    window.watch(context)
    yield window
    # A refresh of the board may be under way just now.
    context.unroute_all(behavior="ignoreErrors")
    context.close()
    assert window.trouble == []
    assert window.asked

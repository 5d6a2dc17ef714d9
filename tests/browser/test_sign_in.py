"""Login and logout in each way, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import text as sql

from sync.bootstrap.http import Background
from sync.ports import SystemClock
from sync.store.engine import Store
from sync.web.server import listen
from tests.browser.conftest import PHONE, Watched
from tests.web.gate.conftest import PASSWORD, an_act, application, password_hash  # noqa: F401
from tests.web.gate.provider import CLIENT, SECRET, Provider

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("an_act")]

Serve = Callable[[str], str]


@pytest.fixture
def serve(sqlite_store: Store, tmp_path: Path) -> Iterator[Serve]:
    """Serves the pages of a configuration, in which PAGES is their address; that address.

    Tests ask for it before the browser, which must be gone before the pages are.
    """
    with ExitStack() as open_:

        def served(text: str) -> str:
            bound = listen("127.0.0.1", 0)
            address = f"http://127.0.0.1:{bound.getsockname()[1]}"
            settings = text.replace("PAGES", address)
            _, app = application(settings, tmp_path, sqlite_store, SystemClock())
            server = Background(app, bound, name="pages", grace=1.0)
            server.start()
            open_.callback(server.stop, 5)
            return address

        yield served


@pytest.fixture
def users(password_hash: str) -> str:  # noqa: F811
    return (
        f'[web]\nlogin = "users"\nurl = "PAGES"\n[web.users.dana]\n'
        f'password_hash = "{password_hash}"\nrole = "operator"\n'
    )


def calm(watched: Watched, status: int) -> None:
    """Expect the browser to have noticed an answer with this status, and nothing else."""
    assert watched.trouble, status
    assert all(f"status of {status}" in one for one in watched.trouble), watched.trouble
    watched.trouble.clear()


def faults(watched: Watched) -> list[Any]:
    return [one["id"] for one in Axe().run(watched.page).response["violations"]]


@pytest.mark.parametrize("watched", [PHONE], ids=["phone"], indirect=True)
def test_a_user_signs_in_with_the_keyboard_alone_and_signs_out(
    serve: Serve, watched: Watched, users: str
) -> None:
    page, address = watched.page, serve(users)
    page.goto(f"{address}/log")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert watched.fits()
    assert faults(watched) == []
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("dana")
    page.keyboard.press("Tab")
    page.keyboard.type("a wrong password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    calm(watched, 401)
    expect(page.get_by_label("Name")).to_have_value("dana")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{address}/log")
    expect(page.get_by_role("main")).to_contain_text("signed in (users)")
    assert faults(watched) == []
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto(f"{address}/log")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert watched.elsewhere == []


_FORM = """() => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = "/try";
  const reason = document.createElement("textarea");
  reason.name = "reason";
  reason.value = "because\\nit is <stuck>";
  form.append(reason);
  document.body.append(form);
  form.submit();
}"""


def test_what_was_typed_when_a_login_ended_is_there_after_the_next(
    serve: Serve, watched: Watched, users: str, sqlite_store: Store
) -> None:
    page, address = watched.page, serve(users)
    page.goto(address)
    page.get_by_label("Name").fill("dana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("banner")).to_contain_text("dana")
    with sqlite_store.write_connection() as connection:
        connection.execute(sql("DELETE FROM web_sessions"))
    page.evaluate(_FORM)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your login is over")
    calm(watched, 401)
    page.get_by_label("Name").fill("dana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("main")).to_contain_text("it is <stuck>")
    assert faults(watched) == []
    page.get_by_role("button", name="Do it now").click()
    expect(page).to_have_url(f"{address}/log")
    expect(page.get_by_role("main")).to_contain_text("'because\\r\\nit is <stuck>'")


def test_somebody_signs_in_at_a_provider_and_out_here(serve: Serve, watched: Watched) -> None:
    clock = SystemClock()
    person = {"sub": "u-1", "preferred_username": "dana", "groups": ["platform"]}
    provider = Provider(clock.time(), person)
    server = provider.started()
    try:
        address = serve(
            f'[web]\nlogin = "oidc"\nurl = "PAGES"\n[web.oidc]\nissuer = "{provider.issuer}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\neditors = "platform"\n'
        )
        page = watched.page
        page.goto(f"{address}/log")
        page.get_by_role("link", name="Sign in with single sign-on").click()
        expect(page).to_have_url(f"{address}/log")
        expect(page.get_by_role("banner")).to_contain_text("dana")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("link", name="Sign in with single sign-on")).to_be_visible()
        assert watched.elsewhere == []
    finally:
        server.stop(5)


def test_a_proxy_and_this_machine_need_no_login_here(serve: Serve, watched: Watched) -> None:
    page = watched.page
    page.goto(serve(""))
    expect(page.get_by_role("banner")).to_contain_text("local")
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    behind = serve('[web]\nlogin = "proxy"\n[web.proxy]\ntrusted = "127.0.0.1"\nviewers = "*"\n')
    page.goto(behind)
    expect(page.get_by_role("main")).to_contain_text("The proxy does not say who this is")
    calm(watched, 403)
    page.set_extra_http_headers({"X-Forwarded-User": "vic"})
    page.goto(behind)
    expect(page.get_by_role("banner")).to_contain_text("vic")
    page.evaluate(_FORM)
    expect(page.get_by_role("heading", level=1)).to_have_text("This is not for you")
    calm(watched, 403)

"""The pages behind each gate, asked from wherever a test says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.testing import TestClient

from sync.bootstrap.pages import desk_of, hosts_of
from sync.operations.accounts import Role
from sync.operations.acts import Act, record
from sync.operations.deployment import Deployment
from sync.operations.passwords import hashed
from sync.ports import Clock
from sync.rules import Defaults, RuleSet
from sync.settings import Settings, load
from sync.store import log
from sync.store.admin_tables import LogRow
from sync.store.engine import Store
from sync.web import app as web_app
from sync.web.app import create_admin
from sync.web.health import Insight
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Redirect, Visit
from sync.worker.rulebook.files import RuleFiles

CONFIG = """
[coalesce]
allow_unsigned = true
[sites.main]
url = "https://jira.example.com"
token = "t"
email = "robot@example.com"
project = "DATA"
"""
NOW = 1_790_000_000.0
PASSWORD = "correct horse battery"
HTML = {"accept": "text/html"}


@dataclass
class HandClock:
    """A clock that tests set."""

    now: float = NOW

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Place:
    """An application, where requests come from, and headers as they are on the wire."""

    app: Any
    peer: str = "127.0.0.1"
    headers: list[tuple[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            more = [(name.lower().encode(), value.encode()) for name, value in self.headers]
            headers = [*scope["headers"], *more]
            scope = {**scope, "client": (self.peer, 40_000), "headers": headers}
        await self.app(scope, receive, send)


@dataclass
class Entrance:
    """The pages behind one gate."""

    store: Store
    clock: HandClock
    place: Place
    client: TestClient[Any]
    settings: Settings
    more: list[TestClient[Any]] = field(default_factory=list)

    def get(self, path: str, status: int = 200, **headers: str) -> Any:
        """An answer, without following where it leads."""
        sent = {**HTML, **{name.replace("_", "-"): value for name, value in headers.items()}}
        reply = self.client.get(path, headers=sent, follow_redirects=False)
        assert reply.status_code == status, (reply.status_code, reply.text)
        return reply

    def send(self, path: str, form: dict[str, str], status: int = 303, **headers: str) -> Any:
        """The answer to a form."""
        sent = {**HTML, **{name.replace("_", "-"): value for name, value in headers.items()}}
        reply = self.client.post(path, data=form, headers=sent, follow_redirects=False)
        assert reply.status_code == status, (reply.status_code, reply.text)
        return reply

    def sign_in(self, name: str, password: str = PASSWORD, status: int = 303, **more: str) -> Any:
        """Fill in the form of the login."""
        token = hidden(self.get("/sign-in").text, "_token")
        form = {"_token": token, "name": name, "password": password, **more}
        return self.send("/sign-in", form, status)

    def acts(self) -> list[LogRow]:
        """The log, oldest first."""
        with self.store.read() as session:
            return log.page(session)[::-1]


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return unescape(found[1])


def words(reply: Any) -> str:
    """The text of a page, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", reply.text)).split())


NewEntrance = Callable[..., Entrance]


@pytest.fixture(scope="session")
def password_hash() -> str:
    """What the configuration holds of PASSWORD."""
    return hashed(PASSWORD)


def application(text: str, folder: Path, store: Store, clock: Clock) -> tuple[Settings, Any]:
    """The settings of a configuration, and the pages behind the gate that they choose."""
    config = folder / "config.toml"
    config.write_text(CONFIG + text, "utf-8")
    settings = load(config)
    deployment = Deployment(
        settings=settings,
        store=store,
        sources={},
        trackers={},
        clock=clock,
        rules=lambda: RuleSet([]),
        files=RuleFiles(folder / "mappings", Defaults({"main": "DATA"}, "main")),
        wake=lambda: None,
    )
    desk = desk_of(deployment)
    return settings, create_admin(Insight(desk=desk, off=desk is None, hosts=hosts_of(settings)))


@pytest.fixture
def an_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """An act at ``/try`` for operators, which writes what was typed into the log."""
    routes = web_app.page_routes

    def with_an_act(desk: Desk) -> list[HTTPRouteHandler]:
        def do(visit: Visit) -> Redirect:
            typed = {name: values[-1] for name, values in visit.form.items() if name != "_token"}
            record(desk.deployment.store, visit.account, Act("try"), repr(typed), visit.now)
            return Redirect("/log")

        return [*routes(desk), desk.act("/try", do, role=Role.OPERATOR)]

    monkeypatch.setattr(web_app, "page_routes", with_an_act)


@pytest.fixture
def entrance(sqlite_store: Store, tmp_path: Path, an_act: None) -> Iterator[NewEntrance]:
    """Makes the pages of a configuration."""
    with ExitStack() as open_:

        def made(
            text: str, *, base: str = "http://127.0.0.1:8080", peer: str = "127.0.0.1"
        ) -> Entrance:
            clock = HandClock()
            settings, app = application(text, tmp_path, sqlite_store, clock)
            # The client looks into the application before it asks.
            client = open_.enter_context(TestClient(app, base_url=base))
            place = Place(app, peer)
            client.app = place  # type: ignore[assignment]
            return Entrance(sqlite_store, clock, place, client, settings)

        yield made

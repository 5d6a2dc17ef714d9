"""The pages over a store in which things really happened, asked as a browser asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, Request
from litestar.testing import TestClient

from sync.adapters.coalesce import CoalesceSource
from sync.operations.accounts import Account, Role
from sync.operations.deployment import Deployment
from sync.rules import Defaults
from sync.settings import load
from sync.web.app import create_admin
from sync.web.gate.entry import Entry, TurnedAway
from sync.web.health import Insight
from sync.web.pages.frame import Desk
from sync.web.pages.rules import asking, editor, room
from sync.worker.rulebook.files import RuleFiles
from sync.worker.rulebook.impact import Sites
from tests.walks.conftest import clock, jira, world  # noqa: F401
from tests.walks.world import World

CONFIG = """
[coalesce]
allow_unsigned = true
[sites.main]
url = "https://jira.example.com"
token = "t"
email = "robot@example.com"
project = "DATA"
"""
_TOKEN = "the-token-of-the-form"


@pytest.fixture(autouse=True)
def _a_page_waits_for_what_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a page would be shown before its numbers are there, which is another test's."""
    for module in (asking, editor, room):
        monkeypatch.setattr(module, "PATIENCE", 60.0)


@dataclass
class OpenGate:
    """Lets everybody in, as the account that a test chooses."""

    account: Account = field(default_factory=lambda: Account("an editor", Role.EDITOR, "local"))

    def enter(self, request: Request[Any, Any, Any]) -> Entry:
        return Entry(self.account, _TOKEN)

    def check_form(self, request: Request[Any, Any, Any], entry: Entry, token: str) -> None:
        if token != _TOKEN:
            raise TurnedAway("This form is not one of ours.")


@dataclass
class Pages:
    """The pages, and the world that they show."""

    world: World
    gate: OpenGate
    desk: Desk
    client: TestClient[Litestar]

    def get(self, path: str, status: int = 200) -> str:
        """The text of a page, as HTML."""
        reply = self.client.get(path, headers={"accept": "text/html"}, follow_redirects=True)
        assert reply.status_code == status, (reply.status_code, reply.text)
        return reply.text

    def words(self, path: str, status: int = 200) -> str:
        """What a page says: its text without elements, on one line."""
        text = re.sub(r"<[^>]+>", " ", self.get(path, status))
        return " ".join(unescape(text).split())

    def json(self, path: str, status: int = 200) -> Any:
        """A document of the API."""
        reply = self.client.get(f"/api/v1{path}")
        assert reply.status_code == status, (reply.status_code, reply.text)
        return reply.json()

    def send(self, path: str, body: dict[str, Any] | None = None, status: int = 200) -> Any:
        """An act by the API."""
        reply = self.client.post(
            f"/api/v1{path}", json=body or {}, headers={"x-csrf-token": _TOKEN}
        )
        assert reply.status_code == status, (reply.status_code, reply.text)
        return reply.json()

    def press(self, path: str, status: int = 200, **form: Any) -> str:
        """Send a form; the words of the page that it leads to."""
        reply = self.client.post(
            path,
            data={"_token": _TOKEN, **form},
            headers={"accept": "text/html"},
            follow_redirects=True,
        )
        assert reply.status_code == status, (reply.status_code, reply.text)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", reply.text)).split())

    def become(self, role: Role, name: str = "somebody") -> None:
        """Be another account from now on."""
        self.gate.account = Account(name, role, "local")


@pytest.fixture
def pages(world: World, tmp_path: Path) -> Iterator[Pages]:  # noqa: F811
    """The pages of ``world``, as an editor."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG, "utf-8")
    deployment = Deployment(
        settings=load(config),
        store=world.store,
        sources={"coalesce": CoalesceSource()},
        trackers={"main": world.tracker},
        clock=world.clock,
        rules=world.rules,
        files=RuleFiles(world.folder, Defaults({"main": "DATA"}, "main")),
        wake=lambda: None,
        sites=Sites({"main": world.tracker}),
    )
    gate = OpenGate()
    desk = Desk(deployment, gate)
    with TestClient(create_admin(Insight(desk=desk))) as client:
        yield Pages(world, gate, desk, client)
    deployment.runs.close()

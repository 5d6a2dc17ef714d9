"""The daemon with channels: people are told by real receivers, and its end waits for nobody."""

from __future__ import annotations

import ast
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sync.operations.needs
from sync.adapters.notify import Letter, Thing
from sync.adapters.notify.signed import content
from sync.bootstrap.notifications import channels_of
from sync.bootstrap.program import build
from sync.domain.notification import KINDS
from sync.operations.notifications.concerns import KIND_OF
from sync.settings import Secrets, load
from sync.settings.notify import APPRISE_SCHEMES
from sync.store import tickets
from sync.store.engine import Store
from sync.store.tables import TicketRow
from tests.adapters.notify.receivers import Hook, Mailbox, eventually, hook, mailbox

CONFIG = """
[store]
url = "sqlite:///{store}"
[coalesce]
allow_unsigned = true
[sites.main]
url = "http://127.0.0.1:9"
token = "t"
project = "DATA"
[notify.chat]
type = "slack"
url = "{hook}/hook"
kinds = ["parked"]
wait = "0s"
[notify.mail]
type = "email"
host = "127.0.0.1"
port = {port}
tls = "off"
sender = "ticket-sync@example.com"
to = ["a@example.com"]
kinds = "parked"
wait = "0s"
"""
BARE = """
[coalesce]
allow_unsigned = true
[sites.main]
url = "https://jira.example.com"
token = "t"
"""
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def receivers() -> Iterator[tuple[Hook, Mailbox]]:
    with hook() as chat, mailbox() as box:
        yield chat, box


def test_a_daemon_tells_each_channel_once_through_restarts_and_stops_at_once(
    sqlite_store: Store, tmp_path: Path, receivers: tuple[Hook, Mailbox]
) -> None:
    chat, box = receivers
    with sqlite_store.write() as session:
        for number in range(100):
            row = TicketRow(
                key=f"k{number}", rule="r", site="main", project="DATA", created_at=1.0,
                parked={"reason": "no such field", "rule": "r", "key": "fields.x"}, parked_at=2.0,
            )  # fmt: skip
            tickets.add(session, row)
    place = sqlite_store.place
    sqlite_store.close()
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(store=place, hook=chat.url, port=box.port))
    for life in range(2):
        program = build(load(config))
        try:
            program.start()
            eventually(lambda: chat.got and box.got)
            if life:
                # Two looks of the second life.
                time.sleep(0.3)
        finally:
            assert program.stop(10)
    assert len(chat.got) == 1
    assert len(box.got) == 1
    assert "100 tickets are set aside: no such field" in chat.got[0].data["text"]
    assert box.got[0]["Subject"].startswith("ticket-sync: 100 tickets are set aside")


def test_every_need_of_the_pages_is_a_kind_of_concern() -> None:
    """Others are told one by one, or cannot be told by a daemon."""
    tree = ast.parse(Path(sync.operations.needs.__file__).read_text("utf-8"))
    made = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Need"
        if isinstance(node.args[0], ast.Constant)
    }
    assert made - {"Parked", "Not told", "No deliveries", "No daemon"} == set(KIND_OF)
    assert set(KIND_OF.values()) < set(KINDS)


def test_the_tables_of_the_page_are_channels_and_its_message_has_the_form_of_a_real_one(
    tmp_path: Path,
) -> None:
    page = (DOCS / "notifications.md").read_text("utf-8")
    tables = re.findall(r"^```toml\n(.*?)^```", page, re.S | re.M)
    (tmp_path / "config.toml").write_text(BARE + "".join(tables), "utf-8")
    settings = load(tmp_path / "config.toml", secrets=Secrets.STOOD_IN)
    assert sorted(channels_of(settings)) == ["bus", "finance", "ops"]
    [shown] = re.findall(r"^```json\n(.*?)^```", page, re.S | re.M)
    thing = Thing("new", "parked", "w", "d", "r", "https://tickets.example.com", 1, 2.0)
    real = content(Letter("i", "t", "x", "https://tickets.example.com", 3.0, (thing,)))
    assert _form(json.loads(shown)) == _form(real)


def _form(value: Any) -> Any:
    """The names in a document, and the types of what they name."""
    if isinstance(value, dict):
        return {name: _form(part) for name, part in value.items()}
    return [_form(part) for part in value] if isinstance(value, list) else type(value)


def test_the_page_names_every_kind_and_every_service() -> None:
    page = (DOCS / "notifications.md").read_text("utf-8")
    for name in (*KINDS, *APPRISE_SCHEMES):
        assert f"`{name}`" in page, name

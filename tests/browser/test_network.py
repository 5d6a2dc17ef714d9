"""The browser's own record of the network: not a byte goes to another machine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import QUIET
from tests.browser.running import Everything

pytestmark = pytest.mark.browser


def test_nobody_but_this_machine_is_asked_or_connected_to(
    chromium: str, engine: Any, everything: Everything, tmp_path: Path
) -> None:
    record = tmp_path / "net.json"
    browser = engine.chromium.launch(
        executable_path=chromium, args=[*QUIET, f"--log-net-log={record}"], headless=True
    )
    page = browser.new_page()
    page.goto(everything.board)
    page.locator(".card").first.click()
    expect(page.get_by_role("region", name="Description")).to_be_visible()
    page.goto(everything.daemon)
    browser.close()
    asked, connected = _network(record)
    for address in (everything.board, everything.daemon):
        assert f"{address}/" in asked
        assert address.removeprefix("http://") in connected
    mine = re.compile(r"http://127\.0\.0\.1:\d+/.*")
    assert [url for url in asked if not mine.fullmatch(url)] == []
    assert [one for one in connected if not one.startswith("127.0.0.1:")] == []


def _network(record: Path) -> tuple[set[str], set[str]]:
    """What the pages asked for, and every address that anything at all was sent to."""
    log = json.loads(record.read_text("utf-8"))
    names = {number: name for name, number in log["constants"]["logEventTypes"].items()}
    asked, connected = set(), set()
    for event in log["events"]:
        name, details = names[event["type"]], event.get("params") or {}
        # What Chromium itself would like to ask its maker (in vain) is not the pages' doing.
        if name == "URL_REQUEST_START_JOB" and "127.0.0.1" in details.get(
            "network_isolation_key", ""
        ):
            asked.add(details["url"])
        elif name == "TCP_CONNECT_ATTEMPT" and "address" in details:
            connected.add(details["address"])
        elif name == "UDP_BYTES_SENT":
            connected.add(f"a datagram of {details['byte_count']} bytes")
    return asked, connected

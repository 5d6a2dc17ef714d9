"""Readiness says what a delivery would meet, and says otherwise once that has passed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sync.bootstrap.program import probes
from sync.store import inbox as inbox_module
from sync.store.engine import Store, StoreUnavailable
from sync.store.inbox import Accepted, Inbox
from sync.web.health import Probe
from tests.store.faults import FullDisk, ReadOnlyFile


@pytest.fixture
def inbox(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    monkeypatch.setattr(inbox_module, "TRY_AGAIN", 0.02)
    opened = Inbox(sqlite_store)
    yield opened
    opened.close()


@pytest.fixture
def asked(sqlite_store: Store, inbox: Inbox) -> dict[str, Probe]:
    book: Any = SimpleNamespace(detail=lambda: "")
    daemon: Any = SimpleNamespace(trouble=lambda: None)
    return probes(sqlite_store, inbox, {}, book, daemon)


def _ready_again(probe: Probe) -> bool:
    until = time.monotonic() + 60
    while not probe().ok and time.monotonic() < until:
        time.sleep(0.01)
    return probe().ok


def test_a_store_that_takes_no_writes_is_not_ready_although_it_can_be_read(
    sqlite_store: Store, asked: dict[str, Probe]
) -> None:
    assert asked["store"]().ok
    fault = ReadOnlyFile(sqlite_store)
    fault.on = True
    with pytest.raises(StoreUnavailable, match="read-only"):
        asked["store"]()
    fault.on = False
    assert asked["store"]().ok


def test_an_inbox_that_refuses_is_not_ready_until_what_it_refused_fits(
    sqlite_store: Store, inbox: Inbox, asked: dict[str, Probe]
) -> None:
    assert asked["inbox"]().ok
    fault = FullDisk(sqlite_store)
    fault.on = True
    with pytest.raises(StoreUnavailable):
        inbox.accept(Accepted("coalesce", "e", "", b"x" * 100_000, 1.0)).result(10)
    check = asked["inbox"]()
    assert (check.ok, check.vital) == (False, True)
    assert "disk is full" in check.words
    fault.on = False
    assert _ready_again(asked["inbox"])


def test_a_file_that_was_moved_is_not_ready_until_it_is_put_back(
    sqlite_store: Store, asked: dict[str, Probe]
) -> None:
    file = Path(sqlite_store.place)
    assert asked["store"]().ok
    file.rename(file.with_suffix(".bak"))
    with pytest.raises(StoreUnavailable, match="Put that file back"):
        asked["store"]()
    file.with_suffix(".bak").rename(file)
    assert asked["store"]().ok

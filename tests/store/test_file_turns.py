"""Processes on one SQLite file write by turns."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlmodel import col, select, update

from sync.store import leases, sqlite_file
from sync.store.engine import Store, open_store
from sync.store.tables import LeaseRow

# A process that writes all the time, and counts its writes in the store.
BUSY = """
import sys
from sqlmodel import col, update
from sync.store.engine import open_store
from sync.store.tables import LeaseRow

store = open_store(sys.argv[1])
count = update(LeaseRow).where(col(LeaseRow.name) == "busy").values(until=LeaseRow.until + 1)
while True:
    with store.write() as session:
        session.execute(count)
"""


def writes(store: Store) -> float:
    """How often the busy process has written."""
    with store.read() as session:
        return session.exec(select(LeaseRow.until).where(LeaseRow.name == "busy")).one()


@contextmanager
def busy(store: Store, url: str) -> Iterator[None]:
    with store.write() as session:
        session.add(LeaseRow(name="busy", owner="test", until=0.0))
    with subprocess.Popen([sys.executable, "-c", BUSY, url]) as process:
        try:
            end = time.monotonic() + 60
            while not writes(store):
                assert time.monotonic() < end
                time.sleep(0.02)
            yield
        finally:
            process.kill()


def write(store: Store) -> float:
    """How often the busy process had written when the turn came."""
    with store.write() as session:
        session.execute(update(LeaseRow).where(col(LeaseRow.name) == "mine").values(owner="me"))
        return session.exec(select(LeaseRow.until).where(LeaseRow.name == "busy")).one()


def test_a_process_beside_one_that_writes_all_the_time_soon_has_its_turn(
    sqlite_store: Store,
) -> None:
    between = []
    with busy(sqlite_store, str(sqlite_store.engine.url)):
        for _ in range(20):
            before = writes(sqlite_store)
            between.append(write(sqlite_store) - before)
    # A process that looks for the lock now and then meets hundreds of the other's writes.
    assert sorted(between)[10] <= 5


def test_a_folder_that_takes_no_file_and_a_turn_that_never_ends_keep_nobody_from_writing(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "LONGEST", 0.05)
    path = Path(sqlite_store.engine.url.database or "")
    turns = path.with_name(path.name + ".turns")
    holding = (
        "import fcntl, os, sys, time; f = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT); "
        "fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", holding, str(turns)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            leases.take(sqlite_store, "mine", "me", 1)
        finally:
            process.kill()
    turns.unlink(missing_ok=True)
    os.mkdir(turns)
    other = open_store(str(sqlite_store.engine.url))
    try:
        assert leases.take(other, "another", "me", 1)
    finally:
        other.close()

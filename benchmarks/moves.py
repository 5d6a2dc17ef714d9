"""How often the making of one ticket moves between files: what a reader of the code has to follow.

The daemon runs in this process, on SQLite, against a simulated Jira. One delivery warms everything up,
the next one is watched with ``sys.setprofile`` in the threads of triage and of the workers. A move is a
call from one file of ``sync/`` into another; what a library does in between is skipped, and the
sandbox, which stands for what is outside, does not count.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import sync
from sync.bootstrap.program import build
from sync.bootstrap.simulated import start_jira
from sync.settings import Settings, shipped
from sync.settings.reading import Reading, reading
from sync.store import counts
from sync.store.inbox import Accepted
from sync.worker.daemon import daemon

ROOT = Path(sync.__file__).parent
WATCHED = ("triage", "worker-")


class Moves:
    """Counts moves between files while ``on``. ``watch`` is for ``threading.setprofile``."""

    def __init__(self) -> None:
        self.on = False
        self.moves: Counter[tuple[str, str]] = Counter()
        self.files: set[str] = set()
        self._names: dict[str, str] = {}

    def watch(self, frame: FrameType, event: str, argument: object) -> None:
        """A profile function: called at each call and return of a watched thread."""
        if not threading.current_thread().name.startswith(WATCHED):
            sys.setprofile(None)
            return
        if not self.on or event != "call" or not (file := self._file(frame)):
            return
        self.files.add(file)
        back = frame.f_back
        while back is not None and not self._file(back):
            back = back.f_back
        if back is not None and (before := self._file(back)) != file:
            self.moves[before, file] += 1

    def _file(self, frame: FrameType) -> str:
        """The path below ``sync/`` of the file whose code runs in the frame, "" for any other."""
        name = frame.f_code.co_filename
        if name not in self._names:
            path = Path(name)
            inside = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] != "sandbox"
            self._names[name] = path.relative_to(ROOT).as_posix() if inside else ""
        return self._names[name]


def measure() -> Moves:
    """The moves of one created delivery, everything warmed up."""
    counted = Moves()
    # The looks of triage while nothing waits are no part of making a ticket.
    daemon.POLL_SECONDS = 60.0
    with tempfile.TemporaryDirectory(prefix="ticket-sync-moves-") as folder:
        jira = start_jira(datacenter=False, index_lag=0.0)
        threading.setprofile(counted.watch)
        program = build(_settings(Path(folder), jira))
        try:
            program.start()
            for number in range(2):
                counted.on = number == 1
                _deliver(program, number)
            counted.on = False
        finally:
            threading.setprofile(None)  # type: ignore[arg-type]
            program.stop(10.0)
            jira.stop()
    return counted


def _settings(folder: Path, jira: Any) -> Settings:
    with reading(Reading(folder)):
        return Settings.model_validate(
            {
                "coalesce": {"signing_secrets": ["a-secret"]},
                "sites": {"main": jira.settings()},
                "mappings": {"directory": str(shipped("mappings"))},
                "worker": {"threads": 1},
            }
        )


def _deliver(program: Any, number: int) -> None:
    """Accept one issue and wait until its ticket is made and nothing is due."""
    body = {
        "workspace": "acme",
        "event_id": f"moves-{number}",
        "event_time": f"2026-01-01T10:00:0{number}Z",
        "event_type": "EVENT_TYPE_ISSUE_CREATED",
        "issue_created": {
            "issue": {
                "issue_id": f"moves-{number}",
                "issue_url": f"https://app.example.com/issues/moves-{number}",
                "title": "orders is stale",
                "description": "No new rows since **06:00**.",
            }
        },
    }
    raw = json.dumps(body).encode()
    accepted = Accepted("coalesce", body["event_id"], "EVENT_TYPE_ISSUE_CREATED", raw, time.time())
    program.inbox.accept(accepted).result(10)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = counts.overall(program.store, now=time.time())
        if found.linked > number and not found.due:
            time.sleep(0.3)
            return
        time.sleep(0.05)
    raise AssertionError("the ticket was not made within 30 seconds")


def main(arguments: list[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks moves", description=__doc__)
    parser.add_argument("--pairs", type=int, default=25, help="how many pairs of files to print")
    options = parser.parse_args(arguments)
    counted = measure()
    print(f"{sum(counted.moves.values())} moves between {len(counted.files)} files")
    for (before, after), count in counted.moves.most_common(options.pairs):
        print(f"{count:5}  {before} -> {after}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

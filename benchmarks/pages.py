"""How long each page takes over a large store, and what browsing costs the deliveries.

The store has 100,000 tickets, a million journal entries and 200,000 deliveries (``--by`` divides that).
Each page is asked for over a real socket, one at a time. Then deliveries are accepted for some seconds,
alone and while somebody browses without a pause. Everything is one process on this machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import structlog

from benchmarks.filling import Filled, Size, ref_of
from proof.stores import STORES, Stores, folder_for
from sync.adapters.coalesce import CoalesceSource
from sync.bootstrap.http import Background
from sync.bootstrap.pages import desk_of
from sync.operations.deployment import Deployment
from sync.ports import SystemClock
from sync.rules import Defaults
from sync.sandbox.coalesce.samples import sample_body
from sync.settings import load
from sync.store.engine import Store, open_store
from sync.store.inbox import Accepted, Inbox
from sync.web.app import create_admin
from sync.web.health import Insight
from sync.web.server import listen
from sync.worker.rulebook.files import RuleFiles

SIZE = Size(tickets=100_000, open=10_000, journal=1_000_000, deliveries=200_000)
PAGES = (
    "/",
    "/tickets",
    "/tickets?q=table 777",
    "/tickets?q=warehouse&standing=settled",
    "/tickets?rule=issues&after=50000",
    "/tickets?standing=parked",
    "/tickets/DATA-500",
    f"/tickets/{ref_of(700)}",
    "/parked",
    "/deliveries",
    "/deliveries?type=issue_updated&after=100000",
    f"/deliveries?subject={ref_of(500)}",
    "/rules",
    "/rules/default.toml",
    "/rules/default.toml?panel=preview",
    f"/rules/default.toml?panel=preview&ticket={ref_of(500)}",
    "/rules/history",
    "/sweeps",
    "/connections",
    "/settings",
    "/log",
)
CONFIG = """
[coalesce]
allow_unsigned = true
[sites.main]
url = "https://jira.example.com"
token = "t"
email = "robot@example.com"
project = "DATA"
"""
_AT_ONCE = 16


@contextmanager
def served(store: Store, filled: Filled) -> Iterator[str]:
    """The address of pages over a store."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.toml")
        config.write_text(CONFIG, "utf-8")
        rules = Path(folder, "mappings")
        rules.mkdir()
        for name, text in filled.texts.items():
            (rules / name).write_text(text, "utf-8")
        deployment = Deployment(
            settings=load(config),
            store=store,
            sources={"coalesce": CoalesceSource()},
            trackers={},
            clock=SystemClock(),
            rules=filled.rules,
            files=RuleFiles(rules, Defaults({"main": "DATA"}, "main")),
            wake=lambda: None,
        )
        insight = Insight(desk=desk_of(deployment))
        server = Background(create_admin(insight), listen("127.0.0.1", 0), name="pages", grace=1.0)
        server.start()
        try:
            yield server.url
        finally:
            server.stop(5)


def times(client: httpx2.Client, path: str, count: int) -> list[float]:
    """How long (ms) a page takes, one time after the other. The first time is left out."""
    found = []
    for number in range(count + 1):
        began = time.perf_counter()
        reply = client.get(path, follow_redirects=True)
        passed = (time.perf_counter() - began) * 1000
        if reply.status_code != 200:
            raise RuntimeError(f"{path} was answered {reply.status_code}")
        if number:
            found.append(passed)
    return found


def accepted(store: Store, seconds: float) -> float:
    """How many deliveries a second are accepted, by so many senders that wait for their answers."""
    inbox, end, counts = Inbox(store), time.monotonic() + seconds, [0] * _AT_ONCE

    def send(sender: int) -> None:
        while time.monotonic() < end:
            name = f"{sender}-{counts[sender]}-{end}"
            body = sample_body("issue_created", subject=name)
            one = Accepted("coalesce", name, "issue_created", body, time.time())
            inbox.accept(one).result(30)
            counts[sender] += 1

    senders = [threading.Thread(target=send, args=(n,)) for n in range(_AT_ONCE)]
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    inbox.close(10)
    return sum(counts) / seconds


def browsing(client: httpx2.Client, stop: threading.Event) -> None:
    """Ask for one page after the other."""
    while not stop.is_set():
        for path in PAGES:
            if not stop.is_set():
                client.get(path, follow_redirects=True)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks pages", description=__doc__)
    parser.add_argument("--by", type=int, default=1, help="divide the size by this")
    parser.add_argument("--store", choices=STORES, default="sqlite")
    parser.add_argument("--times", type=int, default=30, help="ask so often for each page")
    parser.add_argument("--seconds", type=float, default=5.0, help="accept deliveries for so long")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    size, folder = SIZE / options.by, folder_for("pages")
    try:
        with Stores.shared().fresh(options.store, folder) as url, closing(open_store(url)) as store:
            found = _measured(store, size, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


def _measured(store: Store, size: Size, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    filled = Filled(store, size, time.time())
    filled.fill()
    found: dict[str, dict[str, float]] = {}
    print(f"{options.store}: {size}")
    print(f"{'page':60} {'p50 ms':>9} {'p99 ms':>9}")
    with served(store, filled) as url, httpx2.Client(base_url=url, timeout=60) as client:
        for path in PAGES:
            took = sorted(times(client, path, options.times))
            middle, late = statistics.median(took), took[int(len(took) * 0.99)]
            found[path] = {"p50": middle, "p99": late}
            print(f"{path:60} {middle:9.1f} {late:9.1f}", flush=True)
        alone = accepted(store, options.seconds)
        stop = threading.Event()
        somebody = threading.Thread(target=browsing, args=(client, stop))
        somebody.start()
        beside = accepted(store, options.seconds)
        stop.set()
        somebody.join()
    print(f"accepted a second: {alone:,.0f} alone, {beside:,.0f} while somebody browses")
    found["accepted a second"] = {"alone": alone, "beside": beside}
    return found


if __name__ == "__main__":
    sys.exit(main())

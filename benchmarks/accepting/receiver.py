"""The receiver as its own process, with the store behind it in one of several ways, or the smallest
route of its framework in its place.

``python -m benchmarks.accepting.receiver WAY URL`` prints its address once it takes requests.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar, Request, post

from benchmarks.accepting.deliveries import PATH, BenchSource
from sync.store.engine import Store, open_store
from sync.store.inbox import Accepted, Inbox, Receipt, delivery_id
from sync.store.tables import DeliveryRow
from sync.telemetry import configure_logs
from sync.web.app import create_app
from sync.web.server import WebServer, listen

WAYS = {
    "route": "the smallest Litestar route",
    "nothing": "no store at all",
    "group": "group commit (as shipped)",
    "each": "a commit for each request",
}


@post(PATH, status_code=202)
async def smallest(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Read the body and answer: what the framework can do at best."""
    return {"id": str(len(await request.body()))}


class Nothing:
    """Accepts without storing: what the server alone can do."""

    def accept_soon(self, accepted: Accepted, settle: Callable[[Receipt], object]) -> None:
        """Answer at once."""
        settle(Receipt(delivery_id(accepted.source, accepted.event_id, accepted.body), True))


class Each:
    """A session and a commit for each request, in a pool of threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(16)

    def accept_soon(self, accepted: Accepted, settle: Callable[[Receipt], object]) -> None:
        """Store it alone."""
        stored = asyncio.get_running_loop().run_in_executor(self._threads, self._put, accepted)
        stored.add_done_callback(lambda future: settle(future.result()))

    def _put(self, accepted: Accepted) -> Receipt:
        id_ = delivery_id(accepted.source, accepted.event_id, accepted.body)
        with self._store.write() as session:
            session.add(
                DeliveryRow(
                    id=id_,
                    source=accepted.source,
                    event_id=accepted.event_id,
                    event_type=accepted.event_type,
                    received_at=accepted.received_at,
                    body=accepted.body,
                )
            )
        return Receipt(id_, True)


@contextmanager
def receiver(way: str, url: str) -> Iterator[tuple[tuple[str, int], int]]:
    """Run one; its address and process id."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.accepting.receiver", way, url],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        host, port = process.stdout.readline().split()
        yield (host, int(port)), process.pid
    finally:
        process.terminate()
        try:
            process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def main(way: str, url: str) -> None:
    """Serve until told to stop. The log is written as in production, one line a delivery."""
    if way == "route":
        _serve_smallest()
        return
    configure_logs(form="json")
    store = open_store(url)
    inbox = Inbox(store) if way == "group" else Each(store) if way == "each" else Nothing()
    app = create_app(sources={BenchSource.name: BenchSource()}, inbox=inbox)
    server = WebServer(app, listen("127.0.0.1", 0))
    server.run(lambda: print(*server.address, flush=True))
    if isinstance(inbox, Inbox):
        inbox.close()
    store.close()


def _serve_smallest() -> None:
    listening = listen("127.0.0.1", 0)
    print(*listening.getsockname(), flush=True)
    app = Litestar([smallest], openapi_config=None, logging_config=None)
    config = uvicorn.Config(app, ws="none", log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

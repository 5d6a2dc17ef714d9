"""A receiver as a process of its own, to be killed: ``python -m tests.web.process URL``.

Prints its address once it takes requests, and ``stopped`` once all of it has ended.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync.store.engine import open_store
from sync.store.inbox import Inbox
from sync.telemetry import configure_logs
from sync.web.app import create_app
from sync.web.server import WebServer, listen
from tests.web.sender import HmacSource

ROOT = Path(__file__).parents[2]


@contextmanager
def receiver_process(url: str) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    """Start one; the process and its address. It is killed in the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.web.process", url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        host, port = process.stdout.readline().split()
        yield process, (host, int(port))
    finally:
        process.kill()
        process.communicate()


def main(url: str) -> None:
    """Serve until told to stop."""
    configure_logs(form="json")
    store = open_store(url)
    inbox = Inbox(store)
    app = create_app(sources={HmacSource.name: HmacSource()}, inbox=inbox)
    server = WebServer(app, listen("127.0.0.1", 0))
    number = server.run(lambda: print(*server.address, flush=True))
    inbox.close()
    store.close()
    print("stopped by", number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

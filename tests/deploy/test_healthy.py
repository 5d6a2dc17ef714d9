"""The image's health check, against servers that are well, not ready, and not there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.ports import nobody_listens

HEALTHY = Path(__file__).parents[2] / "deploy" / "image" / "healthy"


@contextmanager
def answering(status: int) -> Iterator[int]:
    """The port of a server whose /health/ready answers so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/ready" else 404)
            self.end_headers()
            self.wfile.write(b"the store: it cannot be used")

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def checked(**ports: int) -> subprocess.CompletedProcess[str]:
    environment = {f"TICKET_SYNC_SERVER__{name}": str(port) for name, port in ports.items()}
    return subprocess.run(
        [sys.executable, "-IS", str(HEALTHY)],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_it_is_well_while_the_daemon_says_that_it_is_ready(status: int, code: int) -> None:
    with answering(status) as port:
        done = checked(PORT=port)
    assert done.returncode == code
    assert done.stdout == "the store: it cannot be used"


def test_it_asks_at_the_port_for_monitors_where_there_is_one() -> None:
    with answering(200) as port:
        assert checked(PORT=1, ADMIN_PORT=port).returncode == 0


def test_it_is_not_well_where_nothing_answers() -> None:
    with nobody_listens() as port:
        done = checked(PORT=port)
    assert done.returncode == 1
    assert f"nothing answers at port {port}" in done.stderr

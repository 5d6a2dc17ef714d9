"""A real pgbouncer before the PostgreSQL of the tests, in transaction mode: each transaction may get
another session of the database."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.ports import free_port
from tests.postgres import Postgres

_CONFIG = """\
[databases]
* = host={host} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
max_client_conn = 200
server_round_robin = 1
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
{user}
"""


class Pgbouncer:
    """A running pgbouncer. ``server_round_robin`` makes two transactions in a row meet two sessions."""

    def __init__(self, postgres: Postgres, folder: Path) -> None:
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if program is None:
            if os.environ.get("CI"):
                raise RuntimeError("pgbouncer is not installed: apt-get install pgbouncer")
            pytest.skip("pgbouncer is not installed")
        host = make_url(postgres.url("postgres")).query["host"]
        self.port = free_port()
        # As root, the database's own user may read its socket, and pgbouncer refuses to be root.
        user = f"user = {Path(str(host)).owner()}" if os.getuid() == 0 else ""
        config = folder / "pgbouncer.ini"
        config.write_text(_CONFIG.format(host=host, port=self.port, folder=folder, user=user))
        folder.chmod(0o777)
        self._process = subprocess.Popen(
            [program, "-q", str(config)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((folder / "pgbouncer.log").read_text())
            time.sleep(0.02)

    def url(self, url: str) -> str:
        """The address of a database of the server (``Postgres.url``), by way of pgbouncer."""
        name = make_url(url).database
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def freeze(self) -> None:
        """Answer nothing any more, and keep every connection."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after ``freeze``."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def pgbouncer_before(postgres: Postgres) -> Iterator[Pgbouncer]:
    """A pgbouncer for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="ticket-sync-pgb-") as folder:
        running = Pgbouncer(postgres, Path(folder))
        try:
            yield running
        finally:
            running.close()

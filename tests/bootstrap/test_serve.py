"""The daemon as a process: it ends within seconds when asked, whatever its store does, and has a SQLite
file for itself."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from proof.processes import Daemon
from sync.cli.main import app
from sync.store.engine import Store
from tests.pgbouncer import Pgbouncer, pgbouncer_before
from tests.postgres import Postgres

pytestmark = pytest.mark.proof

SITE = {
    "url": "http://127.0.0.1:9",
    "token": "t",
    "email": "bot@example.com",
    "project": "DATA",
    "deployment": "cloud",
}
ON_POSTGRES = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
Start = Callable[..., Daemon]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts daemons that are killed in the end."""
    started: list[Daemon] = []

    def make(url: str, **how: float) -> Daemon:
        daemon = Daemon(tmp_path, url, SITE, name=f"daemon{len(started)}", **how)  # type: ignore[arg-type]
        started.append(daemon)
        return daemon

    yield make
    for daemon in started:
        daemon.kill()


@pytest.fixture
def status(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What ``ticket-sync status`` says with the configuration of a daemon. The verb runs in this one,
    because the start of another process costs more than the rest of a test."""
    for name in os.environ:
        if name.startswith("TICKET_SYNC_"):
            monkeypatch.delenv(name)

    def said(daemon: Daemon, *options: str) -> str:
        done = CliRunner().invoke(app, ["status", *options, "--config", str(daemon.config)])
        assert done.exit_code == 0, done.output
        return done.stdout

    return said


@pytest.fixture(scope="module")
def pooler(postgres: Postgres) -> Iterator[Pgbouncer]:
    with pgbouncer_before(postgres) as running:
        yield running


@pytest.mark.postgres
@ON_POSTGRES
def test_behind_pgbouncer_it_serves_and_ends_when_asked(
    start: Start, pooler: Pgbouncer, store_url: str
) -> None:
    daemon = start(pooler.url(store_url))
    daemon.start()
    assert daemon.terminate(15) == 0


@pytest.mark.postgres
@ON_POSTGRES
def test_it_ends_when_asked_although_its_database_never_answers(
    start: Start, pooler: Pgbouncer, store_url: str
) -> None:
    daemon = start(pooler.url(store_url), stop_timeout=2.0)
    daemon.start()
    pooler.freeze()
    try:
        assert daemon.terminate(20) == 0
    finally:
        pooler.thaw()


@pytest.mark.postgres
@ON_POSTGRES
def test_it_ends_when_asked_although_its_tables_are_locked(
    start: Start, store: Store, store_url: str
) -> None:
    daemon = start(store_url, stop_timeout=2.0)
    daemon.start()
    with store.write_connection() as other:
        other.execute(text("LOCK TABLE leases, tickets, deliveries IN ACCESS EXCLUSIVE MODE"))
        assert daemon.terminate(20) == 0


@ON_SQLITE
def test_a_second_daemon_on_a_sqlite_file_can_be_stopped_while_it_waits_and_is_refused_at_last(
    start: Start, store_url: str
) -> None:
    first, patient, hasty = start(store_url), start(store_url), start(store_url, stop_timeout=0.1)
    first.start()
    patient.spawn()
    hasty.spawn()
    patient.wait_for(lambda line: line if "waiting for another daemon" in line else None)
    assert patient.terminate(30) == 2
    line = hasty.wait_for(lambda line: line if "another daemon" in line else None, 60)
    assert f"process {first.pid} on" in line
    hasty.wait_for(lambda line: line if line.startswith("Another daemon") else None, 60)
    assert hasty.wait(30) == 2
    assert first.alive


@ON_SQLITE
@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_a_daemon_that_starts_while_another_ends_waits_for_its_end(
    start: Start, store_url: str, how: str
) -> None:
    first, second = start(store_url), start(store_url)
    first.start()
    second.spawn()
    second.wait_for(lambda line: line if "waiting for another daemon" in line else None)
    getattr(first, how)()
    second.await_serving()
    assert second.terminate(30) == 0


def test_status_knows_whether_a_daemon_runs(
    start: Start, store_url: str, status: Callable[..., str]
) -> None:
    daemon = start(store_url)
    assert json.loads(status(daemon, "--json"))["daemons"] == []
    daemon.start()
    (found,) = json.loads(status(daemon, "--json"))["daemons"]
    assert found["name"].startswith(f"process {daemon.pid} on ")
    assert (found["seen_seconds_ago"] is None) is store_url.startswith("sqlite")
    assert ("last seen" in status(daemon)) is store_url.startswith("postgresql")
    assert daemon.terminate(30) == 0
    assert "none runs" in status(daemon)


@ON_SQLITE
def test_status_knows_of_a_kill_at_once_on_sqlite(
    start: Start, store_url: str, status: Callable[..., str]
) -> None:
    daemon = start(store_url)
    daemon.start()
    pid = daemon.pid
    daemon.kill()
    (gone,) = json.loads(status(daemon, "--json"))["daemons"]
    assert (gone["pid"], gone["alive"]) == (pid, False)


@ON_SQLITE
def test_people_and_monitors_may_have_an_address_of_their_own(start: Start, store_url: str) -> None:
    daemon = start(store_url)
    text = daemon.config.read_text().replace("[server]", "[server]\nadmin_port = 0")
    daemon.config.write_text(text)
    daemon.start()
    serving = next(json.loads(line) for line in daemon.lines() if '"serving"' in line)
    found = {
        f"{door} {path}": _status(serving[door] + path)
        for door in ("address", "admin")
        for path in ("/", "/metrics", "/health/ready", "/health/live")
    }
    assert found == {
        "address /": 404,
        "address /metrics": 404,
        "address /health/ready": 404,
        "address /health/live": 200,
        "admin /": 200,
        "admin /metrics": 200,
        "admin /health/ready": 200,
        "admin /health/live": 200,
    }
    assert daemon.terminate(15) == 0


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code

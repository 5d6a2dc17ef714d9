"""How long a daemon takes from its start to the first delivery and the first ticket, and its memory.

The limit is the import of the libraries that the daemon stands on, by a process of its own in the same
run. The store is there already, and has the newest tables. A delivery is sent all along.
"""

from __future__ import annotations

import argparse
import http.client
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.accepting.load import cpu_of
from benchmarks.rows import Row
from proof.processes import SECRET, Daemon
from proof.scene import Scene, jira_site
from proof.sending import PATH
from proof.stores import STORES, Stores, folder_for
from sync.adapters.coalesce.webhook.signature import signed_headers
from sync.web.server import listen

_LIBRARIES = "import litestar, sqlmodel, uvicorn, pydantic_settings, structlog, jira, jinja2, typer"
_GIVE_UP = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from the start of the process, CPU seconds, and MiB once a delivery was taken."""

    delivery: float
    ticket: float
    cpu: float
    memory: float


def start(kind: str) -> Start:
    """Start one daemon on a store of a kind."""
    folder = folder_for("start")
    with jira_site(folder) as jira, Stores.shared().fresh(kind, folder) as url:
        scene = Scene(folder, url, jira)
        try:
            return _measured(scene.prepared(), scene)
        finally:
            scene.close()
            shutil.rmtree(folder, ignore_errors=True)


def _measured(daemon: Daemon, scene: Scene) -> Start:
    with listen("127.0.0.1", 0) as free:
        port: int = free.getsockname()[1]
    text = daemon.config.read_text().replace("port = 0", f"port = {port}", 1)
    daemon.config.write_text(text)
    body = scene.traffic.subject(("",), kind="issue").bodies[0]
    began = time.monotonic()
    daemon.spawn()
    _until(lambda: _taken(port, body), began)
    delivery, cpu, memory = time.monotonic() - began, cpu_of(daemon.pid), daemon.resident()
    _until(lambda: bool(scene.jira.tickets()), began)
    return Start(delivery, time.monotonic() - began, cpu, memory)


def _until(condition: Callable[[], bool], began: float) -> None:
    while not condition():
        if time.monotonic() - began > _GIVE_UP:
            raise SystemExit(f"Nothing within {_GIVE_UP:g} seconds; something is wrong.")
        time.sleep(0.005)


def _taken(port: int, body: bytes) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_GIVE_UP)
    try:
        connection.request("POST", PATH, body, signed_headers(SECRET, body))
        return connection.getresponse().status == 202
    except OSError:
        return False
    finally:
        connection.close()


def libraries() -> tuple[float, float]:
    """Seconds and CPU seconds of importing the libraries."""
    told = f"{_LIBRARIES}; import time; print(time.process_time())"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True)
    return time.monotonic() - began, float(done.stdout)


def measure(rounds: int, kinds: tuple[str, ...] = STORES) -> Iterator[Row]:
    """The rows: of each value the best of so many rounds."""
    bare = [libraries() for _ in range(rounds)]
    limit = min(seconds for seconds, _ in bare)
    yield Row("start: libraries alone", limit, "s", None, 1000 * min(cpu for _, cpu in bare))
    for kind in kinds:
        found = [start(kind) for _ in range(rounds)]
        delivery, cpu = min(one.delivery for one in found), min(one.cpu for one in found)
        yield Row(f"start: until a delivery is taken, {kind}", delivery, "s", limit, 1000 * cpu)
        ticket = min(one.ticket for one in found)
        yield Row(f"start: until a ticket is made, {kind}", ticket, "s", limit)
        yield Row(f"start: memory, {kind}", min(one.memory for one in found), "MiB")


def rows() -> Iterator[Row]:
    """The rows of the summary. A start on PostgreSQL hardly differs."""
    yield from measure(2, ("sqlite",))
    Stores.shared().close()


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", choices=[*STORES, "both"], default="both")
    given = parser.parse_args(arguments)
    for row in measure(given.rounds, STORES if given.store == "both" else (given.store,)):
        print(row, flush=True)
    Stores.shared().close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

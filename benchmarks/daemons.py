"""Several daemons on one PostgreSQL: tickets a second, near the database and away from it.

Jira, the database and the daemons are processes of this machine, on 127.0.0.1. A front before the
database delays everything that is sent there, as the way to another machine does. The limit of several
daemons is the rate of one daemon times their number; on a machine with fewer processors than daemons the
processors are the limit before.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from benchmarks.rows import Row
from proof.processes import Daemon, Running
from proof.scene import Scene, jira_site
from proof.stores import Stores, folder_for

# Tickets for each daemon before it is measured.
WARMING = 10


@dataclass(frozen=True, slots=True)
class Rate:
    """Tickets a second, and CPU seconds of all daemons for each."""

    tickets: float
    cpu: float


@contextmanager
def _away(url: str, folder: Path, seconds: float) -> Iterator[str]:
    """The address of a database to which everything that is sent takes so long."""
    parsed = make_url(url)
    if not seconds:
        yield url
        return
    socket = f"{parsed.query['host']}/.s.PGSQL.{parsed.port or 5432}"
    front = Running(["proof.front", "0", socket, str(seconds)], folder, "front")
    front.spawn()
    try:
        port = front.wait_for(lambda line: line.split()[1] if line.startswith("port ") else None)
        near = parsed.set(host="127.0.0.1", port=int(port), query={})
        yield near.render_as_string(hide_password=False)
    finally:
        front.kill()


def cpu(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(count: int, delay: float, tickets: int) -> Rate:
    """The rate of so many daemons that make so many tickets. ``delay`` is in seconds."""
    folder = folder_for("daemons")
    with (
        jira_site(folder, limits=False) as jira,
        Stores.shared().fresh("postgresql", folder) as near,
        _away(near, folder, delay) as url,
    ):
        scene = Scene(folder, near, jira)
        try:
            daemons: list[Daemon] = []
            for number in range(count):
                daemons.append(Daemon(folder, url, jira.site, name=f"daemon{number}"))
                daemons[-1].start()
            scene.daemons += daemons
            # Each daemon walks some first: what its first walks cost is not what the others cost.
            warming = [scene.one("", kind="issue").bodies[0] for _ in range(WARMING * count)]
            scene.send(warming)
            scene.settle()
            bodies = [scene.one("", kind="issue").bodies[0] for _ in range(tickets)]
            before, began = sum(cpu(one.pid) for one in daemons), time.monotonic()
            scene.send(bodies)
            took = scene.settle() - began
            spent = sum(cpu(one.pid) for one in daemons) - before
            assert len(jira.tickets()) == tickets + len(warming)
            return Rate(tickets / took, spent / tickets)
        finally:
            scene.close()
            shutil.rmtree(folder, ignore_errors=True)


def measured(counts: Sequence[int], delays: Sequence[float], tickets: int) -> Iterator[Row]:
    """A row for each number of daemons (the first is the measure of the others) and delay (seconds)."""
    for delay in delays:
        alone = 0.0
        for count in counts:
            found = measure(count, delay, tickets)
            alone = alone or found.tickets / count
            yield Row(
                f"daemons: {count} on PostgreSQL, {delay * 1000:g} ms away",
                found.tickets,
                "tickets a second",
                limit=alone * count,
                cpu=found.cpu * 1000,
                more_is_better=True,
            )


def rows() -> Iterator[Row]:
    """One daemon and two, near the database and 5 ms away from it."""
    yield from measured((1, 2), (0.0, 0.005), 100)
    Stores.shared().close()


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks daemons", description=__doc__)
    parser.add_argument("--daemons", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--delays", type=float, nargs="+", default=[0.0, 1.0, 5.0], help="ms")
    parser.add_argument("--tickets", type=int, default=300)
    options = parser.parse_args(arguments)
    for row in measured(options.daemons, [one / 1000 for one in options.delays], options.tickets):
        print(row, flush=True)
    Stores.shared().close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Memory of the daemon under bounded load for as long as you like, and by how much it grows a minute.

The daemon, the simulated Jira and the simulated source are three processes. The source makes changes at
a steady rate; issues and incidents begin, change and end. The growth is the slope of a line through the
samples (least squares), for each half of the time apart: the first half has the caches that fill.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.growing.traced import BEGINS
from proof.jira import Jira
from proof.processes import SECRET, Daemon, Ended, Running
from proof.stores import Stores, folder_for
from sync.sandbox.coalesce.rest import CLIENT_ID, CLIENT_SECRET
from sync.store.engine import open_store

# The settings of production, but for sweeps and reloads, which come more often: what grows with each
# of them shows sooner.
_CONFIG = """\
[server]
port = {port}
[store]
url = {store}
[coalesce]
signing_secrets = ["{secret}"]
[coalesce.api]
url = "{api}"
client_id = "{id}"
client_secret = "{client_secret}"
[sites.main]
{site}
index_lag = "3s"
[sweeps]
upstream = {{ every = "60s" }}
deliveries = {{ every = "60s" }}
jira = {{ every = "120s" }}
own = {{ every = "20s" }}
"""
_ROWS = 20
# A change makes more than one delivery: bursts are several, and some deliveries come twice.
_DELIVERIES_A_CHANGE = 1.1


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory (KiB) of a process at a time (seconds since the load began)."""

    at: float
    resident: int
    anonymous: int


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """The growth a minute of (seconds, amount): the least-squares line through them."""
    count = len(samples)
    if count < 2:
        return float("nan")
    middle = sum(at for at, _ in samples) / count
    mean = sum(amount for _, amount in samples) / count
    over = sum((at - middle) * (amount - mean) for at, amount in samples)
    return 60 * over / sum((at - middle) ** 2 for at, _ in samples)


def _growth(samples: Sequence[Sample]) -> float:
    return slope([(one.at, one.resident) for one in samples])


def memory_of(pid: int, at: float = 0.0) -> Sample:
    """What a process holds now, as the kernel counts it."""
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        found[name] = int(rest.split()[0])
    return Sample(at, found["Rss"], found["Anonymous"])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 where the daemon grew by more than allowed in the second half."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks growth", description=__doc__)
    parser.add_argument("--seconds", type=float, default=900.0, help="of load")
    parser.add_argument("--rate", type=float, default=5.0, help="deliveries a second, about")
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between samples")
    parser.add_argument(
        "--allowed",
        type=float,
        help="KiB a minute that the second half may grow; else 1 is returned",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="say which code holds more than at the row before (this itself costs memory and time)",
    )
    options = parser.parse_args(arguments)
    folder = folder_for("growth")
    with Stores.shared().fresh(options.store, folder) as url:
        running: list[Running] = []
        try:
            daemon, jira, source = _start(folder, url, options, running)
            grown = _watch(daemon, jira, source, url, options)
        finally:
            for process in running:
                process.kill()
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if options.allowed is None or grown <= options.allowed else 1


def _start(
    folder: Path, url: str, options: argparse.Namespace, running: list[Running]
) -> tuple[Daemon, Jira, Running]:
    port = _free_port()
    jira = Jira(folder, lag=1.0, limits=False)
    running.append(jira)
    jira.start()
    receiver = f"http://127.0.0.1:{port}/webhooks/coalesce"
    changes = options.rate / _DELIVERIES_A_CHANGE
    source = Running(["benchmarks.growing.source", receiver, str(changes)], folder, "source")
    running.append(source)
    source.spawn()
    api = source.wait_for(lambda line: line.split()[1] if line.startswith("api ") else None, 300)
    daemon = Daemon(folder, url, jira.site, module="benchmarks.growing.traced")
    daemon.config.write_text(
        _CONFIG.format(
            port=port,
            store=json.dumps(url),
            secret=SECRET,
            api=api,
            id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            site="\n".join(f"{key} = {json.dumps(value)}" for key, value in jira.site.items()),
        )
    )
    running.append(daemon)
    if options.profile:
        os.environ["PYTHONTRACEMALLOC"] = "1"
    daemon.spawn()
    os.environ.pop("PYTHONTRACEMALLOC", None)
    # The profile makes the start on a busy machine long.
    daemon.wait_for(lambda line: line if '"serving"' in line else None, 300)
    return daemon, jira, source


def _watch(
    daemon: Daemon, jira: Running, source: Running, url: str, options: argparse.Namespace
) -> float:
    """Sample, and print rows as time goes; the growth in the second half (KiB a minute)."""
    samples: list[Sample] = []
    print(
        f"{options.store}, about {options.rate:g} deliveries a second for {options.seconds:g} s. "
        "Memory in MiB (of the daemon also what malloc has given out, and what it keeps although it is "
        "free), growth in KiB a minute over the newer half of the samples so far:\n"
        f"{'minute':>7} {'deliveries':>10} {'tickets':>8} {'daemon':>8} {'in use':>7} {'free':>7} "
        f"{'growth':>9} {'Jira':>7} {'source':>7}",
        flush=True,
    )
    began = time.monotonic()
    told = 0.0
    while (at := time.monotonic() - began) < options.seconds:
        samples.append(memory_of(daemon.pid, at))
        if at >= told:
            told += options.seconds / _ROWS
            _row(samples, daemon, (jira, source), url)
        time.sleep(options.every)
    last = _row(samples, daemon, (jira, source), url)
    if options.profile:
        _profile(last)
    grown = 0.0
    for name, part in (
        ("first", samples[: len(samples) // 2]),
        ("second", samples[len(samples) // 2 :]),
    ):
        grown = _growth(part)
        anonymous = slope([(one.at, one.anonymous) for one in part])
        print(
            f"The {name} half: {grown:+.1f} KiB a minute resident, {anonymous:+.1f} anonymous "
            f"({len(part)} samples)."
        )
    return grown


def _row(
    samples: Sequence[Sample], daemon: Running, others: Sequence[Running], url: str
) -> dict[str, Any]:
    """Print a row; what the daemon tells of its memory."""
    sample, told = samples[-1], _asked(daemon)
    store = open_store(url)
    with store.read_connection() as connection:
        deliveries, tickets = (
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in ("deliveries", "tickets")
        )
    store.close()
    print(
        f"{sample.at / 60:7.1f} {deliveries:10,} {tickets:8,} {sample.resident / 1024:8.1f} "
        f"{told['used'] / 1024:7.1f} {told['free'] / 1024:7.1f} "
        f"{_growth(samples[len(samples) // 2 :]):+9.1f} "
        + " ".join(f"{memory_of(one.pid).resident / 1024:7.1f}" for one in others),
        flush=True,
    )
    return told


def _asked(daemon: Running) -> dict[str, Any]:
    """What the daemon tells of its memory now."""
    with daemon.said.open("rb") as said:
        said.seek(0, os.SEEK_END)
        os.kill(daemon.pid, signal.SIGUSR1)
        told, end = b"", time.monotonic() + 120
        while time.monotonic() < end and daemon.alive:
            told += said.read()
            # Other threads write to the log meanwhile, also in the middle of a line.
            line, ended, _ = told.partition(BEGINS.encode())[2].partition(b"\n")
            if ended:
                try:
                    answer: dict[str, Any] = json.JSONDecoder().raw_decode(line.decode())[0]
                    return answer
                except ValueError:
                    told = b""
                    os.kill(daemon.pid, signal.SIGUSR1)
            time.sleep(0.05)
    raise Ended("the daemon does not tell of its memory")


def _profile(told: dict[str, Any]) -> None:
    """What grew between the last two rows."""
    for place, kib, count in told["grown"]:
        print(f"{kib:+9.1f} KiB {count:+8,} blocks  {place}")
    for name, count in told["objects"]:
        print(f"{count:+9,} objects of {name}")


if __name__ == "__main__":
    raise SystemExit(main())

"""How far Jira's rate limits are used and not overrun: calls taken and refused, by 1 or more daemons.

Daemons and simulated Jira are processes of this machine, on 127.0.0.1. With ``--walks``, whole daemons
make new tickets. Otherwise each daemon only calls (see ``calling``): at 200 calls a second, whole walks
would need more CPU than a small machine has. Either way there is more to do than the limit allows.

What is counted begins ten seconds after the first call or after the limit has become another one. A
rate that the machine cannot reach says nothing about the pace. So each row is followed by the share of
the CPU that was idle, the CPU of the simulated Jira (1 is a core), and the share of the time in which
callers waited for their pace: where that is much below 1, the daemons did not offer the calls.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.daemons import cpu
from benchmarks.rows import Row
from proof.jira import Jira
from proof.processes import Running
from proof.scene import Scene, jira_site
from proof.stores import Stores, folder_for

# Constant limits, and limits before and after a jump, in calls a second.
LIMITS = ("10", "50", "200", "10-100", "100-10", "20-200", "200-20")
DAEMONS = (1, 2, 4)
THREADS = 8
SETTLING_SECONDS = 10.0
# For so long the limit before a jump is kept.
BEFORE_SECONDS = 25.0
SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Found:
    """Calls a second that Jira took, what share of the calls it refused, the share of the time in which
    callers waited for their pace, the idle share of the CPU, and Jira's CPU seconds a second."""

    taken: float
    refused: float
    waited: float = 1.0
    idle: float = 0.0
    jira: float = 0.0


def measure(limit: float, daemons: int, *, seconds: float = SECONDS, silent: bool = False) -> Found:
    """Make tickets under a limit of so many calls a second. ``silent``: Jira does not tell the limit."""
    folder = folder_for("pacer")
    kind = "sqlite" if daemons == 1 else "postgresql"
    with jira_site(folder) as jira, Stores.shared().fresh(kind, folder) as url:
        scene = Scene(folder, url, jira)
        try:
            for _ in range(daemons):
                scene.daemon()
            _limit(jira, "POST", limit, silent=silent)
            count = int(limit * (SETTLING_SECONDS + seconds + 10)) + 20
            made = [scene.one("", kind="issue") for _ in range(count)]
            sending = scene.sending([body for one in made for body in one.bodies])
            while not _counted(jira, "POST", "issue")[0]:
                time.sleep(0.1)
            time.sleep(SETTLING_SECONDS)
            found = _found(jira, "POST", "issue", seconds)
            sending.wait()
        finally:
            scene.close()
            shutil.rmtree(folder, ignore_errors=True)
    return found


def called(limits: Sequence[float], daemons: int, *, seconds: float, silent: bool) -> Found:
    """Call under each limit in turn, and count under the last."""
    folder = folder_for("pacer")
    kind = "sqlite" if daemons == 1 else "postgresql"
    with jira_site(folder) as jira, Stores.shared().fresh(kind, folder) as url:
        _limit(jira, "GET", limits[0], silent=silent)
        with _callers(folder, url, jira, daemons) as callers:
            for limit in limits[1:]:
                time.sleep(BEFORE_SECONDS)
                _limit(jira, "GET", limit, silent=silent)
            time.sleep(SETTLING_SECONDS)
            said = [len(one.lines()) for one in callers]
            found = _found(jira, "GET", "project/{project}", seconds)
            waited = [
                float(line.split()[1])
                for one, before in zip(callers, said, strict=True)
                for line in one.lines()[before:]
                if line.startswith("waited")
            ]
    shutil.rmtree(folder, ignore_errors=True)
    return Found(
        found.taken, found.refused, sum(waited) / max(1, len(waited)), found.idle, found.jira
    )


@contextmanager
def _callers(folder: Path, url: str, jira: Jira, count: int) -> Iterator[list[Running]]:
    command = ["benchmarks.calling", url, json.dumps(jira.site), str(THREADS)]
    callers = [Running(command, folder, f"calling{number}") for number in range(count)]
    try:
        for one in callers:
            one.spawn()
        for one in callers:
            one.wait_for(lambda line: line if line.startswith("waited") else None)
        yield callers
    finally:
        for one in callers:
            one.kill()


def _limit(jira: Jira, method: str, limit: float, *, silent: bool) -> None:
    jira.ask("PUT", "limits", {"bursts": {method: limit}, "silent": silent})


def _found(jira: Jira, method: str, path: str, seconds: float) -> Found:
    """What happens within so many seconds from now."""
    began, idle, spent = time.monotonic(), _idle(), cpu(jira.pid)
    taken, refused = _counted(jira, method, path)
    time.sleep(seconds)
    passed = time.monotonic() - began
    idle, spent = (_idle() - idle) / passed / (os.cpu_count() or 1), cpu(jira.pid) - spent
    now_taken, now_refused = _counted(jira, method, path)
    taken, refused = now_taken - taken, now_refused - refused
    return Found(taken / passed, refused / max(1, taken + refused), idle=idle, jira=spent / passed)


def _counted(jira: Jira, method: str, path: str) -> tuple[int, int]:
    """How many calls Jira took and refused."""
    taken = refused = 0
    for call in jira.calls():
        if (call["method"], call["path"]) == (method, path):
            taken += call["count"] * (200 <= call["status"] < 300)
            refused += call["count"] * (call["status"] == 429)
    return taken, refused


def _idle() -> float:
    """CPU seconds in which this machine had nothing to do."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(fields[4]) / os.sysconf("SC_CLK_TCK")


def _rows(name: str, limit: float, found: Found) -> Iterator[Row]:
    yield Row(f"{name}, taken", found.taken, "calls a second", limit, more_is_better=True)
    yield Row(f"{name}, refused", found.refused * 100, "% of calls")


def rows() -> Iterator[Row]:
    """Ten calls a second, told to one daemon and to two that walk; 50 that nobody tells to two."""
    for daemons in (1, 2):
        found = measure(10, daemons, seconds=8.0)
        yield from _rows(f"pacer: {daemons} x 10 a second", 10, found)
    found = called([50], 2, seconds=SECONDS, silent=True)
    yield from _rows("pacer: 2 x 50 a second, silent", 50, found)
    Stores.shared().close()


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks pacer", description=__doc__)
    parser.add_argument(
        "--limit", nargs="*", default=LIMITS, help="calls a second, or BEFORE-AFTER"
    )
    parser.add_argument("--daemons", type=int, nargs="*", default=DAEMONS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--silent", action="store_true", help="Jira does not tell its limit")
    parser.add_argument("--walks", action="store_true", help="daemons make tickets; no jumps")
    options = parser.parse_args(arguments)
    how = {"seconds": options.seconds, "silent": options.silent}
    for text in options.limit:
        limits = [float(one) for one in text.split("-")]
        for daemons in options.daemons:
            walks = options.walks
            found = measure(limits[-1], daemons, **how) if walks else called(limits, daemons, **how)
            for row in _rows(f"pacer: {daemons} x {text} a second", limits[-1], found):
                print(row, flush=True)
            print(
                f"    CPU {found.idle:.0%} idle, Jira {found.jira:.2f} of a core, "
                f"callers waited {found.waited:.0%} of the time",
                flush=True,
            )
    Stores.shared().close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

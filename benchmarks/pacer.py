"""How far Jira's rate limits are used and not overrun: calls taken and refused, by 1 or more daemons.

Daemons and simulated Jira as processes of this machine, on 127.0.0.1. Each daemon has more new tickets
to make than the limit allows. What is counted begins ten seconds after the first call.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.rows import Row
from proof.scene import Scene, jira_site
from proof.stores import Stores, folder_for

LIMITS = (10, 50)
DAEMONS = (1, 2)
SETTLING_SECONDS = 10.0
SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Found:
    """Calls that make a ticket: how many a second Jira took, and what share of the calls it refused."""

    taken: float
    refused: float


def measure(limit: float, daemons: int, *, seconds: float = SECONDS, silent: bool = False) -> Found:
    """Make tickets under a limit of so many calls a second. ``silent``: Jira does not tell the limit."""
    folder = folder_for("pacer")
    kind = "sqlite" if daemons == 1 else "postgresql"
    with jira_site(folder) as jira, Stores.shared().fresh(kind, folder) as url:
        scene = Scene(folder, url, jira)
        try:
            for _ in range(daemons):
                scene.daemon()
            told = {"bursts": {"POST": limit}, "silent": silent}
            jira.ask("PUT", "limits", told)
            count = int(limit * (SETTLING_SECONDS + seconds + 10)) + 20
            made = [scene.one("", kind="issue") for _ in range(count)]
            sending = scene.sending([body for one in made for body in one.bodies])
            while not _made(scene)[201]:
                time.sleep(0.1)
            time.sleep(SETTLING_SECONDS)
            began, before = time.monotonic(), _made(scene)
            time.sleep(seconds)
            passed, after = time.monotonic() - began, _made(scene)
            sending.wait()
        finally:
            scene.close()
            shutil.rmtree(folder, ignore_errors=True)
    taken, refused = (after[status] - before[status] for status in (201, 429))
    return Found(taken / passed, refused / max(1, taken + refused))


def _made(scene: Scene) -> dict[int, int]:
    """How many calls that make a ticket had each status."""
    found = {201: 0, 429: 0}
    for call in scene.jira.calls():
        if (call["method"], call["path"]) == ("POST", "issue") and call["status"] in found:
            found[call["status"]] += call["count"]
    return found


def _rows(name: str, limit: float, found: Found) -> Iterator[Row]:
    yield Row(f"{name}, taken", found.taken, "calls a second", limit, more_is_better=True)
    yield Row(f"{name}, refused", found.refused * 100, "% of calls")


def rows() -> Iterator[Row]:
    """A limit of ten calls a second, for one daemon and for two."""
    for daemons in DAEMONS:
        found = measure(10, daemons, seconds=8.0)
        yield from _rows(f"pacer: {daemons} x 10 a second", 10, found)
    Stores.shared().close()


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks pacer", description=__doc__)
    parser.add_argument("--limit", type=float, nargs="*", default=LIMITS, help="calls a second")
    parser.add_argument("--daemons", type=int, nargs="*", default=DAEMONS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--silent", action="store_true", help="Jira does not tell its limit")
    options = parser.parse_args(arguments)
    for limit in options.limit:
        for daemons in options.daemons:
            found = measure(limit, daemons, seconds=options.seconds, silent=options.silent)
            for row in _rows(f"pacer: {daemons} x {limit:g} a second", limit, found):
                print(row, flush=True)
    Stores.shared().close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

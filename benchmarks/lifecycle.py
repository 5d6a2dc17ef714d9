"""Calls to Jira in a ticket's life, and how long a delivery waits for its ticket.

Daemon and simulated Jira as processes of this machine, on 127.0.0.1. Each step of a life is delivered
and settled before the next; the calls are those that Jira counted.
"""

from __future__ import annotations

import argparse
import shutil
import time
from datetime import datetime

from proof.outcome import settle
from proof.scene import Scene, jira_site
from proof.stores import STORES, Stores, folder_for

STEPS = (
    ("created", "", False),
    ("updated (text)", "", True),
    ("the same again", None, True),
    ("investigating", "investigating", True),
    ("closed", "closed", True),
)


def measure(kind: str, *, subjects: int, gap: float) -> None:
    """Print calls a step, and the wait for the create call at a steady pace."""
    folder = folder_for("lifecycle")
    with jira_site(folder) as jira, Stores.shared().fresh(kind, folder) as url:
        scene = Scene(folder, url, jira)
        try:
            scene.daemon()
            warm = scene.one("", kind="issue")
            scene.deliver(warm)
            scene.settle()
            one = scene.traffic.subject(("",), kind="issue")
            total = 0
            for name, status, more in STEPS:
                before = jira.count()
                if status is not None and more:
                    scene.traffic.tell(one, status, again=True, retitle=False)
                scene.send([one.bodies[-1]])
                settle(scene.store, 30)
                calls = jira.count() - before
                total += calls
                print(f"{kind:11} {name:18} {calls:3} calls", flush=True)
            print(f"{kind:11} {'a whole life':18} {total:3} calls")
            _waits(scene, kind, subjects, gap)
        finally:
            scene.close()
            shutil.rmtree(folder, ignore_errors=True)


def _waits(scene: Scene, kind: str, subjects: int, gap: float) -> None:
    sent = {}
    for _ in range(subjects):
        one = scene.traffic.subject(("",), kind="issue")
        sent[one.label] = time.time()
        scene.send([one.bodies[0]], senders=1)
        time.sleep(gap)
    scene.settle()
    waits = sorted(
        datetime.fromisoformat(ticket["created"]).timestamp() - sent[label]
        for ticket in scene.jira.tickets()
        for label in ticket["labels"]
        if label in sent
    )
    assert len(waits) == subjects
    p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    print(
        f"{kind:11} from delivery to the create call, {1 / gap:.0f} a second: p50 {p50 * 1000:.0f} ms, "
        f"p99 {p99 * 1000:.0f} ms, {subjects} tickets",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks lifecycle", description=__doc__)
    parser.add_argument("--subjects", type=int, default=300)
    parser.add_argument("--gap", type=float, default=0.05, help="seconds between deliveries")
    parser.add_argument("--store", choices=[*STORES, "both"], default="both")
    options = parser.parse_args(arguments)
    for kind in STORES if options.store == "both" else (options.store,):
        measure(kind, subjects=options.subjects, gap=options.gap)
    Stores.shared().close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

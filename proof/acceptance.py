"""The acceptance run: 10,000 deliveries for 2,000 issues, shuffled, a fifth of them duplicates.

In the end there are exactly 2,000 tickets, each in its final state, and Jira is left alone. With
``--kills 10`` the daemon is killed with -9 at random moments meanwhile, and started again.
"""

from __future__ import annotations

import argparse
import shutil
import time
from dataclasses import dataclass

from proof.outcome import Outcome
from proof.processes import Ended
from proof.scene import Killer, Scene, jira_site
from proof.stores import STORES, Stores, folder_for
from proof.traffic import Subject

HEADER = (
    f"{'store':10} {'kills':>5} {'accepted':>8} {'wanted':>6} {'made':>6} {'lost':>5} {'doubled':>7} "
    f"{'calls':>7} {'429s':>6} {'sent in':>8} {'settled in':>10}  quiet"
)


@dataclass(slots=True)
class Acceptance:
    """What a run came to. Times are in seconds from the first delivery."""

    store: str
    outcome: Outcome
    kills: int = 0
    accepted: int = 0
    calls: int = 0
    refused: int = 0
    sent: float = 0.0
    settled: float = 0.0
    # The calls that went on at the end, in words.
    restless: str = ""

    @property
    def good(self) -> bool:
        return self.outcome.good and not self.restless and self.outcome.made == self.outcome.wanted

    def __str__(self) -> str:
        found = self.outcome
        line = (
            f"{self.store:10} {self.kills:5} {self.accepted:8} {found.wanted:6} {found.made:6} "
            f"{len(found.lost):5} {len(found.doubled):7} {self.calls:7} {self.refused:6} "
            f"{self.sent:7.1f}s {self.settled:9.1f}s  {'NO' if self.restless else 'yes'}"
        )
        words = [*found.lost, *found.doubled, *([self.restless] if self.restless else [])]
        return "\n".join([line, *(f"    {one}" for one in words[:10])])


def accept(  # noqa: PLR0913  (each is a condition of the trial)
    kind: str,
    *,
    issues: int,
    deliveries: int,
    kills: int = 0,
    seed: int = 1,
    limits: bool = True,
    every: float = 4.0,
    within: float = 1200.0,
) -> Acceptance:
    """One run. With kills, each part of the deliveries is sent around a kill, which comes at most
    ``every`` seconds after the daemon was up again."""
    folder = folder_for("acceptance")
    with jira_site(folder, limits=limits) as jira, Stores.shared().fresh(kind, folder) as url:
        scene = Scene(folder, url, jira, seed=seed)
        try:
            unique = max(1, round(deliveries / 1.25 / issues))
            subjects = scene.made(issues, events=0)
            _level(scene, subjects, unique * issues)
            bodies = [body for one in subjects for body in one.bodies]
            again = max(0, deliveries - len(bodies)) / len(bodies)
            bodies = scene.traffic.shuffled(bodies, duplicates=again)
            daemon = scene.daemon()
            begun = time.monotonic()
            parts = kills + 1
            step = -(-len(bodies) // parts)
            for part in range(parts):
                sending = scene.sending(bodies[part * step : (part + 1) * step], senders=16)
                if part < kills:
                    Killer(scene, 1, within=every).wait()
                scene.accepted += sending.wait()
            sent = time.monotonic() - begun
            settled = scene.settle(within) - begun
            if not daemon.alive:
                raise Ended("the daemon ended by itself")
            restless = scene.at_rest(3.0)
            return Acceptance(
                kind,
                scene.outcome(),
                scene.restarts,
                scene.accepted,
                scene.calls(),
                jira.count(429),
                sent,
                settled,
                restless,
            )
        finally:
            scene.close()
            shutil.rmtree(folder, ignore_errors=True)


def _level(scene: Scene, subjects: list[Subject], wanted: int) -> None:
    """Let more happen to some subjects, until there are so many deliveries."""
    count = sum(len(one.bodies) for one in subjects)
    while count < wanted:
        one = scene.random.choice(subjects)
        scene.traffic.tell(one, one.status, again=True)
        count += 1


def main(arguments: list[str] | None = None) -> int:
    """Print what came of it; 1 where it is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m proof acceptance", description=__doc__)
    parser.add_argument("--issues", type=int, default=2000)
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--store", choices=[*STORES, "both"], default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-limits", action="store_true", help="Jira without rate limits")
    options = parser.parse_args(arguments)
    print(HEADER, flush=True)
    good = True
    for kind in STORES if options.store == "both" else (options.store,):
        found = accept(
            kind,
            issues=options.issues,
            deliveries=options.deliveries,
            kills=options.kills,
            seed=options.seed,
            limits=not options.no_limits,
        )
        print(found, flush=True)
        good = good and found.good
    Stores.shared().close()
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())

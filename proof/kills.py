"""kill -9 of the whole daemon at random points of a run, by default 200: no loss, no double.

Deliveries for a few new subjects are under way around each kill, so that it strikes while something is
accepted, triaged, created, moved and commented.
"""

from __future__ import annotations

import argparse
import shutil
import time

from proof.outcome import Outcome
from proof.scene import Killer, Scene, jira_site
from proof.stores import STORES, Stores, folder_for


def run(kind: str, *, kills: int, subjects: int = 6, seed: int = 1, lag: float = 0.5) -> Outcome:
    """Kill so many times; what came of all subjects."""
    folder = folder_for("kills")
    with jira_site(folder) as jira, Stores.shared().fresh(kind, folder) as url:
        jira.reset(lag)
        scene = Scene(folder, url, jira, seed=seed)
        begun = time.monotonic()
        try:
            scene.daemon(index_lag=2.0)
            for number in range(kills):
                made = scene.made(subjects)
                sending = scene.sending(scene.traffic.interleaved(made))
                Killer(scene, 1, within=0.7).wait()
                scene.accepted += sending.wait()
                if number % 25 == 24:
                    seconds = time.monotonic() - begun
                    print(f"  {number + 1} kills, {seconds:.0f} s, {scene.standing()}", flush=True)
            scene.settle(300)
            restless = scene.at_rest(3.0)
            found = scene.outcome()
            found.lost += [restless] if restless else []
            print(
                f"{kind}: {scene.restarts} kills, {scene.accepted} accepted, {found.wanted} wanted, "
                f"{found.made} made, {len(found.lost)} lost, {len(found.doubled)} doubled, "
                f"{scene.calls()} calls, {time.monotonic() - begun:.0f} s",
                flush=True,
            )
            for words in [*found.lost, *found.doubled][:10]:
                print(f"    {words}")
            return found
        finally:
            scene.close()
            shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str] | None = None) -> int:
    """Print what came of it; 1 where anything is lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m proof kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--store", choices=[*STORES, "both"], default="both")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    stores = STORES if options.store == "both" else (options.store,)
    good = [run(kind, kills=options.kills, seed=options.seed).good for kind in stores]
    Stores.shared().close()
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())

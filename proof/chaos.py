"""Chaos: three daemons with clocks minutes apart on one PostgreSQL, and everything dies at random.

Meanwhile deliveries come in any order and some twice, each to any of the daemons. Daemons are killed
with -9 or stopped by SIGTERM, and started again; Jira loses replies and fails; the database is stopped
at once and recovers from its log. In the end each issue has exactly one right ticket, and Jira is left
alone. The seed decides what is sent and when each thing ends, not how fast the machine is meanwhile.
"""

from __future__ import annotations

import argparse
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from proof.outcome import Outcome
from proof.processes import Daemon, Ended
from proof.scene import SETTLE_SECONDS, Scene, jira_site
from proof.stores import folder_for

# Seconds by which the clock of each daemon's machine is ahead of the database's.
AHEAD = (-170.0, 0.0, 160.0)
LAG = 0.5
# New subjects in a wave of deliveries. A wave begins a second after the one before, at the soonest.
WAVE = 6
# What Jira does to so many of the calls that change something, and to some that read.
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("drop", {"method": "POST|PUT", "after": True, "probability": 0.04}),
    ("status", {"method": "POST|PUT", "after": True, "status": 502, "probability": 0.04}),
    ("status", {"status": 503, "probability": 0.03}),
    ("cut", {"probability": 0.02}),
)


KILL, STOP, DATABASE = "kill -9", "SIGTERM", "stops of the database"


@dataclass(slots=True)
class Chaos:
    """What a run came to. ``troubles`` are in words."""

    seed: int
    outcome: Outcome = field(default_factory=Outcome)
    accepted: int = 0
    done: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    troubles: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.outcome.good and not self.troubles and self.outcome.made == self.outcome.wanted

    def __str__(self) -> str:
        found = self.outcome
        done = ", ".join(f"{count} {what}" for what, count in sorted(self.done.items()))
        line = (
            f"seed {self.seed}: {self.accepted} accepted, {found.wanted} wanted, {found.made} made, "
            f"{len(found.lost)} lost, {len(found.doubled)} doubled; {done}; {self.seconds:.0f} s"
        )
        words = [*found.lost, *found.doubled, *self.troubles]
        return "\n".join([line, *(f"    {one}" for one in words[:10])])


class Storm:
    """The threads that end things, one for each daemon and one for the database, until ``calm`` or until
    something is not as it must be."""

    def __init__(self, scene: Scene, away: Callable[[float], None], seed: int) -> None:
        """``away`` has the database away for so many seconds."""
        self._scene, self._away = scene, away
        self._over = threading.Event()
        # Odd while the database is away.
        self._outages = 0
        self.done: Counter[str] = Counter()
        self.troubles: list[str] = []
        works: list[Callable[[random.Random], None]] = [self._end_database]
        works += [partial(self._end_daemon, daemon) for daemon in scene.daemons]
        self._threads = [
            threading.Thread(target=self._run, args=(work, random.Random(f"{seed} {number}")))
            for number, work in enumerate(works)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def enough(self) -> bool:
        """Whether everything has happened, or something is not as it must be."""
        return bool(self.troubles) or all(self.done[what] for what in (KILL, STOP, DATABASE))

    def calm(self) -> None:
        """End nothing more; returns when all daemons and the database are there."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, work: Callable[[random.Random], None], chance: random.Random) -> None:
        try:
            while not self._over.is_set():
                work(chance)
        except Exception as error:
            self.troubles.append(f"{type(error).__name__}: {error}")
            self._over.set()

    def _end_database(self, chance: random.Random) -> None:
        if self._over.wait(chance.uniform(3, 10)):
            return
        # Where no daemon serves, a further outage would only keep them from starting.
        while self._scene.address() is None:
            if self._over.wait(0.05):
                return
        self._outages += 1
        self._away(chance.uniform(0, 3))
        self._outages += 1
        self.done[DATABASE] += 1

    def _end_daemon(self, daemon: Daemon, chance: random.Random) -> None:
        if self._over.wait(chance.uniform(0.5, 6)):
            return
        if not daemon.alive:
            raise Ended("\n".join(["a daemon ended by itself:", *daemon.lines()[-10:]]))
        if chance.random() < 0.6:
            daemon.kill()
            self.done[KILL] += 1
        else:
            before, daemon.address = self._outages, None
            code = daemon.terminate()
            self.done[STOP] += 1
            if code and self._calm_since(before):
                raise Ended(f"a daemon ended with {code} after SIGTERM")
        time.sleep(chance.uniform(0, 1.5))
        self._start(daemon)

    def _start(self, daemon: Daemon) -> None:
        """Start a daemon, again and again while there is no database, as a supervisor does."""
        while True:
            before = self._outages
            try:
                return daemon.start()
            except Ended:
                if self._calm_since(before):
                    raise
                daemon.kill()

    def _calm_since(self, before: int) -> bool:
        return self._outages == before and not before % 2


def _deliver(scene: Scene, storm: Storm, end: float) -> None:
    """Send wave after wave: new subjects, more about some that are known, and what was sent before.

    Goes on for a while after ``end`` where the machine is so slow that not everything has happened.
    """
    while not storm.troubles and time.monotonic() < end + (0 if storm.enough else SETTLE_SECONDS):
        begun = time.monotonic()
        known = scene.random.sample(scene.subjects, min(len(scene.subjects), WAVE // 2))
        bodies = [scene.random.choice(one.bodies) for one in known]
        bodies += [scene.traffic.tell(one, one.status, again=True) for one in known]
        bodies += [body for one in scene.made(WAVE) for body in one.bodies]
        sending = scene.sending(scene.traffic.shuffled(bodies, duplicates=0.2))
        scene.accepted += sending.wait()
        time.sleep(max(0.0, begun + 1.0 - time.monotonic()))


def run(*, seconds: float, seed: int) -> Chaos:
    """Chaos for so long; then what came of it, once all is healthy again."""
    from tests.postgres import Postgres

    found, begun = Chaos(seed), time.monotonic()
    folder = folder_for("chaos")
    # A server of its own, because other proofs would lose theirs as well.
    server = Postgres(folder.name)
    with jira_site(folder) as jira:
        jira.reset(LAG)
        scene = Scene(folder, server.url(server.create()), jira, seed=seed)
        try:
            for daemon in [scene.prepared(index_lag=4 * LAG, ahead=ahead) for ahead in AHEAD]:
                daemon.spawn()
            for daemon in scene.daemons:
                daemon.await_serving()
            for effect, how in FAULTS:
                jira.fault(effect, **how)
            storm = Storm(scene, server.away, seed)
            try:
                _deliver(scene, storm, time.monotonic() + seconds)
            finally:
                storm.calm()
                found.done, found.troubles = storm.done, storm.troubles
            found.done["calls to Jira that failed"] = jira.hits()
            jira.healthy()
            scene.settle()
            restless = scene.at_rest(3.0)
            found.troubles += [restless] if restless else []
        except (AssertionError, Ended) as why:
            found.troubles.append(str(why) or repr(why))
        finally:
            found.accepted, found.outcome = scene.accepted, scene.outcome()
            found.seconds = time.monotonic() - begun
            scene.close()
            server.close()
    if found.good:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        found.troubles.append(f"the logs are in {folder}")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print what came of it; 1 where it is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m proof chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="how long the chaos goes on")
    parser.add_argument(
        "--seed", type=int, default=0, help="what happens; by default another each time"
    )
    options = parser.parse_args(arguments)
    seed = options.seed or random.randrange(1, 10**6)
    print(f"seed {seed}, {options.seconds:g} s", flush=True)
    found = run(seconds=options.seconds, seed=seed)
    print(found, flush=True)
    return 0 if found.good else 1


if __name__ == "__main__":
    raise SystemExit(main())

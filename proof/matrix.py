"""The fault matrix: every fault, on both stores, between daemon and simulated Jira as real processes.

Prints a line for each: deliveries accepted, tickets wanted and made, lost, doubled, calls to Jira,
seconds from the last trouble until nothing was left to do. Lost is a subject whose ticket is missing
or not as its rule asks; doubled also a comment or link that is there twice. Exits with 1 unless every
line has zero of both.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import proof.both_ways
import proof.changes_of_mind
import proof.disks
import proof.order
import proof.people
import proof.senders
import proof.texts  # noqa: F401
from proof.jira import Jira
from proof.outcome import Outcome
from proof.processes import Daemon, Ended
from proof.rows import ROWS, Row
from proof.scene import Scene, jira_site
from proof.stores import STORES, Stores, folder_for

SIZE = 10
LONG_SIZE = 60
HEADER = (
    f"{'fault':42} {'store':10} {'accepted':>8} {'wanted':>6} {'made':>6} "
    f"{'lost':>5} {'doubled':>7} {'calls':>6} {'settled':>8}"
)


@dataclass(slots=True)
class Result:
    """What one trial came to. ``trouble`` is why it could not be carried through, if so."""

    row: Row
    store: str
    accepted: int = 0
    outcome: Outcome = field(default_factory=Outcome)
    calls: int = 0
    seconds: float = 0.0
    trouble: str = ""
    folder: Path | None = None

    @property
    def good(self) -> bool:
        return self.outcome.good and not self.trouble

    def __str__(self) -> str:
        found = self.outcome
        line = (
            f"{self.row.name:42} {self.store:10} {self.accepted:8} {found.wanted:6} {found.made:6} "
            f"{len(found.lost):5} {len(found.doubled):7} {self.calls:6} {self.seconds:7.1f}s"
        )
        words = [*found.lost, *found.doubled, *([self.trouble] if self.trouble else [])]
        return "\n".join([line, *(f"    {one}" for one in words[:6])])


class Stage:
    """A store of one kind, and a daemon on it, for all rows that need none of their own."""

    def __init__(self, kind: str, jira: Jira) -> None:
        self.kind = kind
        self.folder = folder_for("matrix")
        self._open = ExitStack()
        self.url = self._open.enter_context(Stores.shared().fresh(kind, self.folder))
        self.daemon = Daemon(self.folder, self.url, jira.site)
        self._open.callback(self.daemon.kill)

    def close(self) -> None:
        """End the daemon, remove the store."""
        self._open.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def attempt(row: Row, stage: Stage, jira: Jira, size: int, *, seed: int = 1) -> Result:
    """One trial: new subjects, and where the row asks for it a new daemon on an empty store."""
    result = Result(row, stage.kind)
    result.folder = folder_for("matrix") if row.own else stage.folder
    jira.healthy()
    jira.ask("PUT", "lag", {"seconds": row.lag})
    with ExitStack() as open_:
        url, daemon = stage.url, None
        if row.own:
            url = open_.enter_context(Stores.shared().fresh(stage.kind, result.folder))
        else:
            daemon = stage.daemon
            if not daemon.alive:
                daemon.start()
        scene = Scene(result.folder, url, jira, seed=seed, shared=daemon)
        try:
            row.trial(scene, size)
            begun = time.monotonic()
            result.seconds = max(0.0, scene.settle() - begun)
            result.trouble = scene.at_rest()
            result.outcome = scene.outcome()
        except (AssertionError, Ended) as why:
            result.trouble = str(why) or repr(why)
            result.outcome = scene.outcome()
        finally:
            result.accepted = scene.accepted
            result.calls = scene.calls()
            scene.close()
    if result.good and row.own:
        shutil.rmtree(result.folder, ignore_errors=True)
    return result


def chosen(*, long: bool, only: str = "") -> list[Row]:
    """The rows to try."""
    return [row for row in ROWS if only.lower() in row.name.lower() and (long or only or row.core)]


def run(rows: Iterable[Row], stores: Iterable[str], size: int, *, seed: int = 1) -> list[Result]:
    """Try each row on each store, telling how it went."""
    results = []
    folder = folder_for("jira")
    with jira_site(folder) as jira, ExitStack() as open_:
        stages = [Stage(kind, jira) for kind in stores]
        for stage in stages:
            open_.callback(stage.close)
        for number, row in enumerate(rows):
            for stage in stages:
                if row.only in ("", stage.kind):
                    # Subjects of their own for each trial: the site stays, and knows all labels.
                    own_seed = seed * 100_000 + number * 10 + stages.index(stage)
                    results.append(attempt(row, stage, jira, size, seed=own_seed))
                    print(results[-1], flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    return results


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 where something is lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m proof matrix", description=__doc__)
    parser.add_argument("--long", action="store_true", help="every row, with more subjects")
    parser.add_argument("--store", choices=[*STORES, "both"], default="both")
    parser.add_argument("--only", default="", metavar="NAME", help="rows with this in their name")
    parser.add_argument("--size", type=int, default=0, help="subjects in a row")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    options = parser.parse_args(arguments)
    rows = chosen(long=options.long, only=options.only)
    if options.list:
        print("\n".join(f"{row.name}{' (short form)' if row.core else ''}" for row in ROWS))
        return 0
    stores = STORES if options.store == "both" else (options.store,)
    size = options.size or (LONG_SIZE if options.long else SIZE)
    begun = time.monotonic()
    print(HEADER, flush=True)
    results = run(rows, stores, size, seed=options.seed)
    Stores.shared().close()
    return _summary(results, time.monotonic() - begun)


def _summary(results: Sequence[Result], seconds: float) -> int:
    """Print what the trials came to; the exit code."""
    bad = [result for result in results if not result.good]
    lost = sum(len(result.outcome.lost) for result in results)
    doubled = sum(len(result.outcome.doubled) for result in results)
    print(
        f"\n{len(results)} trials in {seconds:.0f} s: {lost} lost, {doubled} doubled, "
        f"{len(bad)} failed"
    )
    for result in bad:
        print(f"  {result.row.name}, {result.store}: its logs are in {result.folder}")
    return 1 if bad or not results else 0


if __name__ == "__main__":
    raise SystemExit(main())

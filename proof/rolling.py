"""A rolling update under load: two replicas of a new version take the place of two old ones.

The store is upgraded while the old version runs, which works on with tables newer than itself. In the
end nothing is lost and nothing doubled, and every delivery was answered 202, or 503 and sent again.
"""

from __future__ import annotations

import argparse
import shutil
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from proof.balancer import Balancer
from proof.outcome import Outcome
from proof.processes import ROOT, Daemon
from proof.scene import Scene, jira_site
from proof.sending import Sending
from proof.stores import Stores, folder_for
from sync.store.migrations import current, head

# A revision as they come: a column with a default, its index, and a table.
_REVISION = '''"""What a later version might add."""

import sqlalchemy as sa
from alembic import op

revision = "r9999"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tickets", sa.Column("remark", sa.String(50), nullable=False, server_default="none")
    )
    op.create_index("ix_tickets_remark", "tickets", ["remark", "id"])
    op.add_column("deliveries", sa.Column("remark", sa.String(50)))
    op.create_table("remarks", sa.Column("id", sa.Integer, primary_key=True))
'''
# Seconds between leaving the service and SIGTERM, as by the preStop hook of the chart.
_LEFT = 0.5
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Rolled:
    """What a rolling update came to. ``answers`` counts the HTTP statuses that senders got; ``by_old``
    is the number of tickets that the old version made after the tables had moved."""

    outcome: Outcome
    answers: Counter[int]
    accepted: int
    by_old: int
    revision: str
    seconds: float

    @property
    def good(self) -> bool:
        return self.outcome.good and set(self.answers) <= {202, 503} and self.by_old > 0

    def __str__(self) -> str:
        found = self.outcome
        return (
            f"rolling update in {self.seconds:.1f} s: {self.accepted} deliveries accepted, answers "
            f"{dict(self.answers)}; {found.made} of {found.wanted} tickets, {len(found.lost)} lost, "
            f"{len(found.doubled)} doubled; {self.by_old} made by the old version on the new tables"
        )


class _Load:
    """Deliveries that keep coming, a few subjects after the other."""

    def __init__(self, scene: Scene, balancer: Balancer) -> None:
        self._scene, self._balancer = scene, balancer
        self.answers: Counter[int] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()

    def _go_on(self) -> None:
        while not self._over.wait(0.05):
            bodies = self._scene.traffic.interleaved(self._scene.made(_AT_ONCE))
            sending = Sending(bodies, lambda: self._balancer.address, senders=4)
            self._scene.accepted += sending.wait()
            self.answers += sending.answers

    def end(self) -> None:
        self._over.set()
        self._thread.join(120)
        assert not self._thread.is_alive()


def later_version(folder: Path) -> Path:
    """A copy of the program with one revision more; where it is."""
    root = folder / "later"
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "sync", root / "sync", ignore=leave)
    shutil.copytree(ROOT / "mappings", root / "mappings", ignore=leave)
    versions = root / "sync" / "store" / "migrations" / "versions"
    (versions / "r9999_later.py").write_text(_REVISION.format(before=head()), "utf-8")
    return root


def roll() -> Rolled:
    """One rolling update on a PostgreSQL of its own."""
    folder = folder_for("rolling")
    with jira_site(folder) as jira, Stores.shared().fresh("postgresql", folder) as url:
        scene, balancer = Scene(folder, url, jira), Balancer()
        try:
            return _rolled(scene, balancer, later_version(folder))
        finally:
            balancer.close()
            scene.close()
            shutil.rmtree(folder, ignore_errors=True)


def _rolled(scene: Scene, balancer: Balancer, later: Path) -> Rolled:
    old = [scene.daemon() for _ in range(2)]
    balancer.members = [_address(daemon) for daemon in old]
    load = _Load(scene, balancer)
    begun = time.monotonic()
    new = [scene.prepared(root=later) for _ in range(2)]
    new[0].verb("db", "upgrade")
    made = len(jira_keys(scene))
    _until_more(scene, made)
    by_old = len(jira_keys(scene)) - made
    for one, other in zip(new, old, strict=True):
        one.start()
        balancer.members.append(_address(one))
        # On a busy machine, what is on its way to a daemon may take longer than the hook waits.
        balancer.leave(_address(other))
        time.sleep(_LEFT)
        assert other.terminate() == 0
        other.address = None
    seconds = time.monotonic() - begun
    load.end()
    scene.settle()
    revision = current(scene.store)
    return Rolled(scene.outcome(), load.answers, scene.accepted, by_old, revision, seconds)


def jira_keys(scene: Scene) -> list[str]:
    """The keys of all tickets that are there."""
    return [ticket["key"] for ticket in scene.jira.tickets()]


def _until_more(scene: Scene, made: int, within: float = 60.0) -> None:
    """Wait until more tickets are made."""
    end = time.monotonic() + within
    while len(jira_keys(scene)) <= made + _AT_ONCE:
        assert time.monotonic() < end, "the old version makes no tickets on the new tables"
        time.sleep(0.1)


def _address(daemon: Daemon) -> tuple[str, int]:
    assert daemon.address is not None
    return daemon.address


def main(arguments: list[str] | None = None) -> int:
    """Print what came of it; 1 where it is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m proof rolling", description=__doc__)
    parser.add_argument("--times", type=int, default=1, help="so many rolling updates")
    good = True
    for _ in range(parser.parse_args(arguments).times):
        found = roll()
        print(found, flush=True)
        good = good and found.good
    Stores.shared().close()
    return 0 if good else 1

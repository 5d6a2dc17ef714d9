"""What the stateful machines share: faults that strike calls, stores to copy, and how long they run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from sync.domain.errors import Outage, Refused, Rejected, SiteDown, Unknown
from sync.store.engine import open_store
from sync.store.migrations import upgrade

# Shrinking takes minutes; it is for the developer who looks into a failure.
SHRINK = (Phase.shrink,) if os.environ.get("TICKET_SYNC_SHRINK") else ()


class Killed(BaseException):
    """The process is gone in the middle of a call."""


FAULTS = {
    "refused": lambda: Refused("not now", retry_after=7),
    "unknown": lambda: Unknown("the reply was lost"),
    "rejected": lambda: Rejected("a field is wrong"),
    "down": lambda: SiteDown("maintenance", outage=Outage.MAINTENANCE),
    "killed": lambda: Killed(),
}
# A fault that proves something was not done cannot come after it was.
PROVING = {"refused", "rejected", "down"}

# Durability is proven elsewhere; here a file system in memory makes many examples possible.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None

_template: list[Path] = []


def template() -> Path:
    if not _template:
        file = Path(tempfile.mkdtemp()) / "template.db"
        store = open_store(f"sqlite:///{file}")
        upgrade(store)
        store.close()
        _template.append(file)
    return _template[0]


def run(machine: type[RuleBasedStateMachine], *, examples: int, steps: int = 30) -> None:
    """Run a machine: so many examples, the same each time; or as many as TICKET_SYNC_EXAMPLES says."""
    more = os.environ.get("TICKET_SYNC_EXAMPLES")
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(more or examples),
            derandomize=not more,
            stateful_step_count=steps,
            deadline=None,
            phases=(Phase.explicit, Phase.reuse, Phase.generate, *SHRINK),
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )

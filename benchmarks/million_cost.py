"""What a piece of work costs: CPU time, statements and memory."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import event

from sync.store.engine import Store


@dataclass(frozen=True)
class Cost:
    """CPU (ms) and statements a unit, and how many MB the memory of this process rose."""

    units: int
    cpu: float
    statements: float
    memory: float


class Meter:
    """What was used since ``reset``: by this process and, on PostgreSQL, by the server for it."""

    def __init__(self) -> None:
        self._store: Store | None = None
        self.reset()

    def watch(self, store: Store) -> None:
        """Measure the use of this store."""
        self._store = store

        @event.listens_for(store.engine, "after_cursor_execute")
        def _count(*_: object) -> None:
            self.statements += 1

    def reset(self) -> None:
        """Measure from here on: what came before was to prepare."""
        self._cpu, self._peak = self._seconds(), _peak()
        self.statements = 0

    def cost(self, units: int) -> Cost:
        """What was used for so many units."""
        cpu = (self._seconds() - self._cpu) * 1000
        risen = max(0.0, _peak() - self._peak)
        return Cost(units, cpu / units, self.statements / units, risen)

    def _seconds(self) -> float:
        used = time.process_time()
        if self._store is None or self._store.dialect == "sqlite":
            return used
        with self._store.read_connection() as connection:
            # Without the planner's own workers (see ``costs``), these are all that work for us.
            pids = connection.exec_driver_sql(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                "AND backend_type = 'client backend'"
            ).scalars()
            # The first number is the nanoseconds that the process had a processor.
            of_server = [Path(f"/proc/{pid}/schedstat").read_text().split()[0] for pid in pids]
        return used + sum(map(int, of_server)) / 1e9


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# Of this process.
METER = Meter()

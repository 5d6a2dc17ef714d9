"""``ticket-sync`` whose SQLite file is read-only from one SIGUSR1 to the next.

A file system that is mounted read-only under a running program cannot be had without being the
system's administrator; SQLite's own switch gives the same error.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

from sqlalchemy import Engine, event

from sync.cli.main import main

_on = False


def _toggle(*_: Any) -> None:
    global _on
    _on = not _on


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    connection.exec_driver_sql(f"PRAGMA query_only={int(_on)}")


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _toggle)
    sys.exit(main())

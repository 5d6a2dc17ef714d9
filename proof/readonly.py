"""``ticket-sync`` whose SQLite file is read-only from one SIGUSR1 to the next.

A file system that is mounted read-only under a running program cannot be had without being the
system's administrator; SQLite's own switch gives the same error.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from sqlalchemy import Engine, event

from sync.cli.main import main

_on = False


def _toggle(*_: Any) -> None:
    global _on
    _on = not _on
    # Of a signal's sender nobody knows when the program gets to it. Said without Python's own buffers,
    # which the signal may have interrupted.
    os.write(1, b"\nthe file is read-only\n" if _on else b"\nthe file is writable\n")


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    connection.exec_driver_sql(f"PRAGMA query_only={int(_on)}")


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _toggle)
    sys.exit(main())

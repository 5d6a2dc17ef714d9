"""The file beside the SQLite file that says how far the store has come.

It tells a store from an older copy that was put in its place. Its content is one number, which only
rises. A folder that takes no files leaves the store without this file.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path


class Progress:
    """The file ``NAME.progress`` beside the SQLite file ``NAME``. Safe to share between threads."""

    def __init__(self, database: Path) -> None:
        self._database = Path(os.path.realpath(database))
        self._file = self._database.with_name(self._database.name + ".progress")
        self._lock = threading.Lock()
        self._reached = -1

    def get(self) -> int | None:
        """The number that was put last; None where there is none."""
        try:
            return int(self._file.read_text("ascii"))
        except (OSError, ValueError):
            return None

    def put(self, number: int) -> None:
        """Put a number on record, unless this process has put a greater one."""
        with self._lock:
            if number <= self._reached:
                return
            try:
                # Written over in place: the file keeps its inode, by which ``place`` knows it.
                handle = os.open(self._file, os.O_CREAT | os.O_WRONLY, 0o600)
                try:
                    os.pwrite(handle, f"{number:020}".encode(), 0)
                finally:
                    os.close(handle)
            except OSError:
                return
            self._reached = number

    def place(self) -> str:
        """Which file the database is, and which this file, which is made where there is none."""
        with suppress(OSError):
            os.close(os.open(self._file, os.O_CREAT | os.O_WRONLY, 0o600))
        return f"{_inode(self._database)}/{_inode(self._file)}"


def _inode(file: Path) -> int:
    try:
        return file.stat().st_ino
    except OSError:
        return 0

"""Whose turn it is to write to an SQLite file, among the processes that use it.

SQLite lets a process that waits for its lock look for it now and then. Beside a process that writes all
the time, the other looks at the wrong moments and gets no turn for seconds. So a process that wants to
write first waits here, for locks on a file beside the database.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Seconds that a process waits here at most. Then it asks SQLite all the same, whose lock alone keeps
# two from writing at once: the process that has the turn may have been stopped.
LONGEST = 1.0
_LOOK_SECONDS = 0.001
_NEXT, _NOW = 0, 1
_TAKEN = (errno.EACCES, errno.EAGAIN)


class FileTurns:
    """The turns of this process, one thread at a time. The file is ``NAME.turns`` beside ``NAME``.

    A process that waits has ``_NEXT``, and gives that up once it has ``_NOW``. Who has had a turn and
    wants another has to wait for ``_NEXT``, so that the one who waits comes before.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._file: int | None = None

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn, and have it for the block."""
        end = time.monotonic() + LONGEST
        taken: list[int] = []
        try:
            for lock in (_NEXT, _NOW):
                if not self._lock(lock, end):
                    break
                taken.append(lock)
            if _NEXT in taken:
                self._unlock(_NEXT)
                taken.remove(_NEXT)
            yield
        finally:
            for lock in taken:
                self._unlock(lock)

    def close(self) -> None:
        """Close the file; the next turn opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _lock(self, lock: int, end: float) -> bool:
        """Whether the lock was free before ``end``. False also where the folder takes no file, and where
        the file system has no locks: writing has to do without turns there."""
        while self._open():
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, lock)  # type: ignore[arg-type]
                return True
            except OSError as error:
                if error.errno not in _TAKEN or time.monotonic() > end:
                    return False
                time.sleep(_LOOK_SECONDS)
        return False

    def _unlock(self, lock: int) -> None:
        if self._file is not None:
            with suppress(OSError):
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, lock)

    def _open(self) -> bool:
        if self._file is None:
            real = Path(os.path.realpath(self._database))
            with suppress(OSError):
                # The rights are those of the database.
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self._file = os.open(real.with_name(real.name + ".turns"), flags, 0o600)
        return self._file is not None

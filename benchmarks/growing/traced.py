"""``ticket-sync`` that tells of its memory: at each SIGUSR1 it prints what it holds and, where Python
traces allocations (PYTHONTRACEMALLOC), which code holds more than at the signal before."""

from __future__ import annotations

import ctypes
import gc
import json
import signal
import tracemalloc
from collections import Counter
from typing import Any

from sync.cli.main import main

# How many files and types are told.
_TOP = 25
BEGINS = "profile "


class _Profile:
    """The allocations at the last signal."""

    def __init__(self) -> None:
        self._snapshot: tracemalloc.Snapshot | None = None
        self._types: Counter[str] = Counter()

    def tell(self, *_: Any) -> None:
        """Print one line of JSON: KiB by line of code and objects by type that are there in addition."""
        told: dict[str, Any] = _malloc()
        if tracemalloc.is_tracing():
            told |= self._grown()
        print(BEGINS + json.dumps(told), flush=True)

    def _grown(self) -> dict[str, Any]:
        gc.collect()
        snapshot = tracemalloc.take_snapshot().filter_traces(
            [tracemalloc.Filter(False, tracemalloc.__file__)]
        )
        types = Counter(type(one).__qualname__ for one in gc.get_objects())
        told: dict[str, Any] = {}
        if self._snapshot is not None:
            grown = snapshot.compare_to(self._snapshot, "lineno")
            grown.sort(key=lambda one: -one.size_diff)
            told["grown"] = [
                [str(one.traceback[0]), round(one.size_diff / 1024, 1), one.count_diff]
                for one in grown[:_TOP]
            ]
            told["objects"] = (types - self._types).most_common(_TOP)
        self._snapshot, self._types = snapshot, types
        return told


def _malloc() -> dict[str, int]:
    """KiB that the C library has given out, and that it keeps although they are free."""
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"

    class Info(ctypes.Structure):
        _fields_ = [(name, ctypes.c_size_t) for name in names.split(" ")]

    try:
        ask = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return {}
    ask.restype = Info
    info = ask()
    used = info.uordblks + info.hblkhd
    return {"used": used // 1024, "free": info.fordblks // 1024}


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _Profile().tell)
    main()

"""The threads of the daemon share the arenas of malloc, each of which keeps what is freed in it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Twenty threads allocate while all of them live; then the arenas beside the first are counted. Each
# begins at a multiple of 64 MiB.
_PROGRAM = """
import threading
from sync.bootstrap.daemon import few_arenas

few_arenas()
together = threading.Barrier(20)
held = []


def work():
    held.append([bytes(3000) for _ in range(100)])
    together.wait(60)


threads = [threading.Thread(target=work) for _ in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with open("/proc/self/maps") as maps:
    unnamed = [line.split("-")[0] for line in maps if len(line.split()) == 5]
print(sum(int(start, 16) % (64 << 20) == 0 for start in unnamed))
"""


@pytest.mark.proof
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc of another C library")
def test_twenty_threads_share_two_arenas() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=120, check=True
    )
    assert int(done.stdout) <= 2

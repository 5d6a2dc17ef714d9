"""A daemon that only makes calls: ``python -m benchmarks.calling STORE SITE THREADS``.

STORE is the address of a store, SITE the keys of ``[sites.main]`` as JSON. The threads read one project
again and again, through the gate and the client of the real daemon, and share the limits with the other
daemons on the store. One walk costs a daemon several milliseconds of CPU beside each call, so that a
daemon that walks does not reach the higher limits on a small machine.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import suppress

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call
from sync.adapters.jira.calls.site import JiraSite
from sync.domain.errors import Fault
from sync.ports import SystemClock
from sync.store.engine import StoreUnavailable, open_store
from sync.store.liveness import new_owner
from sync.worker.daemon.pauses import SHARE_SECONDS, Pauses

# A call that is not told to wait longer than this waits for its turn.
_PATIENCE_SECONDS = 60.0


def _call(calls: Calls) -> None:
    while True:
        with suppress(Fault):
            calls.make(Call.get("project/DATA", "reading a project"))


def run(store: str, site: dict[str, str], threads: int) -> None:
    """Call until the process is ended; a line for each second: "waited" and the share of the second in
    which callers waited for their pace."""
    clock = SystemClock()
    reached = JiraSite(
        name="main",
        patience=_PATIENCE_SECONDS,
        url=site["url"],
        email=site["email"],
        token=site["token"],
    )
    calls = Calls(reached, clock)
    pauses = Pauses(open_store(store), {"main": calls.health}, clock, new_owner())
    for _ in range(threads):
        threading.Thread(target=_call, args=(calls,), daemon=True).start()
    shared_at, seen, waited = 0.0, 0, 0
    while True:
        time.sleep(0.02)
        seen, waited = seen + 1, waited + any(p.waiting for p in calls.health.paces())
        if clock.monotonic() - shared_at >= SHARE_SECONDS:
            shared_at = clock.monotonic()
            with suppress(StoreUnavailable):
                pauses.share()
        if seen >= 50:
            print("waited", waited / seen, flush=True)
            seen = waited = 0


if __name__ == "__main__":
    run(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]))

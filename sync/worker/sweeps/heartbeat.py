"""Heartbeat: a sweep's lease is renewed while its run goes on, however long one page takes."""

from __future__ import annotations

import threading
import time

import structlog

from sync.store import leases, sweeps
from sync.store.engine import Store

log = structlog.get_logger("sweep")


class Heartbeat:
    """Renews a lease, in a thread of its own, until stopped. ``lease`` is in seconds."""

    def __init__(self, store: Store, sweep: str, owner: str, lease: float) -> None:
        self._store, self._sweep, self._owner, self._lease = store, sweep, owner, lease
        self._stop = threading.Event()
        self._kept_until = time.monotonic() + lease
        self._lost = False
        self._thread = threading.Thread(target=self._beat, name=f"lease-{sweep}", daemon=True)
        self._thread.start()

    @property
    def lease_kept(self) -> bool:
        """Whether the lease is certainly still ours."""
        return not self._lost and time.monotonic() < self._kept_until

    def stop(self) -> None:
        """Renew the lease no more."""
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self._lease / 4):
            began = time.monotonic()
            try:
                name = sweeps.lease_name(self._sweep)
                if not leases.renew(self._store, name, self._owner, self._lease):
                    self._lost = True
                    return
            except Exception as error:
                # The store may be back before the lease ends. If not, ``lease_kept`` turns False.
                log.warning("a sweep's lease was not renewed", sweep=self._sweep, why=str(error))
                continue
            self._kept_until = began + self._lease

"""Retention under load: rows deleted a second, its share of the time, and what deliveries wait for it.

The store is filled with deliveries that are past their time. New ones are accepted at a steady rate,
first alone and then beside retention.
"""

from __future__ import annotations

import argparse
import shutil
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

from proof.stores import STORES, Stores, folder_for
from sync.ports import SystemClock
from sync.store.deliveries import recover
from sync.store.engine import Store, open_store
from sync.store.inbox import Accepted, Inbox, Receipt
from sync.worker.sweeps.retention import SHARE, Keep, prune

_OLD = 100 * 86400.0
_BODY = b"x" * 2_000


@dataclass
class _Clock(SystemClock):
    """The system's clock, which adds up the seconds that were slept."""

    slept: float = field(default=0.0)

    def sleep(self, seconds: float) -> None:
        began = time.monotonic()
        super().sleep(seconds)
        self.slept += time.monotonic() - began


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 where retention took more than its share of the time."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks retention", description=__doc__)
    parser.add_argument("--old", type=int, default=100_000, help="deliveries past their time")
    parser.add_argument("--rate", type=float, default=50.0, help="deliveries accepted a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="of accepting alone")
    parser.add_argument("--store", choices=STORES, help="one database of the two")
    options = parser.parse_args(arguments)
    print(
        f"{options.old:,} old deliveries, {options.rate:g} accepted a second\n{'store':11} "
        f"{'deleted':>8} {'a second':>9} {'share':>6} {'pages back':>10} {'alone p50, p99 ms':>19} "
        f"{'beside p50, p99 ms':>19}"
    )
    within = True
    for kind in [options.store] if options.store else STORES:
        folder = folder_for("retention")
        with Stores.shared().fresh(kind, folder) as url:
            store = open_store(url)
            try:
                within = _measure(kind, store, options) and within
            finally:
                store.close()
                shutil.rmtree(folder, ignore_errors=True)
    return 0 if within else 1


def _measure(kind: str, store: Store, options: argparse.Namespace) -> bool:
    for start in range(0, options.old, 2_000):
        _fill(store, range(start, min(options.old, start + 2_000)))
    inbox = Inbox(store)
    ended = threading.Event()
    alone = _accept(inbox, options.rate, lambda since: since >= options.seconds)
    clock = _Clock()
    found: dict[str, int] = {}
    began = time.monotonic()

    def run() -> None:
        while (gone := prune(store, clock, Keep()))["deliveries"]:
            for name, count in gone.items():
                found[name] = found.get(name, 0) + count
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    beside = _accept(inbox, options.rate, lambda _since: ended.is_set())
    thread.join()
    took = time.monotonic() - began
    share = 1 - clock.slept / took
    inbox.close()
    print(
        f"{kind:11} {found['deliveries']:8,} {found['deliveries'] / took:9,.0f} {share:6.0%} "
        f"{found['pages']:10,} {_percentiles(alone):>19} {_percentiles(beside):>19}",
        flush=True,
    )
    return share <= SHARE * 1.1


def _fill(store: Store, numbers: range) -> None:
    at = time.time() - _OLD
    with store.write() as session:
        recover(session, [Accepted("old", f"o{n}", "x", _BODY, at) for n in numbers])
        session.connection().exec_driver_sql("UPDATE deliveries SET state = 'triaged'")


def _accept(inbox: Inbox, rate: float, over) -> list[float]:  # type: ignore[no-untyped-def]
    """Accept until ``over`` (seconds since the beginning); how many seconds each delivery waited."""
    waits: list[float] = []

    def note(sent: float):  # type: ignore[no-untyped-def]
        def done(_future: Future[Receipt]) -> None:
            waits.append(time.perf_counter() - sent)

        return done

    began = time.monotonic()
    while not over(time.monotonic() - began):
        number = time.time_ns()
        sent = time.perf_counter()
        accepted = Accepted("new", str(number), "x", _BODY, time.time())
        inbox.accept(accepted).add_done_callback(note(sent))
        time.sleep(1 / rate)
    return sorted(waits)


def _percentiles(waits: list[float]) -> str:
    if not waits:
        return "-"
    return ", ".join(f"{waits[int((len(waits) - 1) * share)] * 1000:.1f}" for share in (0.5, 0.99))


if __name__ == "__main__":
    raise SystemExit(main())

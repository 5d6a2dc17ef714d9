"""Opening the store: one SQLite file or a PostgreSQL database, and transactions on it.

SQLite allows one writer. ``write`` takes its lock at the first statement (``BEGIN IMMEDIATE``) and
waits for it up to the busy timeout; a transaction that begins as a reader and writes later could only
fail. Never hold a transaction across a call to the outside.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

from sync.store.errors import (
    FileLost,
    StoreMisconfigured,
    StoreUnavailable,
    translate,
)
from sync.store.file import StoreFile
from sync.store.text import storable_parameters, to_json

__all__ = ["Session", "Store", "StoreMisconfigured", "StoreUnavailable", "open_store"]

BUSY_TIMEOUT = 10.0
POOL_SIZE = 10
POOL_OVERFLOW = 20
POOL_TIMEOUT = 15.0

_IMMEDIATE = {"ticket_sync_immediate": True}


class Store:
    """The store, safe to share between threads: each transaction has a connection of its own.

    Database errors that mean "not now" leave every method as StoreUnavailable.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        check_file: Callable[[], None] = lambda: None,
        busy_timeout: float = BUSY_TIMEOUT,
    ) -> None:
        self.engine = engine
        self._check_file = check_file
        self._busy_timeout = busy_timeout
        self._turns = threading.Lock()
        self.dialect: Literal["sqlite", "postgresql"] = (
            "sqlite" if engine.dialect.name == "sqlite" else "postgresql"
        )
        self._writer = engine.execution_options(**_IMMEDIATE)

    @property
    def place(self) -> str:
        """Where the store is, for people; never with the password, or the end of one that was taken
        for the host."""
        return place_of(self.engine.url)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One writer's turn on SQLite; nothing to wait for on PostgreSQL.

        SQLite's own waiting is asking again after sleeps of up to 0.1 s, by which threads of one
        process hold each other up. Raises StoreUnavailable.
        """
        if self.dialect != "sqlite":
            yield
            return
        if not self._turns.acquire(timeout=self._busy_timeout):
            raise StoreUnavailable("the store is busy: another writer does not come to an end")
        try:
            yield
        finally:
            self._turns.release()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the store; rows stay usable after it. Writes are undone."""
        with (
            self._translated(),
            Session(self.engine, expire_on_commit=False, autoflush=False) as session,
        ):
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end, or undoes everything when an error leaves the block."""
        with (
            self._translated(),
            self.turn(),
            Session(self._writer, expire_on_commit=False) as session,
        ):
            try:
                yield session
                session.flush()
                with self._confirmed():
                    session.commit()
            except BaseException:
                session.rollback()
                raise

    @contextmanager
    def read_connection(self) -> Iterator[Connection]:
        """Like ``read``, without the object layer."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write_connection(self) -> Iterator[Connection]:
        """Like ``write``, without the object layer."""
        with (
            self._translated(),
            self.turn(),
            self._writer.connect() as connection,
            self.transaction(connection),
        ):
            yield connection

    def writer(self) -> Connection:
        """A connection to keep, whose transactions are writing ones, each to be had within a ``turn``.
        The caller closes it."""
        with self._translated():
            return self._writer.connect()

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[None]:
        """One transaction of a connection from ``writer``, within a ``turn``."""
        transaction = connection.begin()
        try:
            yield
            with self._confirmed():
                transaction.commit()
        except BaseException:
            if transaction.is_active:
                transaction.rollback()
            raise

    @contextmanager
    def _confirmed(self) -> Iterator[None]:
        """For a commit: it ends well only if what was committed is in the file at the store's path."""
        self._check_file()
        yield
        self._check_file()

    def translate(self, error: Exception) -> StoreUnavailable | None:
        """The operational failure that an error of this store means; None where it is another."""
        return translate(error, self.place)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except StoreUnavailable:
            raise
        except Exception as error:
            known = self.translate(error)
            if known is None:
                raise
            raise known from error

    def close(self) -> None:
        """Close all connections. On SQLite the write-ahead log is folded into the file."""
        self.engine.dispose()


def place_of(url: URL) -> str:
    """Where a store is, for people."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = str(url.host or url.query.get("host", "")).rpartition("@")[2]
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{host}{port}/{(url.database or '').rpartition('@')[2]}"


def sqlite_file(url: str) -> Path | None:
    """The file that an SQLite store's url names, None for PostgreSQL."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def open_store(url: str, *, busy_timeout: float = BUSY_TIMEOUT) -> Store:
    """Open the store at ``url``: ``sqlite:///file`` or ``postgresql+psycopg://user@host/database``.

    ``busy_timeout`` is how long (seconds) a writer waits for the lock on the SQLite file. Raises
    StoreMisconfigured. Tables are made by ``sync.store.migrations.upgrade``.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreMisconfigured(
            "the store's url cannot be read; write sqlite:///ticket-sync.db or "
            "postgresql+psycopg://user:password@host/database"
        ) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine, check_file = _sqlite(parsed, busy_timeout)
        return Store(engine, check_file=check_file, busy_timeout=busy_timeout)
    if backend == "postgresql":
        return Store(_postgresql(parsed))
    raise StoreMisconfigured(
        f"the store's url begins with {parsed.drivername!r}; use sqlite:/// or postgresql+psycopg://"
    )


def _sqlite(url: URL, busy_timeout: float) -> tuple[Engine, Callable[[], None]]:
    if not url.database or url.database == ":memory:" or "mode=memory" in url.database:
        raise StoreMisconfigured(
            "the store's url names no file; a store in memory would lose what it accepted. "
            "Write for example sqlite:///ticket-sync.db"
        )
    path = Path(url.database)
    if path.is_dir():
        raise StoreMisconfigured(f"the store's url names a folder, {path}; name a file in it")
    if path.exists() and not path.is_file():
        raise StoreMisconfigured(f"the store's url names {path}, which is no file; name one")
    if not path.parent.is_dir():
        raise StoreMisconfigured(
            f"the store's folder {path.parent.absolute()} does not exist; create it or change the url"
        )
    file = StoreFile(path, busy_timeout=busy_timeout)
    engine = create_engine(
        url.set(drivername="sqlite"),
        creator=file.connect,
        json_serializer=to_json,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_TIMEOUT,
    )

    def check(connection: Any = None) -> None:
        try:
            file.check(connection)
        except FileLost:
            raise
        except StoreUnavailable:
            # All connections have to go before new ones come. Those in use go when they come back.
            engine.dispose()
            raise

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        check(connection.connection.driver_connection)
        immediate = connection.get_execution_options().get("ticket_sync_immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    @event.listens_for(engine, "checkin")
    def come_back(_connection: Any, record: Any) -> None:
        if file.companions_lost:
            record.invalidate()

    _keep_text_storable(engine)
    return engine, check


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={
                "connect_timeout": 5,
                "application_name": "ticket-sync",
                # Notice a dead server in half a minute, not after the kernel's two hours.
                "keepalives_idle": 15,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 30_000,
            },
            json_serializer=to_json,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_TIMEOUT,
            pool_pre_ping=True,
            pool_recycle=1800,
        )
    except ImportError as error:
        raise StoreMisconfigured(
            "PostgreSQL needs the psycopg package; install it with "
            "`pip install 'ticket-sync[postgres]'`"
        ) from error
    _keep_text_storable(engine)
    return engine


def _keep_text_storable(engine: Engine) -> None:
    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def clean(
        _connection: Connection,
        _cursor: Any,
        statement: str,
        parameters: Any,
        _context: Any,
        _many: bool,
    ) -> tuple[str, Any]:
        return statement, storable_parameters(parameters)

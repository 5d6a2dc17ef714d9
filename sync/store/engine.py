"""Opening the store: one SQLite file or a PostgreSQL database, and transactions on it.

SQLite allows one writer. ``write`` takes the writers' lock at once (``BEGIN IMMEDIATE``) and waits for
the lock up to the busy timeout. A transaction that begins as a reader cannot wait: its first write
fails while there is another writer. Never keep a transaction open across a call to the outside.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    Delete,
    Engine,
    Update,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError
from sqlmodel import Session, SQLModel

from sync.store.errors import (
    FileLost,
    StoreDamaged,
    StoreMisconfigured,
    StoreUnavailable,
    translate,
)
from sync.store.progress import Progress
from sync.store.sqlite_file import StoreFile
from sync.store.storable import storable_value, to_json
from sync.store.together import Together
from sync.store.turns import Turns
from sync.store.url import parse, place_of

# The other rooms import Session from here, because only this room imports SQL libraries.
__all__ = ["Session", "Store", "StoreMisconfigured", "StoreUnavailable", "open_store"]

BUSY_TIMEOUT = 10.0
# Whether a transaction on SQLite writes: True, or _ALONE for a single statement that commits itself.
_WRITES = "ticket_sync_writes"
_ALONE = "alone"
_FOR_BOTH: dict[str, Any] = {
    "json_serializer": to_json,
    "pool_size": 10,
    "max_overflow": 20,
    "pool_timeout": 15.0,
    # The connection used last comes next. By turns, each of the ten would fill caches of its own.
    "pool_use_lifo": True,
}

Dialect = Literal["sqlite", "postgresql"]
T = TypeVar("T")


def dialect_of(session: Session) -> Dialect:
    """The database of a session."""
    return "sqlite" if session.get_bind().dialect.name == "sqlite" else "postgresql"


def insert_into(dialect: Dialect, table: Any) -> sqlite.Insert | postgresql.Insert:
    """An INSERT into a table or row class that can say what to do on a conflict."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def put(session: Session, row: SQLModel) -> None:
    """Write a row with a key of its own, over the row that is there.

    Several daemons may write the same row at the same moment: the last one's stays. ``Session.merge``
    would fail in all but one of them where the row is new. Row objects of the session stay as they are.
    """
    table = type(row)
    statement = insert_into(dialect_of(session), table).values(row.model_dump())
    keys = [column.name for column in inspect(table).primary_key]
    others = {name: value for name, value in statement.excluded.items() if name not in keys}
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=others))


def change(session: Session, statement: Update | Delete) -> int:
    """Run an UPDATE or DELETE; how many rows it changed. Row objects of the session stay as they are."""
    statement = statement.execution_options(synchronize_session=False)
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


class Store:
    """The store, safe to share between threads: each transaction has a connection of its own.

    Every method raises StoreUnavailable for database errors that mean "not now".
    """

    def __init__(
        self,
        engine: Engine,
        *,
        file: StoreFile | None = None,
        busy_timeout: float = BUSY_TIMEOUT,
        progress: Progress | None = None,
    ) -> None:
        self.engine = engine
        self._file = file
        # None on PostgreSQL.
        self.progress = progress
        self._busy_timeout = busy_timeout
        self._turns = Turns()
        # Kept until a restart: where a part of the file is damaged, other parts still work.
        self.damage: StoreDamaged | None = None
        self.dialect: Dialect = "sqlite" if engine.dialect.name == "sqlite" else "postgresql"
        self._writer = engine.execution_options(**{_WRITES: True})
        # Small writes on SQLite that may share a transaction.
        self.together = Together(self.write_connection)
        self._single = (
            engine.execution_options(**{_WRITES: _ALONE})
            if self.dialect == "sqlite"
            else engine.execution_options(isolation_level="AUTOCOMMIT")
        )

    @property
    def place(self) -> str:
        """Where the store is, for people to read; without the password."""
        return place_of(self.engine.url)

    @contextmanager
    def turn(self, *, first: bool = False) -> Iterator[None]:
        """The only writer of this process on SQLite; on PostgreSQL there is nothing to wait for.

        SQLite waits for its lock by polling, with sleeps of up to 0.1 s. The threads of one process
        therefore wait for a lock in memory instead, and the processes for one beside the file.
        ``first`` is for the one thread that comes before all others. Raises StoreUnavailable after the
        busy timeout.
        """
        if self.dialect != "sqlite":
            yield
            return
        turns = self._turns
        if not turns.next.locked() and turns.now.acquire(blocking=False):
            # Nobody waits.
            try:
                yield
            finally:
                turns.now.release()
            return
        with turns.take(self._busy_timeout, first=first) as taken:
            if not taken:
                raise StoreUnavailable("the store is busy: another write takes too long")
            yield

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the store. Its rows stay usable after the block; changes
        that the block makes are undone."""
        with (
            self.read_connection() as connection,
            Session(connection, expire_on_commit=False, autoflush=False) as session,
        ):
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end of the block, or undoes everything if an error ends it."""
        with (
            self.write_connection() as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session
            # Sends what is left to write. The connection's own transaction commits afterwards.
            session.commit()

    @contextmanager
    def read_connection(self) -> Iterator[Connection]:
        """A connection for statements that need no row objects; otherwise as ``read``."""
        with self._translated(), self.engine.connect() as connection:
            connection.begin()
            yield connection

    @contextmanager
    def write_connection(self) -> Iterator[Connection]:
        """A connection for statements that need no row objects; otherwise as ``write``."""
        with (
            self._translated(),
            self.turn(),
            self._writer.connect() as connection,
            self.transaction(connection),
        ):
            yield connection

    def single(self, work: Callable[[Connection], T]) -> T:
        """On PostgreSQL: what ``work`` returns for a connection on which it makes one statement.

        The statement is a transaction of its own: BEGIN and COMMIT would each cost a round trip.
        """
        with self._translated(), self._single.connect() as connection:
            return work(connection)

    def writer(self) -> Connection:
        """A connection to keep and to close. Each statement that writes commits itself; it belongs
        within a ``transaction``, and that within a ``turn``."""
        with self._translated():
            return self._single.connect()

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[None]:
        """One transaction of a connection from ``writer``, within a ``turn``.

        Raises StoreUnavailable, also where the commit went into an SQLite file that was taken away
        meanwhile. The beginning of a transaction looks for the file as well.
        """
        with self._translated():
            try:
                with connection.begin():
                    yield
            except BaseException:
                if self._file is not None:
                    self._file.end()
                raise
            if self._file is not None:
                with _opened_anew(self.engine):
                    self._file.committed()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            known = translate(error, self.place)
            if isinstance(known, StoreDamaged):
                self.damage = known
            if known is None or known is error:
                raise
            raise known from error

    def close(self) -> None:
        """Close all connections. On SQLite the write-ahead log is folded into the file."""
        self.engine.dispose()
        if self._file is not None:
            self._file.close()


def open_store(url: str, *, busy_timeout: float = BUSY_TIMEOUT) -> Store:
    """Open the store at ``url``: ``sqlite:///file`` or ``postgresql+psycopg://user@host/database``.

    ``busy_timeout`` is how long (seconds) a writer waits for the lock on the SQLite file. Makes no
    tables: ``sync.store.migrations.upgrade`` does. Raises StoreMisconfigured.
    """
    try:
        parsed = parse(url)
    except ValueError:
        raise StoreMisconfigured(
            "the store's url cannot be read; write sqlite:///ticket-sync.db or "
            "postgresql+psycopg://user:password@host/database"
        ) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine, file = _sqlite(parsed, busy_timeout)
        progress = Progress(Path(parsed.database or ""))
        return Store(engine, file=file, busy_timeout=busy_timeout, progress=progress)
    if backend == "postgresql":
        return Store(_postgresql(parsed))
    raise StoreMisconfigured(
        f"the store's url begins with {parsed.drivername!r}; use sqlite:/// or postgresql+psycopg://"
    )


def _sqlite(url: URL, busy_timeout: float) -> tuple[Engine, StoreFile]:
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
    engine = create_engine(url.set(drivername="sqlite"), creator=file.connect, **_FOR_BOTH)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        writes = connection.get_execution_options().get(_WRITES)
        with _opened_anew(engine):
            file.begin(driver, writes=bool(writes))
        if writes is not _ALONE:
            # Not by a statement of SQLAlchemy's, which takes several times as long.
            driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN").close()

    @event.listens_for(engine, "checkin")
    def returned(_connection: Any, record: Any) -> None:
        if file.trouble and file.companions_lost:
            record.invalidate()

    _keep_text_storable(engine)
    return engine, file


@contextmanager
def _opened_anew(engine: Engine) -> Iterator[None]:
    """Where only the log or its index is lost, a new connection would open a new log. So all old
    connections are closed first; those in use are closed when they return to the pool."""
    try:
        yield
    except FileLost:
        raise
    except StoreUnavailable:
        engine.dispose()
        raise


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={
                "connect_timeout": 5,
                "application_name": "ticket-sync",
                # A database that was made without a locale (SQL_ASCII) would give bytes for text.
                "client_encoding": "utf8",
                # A pooler gives each transaction another session, without its prepared statements.
                "prepare_threshold": None,
                # Notice a dead server in half a minute, not after the kernel's two hours.
                "keepalives_idle": 15,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 30_000,
            },
            pool_recycle=1800,
            **_FOR_BOTH,
        )
    except ImportError as error:
        raise StoreMisconfigured(
            "PostgreSQL needs the psycopg package; install it with "
            "`pip install 'ticket-sync[postgres]'`"
        ) from error

    @event.listens_for(engine, "checkin")
    def kept(_connection: Any, record: Any) -> None:
        record.info["kept"] = True

    @event.listens_for(engine, "checkout")
    def alive(connection: Any, record: Any, _proxy: Any) -> None:
        # Where the server has ended the connection, or keepalives have found the server dead, the socket
        # has something to read. A ping that asks the server would cost each transaction a round trip.
        if record.info.pop("kept", False) and _spoke(connection):
            raise DisconnectionError

    _keep_text_storable(engine)
    return engine


def _spoke(connection: Any) -> bool:
    """Whether the server sent something over a psycopg connection on which nothing was asked."""
    if connection.closed:
        return True
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))


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
        # Runs for each statement, so plain text is recognised here, without a call for each value.
        for row in parameters if isinstance(parameters, list) else (parameters,):
            for value in row.values() if isinstance(row, dict) else row:
                if type(value) is str and (not value.isascii() or "\0" in value):
                    return statement, storable_value(parameters)
        return statement, parameters

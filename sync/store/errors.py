"""What can be wrong with the store, in words for people, and which database errors mean what."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy import exc


class StoreUnavailable(Exception):
    """The store cannot be used now (disk full, read-only, locked, no connection) or as configured.

    ``str()`` is a sentence for people, without secrets. The transaction stored nothing, unless the
    connection or the file was lost during the commit; then the transaction may have stored everything.
    """


class StoreDamaged(StoreUnavailable):
    """The store's file is damaged: what can still be read or written of it proves nothing."""


class FileLost(StoreUnavailable):
    """The store's file is not at its path. Open connections work again once the file is put back."""


class StoreMisconfigured(StoreUnavailable):
    """The store cannot work before a person changes something: a URL, a folder, a missing package."""


class SchemaMismatch(StoreMisconfigured):
    """The tables are older or newer than this program, or not those of ticket-sync."""


# What an SQLite error means, and the remedy.
_SQLITE_WORDS = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Make room on it"),
    sqlite3.SQLITE_READONLY: (
        "the file is read-only",
        "Let the account that runs ticket-sync write to it and to its folder",
    ),
    sqlite3.SQLITE_BUSY: (
        "another process holds the lock on the file",
        "Find it (`fuser FILE` names it) and let it end",
    ),
    sqlite3.SQLITE_LOCKED: ("another connection holds the lock on a table", ""),
    sqlite3.SQLITE_IOERR: ("reading or writing the file failed", "Check its disk"),
    sqlite3.SQLITE_CANTOPEN: (
        "the file cannot be opened",
        "Let the account that runs ticket-sync read and write it, and make files in its folder",
    ),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", "Put a backup of it in its place"),
    sqlite3.SQLITE_NOTADB: (
        "the file is not an SQLite database",
        "Put a backup of it in its place, or name another file",
    ),
    sqlite3.SQLITE_PERM: (
        "access to the file is not permitted",
        "Let the account that runs ticket-sync read and write it",
    ),
    sqlite3.SQLITE_NOMEM: ("memory ran out", ""),
}

_UPGRADE = (
    "its tables are not what this program expects. Run `ticket-sync db upgrade`; if that finds nothing "
    "to do, tables were removed: restore a backup, or name an empty store"
)

# What is wrong, by SQLSTATE of PostgreSQL or by its class (the first two characters).
_POSTGRES_WORDS = {
    "08": "the connection failed",
    "25": "the database does not take writes",
    "26": "a pooler before the database mixed up prepared statements",
    "28": "the database refused the user or password",
    "3D": "there is no such database",
    "40": "the database undid the transaction because it conflicted with another",
    "42501": "the database user lacks a privilege. `ticket-sync serve` names at its start what to grant",
    "53": "the database server is out of resources",
    "54": "the database server has reached one of its limits",
    "55": "a lock could not be taken",
    "57": "the database server ended the connection",
    "58": "the database server met a system error",
    "XX": "the database server met an internal error",
}

# What is wrong with the values of a statement, and not with the database: SQLSTATE classes of
# PostgreSQL, and error codes of SQLite.
_POSTGRES_VALUES = ("22", "23")
_SQLITE_VALUES = (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG)


def translate(error: Exception, place: str = "") -> StoreUnavailable | None:
    """The failure to operate that a database error means. ``place`` is where the store is, for people.

    None for what is no error of a database, and for what says that the values of a statement are wrong,
    such as a violated constraint. Every other error of a database means "not now", known here or not:
    what is concluded from a wrong "never" cannot be taken back.
    """
    store = f"the store {place} (url in [store])" if place else "the store"
    if isinstance(error, StoreUnavailable):
        return error
    if isinstance(error, exc.TimeoutError):
        return StoreUnavailable("the store is busy: every connection to it is in use")
    if isinstance(error, exc.DisconnectionError):
        return StoreUnavailable("the connection to the store was lost")
    original: BaseException | None = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return _of_sqlite(original, store)
    if isinstance(error, exc.DBAPIError):
        return _of_postgres(error, store)
    return None


def of_database(error: BaseException) -> bool:
    """Whether an error came from the database or from what leads to it, whatever the error means."""
    return isinstance(error, StoreUnavailable | exc.SQLAlchemyError | sqlite3.Error)


def unavailable(error: Exception) -> StoreUnavailable:
    """An error of the database, whatever it means, as one that may pass. Quotes no values."""
    if isinstance(error, StoreUnavailable):
        return error
    original = getattr(error, "orig", None) or error
    said = str(original).strip().partition("\n")[0] if original is not error else ""
    return StoreUnavailable(
        f"the store refused what was to be written ({said or type(error).__name__})"
    )


def _of_sqlite(error: sqlite3.Error, store: str) -> StoreUnavailable | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Raised by the driver before SQLite had the statement, because of its values.
        return None
    code &= 0xFF
    if code in _SQLITE_VALUES:
        return None
    if str(error).startswith(("no such table", "no such column")):
        return SchemaMismatch(f"{store} cannot be used: {_UPGRADE} ({error})")
    wrong, remedy = _SQLITE_WORDS.get(code, ("SQLite refused a statement", ""))
    damaged = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    kind = StoreDamaged if damaged else StoreUnavailable
    return kind(f"{store} cannot be used now: {wrong} ({error}){remedy and f'. {remedy}'}")


def _of_postgres(error: exc.DBAPIError, store: str) -> StoreUnavailable | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    lost = error.connection_invalidated
    if state[:2] in _POSTGRES_VALUES or (not state and not lost and _driver_refused(error)):
        return None
    line = str(error.orig).strip().partition("\n")[0]
    # The driver quotes the host. Where a password holds an @, the driver takes the end of the password
    # for part of the host, so what stands before an @ is left out.
    quoted = re.sub(r"[^\s'\"]+@", "…@", line)
    said = f" ({quoted})" if quoted else ""
    if state in ("42P01", "42703"):
        return SchemaMismatch(f"{store} cannot be used: {_UPGRADE}{said}")
    words = _POSTGRES_WORDS.get(state) or _POSTGRES_WORDS.get(state[:2])
    if words is None:
        words = f"the database answered with SQLSTATE {state}" if state else _UNREACHED
    return StoreUnavailable(f"{store} cannot be used now: {words}{said}")


_UNREACHED = "the database cannot be reached"


def _driver_refused(error: exc.DBAPIError) -> bool:
    """Whether the driver refused the values of a statement, before the database had it."""
    return isinstance(error, exc.DataError | exc.ProgrammingError | exc.NotSupportedError)

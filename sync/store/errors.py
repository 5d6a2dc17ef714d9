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

# SQLSTATE classes of PostgreSQL (the first two characters of a code) that mean "not now".
_POSTGRES_CLASSES = {
    "08": "the connection failed",
    "25": "the database does not take writes",
    "28": "the database refused the user or password",
    "3D": "there is no such database",
    "40": "the database undid the transaction because it conflicted with another",
    "53": "the database server is out of resources",
    "54": "the database server has reached one of its limits",
    "55": "a lock could not be taken",
    "57": "the database server ended the connection",
    "58": "the database server met a system error",
    "XX": "the database server met an internal error",
}


def translate(error: Exception, place: str = "") -> StoreUnavailable | None:
    """The failure to operate that a database error means; None for errors of other kinds, such as a
    violated constraint. ``place`` is where the store is, for people to read."""
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


def _of_sqlite(error: sqlite3.Error, store: str) -> StoreUnavailable | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    words = _SQLITE_WORDS.get(code)
    if words is None and str(error).startswith(("no such table", "no such column")):
        return SchemaMismatch(f"{store} cannot be used: {_UPGRADE} ({error})")
    if words is None:
        return None
    wrong, remedy = words
    return StoreUnavailable(
        f"{store} cannot be used now: {wrong} ({error}){remedy and f'. {remedy}'}"
    )


def _of_postgres(error: exc.DBAPIError, store: str) -> StoreUnavailable | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    line = str(error.orig).strip().partition("\n")[0]
    # The driver quotes the host. Where a password holds an @, the driver takes the end of the password
    # for part of the host, so what stands before an @ is left out.
    quoted = re.sub(r"[^\s'\"]+@", "…@", line)
    said = f" ({quoted})" if quoted else ""
    if state in ("42P01", "42703"):
        return SchemaMismatch(f"{store} cannot be used: {_UPGRADE}{said}")
    words = _POSTGRES_CLASSES.get(state[:2])
    if words is None and (error.connection_invalidated or isinstance(error, exc.OperationalError)):
        words = "the database cannot be reached"
    return StoreUnavailable(f"{store} cannot be used now: {words}{said}") if words else None

"""Addresses of stores: ``sqlite:///file`` or ``postgresql+psycopg://user:password@host/database``."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

# Whether SQLAlchemy decodes percent signs in the name of a database, as it does from 2.1 on.
_DECODES = make_url("sqlite:///%41").database == "A"


def parse(url: str) -> URL:
    """The parts of an address. Raises ValueError, whose text quotes no part of the address."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("no address of a database") from None
    if parsed.database and not _DECODES:
        return parsed.set(database=unquote(parsed.database))
    return parsed


def without_password(url: str) -> str:
    """The address for people to read, with its password as ``***``."""
    return parse(url).render_as_string(hide_password=True)


def for_libpq(url: str) -> str:
    """An address of PostgreSQL as PostgreSQL's own programs take it, without the password."""
    whole = parse(url)
    bare = URL.create(
        "postgresql", whole.username, None, whole.host, whole.port, whole.database, whole.query
    )
    return bare.render_as_string()


def sqlite_file(url: str) -> Path | None:
    """The file that an address names; None for an address of PostgreSQL."""
    parsed = parse(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def place_of(url: URL) -> str:
    """Where a store is, for people to read; without the password.

    Where a password holds an @, its end is taken for the host or the database. Only what follows the
    last @ is therefore shown.
    """
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = str(url.host or url.query.get("host", "")).rpartition("@")[2]
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{host}{port}/{(url.database or '').rpartition('@')[2]}"

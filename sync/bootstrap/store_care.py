"""What people do to look after the store as a whole, for the store that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from shlex import quote

from sync.bootstrap.stores import existing_store
from sync.operations.errors import Refused
from sync.settings import Settings
from sync.settings.reading import Reading, reading
from sync.settings.values import store_url
from sync.store import backup, checking, migrations, moving, restore, space
from sync.store.backup import Copy
from sync.store.checking import Checked
from sync.store.engine import open_store
from sync.store.moving import Moved
from sync.store.restore import Restored
from sync.store.url import for_libpq, sqlite_file
from sync.toml import Wrong

_ASKS = "It asks for the password, or takes it from ~/.pgpass or PGPASSWORD."


def back_up(settings: Settings, target: Path, *, overwrite: bool) -> Copy:
    """Copy the store to a file while daemons run. Raises Refused on PostgreSQL, CannotStart,
    StoreUnavailable."""
    if _file(settings) is None:
        raise Refused(
            "the store is a PostgreSQL database, which PostgreSQL's own program backs up while daemons "
            f"run: {_dump_command(settings, target)}\n{_ASKS}"
        )
    # Also before the upgrade to this version.
    with closing(existing_store(settings, any_revision=True)) as store:
        return backup.back_up(store, target, overwrite=overwrite)


def put_back(settings: Settings, source: Path, now: float) -> Restored:
    """Put a backup in the place of the store. Raises Refused on PostgreSQL, StoreUnavailable."""
    file = _file(settings)
    if file is None:
        raise Refused(
            "the store is a PostgreSQL database: stop the daemons, and let PostgreSQL's own program "
            f"restore it: {_restore_command(settings, source)}\n{_ASKS}"
        )
    return restore.restore(file, source, now)


def check(settings: Settings) -> Iterator[Checked]:
    """Look at everything that the store holds. Raises CannotStart, StoreUnavailable."""
    with closing(existing_store(settings)) as store:
        yield from checking.check(store)


def vacuum(settings: Settings) -> tuple[int, int]:
    """Give the space of deleted rows back; the bytes before and after. Raises CannotStart,
    StoreUnavailable."""
    with closing(existing_store(settings)) as store:
        return space.vacuum(store)


def copy(settings: Settings, to: str, progress: Callable[[str, int], object]) -> tuple[str, Moved]:
    """Copy the store into the database at the address ``to``; where that is, in words for people, and
    what was copied. Raises Refused for an address that is none, CannotStart, StoreUnavailable."""
    with ExitStack() as stack:
        source = stack.enter_context(closing(existing_store(settings)))
        with reading(Reading(Path.cwd())):
            try:
                address = store_url(to).get_secret_value()
            except Wrong as wrong:
                raise Refused(f"the address to copy to {wrong}. {wrong.remedy}") from None
        target = stack.enter_context(closing(open_store(address)))
        return target.place, moving.copy(source, target, progress)


def is_current(restored: Restored) -> bool:
    """Whether the tables of a restored store are those of this program."""
    return restored.revision == migrations.head()


def _file(settings: Settings) -> Path | None:
    return sqlite_file(settings.store.url.get_secret_value())


def _dump_command(settings: Settings, target: Path) -> str:
    file = quote(str(target))
    return f"pg_dump --format=custom --file={file} {quote(_address(settings))}"


def _restore_command(settings: Settings, source: Path) -> str:
    how = "--clean --if-exists --no-owner --exit-on-error --single-transaction"
    return f"pg_restore {how} --dbname={quote(_address(settings))} {quote(str(source))}"


def _address(settings: Settings) -> str:
    # A pooler in transaction mode would end a dump.
    url = settings.store.direct_url or settings.store.url
    return for_libpq(url.get_secret_value())

"""The store as the settings name it: opened, and with the tables that this program expects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager

from sync.bootstrap.errors import CannotStart
from sync.settings import Settings
from sync.store import migrations
from sync.store.backup import keep_before_upgrade
from sync.store.engine import Store, open_store
from sync.store.hints import Hint, Hints, NoHints
from sync.store.url import sqlite_file
from sync.store.usable import check_usable


def ready_store(
    settings: Settings, first: Callable[[Store], object] = lambda _store: None
) -> Store:
    """The store, ready for work. SQLite is upgraded here; PostgreSQL must have been upgraded before.

    ``first`` is called before anything in the store is read or changed. Raises StoreUnavailable
    (SchemaMismatch where PostgreSQL is behind, StoreMisconfigured where a privilege is missing).
    """
    store = _open(settings)
    with _closed_on_error(store):
        first(store)
        if store.dialect == "sqlite":
            migrations.upgrade(store, _copies(settings, store))
        else:
            migrations.check(store)
        check_usable(store)
    return store


def has_store(settings: Settings) -> bool:
    """Whether the SQLite file exists; True for PostgreSQL, which is not asked."""
    file = sqlite_file(settings.store.url.get_secret_value())
    return file is None or file.is_file()


def existing_store(settings: Settings, *, any_revision: bool = False) -> Store:
    """A store that is there already, at this program's revision unless ``any_revision``. Raises
    CannotStart where none is, and StoreUnavailable."""
    if not has_store(settings):
        file = sqlite_file(settings.store.url.get_secret_value())
        raise CannotStart(
            f"There is no store at {file} yet; the first `ticket-sync serve` makes it. "
            "If it lies elsewhere, set url in [store] or name the configuration with --config."
        )
    store = _open(settings)
    with _closed_on_error(store):
        if not any_revision:
            migrations.check(store)
    return store


def upgrade_store(settings: Settings) -> str:
    """Bring the tables up to what this program expects; what was done, in words. Raises
    StoreUnavailable."""
    with closing(_open(settings)) as store:
        before, after = migrations.upgrade(store, _copies(settings, store))
    if before == after:
        return f"The store at {store.place} is up to date ({after})."
    if not before:
        return f"The store at {store.place} was made ({after})."
    return f"The store at {store.place} was upgraded from {before} to {after}."


def _copies(settings: Settings, store: Store) -> Callable[[str], object]:
    """What is done before the tables of a store change."""
    keep = settings.store.upgrade_copies
    return lambda revision: keep_before_upgrade(store, revision, keep, time.time())


def hints_of(
    settings: Settings, owner: str, on: Mapping[Hint, Callable[[], object]]
) -> Hints | NoHints:
    """The hints of daemons on PostgreSQL; none on SQLite, which takes one daemon."""
    if sqlite_file(settings.store.url.get_secret_value()) is not None:
        return NoHints()
    url = settings.store.direct_url or settings.store.url
    return Hints(url.get_secret_value(), owner, on)


def _open(settings: Settings) -> Store:
    return open_store(settings.store.url.get_secret_value())


@contextmanager
def _closed_on_error(store: Store) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # The caller gets no store that it could close. Ctrl-C may end the wait for another daemon.
        store.close()
        raise

"""The store as the settings want it: opened, and with the tables this program expects."""

from __future__ import annotations

from sync.bootstrap.errors import CannotStart
from sync.settings import Settings
from sync.store import migrations
from sync.store.engine import Store, open_store, sqlite_file


def ready_store(settings: Settings) -> Store:
    """The store, ready for work: SQLite is upgraded, PostgreSQL must have been.

    Raises StoreUnavailable (SchemaMismatch where PostgreSQL is behind).
    """
    store = open_store(settings.store.url.get_secret_value())
    try:
        if store.dialect == "sqlite":
            migrations.upgrade(store)
        else:
            migrations.check(store)
    except BaseException:
        store.close()
        raise
    return store


def has_store(settings: Settings) -> bool:
    """Whether there is a store already, as far as can be told without opening it."""
    file = sqlite_file(settings.store.url.get_secret_value())
    return file is None or file.is_file()


def existing_store(settings: Settings) -> Store:
    """The store for looking at: not made where there is none. Raises CannotStart, StoreUnavailable."""
    if not has_store(settings):
        file = sqlite_file(settings.store.url.get_secret_value())
        raise CannotStart(
            f"There is no store at {file} yet; the first `ticket-sync serve` makes it. "
            "If it lies elsewhere, set url in [store] or name the configuration with --config."
        )
    store = open_store(settings.store.url.get_secret_value())
    try:
        migrations.check(store)
    except BaseException:
        store.close()
        raise
    return store


def upgrade_store(settings: Settings) -> str:
    """Bring the tables up to this program; says what was done. Raises StoreUnavailable."""
    store = open_store(settings.store.url.get_secret_value())
    try:
        before, after = migrations.upgrade(store)
    finally:
        store.close()
    if before == after:
        return f"The store at {store.place} is up to date ({after})."
    if not before:
        return f"The store at {store.place} was made ({after})."
    return f"The store at {store.place} was upgraded from {before} to {after}."

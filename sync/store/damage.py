"""Looking for damage in the SQLite file that no query has met yet.

PostgreSQL checks its pages itself, where the server is set up so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import structlog

from sync.store.engine import Store
from sync.store.errors import StoreDamaged, StoreUnavailable, translate

log = structlog.get_logger("store")

EVERY_SECONDS = 86_400.0
FIRST_SECONDS = 60.0
# Pages (4 KiB) of the largest file that is looked through. SQLite may look at a table and its indexes in
# one step, which nothing can stop. So the size decides beforehand, and no clock meanwhile.
MOST_PAGES = 1_500_000
# The same for a command, which a person waits for.
MOST_PAGES_AT_ONCE = 25_000
# How many steps SQLite takes between two looks at ``stop``.
_STEPS = 100_000


def look_for_damage(
    store: Store, pages: int = MOST_PAGES, stop: Callable[[], bool] = lambda: False
) -> bool:
    """Look through the file if it has no more than ``pages``, until ``stop``; whether that came to its
    end.

    Readers and writers go on meanwhile. Raises StoreDamaged, after which the store counts as unusable
    (``store.damage``), and StoreUnavailable where the file cannot be looked at.
    """
    if store.dialect != "sqlite":
        return True
    try:
        with store.read_connection() as connection:
            if connection.exec_driver_sql("PRAGMA page_count").scalar_one() > pages:
                return False
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.set_progress_handler(stop, _STEPS)
            try:
                found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalars().first()
            finally:
                driver.set_progress_handler(None, 0)
    except StoreDamaged:
        raise
    except StoreUnavailable:
        if stop():
            return False
        raise
    if found != "ok":
        error = sqlite3.DatabaseError(" ".join(str(found).split()))
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        damage = translate(error, store.place)
        assert isinstance(damage, StoreDamaged)
        store.damage = damage
        raise damage
    return True


def known(store: Store) -> str:
    """What a short look finds, in words; "" for nothing, and for a file that is too large for it."""
    try:
        look_for_damage(store, MOST_PAGES_AT_ONCE)
    except StoreUnavailable as trouble:
        return str(trouble)
    return ""


def look_and_log(store: Store, stop: Callable[[], bool]) -> None:
    """Look, and say in the log what was found. For the schedule."""
    try:
        whole = look_for_damage(store, MOST_PAGES, stop)
    except StoreDamaged as damage:
        log.error("the store is damaged", reason=str(damage))
        return
    if not whole and not stop():
        log.info(
            "the store is too large to be looked through for damage",
            pages=MOST_PAGES,
            remedy=f"now and then, run on a copy: sqlite3 COPY 'PRAGMA quick_check' ({store.place})",
        )

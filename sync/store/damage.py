"""Looking for damage in the SQLite file that no query has met yet.

PostgreSQL checks its pages itself, where the server is set up so.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

import structlog
from sqlalchemy import text

from sync.store.engine import Store
from sync.store.errors import StoreDamaged, StoreUnavailable, translate

log = structlog.get_logger("store")

EVERY_SECONDS = 86_400.0
FIRST_SECONDS = 60.0
LONGEST_SECONDS = 60.0
# How many steps SQLite takes between two looks at the clock.
_STEPS = 100_000


def look_for_damage(
    store: Store, seconds: float = LONGEST_SECONDS, stop: Callable[[], bool] = lambda: False
) -> bool:
    """Look through the file, for ``seconds`` at most or until ``stop``; whether that came to its end.

    Readers and writers go on meanwhile. Raises StoreDamaged, after which the store counts as unusable
    (``store.damage``), and StoreUnavailable where the file cannot be looked at.
    """
    if store.dialect != "sqlite":
        return True
    until = time.monotonic() + seconds
    try:
        with store.read_connection() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.set_progress_handler(lambda: stop() or time.monotonic() > until, _STEPS)
            try:
                found = connection.execute(text("PRAGMA quick_check(1)")).scalars().first()
            finally:
                driver.set_progress_handler(None, 0)
    except StoreDamaged:
        raise
    except StoreUnavailable:
        if stop() or time.monotonic() > until:
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


def known(store: Store, seconds: float) -> str:
    """What a look of so many seconds finds, in words; "" for nothing."""
    try:
        look_for_damage(store, seconds)
    except StoreUnavailable as trouble:
        return str(trouble)
    return ""


def look_and_log(store: Store, stop: Callable[[], bool]) -> None:
    """Look, and say in the log what was found. For the schedule."""
    try:
        whole = look_for_damage(store, LONGEST_SECONDS, stop)
    except StoreDamaged as damage:
        log.error("the store is damaged", reason=str(damage))
        return
    if not whole and not stop():
        log.info(
            "the store is too large to be looked through for damage",
            seconds=LONGEST_SECONDS,
            remedy=f"now and then, run on a copy: sqlite3 COPY 'PRAGMA quick_check' ({store.place})",
        )

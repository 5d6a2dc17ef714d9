"""The store, opened for a verb that looks at it or changes a little."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync.store.engine import Store


@contextmanager
def opened_store(config: Path | None) -> Iterator[Store]:
    """The store that the configuration names; needs no secrets. Raises CannotStart, SettingsError,
    StoreUnavailable."""
    from sync.bootstrap.stores import existing_store
    from sync.settings import Secrets, load

    store = existing_store(load(config, secrets=Secrets.UNNEEDED))
    try:
        yield store
    finally:
        store.close()

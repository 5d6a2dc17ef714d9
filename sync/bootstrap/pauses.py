"""Sites that people have paused, for verbs that would call them."""

from __future__ import annotations

from collections.abc import Mapping

from sync.bootstrap.stores import existing_store, has_store
from sync.domain.pause import PauseKind, active
from sync.ports import Tracker
from sync.settings import Settings
from sync.store import paused
from sync.store.database_clock import ask_time
from sync.store.engine import Store


def rest(store: Store, trackers: Mapping[str, Tracker]) -> None:
    """Let each tracker whose site is paused make no call. Raises StoreUnavailable."""
    with store.read() as session:
        known = paused.load(session)
    for one in active(known, ask_time(store)) if known else ():
        if one.kind is PauseKind.SITE and one.site in trackers:
            trackers[one.site].health.rest(one.words)


def rest_by_settings(settings: Settings, trackers: Mapping[str, Tracker]) -> None:
    """The same by the store of the settings, if there is one. Raises StoreUnavailable, CannotStart."""
    if not has_store(settings):
        return
    store = existing_store(settings)
    try:
        rest(store, trackers)
    finally:
        store.close()

"""What verbs do, kept in the log of acts as done by the command line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync.store.engine import Store


def note(store: Store, verb: str, words: str, about: str = "") -> None:
    """Record what a verb did: its name, what was done to what, in words. Raises StoreUnavailable."""
    from sync.operations.accounts import on_command_line
    from sync.operations.acts import Act, record

    record(store, on_command_line(), Act(verb, about), words, time.time())

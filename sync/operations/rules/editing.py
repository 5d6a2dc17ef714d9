"""Who edits the rules, and where."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sync.operations.accounts import Account
from sync.store.engine import Store
from sync.worker.rulebook.files import RuleFiles


@dataclass(frozen=True, slots=True)
class Editing:
    """An account at work on the rule files of one ticket-sync, at the time ``now`` (seconds since the
    epoch)."""

    store: Store
    files: RuleFiles
    account: Account
    now: float


def text_digest(text: str | None) -> str:
    """The digest of a file's text; "" where there is no file."""
    return "" if text is None else hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()

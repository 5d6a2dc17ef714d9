"""What was recorded ahead: which tickets subjects take that are not known yet. Shown and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync.operations.accounts import Account
from sync.operations.acts import Act, Done, perform
from sync.operations.errors import NotFound, Refused
from sync.store import expected
from sync.store.engine import Store
from sync.store.tables import ExpectedRow


@dataclass(frozen=True, slots=True)
class Recorded:
    """A subject (its id) that takes a ticket (its Jira key) of a site once it is heard of; recorded at
    ``at`` (seconds since the epoch) by somebody. ``words`` say why it did not get it, "" while it is not
    heard of."""

    subject: str
    ticket: str
    site: str
    at: float
    by: str
    words: str

    @property
    def sentence(self) -> str:
        """The same for people."""
        if self.words:
            return f"{self.subject} did not get {self.ticket}: {self.words}"
        return f"{self.subject} takes {self.ticket} once it is heard of; recorded by {self.by}"


def recorded(store: Store) -> list[Recorded]:
    """All that was recorded ahead, oldest first. Raises StoreUnavailable."""
    with store.read() as session:
        return [_shown(row) for row in expected.all_of(session)]


def recorded_for(store: Store, name: str) -> list[Recorded]:
    """What was recorded ahead for a subject or a ticket. Raises StoreUnavailable."""
    with store.read() as session:
        return [_shown(row) for row in expected.of_name(session, name)]


def take_back(store: Store, account: Account, names: Sequence[str], now: float) -> Done:
    """Take back what was recorded ahead for subjects or tickets. Raises Refused where none is named,
    NotFound, before anything is taken back, where nothing was recorded for one of them, and
    StoreUnavailable."""

    def work() -> str:
        if not names:
            raise Refused("Name what is to be taken back, by subject or ticket.")
        with store.write() as session:
            rows: dict[tuple[str, str], ExpectedRow] = {}
            for name in names:
                of_name = expected.of_name(session, name)
                if not of_name:
                    raise NotFound(f"Nothing is recorded ahead for {name!r}.")
                rows |= {(row.subject_id, row.source): row for row in of_name}
            gone = [f"{row.subject_id}, {row.jira_key}" for row in rows.values()]
            expected.remove(session, rows.values())
        return f"Taken back: {'; '.join(gone)}"

    return perform(store, account, Act("adopt", f"take back {' '.join(names)}"), work, now)


def _shown(row: ExpectedRow) -> Recorded:
    return Recorded(row.subject_id, row.jira_key, row.site, row.at, row.by, row.words)

"""How far an edit is that has come into force."""

from __future__ import annotations

from dataclasses import dataclass

from sync.domain.times import lasting
from sync.store import edit_progress, rulebook
from sync.store.engine import Store


@dataclass(frozen=True, slots=True)
class Progress:
    """Numbers of tickets that the last edit made due: ``done``, ``waiting`` for their turn, and set
    ``aside`` since. ``reaching``: a daemon still makes tickets due. ``over``: nothing waits any more."""

    words: str
    total: int
    done: int
    waiting: int
    aside: int
    reaching: bool
    over: bool


def progress(store: Store, now: float) -> Progress | None:
    """The progress of the rules in force, None while there are none. Raises StoreUnavailable."""
    with store.read() as session:
        known = rulebook.in_force(session)
        if known is None:
            return None
        found = edit_progress.since(session, known.at)
    done = found.total - found.due - found.aside
    reaching = known.previous is not None
    words = f"In force since {lasting(max(0.0, now - known.at))}"
    if reaching:
        words += "; its tickets are being looked for"
    elif found.total:
        noun = "ticket" if found.total == 1 else "tickets"
        words += f"; {done:,} of {found.total:,} {noun} changed"
        words += f", {found.aside:,} set aside" if found.aside else ""
    over = not reaching and not found.due
    return Progress(words, found.total, done, found.due, found.aside, reaching, over)

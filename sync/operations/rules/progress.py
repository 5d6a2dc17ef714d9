"""How far an edit is that has come into force, and having it wait and go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sync.domain.times import lasting
from sync.operations.acts import Act, Done, perform
from sync.operations.errors import Refused
from sync.operations.rules.editing import Editing
from sync.store import edit_progress, rulebook
from sync.store.engine import Store


@dataclass(frozen=True, slots=True)
class Progress:
    """Numbers of tickets that the last edit made due: ``done``, ``waiting`` for their turn, and set
    ``aside`` since. ``paused`` wait until somebody has the edit go on, or something happens to them;
    an edit before the last may have left some. ``reaching``: a daemon still makes tickets due. ``over``:
    nothing waits any more."""

    words: str
    total: int
    done: int
    waiting: int
    aside: int
    paused: int
    reaching: bool
    over: bool


def progress(store: Store, now: float) -> Progress | None:
    """The progress of the rules in force, None while there are none. Raises StoreUnavailable."""
    with store.read() as session:
        known = rulebook.in_force(session)
        if known is None:
            return None
        found = edit_progress.since(session, known.at, now)
    done = found.total - found.due - found.aside
    reaching = known.previous is not None
    words = f"In force since {lasting(max(0.0, now - known.at))}"
    if reaching:
        words += "; its tickets are being looked for"
    elif found.total:
        noun = "ticket" if found.total == 1 else "tickets"
        words += f"; {done:,} of {found.total:,} {noun} changed"
        words += f", {found.aside:,} set aside" if found.aside else ""
    if found.paused:
        words += f"; paused: {found.paused:,} {'waits' if found.paused == 1 else 'wait'}"
    over = not reaching and not found.due and not found.paused
    waiting = max(0, found.due - found.paused)
    return Progress(words, found.total, done, waiting, found.aside, found.paused, reaching, over)


def pause(at: Editing) -> Done:
    """Have the tickets wait that the last edit has not reached yet. Raises Refused where there are none,
    and StoreUnavailable."""

    def work() -> str:
        with at.store.write() as session:
            known = rulebook.in_force(session)
            if known is None:
                raise Refused("No rules are in force yet.")
            if known.previous is not None:
                raise Refused(
                    "The tickets of the edit are still being looked for. Try in a moment."
                )
            words = f"the edit of the rules was paused by {at.account.name}"
            count = edit_progress.pause(session, known.at, words)
        if not count:
            raise Refused("No ticket waits for its turn, so there is nothing to pause.")
        them = "one" if count == 1 else "them"
        return (
            f"Paused: {_tickets(count)} {'waits' if count == 1 else 'wait'} until the edit goes on. "
            f"What happens to {them} meanwhile is followed at once, by the new rules."
        )

    return perform(at.store, at.account, Act("rules pause"), work, at.now)


def go_on(at: Editing, wake: Callable[[], object] = lambda: None) -> Done:
    """Have the tickets follow that wait for a paused edit. Raises Refused where none does, and
    StoreUnavailable."""

    def work() -> str:
        with at.store.write() as session:
            count = edit_progress.go_on(session, at.now)
        if not count:
            raise Refused("No edit is paused.")
        wake()
        return f"The edit goes on: {_tickets(count)} {'follows' if count == 1 else 'follow'}."

    return perform(at.store, at.account, Act("rules go-on"), work, at.now)


def _tickets(count: int) -> str:
    return f"{count:,} {'ticket' if count == 1 else 'tickets'}"

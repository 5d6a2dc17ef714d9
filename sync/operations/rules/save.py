"""Saving a draft, and taking a saved edit back: both write the files, as an edit on disk would.

What is saved comes into force the same way as an edit on disk: a daemon measures it, and lets it wait
where it touches many tickets.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sync.operations.acts import Act, Done, perform
from sync.operations.errors import Changed, NotFound, Refused
from sync.operations.rules import drafts, history
from sync.operations.rules.check import Read, quick
from sync.operations.rules.draft_view import conflicts, effective
from sync.operations.rules.editing import Editing
from sync.operations.rules.merge import is_marked
from sync.rules import Texts
from sync.store import leases, rule_drafts, rule_versions, rulebook
from sync.store.admin_tables import RuleDraftRow
from sync.store.engine import Store
from sync.store.liveness import BY_HAND
from sync.store.rulebook import Edition, Saved
from sync.worker.rulebook.folder import FileChanged, Write, why_not_writable, write_files

# Who writes the files holds this lease, on whichever machine.
_LEASE = "rule files"
_LEASE_SECONDS = 30.0
_PATIENCE = 5.0
SAVE, TAKE_BACK, REVERT = "rules save", "rules take-back", "rules revert"
READ_ONLY = "Download the patch instead, and bring it where the rules are kept."
NOTHING_WAITS = "The rules on disk are in force: there is no edit to take back."
WAITS = (
    "An edit of the rules is not in force yet. Take it back or accept it first, or name a version."
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the plan that was looked at says of a draft: how many tickets it touches, None where there
    is no plan; and how many an edit may touch without waiting (``large_edit``)."""

    size: int | None = None
    most: int = 50


def save(at: Editing, id_: int, expected: Expected | None = None) -> Done:
    """Write a draft's files. The draft goes on from there, without changes.

    Raises Changed where somebody else changed a file meanwhile, Refused where the draft cannot be saved
    (mistakes, read-only folder, nothing changed), NotFound, and StoreUnavailable.
    """

    def work() -> str:
        _writable(at)
        with _alone(at.store):
            return _save(at, id_, expected or Expected())

    # What is typed and saved again a second later is another act.
    texts = rulebook.texts_digest(drafts.texts_of(at, id_))
    return perform(at.store, at.account, Act(SAVE, f"draft {id_}, {texts[:12]}"), work, at.now)


def _save(at: Editing, id_: int, expected: Expected, undoes: int | None = None) -> str:
    with at.store.read() as session:
        row = rule_drafts.get(session, id_, at.account.name)
    if row is None:
        raise NotFound(drafts.GONE)
    disk = at.files.texts()
    if found := conflicts(row, disk.by_name):
        raise Changed(" ".join(one.words for one in found))
    texts = effective(row, disk.by_name)
    read = _read(at, texts, disk)
    assert read.rules is not None
    # A folder that is not there yet gets all files.
    there: Mapping[str, str] = disk.by_name if at.files.folder == at.files.chosen else {}
    writes = _writes(there, texts)
    if not writes:
        raise Refused("The draft changes nothing: there is nothing to save.")
    _write(at, writes, texts, undoes)
    with at.store.write() as session:
        row = rule_drafts.get(session, id_, at.account.name, lock=True)
        if row is not None:
            _saved(row, texts, at.now)
            session.add(row)
    return f"Saved {_named(writes)}. {_what_then(at, read.rules.digest, expected)}"


def _saved(row: RuleDraftRow, texts: Mapping[str, str], now: float) -> None:
    """Let the draft go on from what was saved. What was typed meanwhile stays in it."""
    after = effective(row, texts)
    row.began_texts = dict(texts)
    row.changed_at = max(now, row.changed_at)
    drafts.keep(row, after)


def _what_then(at: Editing, digest: str, expected: Expected) -> str:
    with at.store.read() as session:
        known = rulebook.in_force(session)
    if known is not None and known.digest == digest:
        return "No rule says anything else, so no ticket changes."
    size = expected.size
    if size is None:
        return "In force within seconds, or waiting where it touches many tickets."
    if size > expected.most:
        return f"{size:,} tickets is more than {expected.most} (large_edit): the edit waits."
    return f"In force within seconds: {size} {'ticket' if size == 1 else 'tickets'}."


def _read(at: Editing, texts: Mapping[str, str], disk: Texts) -> Read:
    if marked := [name for name, text in texts.items() if is_marked(text)]:
        raise Refused(
            f"{marked[0]} has places that both of you changed: choose there first, and remove the marks."
        )
    unread = drafts.unread(disk, texts, str(at.files.folder))
    read = quick(Texts(texts, unread), at.files.defaults)
    if read.rules is None:
        count = len(read.told)
        raise Refused(
            f"Not saved: mend {count} {'mistake' if count == 1 else 'mistakes'} first. "
            f"{read.told[0].words}"
        )
    return read


def take_back(at: Editing) -> Done:
    """Let the files say again what is in force. What they said until now is kept as a version.

    Raises Refused where they say that already, or cannot be written; Changed where somebody else
    changed a file at the same moment; and StoreUnavailable.
    """

    def work() -> str:
        _writable(at)
        with _alone(at.store):
            return _take_back(at)

    return perform(at.store, at.account, Act(TAKE_BACK), work, at.now)


def _take_back(at: Editing) -> str:
    disk = at.files.texts()
    with at.store.read() as session:
        known = rulebook.in_force(session)
        author = rulebook.saved_by(session, disk.by_name)
    if known is None:
        raise Refused("No rules are in force yet, so there is nothing to take back.")
    if disk.mistakes and not disk.by_name:
        raise Refused(str(disk.mistakes[0]))
    writes = _writes(disk.by_name, known.texts)
    if not writes:
        raise Refused(NOTHING_WAITS)
    _write(at, writes, known.texts)
    with at.store.write() as session:
        rulebook.clear(session, rulebook.WAITING)
        # Nothing is lost by taking an edit back: what it said is a version to revert to.
        edit = Edition(
            rulebook.texts_digest(disk.by_name), disk.by_name, rule_versions.NEVER, at.now
        )
        number = rule_versions.add(session, edit, author)
        told = Edition(known.digest, known.texts, "an edit was taken back", at.now)
        rule_versions.add(session, told, at.account.name)
    return (
        f"Taken back: {_named(writes)} as in force before. What the edit said is version {number} of "
        "the history."
    )


def revert(at: Editing, version: int = 0) -> Done:
    """Write the files as they were in a version, by default the one before the one in force. The edit
    comes into force as any other.

    Raises as ``save``, and NotFound where there is no such version. Without a version, raises Refused
    where the files do not say what is in force: which edit is meant is then not sure.
    """

    def work() -> str:
        return write_version(at, version or _before_in_force(at))

    return perform(
        at.store, at.account, Act(REVERT, f"version {version}" if version else ""), work, at.now
    )


def write_version(at: Editing, version: int, undoes: int | None = None) -> str:
    """Write the files as they were in a version; what was done, in words. ``undoes`` is the version of
    the edit whose writes are put back as well. Raises as ``revert``."""
    _writable(at)
    draft = history.reverted(at, version)
    try:
        with _alone(at.store):
            return _save(at, draft.id, Expected(), undoes)
    finally:
        drafts.drop(at, draft.id)


def _before_in_force(at: Editing) -> int:
    """The number of the version before the one in force."""
    with at.store.read() as session:
        known = rulebook.in_force(session)
        row = rule_versions.before_in_force(session, known.digest) if known else None
    if known is None or row is None or row.id is None:
        raise NotFound("There is no version before the one in force.")
    if dict(at.files.texts().by_name) != dict(known.texts):
        raise Refused(WAITS)
    return row.id


def _writable(at: Editing) -> None:
    if why := why_not_writable(at.files.chosen):
        raise Refused(f"{why[:1].upper()}{why[1:]}. {READ_ONLY}")


def _writes(disk: Mapping[str, str], texts: Mapping[str, str]) -> list[Write]:
    return [
        Write(name, disk.get(name), texts.get(name))
        for name in sorted({*disk, *texts})
        if disk.get(name) != texts.get(name)
    ]


def _write(
    at: Editing, writes: list[Write], texts: Mapping[str, str], undoes: int | None = None
) -> None:
    with at.store.write() as session:
        before = rulebook.saved(session)
        # Before the files, because a daemon may take them up at once.
        rulebook.put_saved(
            session, Saved(rulebook.texts_digest(texts), at.account.name, at.now, undoes)
        )
    try:
        write_files(at.files.chosen, writes)
    except FileChanged as error:
        _forget(at.store, before)
        raise Changed(
            f"{error.name} changed at this very moment. Nothing was saved; your draft is kept."
        ) from error
    except OSError as error:
        _forget(at.store, before)
        why = (error.strerror or str(error)).lower()
        raise Refused(f"The files could not be written: {why}. Your draft is kept.") from error


def _forget(store: Store, before: Saved | None) -> None:
    with store.write() as session:
        if before is None:
            rulebook.clear(session, rulebook.SAVED)
        else:
            rulebook.put_saved(session, before)


@contextmanager
def _alone(store: Store, pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """While nobody else writes the rule files by the pages, the API or a verb."""
    owner = BY_HAND + secrets.token_hex(8)
    until = time.monotonic() + _PATIENCE
    while not leases.take(store, _LEASE, owner, _LEASE_SECONDS):
        if time.monotonic() > until:
            raise Changed("Somebody else is saving rules right now; look again in a moment.")
        pause(0.05)
    try:
        yield
    finally:
        leases.release(store, _LEASE, owner)


def _named(writes: list[Write]) -> str:
    names = [f"{one.name} (removed)" if one.after is None else one.name for one in writes]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))

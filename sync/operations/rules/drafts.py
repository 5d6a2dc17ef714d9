"""Drafts: edits of the rules that are kept for their authors until they are saved or dropped.

A draft takes effect for nobody but its author. It knows the text from which each of its files began, so
that a file which somebody else changes meanwhile is noticed. Files that the draft does not change follow
the disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sync.domain.text import storable
from sync.operations.errors import NotFound, Refused
from sync.operations.rules.draft_view import Draft, Other, described, drawn, effective
from sync.operations.rules.editing import Editing, text_digest
from sync.operations.rules.lines import with_ends_of
from sync.operations.rules.merge import Merged, merge
from sync.rules import Texts
from sync.store import rule_drafts, rulebook
from sync.store.admin_tables import RuleDraftRow
from sync.store.engine import Session
from sync.toml import Mistake

# A file of rules is at most this long, in characters; so are all files of a draft together, times ten.
LONGEST = 500_000
# An account has at most so many drafts.
MOST = 200
# The drafts of others are told of while they were changed in the last day.
_OTHERS_SECONDS = 86400.0
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ -]{0,94}\.toml\Z")
_Edit = Callable[[RuleDraftRow, dict[str, str]], None]
GONE = "There is no such draft of yours any more; begin a new one."


def begin(at: Editing, texts: Mapping[str, str] | None = None) -> Draft:
    """A new draft of the rules on disk, a waiting edit included. ``texts``: the draft makes the files
    say this instead. Raises Refused for too many drafts, and StoreUnavailable."""
    disk = dict(at.files.texts().by_name)
    row = RuleDraftRow(
        account=at.account.name, began={}, began_texts=disk, created_at=at.now, changed_at=at.now
    )
    keep(row, disk if texts is None else texts)
    with at.store.write() as session:
        if rule_drafts.count(session, at.account.name) >= MOST:
            raise Refused(f"You have {MOST} drafts: throw some away first.")
        id_ = rule_drafts.add(session, row)
    return look(at, id_)


def look(at: Editing, id_: int) -> Draft:
    """A draft of the account. Raises NotFound and StoreUnavailable."""
    with at.store.read() as session:
        row = _of(session, at, id_)
        edition = rulebook.in_force(session)
        around = rule_drafts.recent(session, at.now - _OTHERS_SECONDS)
    in_force = edition.texts if edition else {}
    return drawn(row, at.files.texts().by_name, in_force, around, at.now)


def texts_of(at: Editing, id_: int) -> dict[str, str]:
    """What the files would say after this draft, by name. Raises NotFound and StoreUnavailable."""
    with at.store.read() as session:
        row = _of(session, at, id_)
    return effective(row, at.files.texts().by_name)


def whole(at: Editing, id_: int = 0) -> Texts:
    """What would be read after this draft, files that cannot be read included; for 0, what is on disk.
    Raises NotFound and StoreUnavailable."""
    disk = at.files.texts()
    if not id_:
        return disk
    texts = texts_of(at, id_)
    return Texts(texts, unread(disk, texts, str(at.files.folder)))


def unread(disk: Texts, texts: Mapping[str, str], folder: str) -> tuple[Mistake, ...]:
    """The mistakes of files that cannot be read. That the folder is empty, or is not there, is none
    where a draft has files for it."""
    return tuple(one for one in disk.mistakes if not texts or one.file != folder)


def follow(at: Editing, id_: int) -> Draft:
    """A draft as a page that is opened shows it: files that it does not change begin anew from the disk.

    Not to be used while an editor shows the former texts. Raises NotFound and StoreUnavailable.
    """
    disk = at.files.texts().by_name
    with at.store.write() as session:
        row = _of(session, at, id_, lock=True)
        # What is on disk as the draft has it was saved.
        changed = {name for name, text in row.texts.items() if disk.get(name) != text}
        mine = changed | {name for name in row.removed if name in disk}
        texts = effective(row, disk)
        kept = {name: text for name, text in row.began_texts.items() if name in mine}
        row.began_texts = {**{n: t for n, t in disk.items() if n not in mine}, **kept}
        keep(row, texts)
        session.add(row)
    return look(at, id_)


def write(at: Editing, id_: int, name: str, text: str) -> Draft:
    """Let a file say this in the draft. A file that is not there is added. Raises Refused, NotFound and
    StoreUnavailable."""
    _fits(name, text)

    def edit(row: RuleDraftRow, texts: dict[str, str]) -> None:
        if name not in texts and name not in row.removed:
            _is_free(_named(name), texts)
        texts[name] = storable(with_ends_of(text, row.began_texts.get(name, "")))

    return _edited(at, id_, edit)


def add(at: Editing, id_: int, name: str, text: str = "") -> Draft:
    """Add a file. Raises Refused where there is one of that name, NotFound and StoreUnavailable."""
    name = _named(name)
    _fits(name, text)

    def edit(_row: RuleDraftRow, texts: dict[str, str]) -> None:
        _is_free(name, texts)
        texts[name] = storable(text)

    return _edited(at, id_, edit)


def remove(at: Editing, id_: int, name: str) -> Draft:
    """Remove a file. Raises NotFound, Refused and StoreUnavailable."""

    def edit(_row: RuleDraftRow, texts: dict[str, str]) -> None:
        _take(texts, name)

    return _edited(at, id_, edit)


def rename(at: Editing, id_: int, name: str, to: str) -> Draft:
    """Give a file another name. Files are read in the order of their names. Raises NotFound, Refused
    and StoreUnavailable."""
    to = _named(to)

    def edit(_row: RuleDraftRow, texts: dict[str, str]) -> None:
        _is_free(to, texts)
        texts[to] = _take(texts, name)

    return _edited(at, id_, edit)


def undo(at: Editing, id_: int, name: str = "") -> Draft:
    """Undo what the draft does to a file, or to all files for "". Takes the text on disk: what somebody
    else saved meanwhile comes in. Raises NotFound and StoreUnavailable."""
    disk = at.files.texts().by_name
    with at.store.write() as session:
        row = _of(session, at, id_, lock=True)
        names = [name] if name else [*row.texts, *row.removed]
        row.texts = {n: t for n, t in row.texts.items() if n not in names}
        row.removed = [n for n in row.removed if n not in names]
        kept = {n: t for n, t in row.began_texts.items() if n not in names}
        row.began_texts = kept | {n: disk[n] for n in names if n in disk}
        _touched(row, at.now)
        session.add(row)
    return look(at, id_)


def put_on_top(at: Editing, id_: int, name: str) -> Merged:
    """Put my edit of a file on top of the text that is on disk by now. Where both changed the same
    lines, the text gets both, marked. Raises NotFound and StoreUnavailable."""
    disk = at.files.texts().by_name
    with at.store.write() as session:
        row = _of(session, at, id_, lock=True)
        began, now = row.began_texts.get(name, ""), disk.get(name)
        mine = row.texts.get(name)
        found = Merged(mine or "", 0)
        if mine is not None and now is not None:
            found = merge(began, mine, now)
        texts = effective(row, row.began_texts)
        kept = {n: t for n, t in row.began_texts.items() if n != name}
        row.began_texts = kept | ({} if now is None else {name: now})
        if mine is not None:
            texts[name] = found.text
        keep(row, texts)
        _touched(row, at.now)
        session.add(row)
    return found


def drop(at: Editing, id_: int) -> None:
    """Throw a draft away. Raises NotFound and StoreUnavailable."""
    with at.store.write() as session:
        if not rule_drafts.drop(session, id_, at.account.name):
            raise NotFound(GONE)


def of_account(at: Editing) -> tuple[Other, ...]:
    """The drafts of the account, the last changed first. Raises StoreUnavailable."""
    with at.store.read() as session:
        rows = rule_drafts.of_account(session, at.account.name)
    return tuple(described(row, at.account.name, at.now) for row in rows)


def of_others(at: Editing) -> tuple[Other, ...]:
    """The drafts of other accounts that were changed of late. Raises StoreUnavailable."""
    with at.store.read() as session:
        rows = rule_drafts.recent(session, at.now - _OTHERS_SECONDS)
    theirs = (row for row in rows if row.account != at.account.name and (row.texts or row.removed))
    return tuple(described(row, at.account.name, at.now) for row in theirs)


def _edited(at: Editing, id_: int, edit: _Edit) -> Draft:
    disk = at.files.texts().by_name
    with at.store.write() as session:
        row = _of(session, at, id_, lock=True)
        # Files that came on disk since then are part of the draft, too.
        row.began_texts = {
            **{n: t for n, t in disk.items() if n not in {*row.texts, *row.removed}},
            **row.began_texts,
        }
        texts = effective(row, row.began_texts)
        edit(row, texts)
        if sum(map(len, texts.values())) > 10 * LONGEST:
            raise Refused("The files are too long together.")
        keep(row, texts)
        _touched(row, at.now)
        session.add(row)
    return look(at, id_)


def keep(row: RuleDraftRow, texts: Mapping[str, str]) -> None:
    """Keep the texts in the row as what differs from where the draft began."""
    row.texts = {name: text for name, text in texts.items() if row.began_texts.get(name) != text}
    row.removed = sorted(name for name in row.began_texts if name not in texts)
    _digests(row)


def _touched(row: RuleDraftRow, now: float) -> None:
    row.changed_at = max(now, row.changed_at)
    _digests(row)


def _digests(row: RuleDraftRow) -> None:
    row.began = {name: text_digest(text) for name, text in row.began_texts.items()}


def _of(session: Session, at: Editing, id_: int, *, lock: bool = False) -> RuleDraftRow:
    row = rule_drafts.get(session, id_, at.account.name, lock=lock)
    if row is None:
        raise NotFound(GONE)
    return row


def _named(name: str) -> str:
    """The name for a file. Raises Refused."""
    name = name.strip()
    if name and not name.endswith(".toml"):
        name += ".toml"
    if not _NAME.match(name) or ".." in name:
        raise Refused(
            f"{name or 'Nothing'!r} cannot be the name of a file of rules: give letters, digits and "
            "hyphens, as in 10-finance.toml."
        )
    return name


def _is_free(name: str, texts: Mapping[str, str]) -> None:
    taken = next((known for known in texts if known.casefold() == name.casefold()), None)
    if taken is not None:
        raise Refused(f"There is a file {taken} already.")


def _take(texts: dict[str, str], name: str) -> str:
    if name not in texts:
        raise NotFound(f"There is no file {name} in this draft.")
    return texts.pop(name)


def _fits(name: str, text: str) -> None:
    if len(text) > LONGEST:
        raise Refused(f"{name} is longer than {LONGEST:,} characters.")

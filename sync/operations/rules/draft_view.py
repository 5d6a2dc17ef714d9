"""What a draft shows: its files, what somebody else changed meanwhile, and the drafts of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync.domain.times import ago, stamp
from sync.operations.errors import NotFound
from sync.operations.rules.editing import text_digest
from sync.operations.rules.lines import changed_lines
from sync.operations.rules.merge import is_marked, theirs_and_mine
from sync.store.admin_tables import RuleDraftRow


@dataclass(frozen=True, slots=True)
class DraftFile:
    """One file of a draft.

    ``text`` is the draft's, None for a file that the draft removes. ``state`` is "same", "changed",
    "new" or "removed", against the text from which the draft began; ``began`` is the digest of that, ""
    for no file. ``changed_lines`` are lines of ``text`` that differ from what is in force. ``marked``:
    the text has places where a person has to choose (see ``Conflict``).
    """

    name: str
    text: str | None
    state: str
    began: str
    changed_lines: tuple[int, ...]
    marked: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file that changed on disk since the draft began, and that the draft changes.

    ``what`` is "changed", "gone" (deleted or renamed on disk: saving makes it anew) or "came" (a file
    of that name is there now). ``theirs``, ``mine`` and ``both`` are lines of the text from which the
    draft began.
    """

    file: str
    what: str
    words: str
    theirs: tuple[int, ...]
    mine: tuple[int, ...]
    both: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody else's draft, or another one of mine."""

    id: int
    account: str
    mine: bool
    files: tuple[str, ...]
    since: str | None
    changed_at: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft with all files, those that it does not change included. ``differs`` counts lines that
    differ from what is in force. ``empty``: the draft changes nothing."""

    id: int
    files: tuple[DraftFile, ...]
    empty: bool
    differs: int
    conflicts: tuple[Conflict, ...]
    others: tuple[Other, ...]
    created_at: str | None
    changed_at: str | None
    words: str

    def file(self, name: str) -> DraftFile:
        """One file by its name. Raises NotFound."""
        for one in self.files:
            if one.name == name:
                return one
        raise NotFound(f"There is no file {name} in this draft.")


def drawn(
    row: RuleDraftRow,
    disk: Mapping[str, str],
    in_force: Mapping[str, str],
    around: Sequence[RuleDraftRow],
    now: float,
) -> Draft:
    """A draft as people see it. ``around`` are drafts of the same files and others."""
    files = tuple(_files(row, disk, in_force))
    assert row.id is not None
    return Draft(
        id=row.id,
        files=files,
        empty=all(one.state == "same" for one in files),
        differs=sum(len(one.changed_lines) for one in files),
        conflicts=tuple(conflicts(row, disk)),
        others=tuple(_others(around, row, now)),
        created_at=stamp(row.created_at),
        changed_at=stamp(row.changed_at),
        words=f"Draft kept on this server {ago(max(0.0, now - row.changed_at))}",
    )


def effective(row: RuleDraftRow, disk: Mapping[str, str]) -> dict[str, str]:
    """What the files say with the draft's edits over those on disk."""
    gone = set(row.removed)
    found = {name: text for name, text in disk.items() if name not in gone} | row.texts
    return dict(sorted(found.items()))


def conflicts(row: RuleDraftRow, disk: Mapping[str, str]) -> list[Conflict]:
    """The files that both the draft and somebody else changed."""
    found = []
    for name in sorted({*row.texts, *row.removed}):
        began, now = row.began_texts.get(name), disk.get(name)
        mine = row.texts.get(name)
        if now not in (began, mine):
            found.append(_conflict(name, began, mine, now))
    return found


def _conflict(name: str, began: str | None, mine: str | None, now: str | None) -> Conflict:
    if now is None:
        words = f"{name} is not there any more: it was deleted or renamed. Saving makes it anew."
        return Conflict(name, "gone", words, (), (), ())
    if began is None:
        words = f"A file {name} came meanwhile. Your draft would write over it."
        return Conflict(name, "came", words, (), (), ())
    lines = theirs_and_mine(began, mine or "", now)
    theirs, me, both = (tuple(some) for some in lines)
    words = (
        f"{name} changed under your draft. Your draft is kept. {_are(theirs, 'theirs')}, "
        f"{_numbers(me) or 'no lines'} yours; {_numbers(both) or 'none'} "
        f"{'are' if len(both) > 1 else 'is'} both."
    )
    return Conflict(name, "changed", words, theirs, me, both)


def _are(lines: tuple[int, ...], whose: str) -> str:
    if not lines:
        return f"No lines are {whose}"
    many = len(lines) > 1
    return f"{'Lines' if many else 'Line'} {_numbers(lines)} {'are' if many else 'is'} {whose}"


def _numbers(lines: tuple[int, ...], most: int = 8) -> str:
    shown = [str(line) for line in lines[:most]]
    if len(lines) > most:
        return f"{', '.join(shown)} and {len(lines) - most} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def _files(
    row: RuleDraftRow, disk: Mapping[str, str], in_force: Mapping[str, str]
) -> list[DraftFile]:
    found = []
    for name in sorted({*row.began_texts, *row.texts, *row.removed, *disk}):
        began = row.began_texts.get(name)
        if name in row.removed:
            text, state = None, "removed"
        elif name in row.texts:
            text, state = row.texts[name], "new" if began is None else "changed"
        elif began is None:
            # Came on disk since the draft was begun.
            began = text = disk[name]
            state = "same"
        elif name not in disk:
            continue
        else:
            text, state = began, "same"
        known = in_force.get(name, "")
        lines = () if text is None or text == known else changed_lines(known, text)
        marked = text is not None and is_marked(text)
        found.append(DraftFile(name, text, state, text_digest(began), lines, marked))
    return found


def _others(rows: Sequence[RuleDraftRow], own: RuleDraftRow, now: float) -> list[Other]:
    """Drafts of the same files, or all where this draft changes nothing yet."""
    found = []
    mine = {*own.texts, *own.removed}
    for row in rows:
        files = {*row.texts, *row.removed}
        if row.id == own.id or not files or (mine and not mine & files):
            continue
        found.append(described(row, own.account, now))
    return found


def described(row: RuleDraftRow, me: str, now: float) -> Other:
    """A draft in words, for the account ``me``."""
    mine = row.account == me
    files = tuple(sorted({*row.texts, *row.removed}))
    since = ago(max(0.0, now - row.created_at))
    words = (
        f"{'You have another draft' if mine else f'{row.account} has a draft'} of "
        f"{', '.join(files) or 'nothing yet'}, begun {since}."
    )
    assert row.id is not None
    times = stamp(row.created_at), stamp(row.changed_at)
    return Other(row.id, row.account, mine, files, *times, words)

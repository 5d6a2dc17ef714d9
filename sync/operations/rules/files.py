"""The rule files: on disk and in force, whether they can be written, and what waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync.domain.times import moment, stamp
from sync.operations.rules.check import Read, Told, quick
from sync.operations.rules.editing import text_digest
from sync.rules import RuleSet
from sync.store import rulebook
from sync.store.engine import Store
from sync.store.rulebook import Edition, Problem, Waiting
from sync.worker.rulebook.files import RuleFiles
from sync.worker.rulebook.folder import why_not_writable
from sync.worker.rulebook.in_force import waiting_words

READ_ONLY = (
    "Edit and plan as always; instead of saving, download the patch and bring it where the rules "
    "are kept."
)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file on disk. ``rules`` are the names of its rules, empty while the files have mistakes.
    ``in_force``: the rules in force were read from this very text."""

    name: str
    text: str
    digest: str
    rules: tuple[str, ...]
    in_force: bool


@dataclass(frozen=True, slots=True)
class WaitingEdit:
    """An edit on disk that waits to be accepted. ``account`` saved it, "" where it was made on disk.
    ``undoes`` is the version of the edit that it undoes in tickets as well, 0 for none."""

    digest: str
    changed: int
    made: int
    looked_at: int
    since: str | None
    mistakes: tuple[str, ...]
    account: str
    words: str
    undoes: int = 0


@dataclass(frozen=True, slots=True)
class RulesShown:
    """The rules as they are now.

    ``sentence`` says what is in force. ``digest`` is that of the rules on disk, "" while they cannot be
    read; ``same``: they are in force. ``why_not_writable`` is "" where the folder can be written.
    ``shipped``: the files are those that come with ticket-sync. ``told`` are mistakes and warnings of
    the files on disk, ``problem`` those that the daemon found.
    """

    sentence: str
    folder: str
    shipped: bool
    why_not_writable: str
    notes: tuple[str, ...]
    files: tuple[RuleFile, ...]
    digest: str
    same: bool
    digest_in_force: str
    in_force_since: str | None
    in_force_by: str
    waiting: WaitingEdit | None
    problem: tuple[str, ...]
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store says of the rules."""

    edition: Edition | None
    waiting: Waiting | None
    problem: Problem | None
    saved: rulebook.Saved | None


def stored(store: Store) -> Stored:
    """What the store says of the rules. Raises StoreUnavailable."""
    with store.read() as session:
        return Stored(
            rulebook.in_force(session),
            rulebook.waiting(session),
            rulebook.problem(session),
            rulebook.saved(session),
        )


def shown(store: Store, files: RuleFiles) -> RulesShown:
    """The rules on disk and in force. Raises StoreUnavailable."""
    known = stored(store)
    texts = files.texts()
    read = quick(texts, files.defaults)
    edition = known.edition
    digest = read.rules.digest if read.rules else ""
    in_force = edition.texts if edition else {}
    shipped = files.folder != files.chosen
    return RulesShown(
        sentence=sentence(read.rules, known),
        folder=str(files.folder),
        shipped=shipped,
        why_not_writable=why_not_writable(files.chosen),
        notes=tuple(files.notes()),
        files=_files(texts.by_name, read, in_force),
        digest=digest,
        same=edition is not None and edition.digest == digest,
        digest_in_force=edition.digest if edition else "",
        in_force_since=stamp(edition.at) if edition else None,
        in_force_by=edition.how if edition else "",
        waiting=_waiting(known, digest, texts.by_name),
        problem=known.problem.words if known.problem else (),
        told=read.told,
    )


def _files(
    texts: Mapping[str, str], read: Read, in_force: Mapping[str, str]
) -> tuple[RuleFile, ...]:
    rules: dict[str, list[str]] = {}
    for rule in read.rules.rules if read.rules else ():
        rules.setdefault(rule.ref.file, []).append(rule.name)
    return tuple(
        RuleFile(
            name, text, text_digest(text), tuple(rules.get(name, ())), in_force.get(name) == text
        )
        for name, text in texts.items()
    )


def _waiting(known: Stored, digest: str, texts: Mapping[str, str]) -> WaitingEdit | None:
    edit = known.waiting
    if edit is None or edit.digest != digest:
        return None
    saved = known.saved
    if saved is not None and saved.digest != rulebook.texts_digest(texts):
        saved = None
    return WaitingEdit(
        edit.digest,
        edit.changed,
        edit.made,
        edit.looked_at,
        stamp(edit.at),
        edit.mistakes,
        saved.account if saved else "",
        waiting_sentence(edit),
        (saved.undoes if saved else None) or 0,
    )


def waiting_sentence(edit: Waiting) -> str:
    """What the edit that waits would do, and how it is accepted."""
    words = waiting_words(edit)
    return f"{words[:1].upper()}{words[1:]}."


def sentence(rules: RuleSet | None, known: Stored) -> str:
    """What is in force, beside the rules on disk; None for rules that have mistakes."""
    edition = known.edition
    if edition is None:
        return "No rules are in force yet: these come into force with the first start."
    since = f"In force since {moment(edition.at)} UTC"
    if rules is None:
        return f"{since}: the rules of before. Those on disk have mistakes."
    if rules.digest == edition.digest:
        in_files = sum(1 for name in edition.texts if not name.startswith("_"))
        return f"{since}: {_count(len(rules.rules), 'rule')} in {_count(in_files, 'file')}."
    if known.waiting is not None and known.waiting.digest == rules.digest:
        return f"{since}: the rules of before. An edit waits to be accepted."
    return (
        f"{since}: other rules than those on disk, which a running daemon takes up within seconds."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else noun + 's'}"

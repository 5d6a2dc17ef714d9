"""The history of the rules: every set that was in force, who brought it, and what reverts to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync.domain.times import stamp
from sync.operations.errors import NotFound, Refused
from sync.operations.rules import drafts
from sync.operations.rules.draft_view import Draft
from sync.operations.rules.editing import Editing
from sync.operations.rules.lines import FileDiff, differing
from sync.operations.rules.patch import patch
from sync.store import rule_versions, rulebook
from sync.store.admin_tables import RuleVersionRow
from sync.store.engine import Store
from sync.worker.rulebook.files import RuleFiles

PAGE = 50
CANNOT_BE_UNDONE = (
    "A revert brings the open tickets to what the former rules ask. It cannot undo comments that were "
    "made and tickets that were created."
)
# What stands for the rules on disk, and for those in force, where a version is asked for.
DISK, IN_FORCE = "disk", "in-force"


@dataclass(frozen=True, slots=True)
class Version:
    """A rule set that was in force. ``account`` is "on disk" for an edit by hand; ``how`` says how the
    set came, ``words`` what it did. ``files`` are those that differ from the version before.
    ``in_force``: it is the set that is in force now."""

    id: int
    at: str | None
    account: str
    how: str
    words: str
    digest: str
    changed: int
    made: int
    files: tuple[str, ...]
    in_force: bool


@dataclass(frozen=True, slots=True)
class History:
    """Versions, newest first. ``after`` asks for the next page, 0 where there is none. ``note`` says
    what a revert cannot undo."""

    versions: tuple[Version, ...]
    after: int
    note: str


def history(store: Store, after: int = 0, limit: int = PAGE) -> History:
    """The versions before the version ``after``, the newest for 0. Raises StoreUnavailable."""
    with store.read() as session:
        rows = rule_versions.page(session, after=after, limit=limit + 1)
        known = rulebook.in_force(session)
        newest = rule_versions.last(session)
    shown = rows[:limit]
    befores: list[RuleVersionRow | None] = [*rows[1:], None]
    current = newest.id if known and newest and newest.digest == known.digest else 0
    versions = tuple(
        _version(row, before, row.id == current)
        for row, before in zip(shown, befores, strict=False)
    )
    more = len(rows) > limit
    return History(versions, versions[-1].id if more and versions else 0, CANNOT_BE_UNDONE)


def _version(row: RuleVersionRow, before: RuleVersionRow | None, in_force: bool) -> Version:
    old = before.texts if before else {}
    files = tuple(sorted(n for n in {*old, *row.texts} if old.get(n) != row.texts.get(n)))
    assert row.id is not None
    words = f"{row.changed:,} changed, {row.made:,} made"
    numbers = row.changed, row.made
    who = row.account or "on disk"
    return Version(
        row.id, stamp(row.at), who, row.how, words, row.digest, *numbers, files, in_force
    )


def texts(store: Store, files: RuleFiles, name: str) -> Mapping[str, str]:
    """The texts of a version by its number, or of "disk" or "in-force". Raises NotFound, Refused and
    StoreUnavailable."""
    if name == DISK:
        return files.texts().by_name
    with store.read() as session:
        if name == IN_FORCE:
            known = rulebook.in_force(session)
            if known is None:
                raise NotFound("No rules are in force yet.")
            return known.texts
        if not name.isdigit() or len(name) > 15:
            raise Refused(f"{name!r} is no version: give a number, {DISK} or {IN_FORCE}.")
        row = rule_versions.get(session, int(name))
    if row is None:
        raise NotFound(f"There is no version {name} of the rules.")
    return row.texts


def before(store: Store, version: int) -> str:
    """The name of the version before another. Raises NotFound and StoreUnavailable."""
    with store.read() as session:
        row = rule_versions.before(session, version)
    if row is None:
        raise NotFound(f"There is no version before {version}.")
    return str(row.id)


@dataclass(frozen=True, slots=True)
class Difference:
    """How files differ: line by line, and as a patch for `git apply`."""

    files: tuple[FileDiff, ...]
    patch: str


def difference(store: Store, files: RuleFiles, old: str, new: str) -> Difference:
    """How the files differ between two of what ``texts`` takes. Raises as ``texts`` does."""
    left, right = texts(store, files, old), texts(store, files, new)
    return Difference(differing(left, right), patch(left, right))


def reverted(at: Editing, version: int) -> Draft:
    """A draft that makes the files say what they said in a version; nothing takes effect by it.

    Raises NotFound and StoreUnavailable.
    """
    return drafts.begin(at, texts(at.store, at.files, str(version)))

"""The rule files on disk: noticing an edit, reading all files at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sync.rules import Defaults, RuleSet, Texts, ignored, parse, texts_of
from sync.toml.mistakes import Mistake
from sync.worker.rulebook.folder import finish

# Name, inode, size and times of each file: at least one of them differs after an edit.
FolderState = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rules, and the texts that they were read from, by file name. ``shipped``: they come with the
    program, because the user's folder is not there."""

    rules: RuleSet
    texts: Mapping[str, str]
    shipped: bool = False


def texts_in(folder: Path) -> Texts:
    """The texts of a folder of rules. A save that was cut off is finished first."""
    if folder.is_dir():
        finish(folder)
        return texts_of(folder)
    what = "is not a folder" if os.path.lexists(folder) else "is not there"
    remedy = "Put the folder of rules there, or name another as directory under [mappings]."
    return Texts({}, (Mistake(str(folder), 0, "the folder of rules", what, remedy),))


class RuleFiles:
    """The folder of rule files. ``edited`` is true once for each edit, when it is complete.

    While the folder is not there, the rules in ``shipped`` are read, if that is given.
    """

    def __init__(self, folder: Path, defaults: Defaults, shipped: Path | None = None) -> None:
        self.chosen = folder
        self._shipped = shipped
        self.defaults = defaults
        self._read: FolderState | None = None
        self._last: FolderState | None = None
        self._texts: Texts | None = None
        # Room for two: the sets before and after an edit are asked for in turn.
        self._parsed = lru_cache(maxsize=2)(
            lambda texts, mistakes: parse(dict(texts), defaults, mistakes)
        )

    def texts(self) -> Texts:
        """The texts on disk. Unlike ``load``, this does not count as having read an edit."""
        return texts_in(self.folder)

    @property
    def folder(self) -> Path:
        """The folder that is read."""
        missing = self._shipped is not None and not os.path.lexists(self.chosen)
        return self._shipped if missing and self._shipped else self.chosen

    def parse(self, texts: Mapping[str, str], mistakes: tuple[Mistake, ...] = ()) -> RuleSet:
        """The rules of texts by file name; the same texts are parsed once. Raises RuleErrors."""
        return self._parsed(tuple(sorted(texts.items())), mistakes)

    def _state(self) -> FolderState:
        """Name, inode, size and times of each file, without reading it."""
        # The folder's own name is in it: another folder with the same files is another state.
        found = [(str(self.folder), 0, 0, 0, 0)]
        for path in sorted(self.folder.glob("*.toml")):
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
        return tuple(found)

    def edited(self) -> bool:
        """Whether the texts differ from those last read, and the folder looks as at the last call.

        The folder must look the same twice, because several files may be in the middle of being copied.
        The texts are compared, because a file may have been touched without an edit. A save of several
        files is an edit when it is whole.
        """
        if not finish(self.folder, wait=False):
            return False
        now = self._state()
        still = now == self._last
        self._last = now
        if not still or now == self._read:
            return False
        if self._texts is not None and self._on_disk() == self._texts:
            self._read = now
            return False
        return True

    def look_again(self) -> None:
        """Have the files that were read last taken for an edit."""
        self._read, self._texts = None, None

    def notes(self) -> list[str]:
        """What people should know of the folder, in words: that it is not there, what in it is not
        read."""
        if self.folder != self.chosen:
            return [
                f"there is no folder {self.chosen}: the rules that come with ticket-sync are used"
            ]
        # ``load`` says what is wrong with a folder that cannot be listed.
        with suppress(OSError):
            if names := ignored(self.folder):
                return [
                    f"not read in {self.folder}, where only *.toml are rules: {', '.join(names)}"
                ]
        return []

    def missing(self) -> Mistake:
        """The mistake that the chosen folder is not there."""
        return Mistake(
            str(self.chosen),
            0,
            "the folder of rules",
            "is not there, but the rules in force came from a folder; they stay in force",
            "Put the folder back. To use the rules that come with ticket-sync instead, run "
            "`ticket-sync rules accept`.",
        )

    def _on_disk(self) -> Texts:
        return texts_in(self.folder)

    def load(self) -> Loaded:
        """The rules of all files. Raises RuleErrors with every mistake."""
        self._read = self._last = self._state()
        # Read once, so that the texts that are kept are those that were checked.
        self._texts = texts = self._on_disk()
        shipped = self.folder != self.chosen
        return Loaded(self.parse(texts.by_name, texts.mistakes), texts.by_name, shipped)

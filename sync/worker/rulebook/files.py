"""The rule files on disk: noticing an edit, reading all files at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sync.rules import Defaults, RuleSet, Texts, parse, texts_of
from sync.toml.mistakes import Mistake

# Name, inode, size and times of each file: at least one of them differs after an edit.
FolderState = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rules, and the texts that they were read from, by file name."""

    rules: RuleSet
    texts: Mapping[str, str]


class RuleFiles:
    """The folder of rule files. ``edited`` is true once for each edit, when it is complete."""

    def __init__(self, folder: Path, defaults: Defaults) -> None:
        self.folder = folder
        self.defaults = defaults
        self._read: FolderState | None = None
        self._last: FolderState | None = None
        self._texts: Texts | None = None
        # Room for two: the sets before and after an edit are asked for in turn.
        self._parsed = lru_cache(maxsize=2)(
            lambda texts, mistakes: parse(dict(texts), defaults, mistakes)
        )

    def parse(self, texts: Mapping[str, str], mistakes: tuple[Mistake, ...] = ()) -> RuleSet:
        """The rules of texts by file name; the same texts are parsed once. Raises RuleErrors."""
        return self._parsed(tuple(sorted(texts.items())), mistakes)

    def _state(self) -> FolderState:
        """Name, inode, size and times of each file, without reading it."""
        found = []
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
        The texts are compared, because a file may have been touched without an edit.
        """
        now = self._state()
        still = now == self._last
        self._last = now
        if not still or now == self._read:
            return False
        if self._texts is not None and texts_of(self.folder) == self._texts:
            self._read = now
            return False
        return True

    def look_again(self) -> None:
        """Have the files that were read last taken for an edit."""
        self._read, self._texts = None, None

    def load(self) -> Loaded:
        """The rules of all files. Raises RuleErrors with every mistake."""
        self._read = self._last = self._state()
        # Read once, so that the texts that are kept are those that were checked.
        self._texts = texts = texts_of(self.folder)
        return Loaded(self.parse(texts.by_name, texts.mistakes), texts.by_name)

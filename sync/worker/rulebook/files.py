"""The rule files on disk: noticing an edit, reading them whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sync.rules import Defaults, RuleSet, Texts, parse, texts_of

# Name, inode, size, times of change: an edit changes one of them, even one within a clock's tick.
Look = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rules and the texts they were read from, by file name."""

    rules: RuleSet
    texts: Mapping[str, str]


class RuleFiles:
    """The folder of rule files. ``edited`` is true once for each edit that has come to rest."""

    def __init__(self, folder: Path, defaults: Defaults) -> None:
        self.folder = folder
        self.defaults = defaults
        self._read: Look | None = None
        self._last: Look | None = None
        self._texts: Texts | None = None

    def look(self) -> Look:
        """What the folder looks like from outside."""
        found = []
        for path in sorted(self.folder.glob("*.toml")):
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
        return tuple(found)

    def edited(self) -> bool:
        """Whether the files say something else than those last read, and have been still since the
        last question.

        A copy of several files that is under way is not taken for an edit of its first ones, nor a
        file that was only touched for one.
        """
        now = self.look()
        still = now == self._last
        self._last = now
        if not still or now == self._read:
            return False
        if self._texts is not None and texts_of(self.folder) == self._texts:
            self._read = now
            return False
        return True

    def load(self) -> Loaded:
        """The rules, whole. Raises RuleErrors with every mistake."""
        self._read = self._last = self.look()
        # Read once: what is checked is what is kept.
        self._texts = texts = texts_of(self.folder)
        return Loaded(parse(texts.by_name, self.defaults, texts.mistakes), texts.by_name)

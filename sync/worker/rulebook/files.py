"""The rule files on disk: noticing an edit, reading all files at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sync.rules import Defaults, RuleSet, load, parse

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
        self._texts: dict[str, str] | None = None
        # Room for two: the sets before and after an edit are asked for in turn.
        self._parsed = lru_cache(maxsize=2)(lambda items: parse(dict(items), defaults))

    def parse(self, texts: Mapping[str, str]) -> RuleSet:
        """The rules of texts by file name; the same texts are parsed once. Raises RuleErrors."""
        return self._parsed(tuple(sorted(texts.items())))

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
        if self._texts is not None and self._read_texts() == self._texts:
            self._read = now
            return False
        return True

    def load(self) -> Loaded:
        """The rules of all files. Raises RuleErrors with every mistake."""
        self._read = self._last = self._state()
        # Read once, so that the texts that are kept are those that were checked.
        self._texts = self._read_texts()
        # Where there are no texts, `load` raises what is wrong with the folder.
        rules = self.parse(self._texts) if self._texts else load(self.folder, self.defaults)
        return Loaded(rules, self._texts or {})

    def _read_texts(self) -> dict[str, str] | None:
        """The texts by file name; None where a file cannot be read as text."""
        paths = [p for p in sorted(self.folder.glob("*.toml")) if not p.name.startswith(".")]
        try:
            return {path.name: path.read_bytes().decode("utf-8-sig") for path in paths}
        except (OSError, UnicodeDecodeError):
            return None

"""An edit as a patch, in the form that `git apply` takes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from sync.operations.rules.lines import lines_of

_PLAIN = re.compile(r"[A-Za-z0-9._/ +@=,-]+\Z")
_NO_END = "\\ No newline at end of file\n"


def patch(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """How to come from one set of texts by file name to another. Paths begin at the folder of rules."""
    return "".join(
        _of_file(name, old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def _of_file(name: str, old: str | None, new: str | None) -> str:
    before, after = _path("a", name), _path("b", name)
    head = f"diff --git {before} {after}\n"
    if old is None:
        head += "new file mode 100644\n"
    if new is None:
        head += "deleted file mode 100644\n"
    hunks = list(_hunks(lines_of(old or ""), lines_of(new or "")))
    if not hunks:
        # An empty file that is made or deleted has no lines to show.
        return (
            f"{head}index {_EMPTY if new is None else _NONE}..{_NONE if new is None else _EMPTY}\n"
        )
    start = "/dev/null" if old is None else _ended(before)
    end = "/dev/null" if new is None else _ended(after)
    return "".join([f"{head}--- {start}\n+++ {end}\n", *hunks])


# The names that git gives to an empty file and to none.
_EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
_NONE = "0" * 40


def _hunks(before: list[str], after: list[str]) -> list[str]:
    found = list(difflib.unified_diff(before, after))[2:]
    return [line if line.endswith("\n") else f"{line}\n{_NO_END}" for line in found]


def _path(side: str, name: str) -> str:
    path = f"{side}/{name}"
    if _PLAIN.match(path):
        return path
    # As git quotes names: bytes beyond ASCII and control characters in octal.
    quoted = "".join(
        f"\\{chr(byte)}" if byte in b'"\\' else chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
        for byte in path.encode(errors="surrogateescape")
    )
    return f'"{quoted}"'


def _ended(path: str) -> str:
    """A path with spaces ends with a tab, which tells its end."""
    return f"{path}\t" if " " in path and not path.startswith('"') else path

"""Where in a TOML file each key is written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]


def _paths(data: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _paths(value, (*path, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _paths(value, (*path, str(number)))


def lines_of(text: str) -> dict[Path, int]:
    """The line (from 1) on which each key of a valid TOML text begins, by its path.

    Found with the parser itself: a key is written on the line with which it first appears when the
    file is read line by line. A value over several lines counts from the line it begins on.
    """
    lines = text.splitlines(keepends=True)
    found: dict[Path, int] = {}
    start: int | None = None
    for number, line in enumerate(lines, start=1):
        bare = line.strip()
        if start is None and (not bare or bare.startswith("#")):
            continue
        start = start or number
        try:
            data = tomllib.loads("".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a value
        for path in _paths(data):
            found.setdefault(path, start)
        start = None
    return found


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of a key, or of the table it should be in; None where not even that is written."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None

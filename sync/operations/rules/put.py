"""One line put into one rule of a file, with everything else as it was: comments, layout, line ends."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync.operations.errors import Refused
from sync.rules import Rule
from sync.toml import Mistakes, read

# A value of a key may take up so many lines.
_TALLEST = 60
_COMMENT = re.compile(r"\s+#[^\"']*$")


@dataclass(frozen=True, slots=True)
class Put:
    """A line for a rule. ``file`` and ``line`` are where the line stands after the edit, ``text`` what
    it says, ``instead_of`` what stood there before, "" for a line that is new. ``whole`` is the text of
    the file after the edit."""

    file: str
    line: int
    text: str
    instead_of: str
    whole: str


def put(texts: Mapping[str, str], rule: Rule, key: str, value: str) -> Put:
    """Let a rule say ``key = value`` itself, whatever it inherits. ``value`` is TOML.

    Raises Refused where ``value`` is no TOML in one line, and where the rule is written in a way that no
    single line changes.
    """
    file = rule.ref.file
    text = texts.get(file, "")
    document = read(file, text, Mistakes())
    number = _number(document.data if document else {}, rule.name)
    if document is None or number is None:
        raise Refused(f"Rule {rule.name!r} is not in {file} any more.")
    wanted = _with(document.data, number, key, _meant(key, value))
    lines = text.split("\n")
    at = document.positions.line(("rule", number, key)) - 1
    if key in document.data["rule"][number]:
        found = _replaced(lines, at, f"{key} = {value}", wanted)
    else:
        names = document.positions.line(("rule", number, "name"))
        found = _inserted(lines, names - 1, f"{key} = {value}", wanted)
    if found is None:
        raise Refused(
            f"Rule {rule.name!r} is not written one key a line: put `{key} = {value}` into it by hand, "
            f"at {rule.ref.where}."
        )
    line, text_of_line, before, after = found
    return Put(file, line + 1, text_of_line, before, "\n".join(after))


def _meant(key: str, value: str) -> Any:
    try:
        if "\n" not in value:
            return tomllib.loads(f"v = {value}")["v"]
    except (ValueError, RecursionError):
        pass
    raise Refused(f"{value!r} cannot be a value of {key}: write it as in a file of rules.")


_Found = tuple[int, str, str, list[str]]


def _number(data: Mapping[str, Any], name: str) -> int | None:
    rules = data.get("rule", ())
    return next((n for n, one in enumerate(rules) if one.get("name") == name), None)


def _with(data: Mapping[str, Any], number: int, key: str, value: Any) -> dict[str, Any]:
    rules = [dict(one) for one in data["rule"]]
    rules[number][key] = value
    return {**data, "rule": rules}


def _says(lines: list[str], wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads("\n".join(lines)) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _replaced(lines: list[str], at: int, line: str, wanted: Mapping[str, Any]) -> _Found | None:
    """The line instead of the one at ``at``, or of that and those below over which its value goes."""
    old, end = lines[at].removesuffix("\r"), "\r" * lines[at].endswith("\r")
    new = old[: len(old) - len(old.lstrip())] + line
    comment = _COMMENT.search(old)
    for tail in (comment[0] if comment else "", ""):
        for more in range(1, min(_TALLEST, len(lines) - at) + 1):
            after = [*lines[:at], new + tail + end, *lines[at + more :]]
            if _says(after, wanted):
                before = "\n".join(lines[at : at + more]).replace("\r", "")
                return at, new + tail, before, after
    return None


def _inserted(lines: list[str], at: int, line: str, wanted: Mapping[str, Any]) -> _Found | None:
    """The line below the one at ``at``, which has the rule's name, or above it."""
    beside = lines[at]
    new = beside[: len(beside) - len(beside.lstrip())] + line
    for place in (at + 1, at):
        after = [*lines[:place], new + "\r" * beside.endswith("\r"), *lines[place:]]
        if place == len(lines):
            # The name was the last line of a file that does not end with a line end.
            after = [*lines, new]
        if _says(after, wanted):
            return place, new, "", after
    return None

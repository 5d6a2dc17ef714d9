"""Syntax errors of TOML in words: what people usually did wrong there, and the remedy.

The parser says where it stopped, not what was meant. What stands around that place tells more. No
message quotes a value, because a value may be a secret.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass

# What was done wrong, and what to do.
Said = tuple[str, str]

_PLACE = re.compile(r" \((?:at line (\d+), column (\d+)|at end of document)\)$")
_KEY = re.compile(r"""\s*([A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')\s*=(?!=)""")
_HEADER = re.compile(r"^[ \t]*\[\[?([^\[\]\n]*)\]\]?", re.M)


@dataclass(frozen=True, slots=True)
class _Stop:
    """Where the parser stopped. ``column`` counts from 1; the end of the text is in the last line."""

    text: str
    line: int
    column: int

    @property
    def here(self) -> str:
        """The line."""
        lines = self.text.split("\n")
        return lines[self.line - 1] if self.line <= len(lines) else ""

    @property
    def before(self) -> str:
        """What stands in the line before the place."""
        return self.here[: self.column - 1].rstrip()

    @property
    def rest(self) -> str:
        """What stands in the line from the place on, without a comment."""
        rest = self.here[self.column - 1 :].strip()
        return "" if rest.startswith("#") else rest

    def above(self, pattern: re.Pattern[str], *, whole: bool = False) -> int:
        """The line (from 1) of the last match above, 0 for none: in the same table or the whole text."""
        found = 0
        for number, line in enumerate(self.text.split("\n")[: self.line - 1], start=1):
            if pattern.match(line):
                found = number
            elif not whole and _HEADER.match(line):
                found = 0
        return found


def explained(text: str, error: tomllib.TOMLDecodeError) -> tuple[int, str, str]:
    """Line, problem and remedy of a syntax error."""
    words = str(error)
    place = _PLACE.search(words)
    words = words[: place.start()] if place else words
    last = max(len(text.splitlines()), 1)
    line = int(place[1]) if place and place[1] else last
    end = place is None or not place[1]
    stop = _Stop(text, line, len(text) if end or place is None else int(place[2]))
    where = " (at the end of the file)" if end else f" (column {stop.column})"
    for beginning, explain in _USUAL.items():
        if words.startswith(beginning):
            problem, remedy = explain(stop)
            return line, f"is not TOML: {problem}{where}", remedy
    usual = words[:1].lower() + words[1:]
    return line, f"is not TOML: {usual}{where}", "Tables stand in brackets, text in quotes."


def _value(stop: _Stop) -> Said:
    if re.match("[“”„‘’«»]", stop.rest):
        return "a text stands in curly quotes", 'Use straight ones: "text".'
    if re.match(r"(?:True|False)\b", stop.rest):
        return "true or false begins with a capital", "Write true or false."
    if re.match(r"(?:None|null|nil)\b", stop.rest):
        return "there is no value for nothing", "Remove the line."
    return "a value is missing, or text stands without quotes", "Put text in quotes."


def _inline_table(stop: _Stop) -> Said:
    if key := _KEY.match(stop.rest):
        return f"a comma is missing before {key[1]}", "Write { one = …, other = … }."
    return _over_lines(stop) or ("an inline table has no closing brace", "Close it with }.")


def _over_lines(stop: _Stop) -> Said | None:
    """The mistake of an inline table that goes on in the next line, None if it does not."""
    further = _HEADER.split("\n".join(stop.text.split("\n")[stop.line :]))[0]
    if stop.rest or further.count("}") <= further.count("{"):
        return None
    opened = re.match(r"\s*([A-Za-z0-9_-]+)\s*=\s*\{", stop.here)
    table = opened[1] if opened else "name"
    if header := _table_of(stop):
        table = f"{header}.{table}"
    return (
        "an inline table goes over several lines",
        f"Write it on one line, or as a table of its own that begins with [{table}].",
    )


def _table_of(stop: _Stop) -> str:
    headers = _HEADER.findall("\n".join(stop.text.split("\n")[: stop.line - 1]))
    return headers[-1].strip() if headers else ""


def _key_part(stop: _Stop) -> Said:
    if over := _over_lines(stop):
        return over
    if stop.rest.startswith("}") and stop.before.endswith(","):
        return "a comma stands before the closing brace", "Remove that comma."
    if named := _name(stop):
        return named
    return "a key is missing, or has a sign that keys do not have", "Put it in quotes."


def _equals(stop: _Stop) -> Said:
    if re.match(r"\s*[\w-]+\s*:", stop.here):
        return "a colon stands between key and value", "Write key = value."
    return _name(stop) or ("a key has no =", "Write key = value.")


def _name(stop: _Stop) -> Said | None:
    """The mistake of a name that needs quotes, None if the line has no such name."""
    name, _, value = stop.here.partition("=")
    name = name.strip()
    # Without a value behind it, the text may be a secret that ends with =.
    if not re.match(r"""\s*(?:["'\[{\d]|true|false)""", value):
        return None
    if not 0 < len(name) <= 80 or re.search(r"""["'\[\]{}#]""", name):
        return None
    return f"the name {name} stands without quotes", f'Put it in quotes: "{name}" = …'


def _array(stop: _Stop) -> Said:
    if stop.rest and not stop.rest.startswith("]"):
        return "a comma is missing between the values of a list", 'Write ["one", "other"].'
    return "a list has no closing bracket", "Close it with ]."


def _twice(stop: _Stop) -> Said:
    key = _KEY.match(stop.here)
    first = stop.above(re.compile(rf"\s*{re.escape(key[1])}\s*=")) if key else 0
    there = f", first in line {first}" if first else ""
    return f"a key is written twice{there}", "Keep one of them."


def _table_twice(stop: _Stop) -> Said:
    header = _HEADER.match(stop.here)
    name = header[1].strip() if header else ""
    parts = [re.escape(part.strip()) for part in name.split(".")]
    pattern = r"\s*\[\s*" + r"\s*\.\s*".join(parts) + r"\s*\]"
    first = stop.above(re.compile(pattern), whole=True)
    there = f", first in line {first}" if first else ""
    return f"the table [{name}] is there twice{there}", f"Put all its keys under one [{name}]."


def _statement(stop: _Stop) -> Said:
    if stop.rest.startswith(","):
        return "a comma stands after a value", "Remove it: each key has a line of its own."
    if _KEY.match(stop.rest):
        return "two keys stand on one line", "Give each key a line of its own."
    return "something stands after a value", "Remove it; a remark begins with #."


def _fixed(problem: str, remedy: str) -> Callable[[_Stop], Said]:
    return lambda _stop: (problem, remedy)


# By how the words of the parser begin.
_USUAL: dict[str, Callable[[_Stop], Said]] = {
    "Invalid value": _value,
    "Invalid initial character for a key part": _key_part,
    "Illegal character '\\n'": _fixed("a text has no closing quote", "Close it on the same line."),
    "Cannot overwrite a value": _twice,
    "Duplicate inline table key": _twice,
    "Cannot declare (": _table_twice,
    "Unclosed array": _array,
    "Unclosed inline table": _inline_table,
    "Unterminated string": _fixed("a text has no closing quotes", "Close it as it was opened."),
    "Unescaped '\\' in a string": _fixed(
        "a text in double quotes has a single \\", "Write '…' in single quotes, or double each \\."
    ),
    "Expected '=' after a key in a key/value pair": _equals,
    "Expected newline or end of document after a statement": _statement,
    "Expected ']]' at the end of an array declaration": _fixed(
        "[[ is closed with a single bracket", "Write [[rule]], with two brackets on each side."
    ),
    "Expected ']' at the end of a table declaration": _fixed(
        "a table's name has no closing bracket",
        'Close it with ]. A name with spaces stands in quotes: [sites."a b"].',
    ),
}

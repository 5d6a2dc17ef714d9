r"""Dialect: the regular expressions of Python's ``re``, as the ``regex`` package writes them.

Rules are written for ``re``. ``regex`` reads nearly all of it alike, and gives another meaning to
``a{e}`` (a search that allows errors), to ``[[:alpha:]]`` (a class of letters), and to ``\w``, ``\s``
and ``\b`` (other characters).
"""

from __future__ import annotations

import re

_WORD = r"\p{L}\p{N}_"
_NO_WORD = (
    r"\p{M}\p{S}\p{Z}\p{C}\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}"
    r"\u203f\u2040\u2054\ufe33\ufe34\ufe4d-\ufe4f\uff3f"
)
_SPACE = r"\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NO_SPACE = (
    r"\x00-\x08\x0e-\x1b\x21-\x84\x86-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e"
    r"\u2030-\u205e\u2060-\u2fff\u3001-\U0010ffff"
)
_IN_SETS = {r"\w": _WORD, r"\W": _NO_WORD, r"\s": _SPACE, r"\S": _NO_SPACE, "[": r"\["}
_OUTSIDE = {
    r"\w": f"[{_WORD}]",
    r"\W": f"[^{_WORD}]",
    r"\s": f"[{_SPACE}]",
    r"\S": f"[{_NO_SPACE}]",
    r"\b": f"(?:(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}]))",
    r"\B": f"(?:(?<=[{_WORD}])(?=[{_WORD}])|(?<![{_WORD}])(?![{_WORD}]))",
}
_ESCAPE = r"\\N\{[^}]*\}|\\."
_TOKEN = re.compile(
    rf"(?P<comment>\(\?#[^)]*\))|(?P<escape>{_ESCAPE})"
    rf"|(?P<set>\[\^?\]?(?:{_ESCAPE}|[^\]\\])*\])"
    r"|(?P<brace>\{(?!(?:\d+(?:,\d*)?|,\d*)\}))",
    re.S,
)
_SET_TOKEN = re.compile(rf"{_ESCAPE}|\[", re.S)
_ASCII = re.compile(r"\(\?[a-zA-Z]*a[a-zA-Z]*[-:)]")


def translated(body: str, flags: int) -> str:
    """A pattern that ``re`` accepts, written so that it means the same to ``regex`` (its version 0).

    ``flags`` are those of the pattern as compiled by ``re``.
    """
    # Under the ASCII flag, also where it is set for a part of the pattern, the classes are left as they
    # are: both packages mean the same characters by them.
    ascii_only = bool(flags & re.ASCII) or _ASCII.search(body) is not None

    def classes(table: dict[str, str], found: str) -> str:
        return found if ascii_only and found != "[" else table.get(found, found)

    def in_set(found: re.Match[str]) -> str:
        return classes(_IN_SETS, found[0])

    def outside(found: re.Match[str]) -> str:
        if found["set"]:
            begin = 2 if found[0].startswith("[^") else 1
            return found[0][:begin] + _SET_TOKEN.sub(in_set, found[0][begin:])
        if found["brace"]:
            return r"\{"
        return classes(_OUTSIDE, found[0]) if found["escape"] else found[0]

    return _TOKEN.sub(outside, body)

"""JQL text to tokens. Jira's refusals of reserved words and bad escapes are here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sync.sandbox.jira.site.call import Problem

_RESERVED_WORDS = """
    abort access add after alias all alter and any as asc audit avg before begin between
    boolean break by byte catch cf char character check checkpoint collate collation column
    commit connect continue count create current date decimal declare decrement default
    defaults define delete delimiter desc difference distinct divide do double drop else
    empty encoding end equals escape exclusive exec execute exists explain false fetch file
    field first float for from function go goto grant greater group having identified if
    immediate in increment index initial inner inout input insert int integer intersect
    intersection into is isempty isnull join last left less like limit lock long max min
    minus mode modify modulo more multiply next noaudit not notin nowait null number object
    of on option or order outer output power previous prior privileges public raise raw
    remainder rename resource return returns revoke right row rowid rownum rows select
    session set share size sqrt start strict string subtract sum synonym table then to trans
    transaction trigger true uid union unique update user validate values view when whenever
    where while with
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<op>!=|!~|>=|<=|=|>|<|~|&&|\|\||!|&|\|)
    | (?P<mark>[(),])
    | (?P<word>(?:[^\s"'=!<>~(),&|\\+.;?*/%^$\#@\[\]{}:]|\\.|[.:+\[\]])+)
    | (?P<bad>\S)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'", " ": " "}


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is quoted, op, mark or word; ``at`` is where the token starts in the query."""

    kind: str
    text: str
    at: int


def bad(words: str) -> Problem:
    """A refusal of a query."""
    return Problem(400, f"Error in the JQL Query: {words}")


def _unescape(text: str, at: int) -> str:
    def one(match: re.Match[str]) -> str:
        code = match.group(1)
        if code.startswith("u"):
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            raise bad(
                f"'\\{code}' is an illegal JQL escape sequence. The valid escape sequences are "
                "\\', \\\", \\t, \\n, \\r, \\\\, '\\ ' and \\uXXXX. "
                f"(line 1, character {at + 1})"
            )
        return _ESCAPES[code]

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", one, text, flags=re.DOTALL)


def tokens(text: str) -> list[Token]:
    """The tokens of a query. Raises Problem(400)."""
    found, at = [], 0
    while at < len(text):
        if text[at:].isspace():
            break
        match = _TOKEN.match(text, at)
        if match is None:
            break
        kind, raw = str(match.lastgroup), match.group(str(match.lastgroup))
        place = match.start(str(match.lastgroup))
        if kind == "bad":
            if raw in "\"'":
                raise bad(
                    f"The quoted string '{text[place + 1 :]}' has not been completed. "
                    f"(line 1, character {place + 1})"
                )
            raise bad(
                f"The character '{raw}' is a reserved JQL character. You must enclose it in a string or "
                f"use the escape '\\u{ord(raw):04x}' instead. (line 1, character {place + 1})"
            )
        if kind == "quoted":
            raw = _unescape(raw[1:-1], place)
        elif kind == "word":
            raw = _unescape(raw, place)
        found.append(Token(kind, raw, place))
        at = match.end()
    return found


def refuse_reserved(token: Token) -> None:
    """Raises Problem(400) for an unquoted word that JQL reserves."""
    if token.kind == "word" and token.text.lower() in _RESERVED:
        raise bad(
            f"'{token.text}' is a reserved JQL word. You must surround it in quotation marks to use it "
            f"in a query. (line 1, character {token.at + 1})"
        )

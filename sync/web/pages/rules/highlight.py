"""Rule files with colours, line by line, where nobody edits them."""

from __future__ import annotations

from functools import lru_cache

from markupsafe import Markup
from pygments import lex
from pygments.lexers.configs import TOMLLexer
from pygments.token import Comment, Keyword, Literal, Name, Number, String, _TokenType

from sync.web.pages.rendering import visible

# The first that a token is of tells its class in the style sheet.
_CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "comment"),
    (String, "string"),
    (Number, "value"),
    (Keyword.Constant, "value"),
    (Literal, "value"),
    (Keyword, "table"),
    (Name, "key"),
)


@lru_cache(maxsize=64)
def lines(text: str) -> tuple[Markup, ...]:
    """The lines of a rule file, as HTML."""
    found: list[list[Markup]] = [[]]
    for kind, value in lex(text, TOMLLexer(stripnl=False, ensurenl=False)):
        for number, part in enumerate(value.split("\n")):
            if number:
                found.append([])
            if part:
                found[-1].append(_piece(kind, part))
    if found and not found[-1]:
        found.pop()
    return tuple(Markup("").join(line) for line in found)


def _piece(kind: _TokenType, text: str) -> Markup:
    name = next((word for known, word in _CLASSES if kind in known), "")
    shown = visible(text)
    if not name:
        return Markup("{}").format(shown)
    return Markup('<span class="code-{}">{}</span>').format(name, shown)

"""Markdown to wiki markup, on mistletoe's Jira renderer.

Text from upstream is escaped, so that it does not become a macro, an image or the mention of a person,
who would be notified. Raw HTML becomes text, an image becomes a link, and a link whose scheme is not
http, https or mailto becomes text.
"""

from __future__ import annotations

import re
import threading
from typing import Any
from urllib.parse import quote

from mistletoe.block_token import Document as MarkdownDocument
from mistletoe.contrib.jira_renderer import JiraRenderer

from sync.domain.text import clean, safe_href

# Languages that Jira's code macro knows; for any other the macro shows an error.
_LANGUAGES = {
    "bash", "c", "c#", "c++", "css", "go", "html", "java", "javascript", "json", "kotlin", "perl",
    "php", "python", "r", "ruby", "rust", "scala", "sql", "swift", "xml", "yaml",
}  # fmt: skip
_SPECIAL = re.compile(r"[{}\[\]*_^~!|]|(?<=\S)[+\-]|[+\-](?=\S)|\?(?=\?)|(?<=\?)\?")
_EMOTICON = re.compile(r"\((?=(?:[!/xiyn?+\-*]|on|off|\*[rgby])\))|[:;](?=[)(PD])")
_START = re.compile(r"^([ \t]*)(#+|h[1-6]\.|bq\.|[+\-]{1,4})(?=\s|$)", re.MULTILINE)
_MACRO_NAME = re.compile(r"^[a-z]")
# The package keeps its token types and the current document in module globals.
_one_at_a_time = threading.Lock()
_URL_SAFE = "/#:=*$@.!~'();,+?&%-_"


def escaped(text: str) -> str:
    """Wiki markup for which Jira shows exactly this text."""
    out = clean(text).replace("\\", "&#92;")
    out = _START.sub(lambda m: f"{m[1]}{_entities(m[2])}", out)
    return re.sub(r"&#\d+;|[^&]+|&", lambda m: m[0] if m[0][:2] == "&#" else _escaped(m[0]), out)


def _escaped(text: str) -> str:
    return _EMOTICON.sub(lambda m: "\\" + m[0], _SPECIAL.sub(lambda m: "\\" + m[0], text))


def _entities(text: str) -> str:
    return "".join(f"&#{ord(character)};" for character in text)


def _address(href: str) -> str:
    """An address without characters that would end the link; "" if it may not be linked."""
    return quote(safe_href(href), safe=_URL_SAFE)


def render(markdown: str) -> str:
    """Wiki markup for Markdown."""
    with _one_at_a_time, _Wiki() as renderer:  # type: ignore[no-untyped-call]
        return str(renderer.render(MarkdownDocument(clean(markdown))))


class _Wiki(JiraRenderer):
    """The package's renderer, with text escaped."""

    def _inner(self, token: Any) -> str:
        return str(self.render_inner(token))  # type: ignore[no-untyped-call]

    def _end(self, token: Any) -> str:
        return str(self._block_eol(token))  # type: ignore[no-untyped-call]

    def render_raw_text(self, token: Any, escape: bool = True) -> str:
        return escaped(token.content) if escape else str(token.content)

    def render_inline_code(self, token: Any) -> str:
        # "{{code}}" would open a macro, so the first letter becomes an entity.
        inner = _MACRO_NAME.sub(lambda m: _entities(m[0]), self._inner(token))
        return f"{{{{{inner}}}}}"

    def render_html_span(self, token: Any) -> str:  # type: ignore[override]
        return escaped(token.content)

    def render_html_block(self, token: Any) -> str:  # type: ignore[override]
        return escaped(token.content).rstrip("\n") + "\n\n"

    def render_link(self, token: Any) -> str:
        return self._link(token, token.target)

    def render_image(self, token: Any) -> str:
        return self._link(token, token.src)

    def _link(self, token: Any, href: str) -> str:
        inner, address = self._inner(token), _address(href)
        if not address:
            return inner
        return f"[{inner}|{address}]" if inner.strip() else f"[{address}]"

    def render_auto_link(self, token: Any) -> str:
        address = _address(token.target if not token.mailto else f"mailto:{token.target}")
        return f"[{address}]" if address else escaped(token.target)

    def render_line_break(self, token: Any) -> str:  # type: ignore[override]
        return " " if token.soft else "\\\\\n"

    def render_block_code(self, token: Any) -> str:
        language = (token.language or "").lower()
        name = f":{language}" if language in _LANGUAGES else ""
        # The name of the macro within the code would end the code early.
        code = re.sub(r"\{(?=code|noformat)", "{\u200b", token.children[0].content)
        return f"{{code{name}}}\n{code.rstrip()}\n{{code}}{self._end(token)}"

    def render_table_cell(self, token: Any, in_header: bool = False) -> str:
        # The package escapes every bar here, which breaks links. Bars of text are escaped already.
        inner = self._inner(token).replace("\n", " ")
        return f"{'||' if in_header else '|'}{inner if inner.strip() else ' '}"

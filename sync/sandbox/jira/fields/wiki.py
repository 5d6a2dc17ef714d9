"""Wiki markup as HTML, in the steps in which Jira's own renderer takes it.

Each step works on the whole text that the step before has left: macros, blocks, links, bare addresses,
backslashes, HTML, dashes, emoticons, images, phrases, line breaks. What a step has made is set aside
behind a token, so that no later step changes it. The order has consequences that a writer of markup
must know: a bare address keeps the backslashes in it, the end of ``\\*)`` becomes an emoticon, and an
escaped ``{{`` still begins monospaced text.
"""

from __future__ import annotations

import re
from collections import deque

from markupsafe import Markup, escape

_PROTOCOLS = r"(?:https?://|ftps?://|nntp://|news://|irc://|mailto:|file:)"
_ADDRESS = rf"(?<![^\W_]){_PROTOCOLS}(?:[-_.!~*';/?:@#&=%+$,A-Za-z0-9\[\]()\\])+"
_BARE = re.compile(rf"(^|[^\"\[|'!])({_ADDRESS})", re.MULTILINE)
_ENDS = ".,>)];}\"'!"
_MACRO = re.compile(r"(?<!\\)\{([a-zA-Z][\w\-]*)(?::([^{}\n]*))?\}")
_VERBATIM = {"code", "noformat"}
_BODIES = {*_VERBATIM, "quote", "panel", "color"}
_BACKSLASH = re.compile(r"(?<!\\)\\([\-#*_+?^~|%{}\[\]()!@])")
_ENTITY = re.compile(r"&(?!#?\w+;)")
_EMOTICONS = (
    *(":-)", ":-(", ":-P", ":-D", ";-)", ":)", ":(", ":P", ":p", ":D", ";)"),
    *("(y)", "(n)", "(i)", "(/)", "(x)", "(!)", "(+)", "(-)", "(?)", "(on)", "(off)", "(flag)"),
    *("(flagoff)", "(*)", "(*r)", "(*g)", "(*b)", "(*y)"),
)
_EMOTICON = re.compile(rf"(?:{'|'.join(map(re.escape, _EMOTICONS))})(?![^\W_])")
# Letters, digits, marks, punctuation, symbols and spaces, but no controls and no joiners.
_ANY = r"[^\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
_TOKEN = re.compile("\ue000(\\d+)\ue001")


def _phrase(start: str, end: str) -> re.Pattern[str]:
    first, last = rf"[^\s{start[-1]}]", rf"[^\s{end[-1]}]"
    content = rf"{first}(?:(?!{end}){_ANY}{{0,3000}}?{last})??"
    return re.compile(
        rf"(?:(?<![^\W_])(?<!\\){start}|\{{{start}\}})({content})(?<!\\)(?:{end}(?![^\W_])|\{{{end}\}})"
    )


_PHRASES = tuple(
    (_phrase(start, end), tag)
    for start, end, tag in (
        (r"\*", r"\*", "strong"),
        (r"\^", r"\^", "sup"),
        ("~", "~", "sub"),
        ("_", "_", "em"),
        ("-", "-", "s"),
        (r"\?\?", r"\?\?", "cite"),
        (r"\+", r"\+", "u"),
        (r"\{\{", r"\}\}", "code"),
    )
)
_IMAGE = _phrase("!", "!")
_HEADING = re.compile(r"\s*h([1-6])\.\s*(.*)")
_QUOTED = re.compile(r"\s*bq\.\s*(.*)")
_RULE = re.compile(r"\s*-{4,}\s*")
_ITEM = re.compile(r"\s*([*\-#]+)\s+(.*?)\s*")
_DASHES = re.compile(r"\s*-{2,3}.*")


def wiki(text: str) -> Markup:
    """The HTML of a text."""
    text = text.replace("\r\n", "\n").replace("\ue000", "").replace("\ue001", "")
    renderer = _Renderer()
    return Markup(renderer.shown(renderer.blocks(renderer.macros(text))))  # noqa: S704 (escaped in steps)


def _open(name: str) -> str:
    return {"panel": '<div class="panel">', "color": "<span>", "quote": "<blockquote>"}[name]


def _link(address: str, inner: str) -> str:
    if not re.match(r"(https?://|mailto:)", address, re.IGNORECASE):
        return inner
    return f'<a href="{escape(address)}" rel="noopener noreferrer">{inner}</a>'


class _Renderer:
    """One rendering, with what its steps have set aside."""

    def __init__(self) -> None:
        self._aside: list[str] = []

    def _keep(self, html: str) -> str:
        self._aside.append(html)
        return f"\ue000{len(self._aside) - 1}\ue001"

    def shown(self, html: str) -> str:
        """The HTML with everything in its place."""
        while _TOKEN.search(html):
            html = _TOKEN.sub(lambda token: self._aside[int(token[1])], html)
        return html

    # Macros

    def macros(self, text: str) -> str:
        """The text with its macros set aside."""
        out, end = [], 0
        while found := _MACRO.search(text, end):
            name = found[1].lower()
            out.append(text[end : found.start()])
            end = found.end()
            monospaced = text[: found.start()].endswith("{") and text.startswith("}", end)
            if name not in _BODIES:
                # "{{name}}" is monospaced text, unless a macro has that name.
                whole = found[0] if monospaced else self._error(f"Unknown macro: {found[0]}")
                out.append(whole)
                continue
            closing = f"{{{found[1]}}}"
            stop = text.find(closing, end)
            body = text[end:] if stop < 0 else text[end:stop]
            end = len(text) if stop < 0 else stop + len(closing)
            out.append(self._keep(self._macro(name, body)))
        return "".join([*out, text[end:]])

    def _error(self, words: str) -> str:
        return self._keep(f'<span class="error">{escape(words)}</span>')

    def _macro(self, name: str, body: str) -> str:
        if name in _VERBATIM:
            return f"<pre><code>{escape(body.strip(chr(10)))}</code></pre>"
        inner = self.inline(body) if name == "color" else self.blocks(self.macros(body))
        return f"{_open(name)}{inner}</{_open(name)[1:].split(' ')[0].rstrip('>')}>"

    # Blocks

    def blocks(self, text: str) -> str:
        """A text of several lines as HTML."""
        lines = deque(text.split("\n"))
        out: list[str] = []
        paragraph: list[str] = []
        while lines:
            line = lines.popleft()
            made = self._block(line, lines)
            if made is None and line.strip():
                paragraph.append(line)
                continue
            if paragraph:
                out.append(self._paragraph(paragraph))
                paragraph = []
            out.append(made or "")
        return "".join([*out, self._paragraph(paragraph) if paragraph else ""])

    def _paragraph(self, lines: list[str]) -> str:
        if not _TOKEN.sub("", "".join(lines)).strip():
            return "".join(lines)
        return f"<p>{self.inline(chr(10).join(lines))}</p>"

    def _block(self, line: str, rest: deque[str]) -> str | None:
        if found := _HEADING.fullmatch(line):
            return f"<h{found[1]}>{self.inline(found[2])}</h{found[1]}>"
        if found := _QUOTED.fullmatch(line):
            return f"<blockquote><p>{self.inline(found[1])}</p></blockquote>"
        if _RULE.fullmatch(line):
            return "<hr>"
        if _ITEM.fullmatch(line) and not _DASHES.fullmatch(line):
            return self._list(line, rest)
        if line.lstrip().startswith("|"):
            return self._table(line, rest)
        return None

    def _list(self, line: str, rest: deque[str]) -> str:
        items: list[tuple[str, list[str]]] = []
        while True:
            if found := _ITEM.fullmatch(line):
                items.append((found[1], [found[2]]))
            else:
                items[-1][1].append(line)
            if not rest or not rest[0].strip():
                return self._items(items)
            line = rest.popleft()

    def _items(self, items: list[tuple[str, list[str]]]) -> str:
        out, open_ = "", ""
        for prefix, lines in items:
            common = 0
            while common < min(len(open_), len(prefix)) and open_[common] == prefix[common]:
                common += 1
            out += "".join(f"</li></{_tag(kind)}>" for kind in reversed(open_[common:]))
            if len(prefix) == common:
                out += "</li><li>"
            out += "".join(f"<{_tag(kind)}><li>" for kind in prefix[common:])
            out += self.inline("\n".join(lines))
            open_ = prefix
        return out + "".join(f"</li></{_tag(kind)}>" for kind in reversed(open_))

    def _table(self, line: str, rest: deque[str]) -> str:
        rows = [line]
        while (
            rest and rest[0].strip() and (rest[0].lstrip().startswith("|") or not _ended(rows[-1]))
        ):
            if rest[0].lstrip().startswith("|"):
                rows.append(rest.popleft())
            else:
                rows[-1] += f"\n{rest.popleft()}"
        # Links are set aside before a row is cut at its bars.
        inner = "".join(self._row(self.links(row).strip()) for row in rows)
        return f'<div class="scroll"><table>{inner}</table></div>'

    def _row(self, row: str) -> str:
        cells = re.findall(r"(\|{1,2})([^|]*)", row)
        if cells and not cells[-1][1].strip() and len(cells) > 1:
            cells.pop()
        tagged = (("th" if bars == "||" else "td", content.strip()) for bars, content in cells)
        inner = "".join(f"<{tag}>{self.blocks(content)}</{tag}>" for tag, content in tagged)
        return f"<tr>{inner}</tr>"

    # Within a line

    def inline(self, text: str) -> str:
        """A text within a block as HTML."""
        text = _BARE.sub(self._bare, self.links(text))
        text = _BACKSLASH.sub(self._unescaped, text)
        return self._phrases(text)

    def _unescaped(self, found: re.Match[str]) -> str:
        # Braces and brackets were dealt with by the steps before, so they are left as they are.
        return found[1] if found[1] in "{}[]" else f"&#{ord(found[1])};"

    def _phrases(self, text: str) -> str:
        text = _ENTITY.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
        text = re.sub(r"(^|\s)---(?=\s|$)", "\\1\u2014", text)
        text = re.sub(r"(^|\s)--(?=\s|$)", "\\1\u2013", text)
        text = _EMOTICON.sub(lambda m: self._keep(f'<img class="emoticon" alt="{m[0]}">'), text)
        text = _IMAGE.sub(lambda m: self._keep(f'<img alt="!{m[1]}!">'), text)
        for pattern, tag in _PHRASES:
            text = pattern.sub(rf"<{tag}>\1</{tag}>", text)
        text = re.sub(r"(?<!\\)\\{2}(?!\S*\\)\n?", "<br>", text)
        return text.replace("\n", "<br>")

    def links(self, text: str) -> str:
        """The text with what is in brackets set aside."""
        inside = [found.span() for found in re.finditer(rf"{_ADDRESS}|{_IMAGE.pattern}", text)]
        out, end, start = [], 0, -1
        while (start := text.find("[", start + 1)) >= 0:
            if start < end or text[max(0, start - 1) : start] == "\\":
                continue
            if any(a < start < b for a, b in inside):
                continue
            found = re.compile(r"\[((?:\\[\[\]]|[^\[\]\n])+)(?<!\\)\]").match(text, start)
            if found and not found[1][0].isspace():
                out += [text[end:start], self._keep(self._bracketed(found[1]))]
                end = found.end()
        return "".join([*out, text[end:]])

    def _bracketed(self, inside: str) -> str:
        words, bar, address = inside.partition("|")
        address = (address.partition("|")[0] if bar else words).strip()
        if address.startswith("~"):
            return f'<span class="mention">{escape("@" + address[1:])}</span>'
        if not re.match(_PROTOCOLS, address):
            return f"[{self._phrases(inside)}]"
        return _link(address, self._phrases(words) if bar else str(escape(words)))

    def _bare(self, found: re.Match[str]) -> str:
        address = found[2].rstrip(_ENDS)
        rest = found[2][len(address) :]
        return f"{found[1]}{self._keep(_link(address, str(escape(address))))}{rest}"


def _tag(kind: str) -> str:
    return "ol" if kind == "#" else "ul"


def _ended(row: str) -> bool:
    return row.rstrip().endswith("|")

"""Wiki markup as the nodes of a document: what a person wrote on Data Center.

Every step takes time in proportion to the length of the text. Markup that Jira would not carry out, and
macros that are not known here, stay in the text as they were written.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sync.adapters.jira.text.markdown import Node, paragraph, whole
from sync.domain.text import clean, safe_href

_TAG = re.compile(
    r"(?<![\\{])\{(code|noformat|quote|panel|color|anchor)(?::([^{}\n]{0,500}))?\}(?!\})"
)
_TITLE = re.compile(r"(?:\A|\|)title=([^|]*)")
_LANGUAGE = re.compile(r"\A([A-Za-z0-9#+.\-]+)(?:\||\Z)")
_HEADING = re.compile(r"\s*h([1-6])\.\s+(.*)")
_QUOTE = re.compile(r"\s*bq\.\s+(.*)")
_RULE = re.compile(r"\s*-{4,}\s*\Z")
_ITEM = re.compile(r"\s*([*#][*#\-]{0,11}|-)\s+(\S.*)")
_DEEPEST = 8
# Code within a line or a row of a table, which is put aside before lines are looked at.
_KEPT = re.compile("\x02(\\d+)\x03")
# Where a cell ends, and what hides a bar from being such an end.
_CELLS = re.compile(
    r"\\.|\[[^\[\]\n]*\]|\{\{[^{}\n]*\}\}|![^\s!|][^!\n|]*\.\w{2,5}(?:\|[^!\n|]*)?!|\|\|?"
)
_INLINE = re.compile(
    r"""(?x)
    (?P<hard>\\\\[ ]?)
    | \\(?P<escaped>[^A-Za-z0-9\s\\])
    | (?P<entity>&\#?\w{1,30};)
    | \{\{(?P<mono>[^{}\n]+)\}\}
    | (?P<kept>\x02\d+\x03)
    | \{(?P<braced>[*_^~+\-]|\?\?)\}
    | \[(?P<link>[^\[\]\n]+)\]
    | (?<![\w!])!(?P<picture>[^\s!\\\[\]{}|][^!\n\\\[\]{}|]*\.\w{2,5})(?:\|[^!\n]*)?!(?!\w)
    | (?P<address>(?<![A-Za-z0-9])https?://[^\s\\<>"`|{}\[\]^]+)
    | (?P<phrase>(?<!-)-(?!-)|[*_^~+]|\?\?)
    """
)
_MARKS = {"*": "strong", "_": "em", "-": "strike", "??": "em", "+": "", "^": "", "~": ""}


def nodes(markup: str) -> list[Node]:
    """The blocks of a text in wiki markup."""
    return _Macros(clean(markup).translate({2: None, 3: None})).read()


@dataclass(slots=True)
class _Open:
    """A quote or panel that is not closed yet, or the whole text."""

    name: str = ""
    title: str = ""
    made: list[Node] = field(default_factory=list)


class _Macros:
    """Splits a text at its macros."""

    def __init__(self, markup: str) -> None:
        self._markup = markup
        self._open = [_Open()]
        self._text = ""
        self._kept: list[str] = []

    def read(self) -> list[Node]:
        at = 0
        while found := _TAG.search(self._markup, at):
            self._text += self._markup[at : found.start()]
            at = found.end()
            name, given = found[1], found[2] or ""
            if name in ("code", "noformat"):
                at = self._verbatim(name, given, at)
            elif name in ("quote", "panel"):
                self._container(name, given)
        self._text += self._markup[at:]
        self._flush()
        while len(self._open) > 1:
            self._close()
        return self._open[0].made

    def _verbatim(self, name: str, given: str, start: int) -> int:
        """Take in code up to its end; returns the place after it."""
        closing = f"{{{name}}}"
        end = self._markup.find(closing, start)
        code = self._markup[start : end if end >= 0 else len(self._markup)]
        line = self._text[self._text.rfind("\n") + 1 :].lstrip()
        if line.startswith("|") or (line and "\n" not in code):
            self._text += f"\x02{len(self._kept)}\x03"
            self._kept.append(" ".join(code.split("\n")))
        else:
            self._flush()
            language = _LANGUAGE.match(given) if name == "code" else None
            block: Node = {"type": "codeBlock", "content": [{"type": "text", "text": code}]}
            if language:
                block["attrs"] = {"language": language[1]}
            self._open[-1].made.append(block)
        return end + len(closing) if end >= 0 else len(self._markup)

    def _container(self, name: str, given: str) -> None:
        self._flush()
        if name in (one.name for one in self._open):
            while self._open[-1].name != name:
                self._close()
            self._close()
        elif len(self._open) <= _DEEPEST:
            title = _TITLE.search(given)
            self._open.append(_Open(name, title[1] if title else ""))

    def _close(self) -> None:
        done = self._open.pop()
        kind = "blockquote" if done.name == "quote" else "panel"
        node: Node = {"type": kind, "attrs": {"title": done.title}, "content": done.made}
        self._open[-1].made.append(node)

    def _flush(self) -> None:
        self._open[-1].made += _Lines(self._kept).read(self._text)
        self._text = ""


class _Lines:
    """Makes blocks of lines without macros. ``kept`` is the code that stands within them."""

    def __init__(self, kept: Sequence[str]) -> None:
        self._kept = kept
        self._made: list[Node] = []
        # What is open, a paragraph, a list or a table, and its lines, items or rows, each with the sign
        # that it began with.
        self._kind = ""
        self._held: list[tuple[str, str]] = []

    def read(self, text: str) -> list[Node]:
        for line in text.split("\n"):
            self._take(line)
        self._end()
        return self._made

    def _take(self, line: str) -> None:
        if not line.strip():
            self._end()
        elif found := _HEADING.match(line):
            heading = {"type": "heading", "attrs": {"level": int(found[1])}}
            self._alone({**heading, "content": self._inline(found[2])})
        elif found := _QUOTE.match(line):
            self._alone({"type": "blockquote", "content": [paragraph(self._inline(found[1]))]})
        elif _RULE.match(line):
            self._alone({"type": "rule"})
        elif found := _ITEM.match(line):
            self._hold("list", found[1], found[2])
        elif line.lstrip().startswith("|"):
            self._hold("table", "", line.strip())
        elif self._kind == "list" or (
            self._kind == "table" and not self._held[-1][1].endswith("|")
        ):
            sign, text = self._held[-1]
            self._held[-1] = sign, f"{text}\n{line.strip()}"
        else:
            self._hold("paragraph", "", line.strip())

    def _hold(self, kind: str, sign: str, text: str) -> None:
        if kind != self._kind:
            self._end()
        self._kind = kind
        self._held.append((sign, text))

    def _alone(self, block: Node) -> None:
        self._end()
        self._made.append(block)

    def _end(self) -> None:
        """End what is open."""
        kind, held = self._kind, self._held
        self._kind, self._held = "", []
        if kind == "list":
            self._made += self._lists(held, 0)
        elif kind == "table":
            self._made.append({"type": "table", "content": [self._row(row) for _, row in held]})
        elif held:
            self._made.append(paragraph(self._inline("\n".join(line for _, line in held))))

    def _lists(self, items: Sequence[tuple[str, str]], depth: int) -> list[Node]:
        """Lists for items, each with the prefix that says how deep it is and in which kind of list."""
        return [
            self._list(sign, list(group), depth)
            for sign, group in groupby(items, lambda item: item[0][depth])
        ]

    def _list(self, sign: str, items: Sequence[tuple[str, str]], depth: int) -> Node:
        made: list[Node] = []
        for deeper, group in groupby(items, lambda item: len(item[0]) > depth + 1):
            if deeper:
                made = made or [{"type": "listItem", "content": []}]
                made[-1]["content"] += self._lists(list(group), depth + 1)
            else:
                inline = (self._inline(text) for _, text in group)
                made += ({"type": "listItem", "content": [paragraph(one)]} for one in inline)
        return {"type": "orderedList" if sign == "#" else "bulletList", "content": made}

    def _row(self, row: str) -> Node:
        cells: list[Node] = []
        start, kind = 0, ""
        for found in _CELLS.finditer(row):
            if found[0] not in ("|", "||"):
                continue
            if kind:
                cells.append(self._cell(kind, row[start : found.start()]))
            kind = "tableHeader" if found[0] == "||" else "tableCell"
            start = found.end()
        if row[start:].strip():
            cells.append(self._cell(kind, row[start:]))
        return {"type": "tableRow", "content": cells}

    def _cell(self, kind: str, text: str) -> Node:
        return {"type": kind, "content": [paragraph(self._inline(text.strip()))]}

    def _inline(self, text: str) -> list[Node]:
        made: list[Node] = []
        for place, line in enumerate(text.split("\n")):
            made += [{"type": "hardBreak"}] if place else []
            made += _Phrases(line, self._kept).read()
        return made


class _Phrases:
    """Makes inline nodes of one line."""

    def __init__(self, line: str, kept: Sequence[str]) -> None:
        self._line = line
        self._kept = kept
        self._made: list[Node] = []
        # Where in ``_made`` each sign of a phrase stands that may begin a phrase.
        self._open: dict[str, int] = {}

    def read(self) -> list[Node]:
        at = 0
        while found := _INLINE.search(self._line, at):
            self._say(self._line[at : found.start()])
            at = self._take(found)
        self._say(self._line[at:])
        return [node for node in self._made if node.get("text") != ""]

    def _say(self, text: str, *marks: Node) -> None:
        if text:
            self._made.append({"type": "text", "text": text, "marks": [*marks]})

    def _take(self, found: re.Match[str]) -> int:
        """Take in one piece of markup; returns the place to go on from."""
        kind, text = str(found.lastgroup), found[str(found.lastgroup)]
        if kind == "hard":
            self._made.append({"type": "hardBreak"})
        elif kind == "escaped":
            self._say(text)
        elif kind == "entity":
            self._say(html.unescape(text))
        elif kind == "mono":
            self._say(_plain(text), {"type": "code"})
        elif kind == "kept":
            self._say(self._kept[int(text[1:-1])], {"type": "code"})
        elif kind == "picture":
            self._made.append(_picture(text))
        elif kind == "address":
            return self._address(text, found.start())
        elif kind == "link":
            return self._link(text, found)
        else:
            self._sign(text, found, braced=kind == "braced")
        return found.end()

    def _address(self, text: str, start: int) -> int:
        address = whole(text)
        self._say(address, *_link_to(address))
        return start + len(address)

    def _link(self, content: str, found: re.Match[str]) -> int:
        words, bar, target = content.partition("|")
        target = (target.partition("|")[0] if bar else words).strip()
        address = safe_href(_plain(target))
        if target.startswith("~"):
            name = _plain(target[1:]).removeprefix("accountid:")
            self._made.append({"type": "mention", "attrs": {"text": f"@{name}"}})
        elif target.startswith("^"):
            self._made.append({"type": "mediaInline", "attrs": {"alt": _plain(target[1:])}})
        elif address:
            self._linked(words if bar else address, address)
        elif bar or target.startswith("#"):
            self._linked(words.lstrip("#"), "")
        else:
            # Text in brackets, with what stands in it.
            self._say("[")
            return found.start() + 1
        return found.end()

    def _linked(self, words: str, address: str) -> None:
        """The words of a link, which may have marks of their own."""
        if words == address:
            self._say(address, *_link_to(address))
            return
        for node in _Phrases(words, self._kept).read():
            if node["type"] == "text":
                marks = [mark for mark in node["marks"] if mark["type"] != "link"]
                node["marks"] = [*_link_to(address), *marks]
            self._made.append(node)

    def _sign(self, sign: str, found: re.Match[str], *, braced: bool) -> None:
        """The sign before or after a phrase, as in ``*bold*``; else it is text."""
        start = self._open.get(sign)
        if start is not None and start + 1 < len(self._made) and (braced or self._ends(found)):
            del self._open[sign]
            self._made[start]["text"] = ""
            for node in self._made[start + 1 :] if _MARKS[sign] else ():
                node["marks"] = [*node.get("marks", ()), {"type": _MARKS[sign]}]
            return
        if start is None and (braced or self._begins(found)):
            self._open[sign] = len(self._made)
        self._say(found[0])

    def _begins(self, found: re.Match[str]) -> bool:
        before, after = self._around(found)
        return not before.isalnum() and bool(after.strip())

    def _ends(self, found: re.Match[str]) -> bool:
        before, after = self._around(found)
        return not after.isalnum() and bool(before.strip())

    def _around(self, found: re.Match[str]) -> tuple[str, str]:
        """The characters before and after a sign, each "" at the end of the line."""
        start, end = found.span()
        return self._line[max(0, start - 1) : start], self._line[end : end + 1]


def _plain(text: str) -> str:
    """Text without its escapes."""
    text = re.sub(r"\\([^A-Za-z0-9\s\\])", r"\1", _KEPT.sub("", text))
    return re.sub(r"&\#?\w{1,30};", lambda found: html.unescape(found[0]), text)


def _link_to(address: str) -> Iterator[Node]:
    if address:
        yield {"type": "link", "attrs": {"href": address}}


def _picture(name: str) -> Node:
    address = safe_href(name)
    return {
        "type": "mediaInline",
        "attrs": {"alt": name.rpartition("/")[2] if address else name, "type": "image"}
        | ({"url": address} if address else {}),
    }

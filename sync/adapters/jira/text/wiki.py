"""Jira's wiki markup: Markdown to blocks, and what Jira shows to blocks.

A block is what stands between empty lines, with ``{code}`` and the like kept whole. Blocks as Jira
shows them keep their text with the line ends behind it, so that they go back byte for byte.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from sync.adapters.jira.text.wiki_render import escaped, render
from sync.domain.text import clean
from sync.domain.ticket import Block, Document

_FENCE = re.compile(r"(?<![\\{])\{(code|noformat|quote|panel)\b[^}\n]*\}(?!\})")
_LINE = re.compile(r"[^\n]*\n|[^\n]+$")
_VERBATIM = re.compile(r"(?<![\\{])\{(code|noformat)\b[^}\n]*\}(?!\})(.*?)(\{\1\}|$)", re.DOTALL)
_LINK = re.compile(r"(?<!\\)\[([^\]\n|]*?)(?:(?<!\\)\|([^\]\n|]*))?(?:\|[^\]\n]*)?(?<!\\)\]")
_START = re.compile(r"^[ \t]*(?:h[1-6]\.|bq\.|[*#\-]+(?=\s))[ \t]*", re.MULTILINE)
_MACRO = re.compile(r"(?<!\\)\{[a-z]+\b[^}\n]*\}")
_LITERAL = re.compile(r"\\([^\w\s\\])")


def from_markdown(markdown: str) -> Document:
    """Blocks for ``markdown``. Raises whatever the converter raises on what it cannot read."""
    return from_jira(render(markdown), ours=True)


def plain(text: str) -> Document:
    """Blocks of plain paragraphs: what is left when the converter fails."""
    return from_jira(escaped(text), ours=True)


def from_jira(raw: object, *, ours: bool = False) -> Document:
    """The blocks of a text. ``ours``: line ends behind blocks are not kept."""
    text = str(raw) if raw else ""
    blocks = [Block(identity(part), part.strip("\n") if ours else part) for part in _parts(text)]
    return Document(tuple(block for block in blocks if block.identity or not ours))


def to_jira(document: Document) -> str:
    """The field's value for the wire."""
    parts: list[str] = []
    for block in document.blocks:
        raw = block.raw if isinstance(block.raw, str) else escaped(block.identity)
        if parts and not re.search(r"\n[ \t]*\r?\n[ \t\r\n]*$", parts[-1]):
            parts[-1] = parts[-1].rstrip("\r\n") + "\n\n"
        parts.append(raw)
    return "".join(parts)


def _parts(text: str) -> Iterator[str]:
    """The text cut behind empty lines, nothing lost."""
    held, empty = "", False
    fences: list[str] = []
    for line in _LINE.findall(text):
        blank = not line.strip()
        if empty and not blank and not fences and held.strip():
            yield held
            held = ""
        for fence in _FENCE.finditer(line):
            name = fence.group(1)
            if fences and fences[-1] == name:
                fences.pop()
            elif not (fences and fences[-1] in ("code", "noformat")):
                fences.append(name)
        held += line
        empty = blank
    if held.strip():
        yield held


def identity(text: str) -> str:
    """What a person sees of wiki text, squashed, with the addresses behind links."""
    found, end = [], 0
    for verbatim in _VERBATIM.finditer(text):
        found += [_seen(text[end : verbatim.start()]), verbatim.group(2)]
        end = verbatim.end()
    found.append(_seen(text[end:]))
    return " ".join(" ".join(found).split())


def _seen(text: str) -> str:
    """Text outside of code. What is literal is kept out of the way of the rules for markup."""
    kept: list[str] = []

    def keep(literal: str) -> str:
        kept.append(literal)
        return f"\x00{len(kept) - 1}\x01"

    def link(match: re.Match[str]) -> str:
        text, address = match.group(1), match.group(2)
        if address:
            return text + keep(f"<{address.rstrip('/')}>")
        return keep(f"<{text.rstrip('/')}>")

    if re.fullmatch(r"\s*-{4,}\s*", text):
        return "----"
    text = clean(text).replace("\\\\", " ")
    text = _START.sub("", text)
    text = _LITERAL.sub(lambda m: keep(m.group(1)), text)
    text = re.sub(r"&#\d+;", lambda m: keep(html.unescape(m.group())), text)
    text = _LINK.sub(link, text)
    text = _MACRO.sub(" ", text)
    text = re.sub(r"[*_+^~{}|#]", lambda m: " " if m.group() == "|" else "", text)
    # Twice, for what stood within an address.
    for _ in range(2):
        text = re.sub(r"\x00(\d+)\x01", lambda m: kept[int(m.group(1))], text)
    return text

"""Jira's wiki markup: from Markdown to blocks, and from Jira's value to blocks and back.

Empty lines separate blocks, except within macros such as ``{code}``. A block that Jira shows keeps its
text and the line ends after the text, so that an unchanged block goes back to Jira byte for byte.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from sync.adapters.jira.text.markdown import Node
from sync.adapters.jira.text.wiki_write import escaped, written
from sync.domain.text import clean
from sync.domain.ticket import Block, Document

_FENCE = re.compile(r"(?<![\\{])\{(code|noformat|quote|panel)\b[^{}\n]*\}(?!\})")
_LINE = re.compile(r"[^\n]*\n|[^\n]+$")
_VERBATIM = re.compile(r"(?<![\\{])\{(code|noformat)\b[^{}\n]*\}(?!\})(.*?)(\{\1\}|$)", re.DOTALL)
# An address that Jira makes a link of, with the characters that may be its last.
_BARE_ADDRESS = re.compile(
    r"""((?:(?<=\s)|^)https?://[-_.!~*';/?:@#&=%+$,A-Za-z0-9]*[-_~*/?:@#&=%+$A-Za-z0-9](?=\s|$))"""
)
_SINGLE = re.compile(r"\\([-#*_+?^~\[\]()!])|&#\d+;")
# Each of these patterns takes time in proportion to the length of the text, for any text.
_LINK = re.compile(r"\[([^\[\]\n|]*)(?:\|([^\[\]\n|]*))?(?:\|[^\[\]\n]*)?\]")
_START = re.compile(r"^[ \t]*(?:h[1-6]\.|bq\.|[*#\-]+(?=\s))[ \t]*", re.MULTILINE)
_MACRO = re.compile(r"\{[a-z]+\b[^{}\n]*\}")
# A picture: !name.png!, !name of a file.png|thumbnail!
_PICTURE = re.compile(r"(?<![\\\w!])![^\s!\\\[\]{}|][^!\n\\\[\]{}|]*\.\w{2,5}(?:\|[^!\n]*)?!(?!\w)")
# Signs of markup; those of phrases only where they do not stand between letters or digits.
_MARKUP = re.compile(r"[{}|#]|(?<![A-Za-z0-9])[*_+^~]|[*_+^~](?![A-Za-z0-9])")
_LITERAL = re.compile(r"\\([^A-Za-z0-9\s\\])")


def from_nodes(nodes: Sequence[Node]) -> Document:
    """Blocks for nodes that were made from Markdown."""
    return from_jira(written(nodes), ours=True)


def from_jira(raw: object, *, ours: bool = False) -> Document:
    """The blocks of a text. ``ours``: a text made here, so the line ends after blocks are dropped."""
    text = str(raw) if raw else ""
    blocks = [
        Block(identity(part), part.strip("\n") if ours else part, () if ours else _pictures(part))
        for part in _parts(text)
    ]
    return Document(tuple(block for block in blocks if block.identity or not ours))


def _pictures(part: str) -> tuple[Block, ...]:
    """The pictures of a block, as one block."""
    found = _PICTURE.findall(_VERBATIM.sub("", part))
    if not found:
        return ()
    alone = " ".join(found)
    whole = part if " ".join(part.split()) == " ".join(alone.split()) else alone
    return (Block(identity(whole), whole),)


def to_jira(document: Document) -> str:
    """The field's value for Jira."""
    parts: list[str] = []
    for block in document.blocks:
        raw = block.raw if isinstance(block.raw, str) else escaped(block.identity)
        if parts and parts[-1][len(parts[-1].rstrip()) :].count("\n") < 2:
            parts[-1] = parts[-1].rstrip("\r\n") + "\n\n"
        parts.append(raw)
    return "".join(parts)


def line_to_jira(text: str) -> str:
    """Markup for one line. Addresses stay as they are: Jira makes links of them."""
    parts = _BARE_ADDRESS.split(text)
    return "".join(part if place % 2 else escaped(part) for place, part in enumerate(parts))


def line_from_jira(markup: str) -> str:
    """The line that markup shows. Only escaped single characters are translated back, not whole
    phrases."""
    parts = _BARE_ADDRESS.split(markup)
    return "".join(
        part if place % 2 else _SINGLE.sub(_single, part) for place, part in enumerate(parts)
    )


def _single(found: re.Match[str]) -> str:
    return found[1] or html.unescape(found[0])


def _parts(text: str) -> Iterator[str]:
    """The text, split after empty lines. The parts joined are the text."""
    part, after_blank = "", False
    fences: list[str] = []
    for line in _LINE.findall(text):
        blank = not line.strip()
        if after_blank and not blank and not fences and part.strip():
            yield part
            part = ""
        _follow(fences, line)
        part += line
        after_blank = blank
    if part.strip():
        yield part


def _follow(fences: list[str], line: str) -> None:
    """Open and close the macros that begin and end on a line. Within code, other macros are text."""
    for fence in _FENCE.finditer(line):
        name = fence.group(1)
        if fences and fences[-1] == name:
            fences.pop()
        elif not (fences and fences[-1] in ("code", "noformat")):
            fences.append(name)


def identity(text: str) -> str:
    """The text that a person sees, with single spaces and with the addresses behind links."""
    found, end = [], 0
    for verbatim in _VERBATIM.finditer(text):
        found += [_seen(text[end : verbatim.start()]), verbatim.group(2)]
        end = verbatim.end()
    found.append(_seen(text[end:]))
    return " ".join(" ".join(found).split())


def _seen(text: str) -> str:
    """Visible text outside of code. While markup is removed, numbered placeholders stand for literal
    characters and for addresses."""
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
    text = _MARKUP.sub(lambda m: " " if m.group() == "|" else "", text)
    # Twice, because an address may itself contain the placeholder of a literal.
    for _ in range(2):
        text = re.sub(r"\x00(\d+)\x01", lambda m: kept[int(m.group(1))], text)
    return text
